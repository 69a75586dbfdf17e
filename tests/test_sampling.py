"""Windows and frame choice: numbers worked out by hand, and properties over random videos."""

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partway.data.sampling import clip_indices, frame_indices, observed_frames, random_ratio, window_start

RATIOS = st.one_of(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9, 1.0]), st.floats(1e-6, 1.0))


@pytest.mark.parametrize(
    ("frames", "ratio", "expected"),
    [
        (10, 0.7, 7),  # 0.7 * 10 is 7.000000000000001 in binary: a float would give 8
        (10, 0.3, 3),
        (100, 0.07, 7),
        (10, 0.31, 4),
        (1, 0.1, 1),
        (5, 0.1, 1),
        (164, 0.5, 82),
        (83, 0.5, 42),
        (7, 1.0, 7),
        (7, 1, 7),
    ],
)
def test_observed_frames_by_hand(frames, ratio, expected):
    assert observed_frames(frames, ratio) == expected


@given(frames=st.integers(1, 5000), ratio=RATIOS)
def test_observed_frames_is_the_smallest_share_that_reaches_the_ratio(frames, ratio):
    observed = observed_frames(frames, ratio)
    assert 1 <= observed <= frames
    assert observed == max(1, ceil(Fraction(str(ratio)) * frames))


def test_variable_rate_observes_by_time():
    # Duration = (1.0 - 0.0) * 5/4 = 1.25 s; 0.5 of it is 0.625 s: the frames at 0.0, 0.1, 0.2 and 0.3 s.
    times = [0.0, 0.1, 0.2, 0.3, 1.0]
    assert observed_frames(5, 0.5, times) == 4
    assert observed_frames(5, 1.0, times) == 5
    assert observed_frames(5, 0.05, times) == 1


@given(times=st.lists(st.floats(0.001, 2), min_size=2, max_size=200), ratio=RATIOS)
def test_no_frame_at_or_after_the_window_is_observed(times, ratio):
    times_sec = list(np.cumsum(times))
    duration = (times_sec[-1] - times_sec[0]) * len(times) / (len(times) - 1)
    observed = observed_frames(len(times), ratio, times_sec)
    assert observed >= 1
    if ratio < 1:
        assert all(time - times_sec[0] < ratio * duration for time in times_sec[1:observed])


@pytest.mark.parametrize("ratio", [0, -0.1, 1.01, float("nan")])
def test_a_ratio_outside_its_range_is_refused(ratio):
    with pytest.raises(ValueError, match="observation_ratio"):
        observed_frames(10, ratio)


@pytest.mark.parametrize(
    ("frames", "ratio", "first", "last", "centred"),
    [
        (100, 0.3, 20, 50, 35),  # n = 30: starts from ceil(20) to floor(80) - 30
        (101, 0.3, 21, 49, 35),  # n = 31: ceil(20.2) .. floor(80.8) - 31; (101 - 31) // 2
        (10, 0.5, 2, 3, 2),  # n = 5: 2 .. 8 - 5
        (100, 0.6, 0, 40, 20),  # 0.6 and more: anywhere
        (100, 0.59, 20, 21, 20),  # n = 59: 20 .. 80 - 59
        (3, 0.5, 0, 1, 0),  # n = 2: ceil(0.6) = 1 .. floor(2.4) - 2 = 0 is empty: anywhere
        (1, 0.1, 0, 0, 0),
        (7, 1.0, 0, 0, 0),
    ],
)
def test_middle_windows_by_hand(frames, ratio, first, last, centred):
    observed = observed_frames(frames, ratio)
    drawn = {window_start(frames, observed, ratio, "middle", np.random.default_rng(seed)) for seed in range(600)}
    assert drawn == set(range(first, last + 1))
    assert window_start(frames, observed, ratio, "middle") == centred
    assert window_start(frames, observed, ratio, "prefix", np.random.default_rng(0)) == 0


@given(frames=st.integers(1, 3000), ratio=RATIOS, seed=st.integers(0, 2**32 - 1))
def test_a_middle_window_lies_in_the_video_and_in_its_middle_where_it_fits(frames, ratio, seed):
    observed = observed_frames(frames, ratio)
    start = window_start(frames, observed, ratio, "middle", np.random.default_rng(seed))
    assert 0 <= start <= frames - observed
    fits = Fraction(8, 10) * frames - Fraction(2, 10) * frames >= observed + 1  # room for a whole frame to spare
    if ratio < 0.6 and fits:
        assert Fraction(2, 10) * frames <= start
        assert start + observed <= Fraction(8, 10) * frames


def test_an_unknown_window_is_refused():
    with pytest.raises(ValueError, match="neither prefix nor middle"):
        window_start(10, 5, 0.5, "end")


@pytest.mark.parametrize(
    ("observed", "num_frames", "rule", "expected"),
    [
        (10, 4, "uniform", [0, 3, 6, 9]),
        (8, 4, "uniform", [0, 2, 4, 7]),  # linspace(0, 7, 4) = 0, 2.33, 4.67, 7
        (11, 6, "uniform", [0, 2, 4, 6, 8, 10]),
        (9, 1, "uniform", [0]),
        (16, 4, "strided", [0, 4, 8, 12]),  # linspace(0, 15, 8) = 0, 2.14, 4.29, 6.43, 8.57, 10.7, ..; every second
        (3, 6, "uniform", [0, 0, 0, 1, 1, 2]),  # stretch: linspace(0, 2, 6) = 0, .4, .8, 1.2, 1.6, 2
        (1, 3, "uniform", [0, 0, 0]),
    ],
)
def test_frame_choice_by_hand(observed, num_frames, rule, expected):
    assert frame_indices(observed, num_frames, rule, stride=2) == expected


def test_too_short_rules_by_hand():
    assert frame_indices(3, 5, too_short="loop") == [0, 1, 2, 0, 1]
    assert frame_indices(3, 5, too_short="repeat_last") == [0, 1, 2, 2, 2]
    assert frame_indices(3, 5, too_short="stretch") == [0, 0, 1, 1, 2]


def test_clips_of_one_window_by_hand():
    assert clip_indices(12, 3, clips=2) == [[0, 4, 8], [2, 6, 11]]  # linspace(0, 11, 6) = 0, 2.2, 4.4, 6.6, 8.8, 11
    assert clip_indices(24, 3, "strided", clips=2, stride=2) == [[0, 8, 16], [4, 12, 20]]  # every fourth of 0, 2, 4, ..
    assert clip_indices(2, 3, clips=2, too_short="loop") == [[0, 1, 0]] * 2
    assert clip_indices(2, 3, clips=2, too_short="repeat_last") == [[0, 1, 1]] * 2
    assert clip_indices(4, 3, clips=2, too_short="loop") == [[0, 1, 2], [0, 1, 3]]  # enough for one clip: no loop
    assert clip_indices(9, 1, clips=3) == [[0], [4], [8]]


@given(
    observed=st.integers(1, 300),
    num_frames=st.integers(1, 40),
    clips=st.integers(1, 6),
    rule=st.sampled_from(["uniform", "strided"]),
    too_short=st.sampled_from(["stretch", "loop", "repeat_last"]),
    stride=st.integers(1, 4),
)
def test_clips_lie_in_the_window_and_interleave(observed, num_frames, clips, rule, too_short, stride):
    rules = {"stride": stride, "too_short": too_short}
    chosen = clip_indices(observed, num_frames, rule, clips=clips, **rules)
    assert [len(clip) for clip in chosen] == [num_frames] * clips
    assert all(0 <= index < observed for clip in chosen for index in clip)
    assert clip_indices(observed, num_frames, rule, **rules) == [frame_indices(observed, num_frames, rule, **rules)]
    if observed >= num_frames or too_short == "stretch":
        in_turn = [index for frames in zip(*chosen, strict=True) for index in frames]
        assert in_turn == sorted(in_turn)
    if rule == "uniform" and observed >= num_frames * clips:
        assert len(set(in_turn)) == num_frames * clips  # no frame twice


@given(
    observed=st.integers(1, 400),
    num_frames=st.integers(1, 64),
    rule=st.sampled_from(["uniform", "strided", "jittered"]),
    too_short=st.sampled_from(["stretch", "loop", "repeat_last"]),
    stride=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_chosen_frame_lies_outside_the_window(observed, num_frames, rule, too_short, stride, seed):
    rng = np.random.default_rng(seed)
    chosen = frame_indices(observed, num_frames, rule, stride=stride, too_short=too_short, rng=rng)
    assert len(chosen) == num_frames
    assert all(0 <= index < observed for index in chosen)
    if not (too_short == "loop" and observed < num_frames):
        assert chosen == sorted(chosen)
    if observed >= num_frames and rule == "jittered":
        edges = [i * observed // num_frames for i in range(num_frames + 1)]
        assert all(edges[i] <= index < edges[i + 1] for i, index in enumerate(chosen))


def test_jittered_reaches_every_frame():
    rng = np.random.default_rng(0)
    assert {i for _ in range(200) for i in frame_indices(12, 4, "jittered", rng=rng)} == set(range(12))


def test_random_ratio_covers_its_range():
    rng = np.random.default_rng(0)
    drawn = [random_ratio(rng) for _ in range(4000)]
    assert all(0 < ratio <= 1 for ratio in drawn)
    assert abs(np.mean(drawn) - 0.5) < 0.02
    observed_frames(30, min(drawn))  # numbers like 1e-05 are written in exponents and still read exactly
