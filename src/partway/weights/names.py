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
# What SPEC calls `pretrained: true`: the checkpoints of the recipes, at the commits that public code pins. They are only
# ever suggested: which weights a study starts from stands in it.
USUAL = {
    "videomae": "MCG-NJU/videomae-base-finetuned-kinetics@488eb9a0565f257b32866000305c8178965eb9f6",
    "vivit": "google/vivit-b-16x2-kinetics400@8a7171a57f79b9aaa58bc8d977c002a0ea0f0d42",
    "vit_small_patch16_224": "timm/vit_small_patch16_224.augreg_in21k_ft_in1k@7e2c55630205e1266030f18370f4c6ed1a514b52",
    "vit_base_patch16_224": "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k@063c6c38a5d8510b2e57df480445e94b231dad2c",
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
        usual = f"hub:{USUAL[architecture]}" if architecture in USUAL else "hub:ORG/NAME@REVISION"
        raise WeightsError(f"{text!r} names no checkpoint; write {usual}, or what else you mean")
