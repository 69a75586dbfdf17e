"""What a training starts from, decided once when its job starts: the weights, and with them the model's sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partway.families import FAMILIES
from partway.resolve import merged
from partway.schema import ModelOptions
from partway.training.spec import TrainingSpec
from partway.weights import hub
from partway.weights.description import describe
from partway.weights.digests import digest_of
from partway.weights.names import SCRATCH, UnavailableError, WeightsError, parse_hub


@dataclass(frozen=True)
class Start:
    """The weights that a training's model gets before its first step.

    Attributes:
        spec: of the training, with the sizes that hold: those of a checkpoint of the hub below the written ones.
        path: of the checkpoint; None where the weights are drawn.
        facts: for training.json: `source` (what was used), `asked` where that is not it, the commit of the hub.
        passed_over: why those before it in the list were not used.
    """

    spec: TrainingSpec
    path: Path | None
    facts: dict[str, Any]
    passed_over: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """What state on the disk must have begun at to be taken up; `fresh` where the spec alone decides it."""
        commit = self.facts.get("commit")
        return f"{self.facts['source']} {commit or ''}".strip() if commit or self.spec.fallback else "fresh"


def find(spec: TrainingSpec, places: Mapping[str, Path]) -> Start:
    """Find the weights that a first stage starts from, downloading from the hub what is not in its cache.

    Args:
        spec: of the training.
        places: where local weights lie, by their digest.

    Raises:
        UnavailableError: neither the weights nor one of the fallback can be had.
        WeightsError: they can, and are not what the key was made of, or contradict the study.
    """
    passed_over: list[str] = []
    for identity in (spec.weights, *spec.fallback):
        try:
            path, commit = _fetch(identity, places)
        except UnavailableError as error:
            passed_over.append(str(error))
            continue
        facts = {"source": identity, "asked": spec.weights} if passed_over else {"source": identity}
        facts |= {"commit": commit} if commit else {}
        return Start(_sized(spec, path), path, facts, tuple(passed_over))
    raise UnavailableError("\n".join(passed_over))


def _fetch(identity: str, places: Mapping[str, Path]) -> tuple[Path | None, str | None]:
    """Where weights lie, and their commit."""
    if identity == SCRATCH:
        return None, None
    if name := parse_hub(identity):
        folder = hub.fetch(name)
        return folder, folder.name
    if identity not in places:
        raise WeightsError(f"the weights {identity} were asked for and none were given; name them with --weights")
    if digest_of(places[identity]) != identity:
        raise WeightsError(
            f"{places[identity]}: its files have changed since this study was read; start the study again"
        )
    return places[identity], None


def _sized(spec: TrainingSpec, path: Path | None) -> TrainingSpec:
    """The spec with the sizes that hold; where it names no repository of the hub, they stand in it already."""
    if parse_hub(spec.weights) is None:
        return spec
    stated = describe(path, spec.family, spec.architecture) if path else None
    architecture = FAMILIES[spec.family].find(spec.architecture)
    written = spec.model.model_dump(exclude_unset=True)
    options = ModelOptions(**merged(dict(architecture.defaults), stated.options if stated else {}, written))
    contradictions = stated.contradictions(options) if stated else ()
    wrong = [told for _, told in (*architecture.wrong_sizes(options), *contradictions)]
    if wrong:
        raise WeightsError(f"{path or spec.weights}: {'; '.join(wrong)}")
    return dataclasses.replace(spec, model=options)
