"""Intervals of accuracies and of other means between 0 and 1."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from partway.results.stats.crossed import FEWEST_SEEDS, TAIL, Covers, Estimate, crossed_mean, padded

Z95 = -float(ndtri(TAIL))


def accuracy_interval(accuracy: float, videos: int) -> Estimate:
    """Wilson score interval (Wilson 1927) of an accuracy over `videos` test videos.

    It covers the choice of test videos only, not that of the seed. With several seeds `accuracy` is their mean: the
    interval of a mean is no wider than that of one seed, so this one errs to the safe side.
    """
    return _wilson(accuracy, Z95**2 / videos, "videos")


def accuracy(correct_SN: np.ndarray) -> Estimate:
    """Share of right answers of S seeds on the same N videos.

    One or two seeds: Wilson's interval of their mean, which covers the choice of videos only. Three or more: `share`.
    """
    if len(correct_SN) < FEWEST_SEEDS:
        return accuracy_interval(float(correct_SN.mean()), correct_SN.shape[1])
    return share(correct_SN)


def share(values_SN: np.ndarray) -> Estimate:
    """The mean of values in [0, 1] of S seeds x N videos; its interval covers what `crossed_mean` covers.

    Wilson's interval of as many independent videos as would be as uncertain as these seeds and videos are: the
    effective sample size of survey sampling (Dean & Pagano 2015, Franco et al. 2019), with its quantile.
    How uncertain they are is taken with two more videos, one that all seeds have right and one that none has: where
    (nearly) all answers are right, the answers of several seeds to a video count as one.
    """
    videos = values_SN.shape[1]
    mean = crossed_mean(padded(values_SN, 0, 1))
    weight = float(mean.reach(TAIL)) ** 2 / (mean.value * (1 - mean.value)) * (videos + 2) / videos
    return _wilson(float(values_SN.mean()), weight, mean.covers)


def spread(values: list[float]) -> float | None:
    """Standard deviation over seeds (n - 1 in the denominator); None for fewer than two."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _wilson(value: float, weight: float, covers: Covers) -> Estimate:
    """Wilson's interval; `weight` is the square of the quantile, divided by the number of independent videos."""
    centre = (value + weight / 2) / (1 + weight)
    half = (weight * (value * (1 - value) + weight / 4)) ** 0.5 / (1 + weight)
    return Estimate(value, max(0.0, min(value, centre - half)), min(1.0, max(value, centre + half)), covers)
