"""Which weights a model of the study starts from, as far as that is decided while the study is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from partway import sources
from partway.schema import Model
from partway.weights import description, hub
from partway.weights.description import Pretrained, describe
from partway.weights.digests import digest_of
from partway.weights.names import SCRATCH, HubName, WeightsError, parse_hub, refuse_a_bare_wish


@dataclass(frozen=True)
class Choice:
    """What stands in the key for a model's weights, and what is known of them now.

    Attributes:
        identities: `weights` of the key, then its `fallback`: digests, names of the hub, scratch. The job uses the
            first that is available; the last is here, or of the hub.
        places: where the local ones lie, by digest; machine facts.
        known: what the first says about itself; None for scratch, and for a repository that is not in the cache.
        told: what a person should hear about this choice.
        fallback: why it is not the first of the study; empty where it is.
    """

    identities: tuple[str, ...] = (SCRATCH,)
    places: tuple[tuple[str, str], ...] = ()
    known: Pretrained | None = None
    told: tuple[str, ...] = ()
    fallback: str = ""

    @property
    def is_of_hub(self) -> bool:
        """Whether sizes come from a repository, and so from no key; see the package."""
        return parse_hub(self.identities[0]) is not None

    @property
    def sizes_are_known(self) -> bool:
        """Whether the sizes of the model can be checked now."""
        return self.known is not None or not self.is_of_hub


def choose(model: Model) -> Choice:
    """Decide between a model's `weights` and its `fallback`: of local ones the first that is there.

    Raises:
        WeightsError: none can be had, or one is there and cannot be used.
    """
    identities: list[str] = []
    told: list[str] = []
    missing: list[str] = []
    for text in (model.weights, *model.fallback):
        refuse_a_bare_wish(text, model.architecture)
        if name := parse_hub(text):
            if model.family not in description.FAMILIES_OF_FOLDERS:
                raise WeightsError(f"{text}: the family {model.family} has no repositories that are read; name a file")
            identities.append(str(name))
            told += _about(name)
            continue
        path = None if text == SCRATCH else sources.expand(text)
        if path is not None and not path.exists():
            missing.append(text)
            continue
        local = None if path is None else _local(path, model)
        identities.append(SCRATCH if path is None else digest_of(path))
        return _choice(model, identities, told, missing, local)
    if not identities:
        raise WeightsError(_not_there(missing))
    return _choice(model, identities, told, missing, None)


def _choice(
    model: Model, identities: Sequence[str], told: list[str], missing: list[str], local: Pretrained | None
) -> Choice:
    name = parse_hub(identities[0])
    snapshot = hub.cached(name) if name else None
    passed_over = f"{', '.join(missing)} is not there: it starts from {_shown(identities[0], local)}" if missing else ""
    return Choice(
        identities=tuple(identities),
        places=((identities[-1], local.path),) if local else (),
        known=describe(snapshot, model.family, model.architecture) if snapshot else local if not name else None,
        told=(*told, *filter(None, [passed_over])),
        fallback=passed_over,
    )


def _shown(identity: str, local: Pretrained | None) -> str:
    return local.path if local and identity.startswith("sha256:") else identity


def _local(path: Path, model: Model) -> Pretrained:
    if path.is_file() and "normalisation" not in model.model_fields_set:
        raise WeightsError(
            f"{path}: a file does not say how pixels were normalised for it; write normalisation: imagenet, half, or "
            "{mean: [..], std: [..]} beside it"
        )
    return describe(path, model.family, model.architecture)


def _about(name: HubName) -> list[str]:
    if name.is_pinned:
        return []
    return [
        f"{name} names no commit: the hub may hold other weights under this name tomorrow, and results may change; "
        "training.json records the commit that was used, write it as hub:ORG/NAME@COMMIT"
    ]


def _not_there(missing: list[str]) -> str:
    which = " nor ".join(repr(text) for text in missing)
    return (
        f"no folder {which}; expected {SCRATCH}, the folder or file of a checkpoint, or hub:ORG/NAME@REVISION "
        "(without a way to the hub: download the whole repository elsewhere into a folder, and name that)"
    )
