"""The ceiling and the leak test: by hand, against brute force, and on predictors that leak and that do not."""

import dataclasses
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from conftest import sweep
from partway.data import mime_plan, mime_render
from partway.data.splits import split_off
from partway.data.truth import ALPHA, ceiling, first_decided_frame, is_undecided, leak_tests, leaks
from partway.schema_data import MimeOptions, SplitOff

GROUPS = [["wave", "bow"], ["kick", "lunge"]]


@dataclass(frozen=True)
class Video:
    """A video of 10 frames and of a performer of its own unless said."""

    id: str
    label: str
    decided_at: float
    frames: int = 10
    performer: int | None = None
    room: int = 0

    @property
    def group(self) -> str:
        return self.id if self.performer is None else f"performer_{self.performer:02d}"


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


OPTIONS = MimeOptions(num_videos=1200)


@cache
def planned(options: MimeOptions, split: str = "test") -> list[Video]:
    """The videos of a split as `mime` plans them."""
    return [
        Video(v.id, v.label, v.decided_at, v.num_frames, v.performer, v.room)
        for v in mime_plan.plan(options)
        if v.split == split
    ]


def honest(options: MimeOptions, ratio: float, rng: np.random.Generator) -> dict[str, bool]:
    """A predictor that sees the class of decided videos, and takes one room of each performer for one class else.

    It is as unlike a fair coin as an honest one can be: as performers have habits, it is right in most of a
    performer's undecided videos, or wrong in most of them.
    """
    taken_for: dict[tuple, int] = {}
    right, group_of = {}, {label: group for group in mime_plan.shared_openings(options) for label in group}
    for video in planned(options):
        group = group_of[video.label]
        first = taken_for.setdefault((video.performer, tuple(group)), int(rng.integers(2)))
        guess = group[first ^ video.room] if is_undecided(video, ratio) else video.label
        right[video.id] = guess == video.label
    return right


@pytest.mark.parametrize("ratio", sweep([0.1, 0.3, 0.5, 0.7], quick=(0.3,)))
def test_the_ceiling_against_brute_force(ratio):
    """The best honest predictor, played out two hundred times: its mean accuracy is the ceiling."""
    rng = np.random.default_rng(0)
    played = [np.mean(list(honest(OPTIONS, ratio, rng).values())) for _ in range(200)]
    error = np.std(played) / np.sqrt(len(played))
    expected = ceiling(planned(OPTIONS), ratio, mime_plan.shared_openings(OPTIONS))
    assert abs(np.mean(played) - expected) < 4 * error + 1e-9


def test_honest_predictors_are_flagged_at_the_stated_rate_and_not_more():
    rng = np.random.default_rng(1)
    videos, groups = planned(OPTIONS), mime_plan.shared_openings(OPTIONS)
    rights = [honest(OPTIONS, 0.3, rng) for _ in range(200)]
    flagged = sum(bool(leaks(leak_tests(videos, 0.3, groups, right))) for right in rights)
    assert flagged <= 200 * ALPHA + 3 * np.sqrt(200 * ALPHA)


@pytest.mark.slow
def test_a_binomial_test_would_flag_honest_predictors():
    """Why answers are turned round by performer: one performer's are not independent of each other."""
    rng = np.random.default_rng(1)
    alone = [dataclasses.replace(video, performer=None) for video in planned(OPTIONS)]
    groups = mime_plan.shared_openings(OPTIONS)
    rights = [honest(OPTIONS, 0.3, rng) for _ in range(200)]
    flagged = sum(bool(leaks(leak_tests(alone, 0.3, groups, right))) for right in rights)
    assert flagged > 200 * ALPHA + 3 * np.sqrt(200 * ALPHA)


def test_one_video_a_performer_is_the_binomial_test():
    videos = [Video(f"v{n}", ("wave", "bow")[n % 2], 0.9) for n in range(12)]
    correct = {video.id: n < 9 for n, video in enumerate(videos)}
    expected = stats.binomtest(9, 12, 0.5, alternative="greater").pvalue
    everything, of_pair = leak_tests(videos, 0.1, GROUPS, correct)
    assert (everything.group, everything.undecided, everything.right) == ((), 12, 9)
    assert of_pair.group == ("wave", "bow")
    assert everything.p_value == pytest.approx(expected)
    assert of_pair.p_value == pytest.approx(expected)


def test_the_sign_flip_by_hand():
    # Performer 0: 3 of 3 right, performer 1: 1 of 2. Turned round: 3 or 0, and 1 either way. Four right or more: half.
    videos = [Video(f"v{n}", ("wave", "bow")[n % 2], 0.9, performer=int(n > 2)) for n in range(5)]
    correct = {"v0": True, "v1": True, "v2": True, "v3": True, "v4": False}
    (everything, _) = leak_tests(videos, 0.1, GROUPS, correct)
    assert (everything.right, everything.p_value) == (4, 0.5)


def test_groups_that_are_no_pairs_are_refused():
    with pytest.raises(ValueError, match="expected groups of two classes"):
        leak_tests([], 0.1, [["x", "y", "z"]], {})


# --- planted leaks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("further", [0.2, 0.4])
def test_frames_beyond_the_window_are_caught(further):
    """A model that is given more of the video than the ratio says."""
    rng = np.random.default_rng(2)
    videos, groups = planned(OPTIONS), mime_plan.shared_openings(OPTIONS)
    sees_more = honest(OPTIONS, 0.3 + further, rng)
    assert leaks(leak_tests(videos, 0.3, groups, sees_more))
    assert not leaks(leak_tests(videos, 0.3 + further, groups, sees_more))


def test_labels_in_the_order_of_files_are_caught():
    """A model that knows a video's place in a list in which the classes of a pair take turns."""
    videos, groups = planned(OPTIONS), mime_plan.shared_openings(OPTIONS)
    group_of = {label: group for group in groups for label in group}
    correct = {video.id: group_of[video.label][place % 2] == video.label for place, video in enumerate(videos)}
    assert leaks(leak_tests(videos, 0.1, groups, correct))


ROOMS = MimeOptions(num_videos=1200, width=32, height=32, duration_sec=(1.0, 1.0))


@pytest.fixture(scope="module")
def seen() -> tuple[list[Video], np.ndarray]:
    """All videos of a small data set, train first, and what shows of each from the first frame on: the room's colour."""
    colours = [mime_render.render(ROOMS, video)[0, :8].reshape(-1, 3) for video in mime_plan.plan(ROOMS)]
    return planned(ROOMS, "train") + planned(ROOMS), np.array([np.median(colour, axis=0) for colour in colours])


def by_rooms(seen, train: set[str]) -> tuple[list[Video], dict[str, bool]]:
    """Predict all that is not train by what was done in the most similar room of train.

    A predictor on real pixels that takes the room for the action, as networks do; it knows the group from the floor.
    """
    videos, colours_N3 = seen
    group_of = {label: number for number, group in enumerate(mime_plan.shared_openings(ROOMS)) for label in group}
    known = np.array([video.id in train for video in videos])
    groups_N = np.array([group_of[video.label] for video in videos])
    right = {}
    for place in np.nonzero(~known)[0]:
        alike = known & (groups_N == groups_N[place])
        distance = np.where(alike, np.abs(colours_N3 - colours_N3[place]).sum(axis=1), np.inf)
        right[videos[place].id] = videos[int(distance.argmin())].label == videos[place].label
    return [video for video in videos if video.id in right], right


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("purpose", "number"), [("test", 1200), ("validation", len(planned(ROOMS, "train")))])
def test_performers_on_both_sides_are_caught_and_a_split_by_performer_is_not(seen, purpose, number, seed):
    """Test videos of performers that were trained on, or a validation split at random: the rooms give them away."""
    videos, colours = seen[0][:number], seen[1][:number]
    flagged = {}
    for by in ("random", "group"):
        apart = split_off(videos, SplitOff(fraction=0.25, by=by, seed=seed), purpose)
        scored, right = by_rooms((videos, colours), {video.id for video in videos} - apart)
        flagged[by] = bool(leaks(leak_tests(scored, 0.1, mime_plan.shared_openings(ROOMS), right)))
    assert flagged == {"random": True, "group": False}


def test_nothing_undecided_means_nothing_to_test():
    correct = dict.fromkeys((video.id for video in planned(OPTIONS)), True)
    assert leak_tests(planned(OPTIONS), 1.0, mime_plan.shared_openings(OPTIONS), correct) == []
    assert leaks([]) == []
