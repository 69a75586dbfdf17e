"""The families of models: what a study may name, and what each can do. They are built in `partway.models.<family>`.

No torch here: a study is read and checked with this table alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """One ecosystem of models.

    Attributes:
        architectures: their names in a study.
        told: what they are, for the reference of the study file.
        single_frames: whether they look at one frame at a time, so that a token never spans several.
        loads_weights: whether checkpoints of them can be read.
    """

    architectures: tuple[str, ...]
    told: str
    single_frames: bool = False
    loads_weights: bool = True


FAMILIES = {
    "transformers": Family(("videomae",), told="video models"),
    "timm": Family(("vit",), told="image models, the mean over the frames", single_frames=True),
}
ARCHITECTURES = tuple(name for family in FAMILIES.values() for name in family.architectures)
