"""What a layout lists before any video is opened: candidates, and the problems that need no decoder."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A video that the layout lists, before it is opened."""

    id: str
    path: str
    label: str | None  # None: a test video without a label
    split: str
    group: str
    decided_at: float | None = None


@dataclass(frozen=True)
class Problem:
    """Why a video cannot be used."""

    path: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Listed:
    """The videos of a data set as its layout lists them.

    Attributes:
        groups_known: whether somebody said which videos are of one source.
        official_splits: whether the data set came with its test split.
        published: whether others report numbers on these very splits, so that they are taken as they are.
        classes: in the order of their indices; sorted names where the data set says none.
        problems: bad videos that are known before anything is decoded.
        unlisted: paths of videos that lie there and that no list names.
        notes: for the log.
    """

    candidates: list[Candidate]
    groups_known: bool
    official_splits: bool = True
    published: bool = False
    classes: list[str] | None = None
    problems: list[Problem] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
