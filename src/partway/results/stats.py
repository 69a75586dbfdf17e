"""Statistics of accuracies on one test set; every function says which randomness its interval covers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri  # scipy.stats takes half a second to import, and gives the same

Z95 = float(ndtri(0.975))


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def accuracy_interval(accuracy: float, videos: int) -> Estimate:
    """Wilson score interval (Wilson 1927) of an accuracy over `videos` test videos.

    It covers the choice of test videos only, not that of the seed. With several seeds `accuracy` is their mean: the
    interval of a mean is no wider than that of one seed, so this one errs to the safe side.
    """
    centre = (accuracy + Z95**2 / (2 * videos)) / (1 + Z95**2 / videos)
    spread = accuracy * (1 - accuracy) / videos + Z95**2 / (4 * videos**2)
    half = Z95 * math.sqrt(spread) / (1 + Z95**2 / videos)
    return Estimate(accuracy, max(0.0, centre - half), min(1.0, centre + half))


def paired_difference(correct_SN: np.ndarray, other_SN: np.ndarray) -> Estimate:
    """Difference in accuracy, first minus second, on the same videos, with an interval over videos.

    The interval is Bonett & Price's (2012): two videos are added, one that speaks for each side, so that it has a
    width also where the two agree on all of a few videos. The value itself is the plain difference.

    Args:
        correct_SN, other_SN: whether each of N videos is right, for each of S seeds (S may differ between the two).

    Returns:
        Mean over videos of the difference between the seeds' means; the interval covers the choice of videos only.
    """
    differences_N = correct_SN.mean(axis=0) - other_SN.mean(axis=0)
    padded = np.concatenate([differences_N, [1.0, -1.0]])
    half = Z95 * float(padded.std()) / math.sqrt(len(padded))
    middle = float(padded.mean())
    return Estimate(float(differences_N.mean()), max(-1.0, middle - half), min(1.0, middle + half))


def spread(values: list[float]) -> float | None:
    """Standard deviation over seeds (n - 1 in the denominator); None for fewer than two."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
