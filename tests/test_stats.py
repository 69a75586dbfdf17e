"""Statistics: numbers worked out by hand, properties, and other people's code as oracles."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest, t

from partway.results import stats
from partway.results.stats.crossed import TAIL, Mean, crossed_mean
from partway.results.stats.differences import detectable, mcnemar, mean_difference

ONE_SEED_IN_THREE = np.array([[1, 1], [1, 0], [0, 0]])  # seeds 1, 1/2, 0; videos 2/3, 1/3
QUICK = settings(max_examples=40, deadline=None)


def answers(rows: int = 2) -> st.SearchStrategy[np.ndarray]:
    """Right or wrong, of some rows, each of the same seeds and videos."""
    shape = st.tuples(st.just(rows), st.integers(1, 5), st.integers(1, 30))
    return shape.flatmap(lambda of: arrays(bool, of))


def ladder(seeds: int, videos: int, strengths: list[float], luck: float, rng: np.random.Generator) -> np.ndarray:
    """Answers of rows that share the difficulty of their videos."""
    shape_KSN = (len(strengths), seeds, videos)
    lucky_KS = np.array(strengths)[:, None] + luck * rng.normal(size=shape_KSN[:2])
    return 1.5 * rng.normal(size=videos) + rng.normal(size=shape_KSN) + lucky_KS[..., None] > 0


@given(right=st.integers(0, 300), more=st.integers(0, 300))
def test_accuracy_interval_is_wilsons(right, more):
    videos = right + more + 1
    ours = stats.accuracy_interval(right / videos, videos)
    scipys = binomtest(right, videos).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((scipys.low, scipys.high), abs=1e-9)
    one_seed = stats.accuracy(np.arange(videos)[None] < right)
    assert asdict(one_seed) == pytest.approx(asdict(ours))


def test_two_seeds_are_one_proportion():
    found = stats.accuracy(np.array([[1, 1, 1, 0, 1], [1, 0, 1, 0, 1]], dtype=bool))
    assert found == stats.accuracy_interval(0.7, 5)
    assert found.covers == "videos"


def test_crossed_mean_by_hand():
    # Sums of squares: seeds 2 (1/4 + 0 + 1/4) = 1, videos 3 (1/36 + 1/36) = 1/6, all 6 / 4, so that the error has 1/3.
    # Mean squares: 1/2, 1/6, 1/6 with 2, 1 and 2 degrees of freedom; the variances are a sixth of them.
    found = crossed_mean(ONE_SEED_IN_THREE)
    assert (found.value, found.seeds) == pytest.approx((1 / 2, 1 / 12))
    assert (found.videos, found.videos_alone) == pytest.approx((0, 1 / 36))
    assert (found.freedom, found.covers) == (2, "seeds and videos")
    assert found.reach(TAIL) == pytest.approx(4.302653 / np.sqrt(12), rel=1e-6)
    assert found.p_value == pytest.approx(2 * t.sf(0.5 * np.sqrt(12), 2))


def test_reach_adds_the_squares_of_both_parts_and_is_never_less_than_that_of_videos_alone():
    both = Mean(0.1, 0.02**2, 0.03**2, 0.03**2, 2, "seeds and videos")
    assert both.reach(TAIL) == pytest.approx(np.hypot(4.302653 * 0.02, 1.959964 * 0.03), rel=1e-6)
    lucky = Mean(0.1, 0.001**2, 0.01**2, 0.03**2, 2, "seeds and videos")
    assert lucky.reach(TAIL) == pytest.approx(1.959964 * 0.03, rel=1e-6)


def test_mean_squares_are_those_of_an_analysis_of_variance():
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    values_SN = ladder(4, 12, [0.5], 0.8, np.random.default_rng(1))[0].astype(float)
    seed, video = (axis.ravel() for axis in np.indices(values_SN.shape))
    frame = pd.DataFrame({"value": values_SN.ravel(), "seed": seed, "video": video})
    theirs = anova_lm(ols("value ~ C(seed) + C(video)", frame).fit()).mean_sq / values_SN.size
    ours = crossed_mean(values_SN)
    assert (ours.seeds, ours.videos_alone) == pytest.approx((theirs["C(seed)"], theirs["C(video)"]))
    assert ours.videos == pytest.approx(theirs["C(video)"] - theirs["Residual"])
    assert ours.videos > 0


def test_seeds_that_agree_say_no_more_than_one():
    once = ladder(1, 40, [0.5, 0.2], 0, np.random.default_rng(0))
    thrice = np.repeat(once, 3, axis=1)
    one, three = stats.accuracy(once[0]), stats.accuracy(thrice[0])
    assert (three.low, three.high) == pytest.approx((one.low, one.high), abs=0.01)
    mean = crossed_mean(thrice[0])
    assert mean.seeds == pytest.approx(0, abs=1e-15)
    assert mean.videos_alone == pytest.approx(once[0].var(ddof=1) / 40)


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize(("seeds", "videos"), [(1, 1), (1, 50), (2, 50), (3, 1), (3, 50), (10, 50)])
def test_all_right_or_all_wrong_leaves_what_so_many_videos_cannot_exclude(seeds, videos, right):
    found = stats.accuracy(np.full((seeds, videos), right))
    wilson = stats.accuracy_interval(float(right), videos)
    assert found.value == right
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=0.5 / videos)


def test_difference_of_one_seed_by_hand():
    # 10 videos, one seed: the first is right where the other is wrong on 3, the other way round on 1.
    first = np.array([[1, 1, 1, 0, 1, 1, 1, 0, 0, 0]], dtype=bool)
    other = np.array([[0, 0, 0, 1, 1, 1, 1, 0, 0, 0]], dtype=bool)
    found = stats.difference(first, other)
    assert found.value == pytest.approx(0.2)
    # Bonett & Price: p12 = 4/12, p21 = 2/12; difference 1/6, variance (p12 + p21 - (p12 - p21)^2) / 12.
    error = np.sqrt((6 / 12 - (2 / 12) ** 2) / 12)
    assert (found.low, found.high) == pytest.approx((2 / 12 - 1.959964 * error, 2 / 12 + 1.959964 * error), abs=1e-6)
    assert found.p_value == pytest.approx(10 / 16)  # 0, 1, 3 or 4 of four coins: (1 + 4 + 4 + 1) / 16
    assert found.detectable == pytest.approx((1.959964 + 0.841621) * error + 1 / 10, abs=1e-5)
    assert (found.test, found.covers, found.seeds, found.videos) == ("exact McNemar", "videos", 1, 10)


@given(first=st.integers(0, 400), other=st.integers(0, 400))
def test_mcnemar_is_a_binomial_test_of_the_discordant_videos(first, other):
    expected = binomtest(first, first + other).pvalue if first + other else 1
    assert mcnemar(first, other) == pytest.approx(expected, rel=1e-9)


def test_difference_of_two_seeds_is_that_of_their_means():
    # By video: 1/2, 1, -1/2, 0; beside them one of 1 / sqrt(2) for each side, which outweigh so few.
    first = np.array([[1, 1, 0, 1], [0, 1, 0, 0]], dtype=bool)
    other = np.array([[0, 0, 1, 1], [0, 0, 0, 0]], dtype=bool)
    found = stats.difference(first, other)
    squares = 0.5**2 + 1 + 0.5**2 + 1 / 2 + 1 / 2
    error = np.sqrt((squares / 6 - (1 / 6) ** 2) / 6)
    assert (found.value, found.high) == pytest.approx((0.25, 1 / 6 + 1.959964 * error), abs=1e-6)
    assert found.p_value == pytest.approx(2 * t.sf((1 / 6) / error, 1e9), rel=1e-5)
    assert (found.test, found.covers) == ("paired over videos", "videos")


def test_values_that_are_not_right_or_wrong_have_no_mcnemar():
    found = stats.difference(np.array([[0.2, 0.7, 0.4]]), np.array([[0.1, 0.6, 0.6]]))
    assert found.test == "paired over videos"
    assert found.p_value == pytest.approx(mean_difference(np.array([[0.1, 0.1, -0.2]])).p_value)


@pytest.mark.parametrize("seeds", [1, 2, 3, 10])
@pytest.mark.parametrize("videos", [1, 5, 100])
def test_difference_of_equals_still_has_a_width(seeds, videos):
    same = np.ones((seeds, videos), dtype=bool)
    found = stats.difference(same, same)
    assert (found.value, found.p_value) == (0, 1)
    assert -found.low == found.high == pytest.approx(min(1, 1.959964 * np.sqrt(2 / seeds) / (videos + 2)), rel=0.25)
    assert found.high < found.detectable <= 1 or videos == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seeds", [1, 2, 3, 4, 10])
def test_an_overwhelming_difference_has_numbers_too(seeds):
    found = stats.difference(np.ones((seeds, 2000)), np.zeros((seeds, 2000)))
    assert found.value == 1
    assert 0.95 < found.low < found.high == 1
    assert 0 < found.p_value < 1e-100 or seeds == 1  # McNemar's is 2^-1999, which is 0
    assert 0 < found.detectable < 0.02


def test_difference_refuses_other_seeds_or_videos():
    with pytest.raises(ValueError, match=r"\(2, 5\) and \(3, 5\)"):
        stats.difference(np.ones((2, 5)), np.ones((3, 5)))


@QUICK
@given(answers())
def test_difference_turns_round(correct_KSN):
    found, turned = stats.difference(*correct_KSN), stats.difference(*correct_KSN[::-1])
    assert (found.value, found.low, found.high) == pytest.approx((-turned.value, -turned.high, -turned.low))
    assert (found.p_value, found.detectable) == pytest.approx((turned.p_value, turned.detectable))


@QUICK
@given(answers())
def test_intervals_hold_their_value_within_bounds(correct_KSN):
    found, share = stats.difference(*correct_KSN), stats.accuracy(correct_KSN[0])
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert 0 <= share.low <= share.value <= share.high <= 1
    assert share.low < share.high
    assert 0 <= found.p_value <= 1
    assert 0 < found.detectable <= 1


@QUICK
@given(answers())
def test_p_value_and_interval_agree_where_both_are_of_one_machine(correct_KSN):
    found = stats.difference(*correct_KSN)
    if found.seeds > 1 and abs(found.p_value - 0.05) > 1e-9:
        assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


@QUICK
@given(answers(3), st.randoms(use_true_random=False))
def test_the_order_of_seeds_and_videos_does_not_matter(correct_RSN, random):
    seeds, videos = (list(range(size)) for size in correct_RSN.shape[1:])
    random.shuffle(seeds)
    random.shuffle(videos)
    shuffled = correct_RSN[:, seeds][:, :, videos]
    for of in (lambda x: stats.difference(*x[:2]), lambda x: stats.accuracy(x[0]), lambda x: stats.area(x, [1, 2, 4])):
        assert asdict(of(shuffled)) == pytest.approx(asdict(of(correct_RSN)))


def test_null_ladders_are_rarely_flagged_and_intervals_hold():
    rng = np.random.default_rng(0)
    held, flagged, studies = 0, 0, 150
    for _ in range(studies):
        rows = ladder(3, 200, [0.5] * 4, 0.3, rng)
        found = [stats.difference(rows[row], rows[other]) for row, other in ((1, 0), (2, 1), (3, 2), (2, 0), (3, 0))]
        held += np.mean([each.low <= 0 <= each.high for each in found])
        flagged += min(stats.holm([each.p_value for each in found])) < 0.05
    assert 0.93 <= held / studies <= 0.99
    assert flagged / studies <= 0.05


def test_detectable_differences_are_found_in_four_of_five_studies():
    rng = np.random.default_rng(0)
    said = np.median([stats.difference(*ladder(5, 300, [0, 0], 0.05, rng)).detectable for _ in range(50)])
    step = said * np.sqrt(2 * np.pi) * np.sqrt(1.5**2 + 1)  # by the slope of the normal distribution at its middle
    found = [stats.difference(*ladder(5, 300, [step / 2, -step / 2], 0.05, rng)).p_value < 0.05 for _ in range(200)]
    assert 0.7 <= np.mean(found) <= 0.9


def test_detectable_takes_few_seeds_for_their_median():
    # The median of a mean square with 2 degrees of freedom is ln 2 of what it estimates.
    mean = Mean(0.0, 0.01**2, 0.0, 0.0, 2, "seeds and videos")
    assert detectable(mean) == pytest.approx((4.302653 + 1.060660) * 0.01 / np.sqrt(np.log(2)), rel=1e-5)


@pytest.mark.slow
@QUICK
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p_values):
    from statsmodels.stats.multitest import multipletests

    assert stats.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_leaves_unknown_p_values_out():
    assert stats.holm([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06)]
    assert stats.holm([None]) == [None]
    assert stats.holm([]) == []


def test_area_by_hand():
    # One seed, two videos; right from 0.5 on, and always: trapezoids 0.25 + 0.5 and 1, of a span of 1.
    correct_RSN = np.array([[[0, 1]], [[1, 1]], [[1, 1]]], dtype=bool)
    found = stats.area(correct_RSN, [0, 0.5, 1])
    assert found.value == pytest.approx((0.75 + 1) / 2)
    assert 0 < found.low < found.value < found.high <= 1
    assert found.covers == "videos"
    narrow = stats.area(np.repeat(correct_RSN, 400, axis=2), [0, 0.5, 1])
    error = 0.125 / np.sqrt(800)  # the two kinds of video are 1/8 from their mean
    assert (narrow.low, narrow.high) == pytest.approx((0.875 - 1.96 * error, 0.875 + 1.96 * error), abs=0.002)


def test_area_of_equal_ratios_is_the_accuracy():
    correct_SN = ladder(4, 60, [0.7], 0.2, np.random.default_rng(3))[0]
    assert stats.area(np.stack([correct_SN] * 3), [0.1, 0.2, 1]) == stats.accuracy(correct_SN)


@pytest.mark.parametrize("ratios", [[0.5], [0.5, 0.5], [1, 0.5]])
def test_area_needs_ratios_that_rise(ratios):
    with pytest.raises(ValueError, match="ratios"):
        stats.area(np.ones((len(ratios), 1, 4), dtype=bool), ratios)


def line(*shares: float, seeds: int = 1, videos: int = 400) -> np.ndarray:
    """Answers of which the first share of the videos is right at each ratio."""
    right_RN = np.arange(videos) < np.array(shares)[:, None] * videos
    return np.repeat(right_RN[:, None], seeds, axis=1)


@pytest.mark.parametrize("seeds", [1, 2, 3])
@pytest.mark.parametrize(
    ("shares", "value", "low", "high"),
    [
        ((0.2, 0.5, 0.79, 0.8), 0.5, 0.5, 0.5),  # far below 0.72, and far above
        ((0.2, 0.72, 0.79, 0.8), 0.3, 0.3, 0.5),  # just enough: not shown to suffice
        ((0.2, 0.70, 0.79, 0.8), 0.5, 0.3, 0.5),  # just too little: not shown to fall short
        ((0.79, 0.2, 0.79, 0.8), 0.1, 0.1, 0.5),  # enough once, but not from there on
        ((0.2, 0.3, 0.4, 0.8), 1, 1, 1),  # the largest always suffices
        ((0, 0, 0, 0), 0.1, 0.1, 1),  # nine tenths of nothing is reached, and nothing is known
    ],
)
def test_sufficient_ratio(shares, value, low, high, seeds):
    found = stats.sufficient_ratio(line(*shares, seeds=seeds), [0.1, 0.3, 0.5, 1])
    assert (found.value, found.low, found.high) == (value, low, high)
    assert found.covers == ("seeds and videos" if seeds == 3 else "videos")


@QUICK
@given(answers(4))
def test_sufficient_ratio_lies_in_its_interval_on_the_grid(correct_RSN):
    grid = [0.1, 0.3, 0.5, 1.0]
    found = stats.sufficient_ratio(correct_RSN, grid)
    assert found.low <= found.value <= found.high
    assert {found.low, found.value, found.high} <= set(grid)


def test_spread_needs_two_seeds():
    assert stats.spread([0.5]) is None
    assert stats.spread([0.4, 0.6]) == pytest.approx(np.sqrt(0.02))
