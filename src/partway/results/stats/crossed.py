"""The mean of seeds x videos and how far it may be off: the one machine below every interval and test.

Test videos and seeds are both samples: another test set and another draw of seeds would have given another mean. Each
seed answers the same videos, so the answers are crossed, and the two-way analysis of variance tells the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit  # scipy.stats takes half a second to import, and gives the same

Covers = Literal["videos", "seeds and videos"]
TAIL = 0.025  # of a 95 % interval, on either side
FEWEST_SEEDS = 3  # to tell their spread: two give one difference, and a t quantile of 12.7


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, and what that covers: the choice of `videos`, or of `seeds and videos`."""

    value: float
    low: float
    high: float
    covers: Covers = "videos"


@dataclass(frozen=True)
class Mean:
    """A mean over seeds and videos, and the parts of its variance.

    Attributes:
        seeds: what the choice of seeds adds, with how they answer each video; 0 where only videos are covered.
        videos: what the choice of videos adds to that.
        videos_alone: variance over videos for these very seeds.
        freedom: degrees of freedom of `seeds`.
    """

    value: float
    seeds: float
    videos: float
    videos_alone: float
    freedom: int
    covers: Covers

    def reach(self, tail: float | np.ndarray) -> float | np.ndarray:
        """How far the mean is below the truth, at most, but for a share `tail` of all studies; and as far above.

        Each part of the variance takes its own quantile, Student's t for the seeds and the normal one for the videos:
        sqrt(t^2 seeds + z^2 videos), which never is too short for normal parts (Banerjee 1960). Another choice of seeds
        makes nothing surer, so that it is no less than for these seeds, z sqrt(videos_alone).
        """
        normal = ndtri(tail) ** 2
        # Far out the quantile of t is beyond what a float holds, and is not asked for where seeds add nothing.
        of_seeds = stdtrit(self.freedom, tail) ** 2 * self.seeds if self.seeds else 0.0
        return np.maximum(of_seeds + normal * self.videos, normal * self.videos_alone) ** 0.5

    @property
    def p_value(self) -> float:
        """Two-sided, of the hypothesis that the truth is 0: below 0.05 exactly where the interval leaves 0 out."""
        least = max(self.seeds + self.videos, self.videos_alone) ** 0.5  # no quantile of t is below the normal one
        shortest, longest = 0.0, min(37.0, abs(self.value) / least)  # normal quantiles; a float holds no tail beyond 37
        for _ in range(6):  # each narrows it to a 64th
            quantiles = np.linspace(shortest, longest, 65)
            beyond = int(np.searchsorted(self.reach(ndtr(-quantiles[1:-1])), abs(self.value)))
            shortest, longest = quantiles[beyond], quantiles[beyond + 1]
        return float(2 * ndtr(-longest))


def crossed_mean(values_SN: np.ndarray) -> Mean:
    """The mean of S seeds x N videos, with its variance.

    Three or more seeds: seeds and videos are both random, so that Var = (MS_seeds + MS_videos - MS_error) / (S N) of the
    two-way analysis of variance without repeats (Cornfield & Tukey 1956).
    Fewer: each video's mean over the seeds, random over videos only, for these very seeds.

    Args:
        values_SN: at least one video; two for a variance that is not 0.
    """
    seeds, videos = values_SN.shape
    values_SN = values_SN.astype(float)
    mean, of_video_N, of_seed_S = values_SN.mean(), values_SN.mean(axis=0), values_SN.mean(axis=1)
    if seeds < FEWEST_SEEDS:
        alone = float(of_video_N.var()) / videos
        return Mean(float(mean), 0.0, alone, alone, 1, "videos")
    of_seeds, of_videos = videos * ((of_seed_S - mean) ** 2).sum(), seeds * ((of_video_N - mean) ** 2).sum()
    of_error = ((values_SN - mean) ** 2).sum() - of_seeds - of_videos
    free = np.array([seeds - 1, videos - 1, (seeds - 1) * (videos - 1)])
    by_seeds, by_videos, by_error = np.array([of_seeds, of_videos, of_error]) / free / (seeds * videos)
    added = max(0.0, float(by_videos - by_error))
    return Mean(float(mean), float(by_seeds), added, float(by_videos), seeds - 1, "seeds and videos")


def padded(values_SN: np.ndarray, low: float, high: float) -> np.ndarray:
    """The values with two more videos, on which all seeds are at `low` and at `high`.

    So there is a width also where a few videos show nothing at all; many videos outweigh the two (Agresti & Coull 1998).
    """
    ends_S2 = np.broadcast_to([low, high], (len(values_SN), 2))
    return np.concatenate([values_SN, ends_S2], axis=1)
