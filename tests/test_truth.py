"""The ceiling and the leak test: by hand, against brute force, and on predictors that leak and that do not."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partway.data import mime_plan
from partway.data.truth import ALPHA, ceiling, first_decided_frame, is_undecided, leak_tests, leaks
from partway.schema_data import MimeOptions

GROUPS = [["wave", "bow"], ["kick", "lunge"]]


@dataclass(frozen=True)
class Video:
    """A video of 10 frames unless said."""

    id: str
    label: str
    decided_at: float
    frames: int = 10


def test_the_ceiling_by_hand():
    # Decided from frames 2, 5, 5 and 8 on. At 0.5 frames 0..4 are seen, at 0.6 frames 0..5, at 0.2 frames 0 and 1.
    videos = [Video("a", "wave", 0.2), Video("b", "bow", 0.5), Video("c", "kick", 0.41), Video("d", "lunge", 0.8)]
    assert ceiling(videos, 0.2, GROUPS) == 0.5
    assert ceiling(videos, 0.3, GROUPS) == (1 + 3 * 0.5) / 4
    assert ceiling(videos, 0.5, GROUPS) == (1 + 3 * 0.5) / 4
    assert ceiling(videos, 0.6, GROUPS) == (3 + 0.5) / 4
    assert ceiling(videos, 1.0, GROUPS) == 1.0


def test_groups_of_other_sizes_guess_with_other_odds():
    videos = [Video("a", "wave", 0.9), Video("b", "alone", 0.9), Video("c", "x", 0.9)]
    assert ceiling(videos, 0.1, [["wave", "bow"], ["alone"], ["x", "y", "z"]]) == pytest.approx((1 / 2 + 1 + 1 / 3) / 3)


@given(frames=st.integers(1, 200), decided=st.integers(1, 9999), percent=st.integers(1, 100))
def test_undecided_means_no_decided_frame_in_the_window(frames, decided, percent):
    video = Video("a", "wave", decided / 10_000, frames)
    seen = range(max(1, -(-percent * frames // 100)))  # the prefix, in whole numbers
    shows = [frame for frame in range(frames) if frame * 10_000 >= decided * frames]  # frame >= decided_at * frames
    assert is_undecided(video, percent / 100) == (not set(seen) & set(shows))
    assert first_decided_frame(frames, decided / 10_000) == (shows[0] if shows else frames)


OPTIONS = MimeOptions(num_videos=640)


def honest(options: MimeOptions, ratio: float, rng: np.random.Generator, skill: float = 1.0) -> dict[str, bool]:
    """A predictor that sees the group, and the class of decided videos with some skill; it guesses the rest.

    Its guess may depend on the performer's looks in any way that it learned: here it is one class for each.
    """
    habits: dict[tuple, str] = {}
    right = {}
    for video in test_videos(options):
        group = next(group for group in mime_plan.shared_openings(options) if video.label in group)
        if is_undecided(video, ratio):
            looks = (video.performer, tuple(group), int(rng.integers(3)))
            guess = habits.setdefault(looks, group[int(rng.integers(len(group)))])
        else:
            guess = video.label if rng.random() < skill else group[int(rng.integers(len(group)))]
        right[video.id] = guess == video.label
    return right


@dataclass(frozen=True)
class Planned(Video):
    """A test video as `mime` plans it."""

    performer: int = 0


@cache
def test_videos(options: MimeOptions) -> list[Planned]:
    return [
        Planned(v.id, v.label, v.decided_at, v.num_frames, v.performer)
        for v in mime_plan.plan(options)
        if v.split == "test"
    ]


test_videos.__test__ = False


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.5, 0.7])
def test_the_ceiling_against_brute_force(ratio):
    """The best honest predictor, played out two hundred times: its mean accuracy is the ceiling."""
    rng = np.random.default_rng(0)
    played = [np.mean(list(honest(OPTIONS, ratio, rng).values())) for _ in range(200)]
    error = np.std(played) / np.sqrt(len(played))
    expected = ceiling(test_videos(OPTIONS), ratio, mime_plan.shared_openings(OPTIONS))
    assert abs(np.mean(played) - expected) < 4 * error + 1e-9


def test_honest_predictors_are_flagged_at_the_stated_rate_and_not_more():
    rng = np.random.default_rng(1)
    videos, groups = test_videos(OPTIONS), mime_plan.shared_openings(OPTIONS)
    flagged = sum(bool(leaks(leak_tests(videos, 0.3, groups, honest(OPTIONS, 0.3, rng)))) for _ in range(200))
    assert flagged <= 200 * ALPHA + 3 * np.sqrt(200 * ALPHA)


@pytest.mark.parametrize("further", [0.2, 0.4])
def test_frames_beyond_the_window_are_caught(further):
    """A model that is given more of the video than the ratio says."""
    rng = np.random.default_rng(2)
    videos, groups = test_videos(OPTIONS), mime_plan.shared_openings(OPTIONS)
    sees_more = honest(OPTIONS, 0.3 + further, rng)
    assert leaks(leak_tests(videos, 0.3, groups, sees_more))
    assert not leaks(leak_tests(videos, 0.3 + further, groups, sees_more))


def test_labels_in_the_order_of_files_are_caught():
    """A model that knows a video's place in a list in which the classes of a pair take turns."""
    videos, groups = test_videos(OPTIONS), mime_plan.shared_openings(OPTIONS)
    group_of = {label: group for group in groups for label in group}
    correct = {video.id: group_of[video.label][place % 2] == video.label for place, video in enumerate(videos)}
    assert leaks(leak_tests(videos, 0.1, groups, correct))


def test_nothing_undecided_means_nothing_to_test():
    assert leak_tests(test_videos(OPTIONS), 1.0, mime_plan.shared_openings(OPTIONS), {}) == []
    assert leaks([]) == []
