"""Differences in accuracy between two runs on the same videos: interval, test, and what could have been found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import bdtr, chdtri

from partway.results.stats.crossed import FEWEST_SEEDS, TAIL, Estimate, Mean, crossed_mean, padded

POWER = 0.8
Test = Literal["exact McNemar", "paired over videos", "crossed seeds x videos"]


@dataclass(frozen=True, kw_only=True)
class Difference(Estimate):
    """First minus second accuracy on the same videos.

    Attributes:
        p_value: two-sided, of the hypothesis that there is no difference, by `test`.
        detectable: the smallest true difference that this many seeds and videos would have found (p < 0.05) in four of
            five studies.
    """

    p_value: float
    test: Test
    detectable: float
    seeds: int
    videos: int


def difference(correct_SN: np.ndarray, other_SN: np.ndarray) -> Difference:
    """Difference in accuracy, first minus second, on the same videos and seeds.

    The interval is Bonett & Price's (2012): two videos are added, on which every seed differs by +e and by -e, so that
    it has a width also where the two sides agree on all of a few videos. One seed: e = 1, a video that one side alone
    has right. S seeds: e = 1 / sqrt(S), for the mean of S seeds that differ by +1 or -1 at random spreads by that. The
    value itself is the plain difference, without the two.

    One seed: the interval and McNemar's (1947) exact test cover the choice of videos only. Two seeds: the same interval
    of each video's mean over seeds, and the test that belongs to it. Three or more: seeds and videos, `crossed_mean`.

    Args:
        correct_SN, other_SN: whether each of N videos is right, for each of S seeds, the same in both; or how much it
            counts, in [0, 1], which McNemar's test does not know, so that one seed is tested as two are.

    Raises:
        ValueError: other seeds or videos in the one than in the other.
    """
    if correct_SN.shape != other_SN.shape:
        raise ValueError(f"expected the same seeds x videos twice, got {correct_SN.shape} and {other_SN.shape}")
    differences_SN = correct_SN.astype(float) - other_SN
    mean = mean_difference(differences_SN)
    reach = float(mean.reach(TAIL))
    seeds, videos = differences_SN.shape
    found = {
        "value": float(differences_SN.mean()),
        "low": max(-1.0, mean.value - reach),
        "high": min(1.0, mean.value + reach),
        "covers": mean.covers,
        "seeds": seeds,
        "videos": videos,
    }
    if seeds > 1 or not np.isin(differences_SN, (-1, 0, 1)).all():
        test = "paired over videos" if seeds < FEWEST_SEEDS else "crossed seeds x videos"
        return Difference(**found, p_value=mean.p_value, test=test, detectable=detectable(mean))
    p_value = mcnemar(int((differences_SN > 0).sum()), int((differences_SN < 0).sum()))
    # An exact test asks for up to one video more (Fleiss, Levin & Paik 2003).
    least = min(1.0, detectable(mean) + 1 / videos)
    return Difference(**found, p_value=p_value, test="exact McNemar", detectable=least)


def mean_difference(differences_SN: np.ndarray) -> Mean:
    """The mean of paired differences in [-1, 1], with Bonett & Price's two videos, as `difference` tells."""
    end = len(differences_SN) ** -0.5
    return crossed_mean(padded(differences_SN, -end, end))


def detectable(mean: Mean) -> float:
    """The smallest true difference whose interval leaves 0 out in four of five such studies; 1 at most.

    That is the interval's reach and the reach of one tail of 20 %. Few seeds show less spread than there is more often
    than not, so that theirs is taken to be the median of what such seeds show.
    """
    typical = float(chdtri(mean.freedom, 0.5)) / mean.freedom
    mean = replace(mean, seeds=mean.seeds / typical)
    return min(1.0, float(mean.reach(TAIL) + mean.reach(1 - POWER)))


def mcnemar(only_first: int, only_other: int) -> float:
    """Exact two-sided p value (McNemar 1947) of the videos that one alone is right on; 1 where there are none."""
    return min(1.0, 2 * float(bdtr(min(only_first, only_other), only_first + only_other, 0.5)))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """The p values of one family, adjusted so that one false alarm in it is as rare as each alone (Holm 1979).

    An unknown p value (None) stays unknown and does not count.
    """
    known = np.array([p for p in p_values if p is not None])
    order = np.argsort(known, kind="stable")
    adjusted = np.empty(len(known))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(known[order] * np.arange(len(known), 0, -1)))
    of_known = iter(adjusted.tolist())
    return [None if p is None else next(of_known) for p in p_values]
