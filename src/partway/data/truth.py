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
    group: str  # the performer
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
    """One-sided test of how often a model is right on undecided videos.

    Attributes:
        group: classes that share an opening; empty for those of all groups together.
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
    """Test whether a model knows what it cannot have seen: over all groups together, then group by group.

    An honest model may well take one performer's red room for `wave`: right in all of that performer's videos of the
    group, or wrong in all of them. Which of the two was a fair coin, so the count of right answers is held against
    what comes out when each performer's answers in a group are turned round together, or not, with even odds: the
    exact sign-flip test. Where each video has a performer of its own it is the one-sided binomial test.

    Args:
        videos: of the split that was scored.
        ratio: observation ratio of the prefix window.
        groups: the pairs of classes that share an opening.
        correct: by video id, whether the prediction was right.

    Raises:
        ValueError: a group that is no pair; turning answers round means nothing there.
    """
    tests, of_all = [], []
    for group in groups:
        if len(group) != 2:
            raise ValueError(f"expected groups of two classes, got {list(group)}")
        counts = _counts([v for v in videos if v.label in group and is_undecided(v, ratio)], correct)
        of_all += counts
        tests.append(_sign_flip_test(tuple(group), counts))
    return [test for test in (_sign_flip_test((), of_all), *tests) if test.undecided]


def _counts(videos: Sequence[Known], correct: Mapping[str, bool]) -> list[tuple[int, int]]:
    """For each performer the videos, and how many of them are right."""
    performers: dict[str, list[bool]] = {}
    for video in videos:
        performers.setdefault(video.group, []).append(bool(correct[video.id]))
    return [(len(answers), sum(answers)) for answers in performers.values()]


def _sign_flip_test(group: tuple[str, ...], counts: list[tuple[int, int]]) -> LeakTest:
    """Exact distribution of the right answers, when each performer's are turned round with even odds."""
    undecided, right = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    chance = np.ones(1)  # by number of right answers
    for number, of_them in counts:
        turned = np.zeros(number + 1)
        turned[of_them] += 0.5
        turned[number - of_them] += 0.5
        chance = np.convolve(chance, turned)
    return LeakTest(group, undecided, right, float(min(1.0, chance[right:].sum())))


def leaks(tests: Sequence[LeakTest]) -> list[LeakTest]:
    """The tests that flag a run: p below ALPHA shared out over the tests (Bonferroni)."""
    return [test for test in tests if test.p_value < ALPHA / len(tests)]
