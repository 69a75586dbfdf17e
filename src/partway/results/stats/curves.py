"""What a line of accuracy against observation ratio says as one number, with an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from partway.results.stats.crossed import TAIL, Estimate
from partway.results.stats.differences import mean_difference
from partway.results.stats.shares import share

REACHED = 0.9  # of the accuracy at the largest ratio
ROUNDING = 1e-9  # 72 of 100 videos are nine tenths of 80, though 0.9 * 0.8 is a little more than 0.72


def area(correct_RSN: np.ndarray, ratios_R: Sequence[float]) -> Estimate:
    """Area under accuracy against observation ratio, divided by the span of the ratios: a mean accuracy in [0, 1].

    By the trapezoid rule, for each seed and video; the interval is that of `share` over these, and covers the same.

    Raises:
        ValueError: fewer than two ratios, or they do not rise.
    """
    ratios_R = _rising(ratios_R)
    if len(ratios_R) < 2:
        raise ValueError(f"expected two or more ratios below a line, got {ratios_R.tolist()}")
    return share(np.trapezoid(correct_RSN.astype(float), ratios_R, axis=0) / (ratios_R[-1] - ratios_R[0]))


def sufficient_ratio(correct_RSN: np.ndarray, ratios_R: Sequence[float], share: float = REACHED) -> Estimate:
    """The smallest ratio of the grid whose accuracy reaches `share` of that at the largest ratio.

    The interval turns paired tests of correct(r) - share * correct(largest) round, each one-sided at 2.5 %: `low` is the
    smallest ratio that is not shown to fall short, `high` the smallest from which on every ratio is shown to suffice.
    Asked from the largest ratio downwards, the latter needs no correction for the number of tests (Maurer et al. 1995).
    The largest ratio always suffices. The interval covers what `crossed_mean` covers, and has ends on the grid.

    Raises:
        ValueError: the ratios do not rise.
    """
    ratios_R = _rising(ratios_R)
    short_RSN = correct_RSN - share * correct_RSN[-1]
    means = [mean_difference(short_SN) for short_SN in short_RSN]
    last = len(ratios_R) - 1
    reached_R = short_RSN.mean(axis=(1, 2)) >= -ROUNDING
    perhaps_R = reached_R | np.array([mean.value + mean.reach(TAIL) >= 0 for mean in means])
    surely_R = reached_R & np.array([mean.value - mean.reach(TAIL) >= 0 for mean in means])
    unsure = np.flatnonzero(~surely_R[:last])
    high = int(unsure[-1]) + 1 if len(unsure) else 0
    low, value = (int(np.argmax(np.append(which_R[:last], True))) for which_R in (perhaps_R, reached_R))
    return Estimate(*(float(ratios_R[place]) for place in (value, low, high)), covers=means[0].covers)


def _rising(ratios_R: Sequence[float]) -> np.ndarray:
    ratios_R = np.asarray(ratios_R, dtype=float)
    if (np.diff(ratios_R) <= 0).any():
        raise ValueError(f"expected rising ratios, got {ratios_R.tolist()}")
    return ratios_R
