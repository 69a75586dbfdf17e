"""What a study may write under `weights:` and `fallback:`: scratch, a local path, or a repository of the hub.

scratch | FOLDER | FILE | hub:ORG/NAME | hub:ORG/NAME@REVISION
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from partway.errors import PartwayError, short

SCRATCH = "scratch"
HUB = "hub:"
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
COMMIT = re.compile(r"[0-9a-f]{40}")
# What SPEC calls `pretrained: true`: the checkpoints of the recipes. Their revision is for the study to write.
USUAL = {
    "videomae": "MCG-NJU/videomae-base-finetuned-kinetics",
    "vivit": "google/vivit-b-16x2-kinetics400",
    "vit": "timm/vit_small_patch16_224.augreg_in21k_ft_in1k",
}


class WeightsError(PartwayError):
    """A checkpoint that cannot be used."""


class UnavailableError(WeightsError):
    """A checkpoint that is not there and cannot be fetched: the one reason to go on to the next of `fallback`."""


@dataclass(frozen=True)
class HubName:
    """A repository of the hub, at a revision (commit, tag or branch) or, without one, at its newest commit."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return HUB + self.repository + (f"@{self.revision}" if self.revision else "")

    @property
    def is_pinned(self) -> bool:
        """Whether it names a commit, which never changes."""
        return self.revision is not None and COMMIT.fullmatch(self.revision) is not None


def parse_hub(text: str) -> HubName | None:
    """The repository that `hub:ORG/NAME@REVISION` names; None for a text of another form.

    Raises:
        WeightsError: it begins with `hub:` and goes on otherwise.
    """
    if not text.startswith(HUB):
        return None
    repository, at, revision = text.removeprefix(HUB).partition("@")
    if not REPOSITORY.fullmatch(repository) or bool(at) != bool(re.fullmatch(r"[\w./-]+", revision)):
        raise WeightsError(f"expected hub:ORG/NAME or hub:ORG/NAME@REVISION, got {short(text)}")
    return HubName(repository, revision or None)


def refuse_a_bare_wish(text: str, architecture: str) -> None:
    """`pretrained`, `true` and `hub` name no checkpoint: say which one was probably meant.

    Raises:
        WeightsError: for these words.
    """
    if text in ("pretrained", "true", "hub", HUB):
        usual = f"hub:{USUAL[architecture]}@REVISION" if architecture in USUAL else "hub:ORG/NAME@REVISION"
        raise WeightsError(f"{text!r} names no checkpoint; write {usual}, with a commit of it as REVISION")
