"""What is known about generated videos: from which frame on a video shows its class, and how right a model can be.

Actions come in groups that share their opening. Before its decided frame a video is the same, bit by bit, for every
class of its group: an honest model can only guess among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from partway.data.sampling import observed_frames

DECIMALS = 4  # of `decided_at`; with an integer number of 1/10000 the first decided frame is exact
ALPHA = 0.01  # share of honest runs that the leak test flags, at most


class Known(Protocol):
    """A video whose truth is known."""

    id: str
    label: str
    frames: int
    decided_at: float | None


def first_decided_frame(num_frames: int, decided_at: float) -> int:
    """Index of the first frame that depends on the class: ceil(decided_at * num_frames), in exact arithmetic."""
    scale = 10**DECIMALS
    return -(-round(decided_at * scale) * num_frames // scale)


def is_undecided(video: Known, ratio: float) -> bool:
    """Whether the prefix window of a video ends before its first decided frame."""
    return first_decided_frame(video.frames, video.decided_at) >= observed_frames(video.frames, ratio)


def ceiling(videos: Sequence[Known], ratio: float, groups: Iterable[Sequence[str]]) -> float:
    """The highest expected accuracy of an honest model on these videos with the prefix of a ratio, in [0, 1].

    The mean over the videos of 1 where the decided frame is observed, else of 1/k for the k classes of its group,
    which must be equally frequent (SPEC 4a). An upper bound: a group is taken to be told from the first frame on.

    Args:
        videos: of one split.
        ratio: observation ratio in (0, 1].
        groups: the classes that share an opening.
    """
    guess = {label: 1 / len(group) for group in groups for label in group}
    return float(np.mean([guess[video.label] if is_undecided(video, ratio) else 1.0 for video in videos]))


@dataclass(frozen=True)
class LeakTest:
    """One-sided binomial test on the undecided videos of a group.

    Attributes:
        group: its classes.
        undecided: videos whose class is not to be seen.
        right: how many of them were recognised all the same.
        p_value: chance of an honest model to be right that often or more.
    """

    group: tuple[str, ...]
    undecided: int
    right: int
    p_value: float


def leak_tests(
    videos: Sequence[Known], ratio: float, groups: Iterable[Sequence[str]], correct: Mapping[str, bool]
) -> list[LeakTest]:
    """Test whether a model knows what it cannot have seen, group by group.

    Within a performer the classes of a group are equally frequent, so what an honest model makes of a performer's looks
    cannot lift its share of right answers: the binomial test errs to the safe side.

    Args:
        videos: of the split that was scored.
        ratio: observation ratio of the prefix window.
        groups: the classes that share an opening.
        correct: by video id, whether the prediction was right.
    """
    from scipy import stats  # half a second, which only this pays

    tests = []
    for group in groups:
        answers = [correct[v.id] for v in videos if v.label in group and is_undecided(v, ratio)]
        if answers:
            found = stats.binomtest(sum(answers), len(answers), 1 / len(group), alternative="greater")
            tests.append(LeakTest(tuple(group), len(answers), sum(answers), float(found.pvalue)))
    return tests


def leaks(tests: Sequence[LeakTest]) -> list[LeakTest]:
    """The tests that flag a run: p below ALPHA shared out over the groups (Bonferroni)."""
    return [test for test in tests if test.p_value < ALPHA / len(tests)]
