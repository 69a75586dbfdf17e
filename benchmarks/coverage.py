"""How often the intervals and tests of `partway.results.stats` hold, on simulated studies whose truth is known.

    python benchmarks/coverage.py --output coverage.csv     # every cell of the grid, a quarter of an hour on one core
    python benchmarks/coverage.py --quick

A video is answered right where a sum of normal parts is above 0: the row's strength, the video's difficulty (shared by
all rows), what the row makes of the video, the luck of the seed, and what the seed makes of the video. So accuracy,
difference, area and sufficient ratio of all seeds and videos there could be are known in closed form.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtr

from partway.results import stats
from partway.results.stats.differences import mean_difference

VIDEO_SD, ROW_VIDEO_SD, ANSWER_SD = 1.6, 0.5, 1.0  # seeds agree on most videos, and so do the rows of a ladder
LUCK = {"small": 0.03, "large": 0.2}  # standard deviations of the seed; 0.6 and 4 points at an accuracy of 50 %
ROWS = 6
PAIRS = [*((k, k - 1) for k in range(1, ROWS)), *((k, 0) for k in range(2, ROWS))]  # what a table shows, each once
RATIOS = [0.1, 0.3, 0.5, 0.7, 0.9]
REACHED = np.array([0.5, 0.75, 0.88, 0.95, 1])  # of the accuracy at the largest ratio: 0.7 is the first to suffice
PILOTS = 100  # studies that tell how large a difference is called detectable
GRID = {"seeds": [1, 2, 3, 5, 10], "videos": [100, 510, 1530, 3783], "accuracy": [0.1, 0.5, 0.9, 0.98], "luck": [*LUCK]}
CLAIMS = ["accuracy", "difference", "true_difference", "area", "sufficient", "flagged", "uncorrected", "plain", "power"]


@dataclass(frozen=True)
class World:
    """What simulated studies have in common.

    Attributes:
        luck: a key of LUCK.
        group: videos of one group, whose difficulties share `shared` of their variance.
    """

    seeds: int
    videos: int
    accuracy: float
    luck: str
    group: int = 1
    shared: float = 0.0

    @property
    def rng(self) -> np.random.Generator:
        """Of its own, so that a cell has the same studies whatever else is simulated."""
        return np.random.default_rng(list(str(self).encode()))

    def study(self, accuracies_K: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Answers of K rows, and the accuracy of each that its intervals should hold.

        That is the accuracy over all seeds and videos there could be; for one or two seeds, over all videos, for these.
        """
        sd = LUCK[self.luck]
        rest = (VIDEO_SD**2 + ROW_VIDEO_SD**2 + ANSWER_SD**2) ** 0.5
        shape_KSN = (len(accuracies_K), self.seeds, self.videos)
        strength_KS = ndtri(accuracies_K)[:, None] * (rest**2 + sd**2) ** 0.5 + sd * rng.standard_normal(shape_KSN[:2])
        latent_KSN = ANSWER_SD * rng.standard_normal(shape_KSN, dtype=np.float32)
        latent_KSN += VIDEO_SD * self._difficulty(1, rng)[:, None]
        latent_KSN += ROW_VIDEO_SD * self._difficulty(shape_KSN[0], rng)[:, None]
        given = self.seeds < stats.FEWEST_SEEDS
        truth_K = ndtr(strength_KS / rest).mean(axis=1) if given else accuracies_K
        return latent_KSN > -strength_KS[..., None].astype(np.float32), truth_K

    def _difficulty(self, rows: int, rng: np.random.Generator) -> np.ndarray:
        own_KN = rng.standard_normal((rows, self.videos), dtype=np.float32)
        if not self.shared:
            return own_KN
        groups_KG = rng.standard_normal((rows, -(-self.videos // self.group)), dtype=np.float32)
        of_group_KN = np.repeat(groups_KG, self.group, axis=1)[:, : self.videos]
        return (1 - self.shared) ** 0.5 * own_KN + self.shared**0.5 * of_group_KN


def holds(estimate: stats.Estimate, truth: float) -> bool:
    """Whether the truth lies in an interval, but for rounding."""
    return estimate.low - 1e-9 <= truth <= estimate.high + 1e-9


def plain_p_value(correct_SN: np.ndarray, other_SN: np.ndarray) -> float:
    """What Student's t with Satterthwaite's degrees of freedom would have said of three or more seeds."""
    mean = mean_difference(correct_SN.astype(float) - other_SN)
    variance = max(mean.seeds + mean.videos, mean.videos_alone)
    freedom = mean.freedom * (variance / mean.seeds) ** 2 if mean.seeds else np.inf
    return float(2 * stdtr(freedom, -abs(mean.value) / variance**0.5))


def null_ladder(world: World, rng: np.random.Generator) -> dict[str, float]:
    """A ladder whose rows are all equally good."""
    correct_KSN, truth_K = world.study(np.full(ROWS, world.accuracy), rng)
    differences = [stats.difference(correct_KSN[row], correct_KSN[other]) for row, other in PAIRS]
    truths = [truth_K[row] - truth_K[other] for row, other in PAIRS]
    found = [stats.accuracy(correct_SN) for correct_SN in correct_KSN]
    p_values = [difference.p_value for difference in differences]
    plain = [1.0]
    if world.seeds >= stats.FEWEST_SEEDS:
        plain = stats.holm([plain_p_value(correct_KSN[row], correct_KSN[other]) for row, other in PAIRS])
    return {
        "accuracy": np.mean([holds(*pair) for pair in zip(found, truth_K, strict=True)]),
        "difference": np.mean([holds(*pair) for pair in zip(differences, truths, strict=True)]),
        "flagged": min(stats.holm(p_values)) < 0.05,
        "uncorrected": min(p_values) < 0.05,
        "plain": min(plain) < 0.05,
    }


def detectable_pair(world: World, detectable: float, rng: np.random.Generator) -> dict[str, float]:
    """Two rows that differ by what is called detectable."""
    middle = np.clip(world.accuracy, detectable / 2 + 0.001, 1 - detectable / 2 - 0.001)
    correct_KSN, truth_K = world.study(middle + np.array([0.5, -0.5]) * detectable, rng)
    found = stats.difference(*correct_KSN)
    return {"true_difference": holds(found, truth_K[0] - truth_K[1]), "power": found.p_value < 0.05 and found.value > 0}


def line(world: World, rng: np.random.Generator) -> dict[str, float]:
    """Accuracy against ratio, each ratio with trainings of its own."""
    correct_RSN, truth_R = world.study(world.accuracy * REACHED, rng)
    span = RATIOS[-1] - RATIOS[0]
    enough = RATIOS[int(np.argmax(truth_R >= stats.REACHED * truth_R[-1] - 1e-12))]
    return {
        "area": holds(stats.area(correct_RSN, RATIOS), float(np.trapezoid(truth_R, RATIOS)) / span),
        "sufficient": holds(stats.sufficient_ratio(correct_RSN, RATIOS), enough),
    }


def measured(world: World, simulations: int) -> dict[str, float]:
    """Shares of the simulated studies in which each claim held."""
    rng = world.rng
    pilots = (world.study(np.full(2, world.accuracy), rng)[0] for _ in range(PILOTS))
    detectable = float(np.median([stats.difference(*correct_KSN).detectable for correct_KSN in pilots]))
    studies = (
        null_ladder(world, rng) | detectable_pair(world, detectable, rng) | line(world, rng) for _ in range(simulations)
    )
    return asdict(world) | {"detectable": detectable} | pd.DataFrame(studies).mean().to_dict()


def cells(grid: dict[str, list]) -> Iterator[World]:
    """Every world of a grid."""
    for values in itertools.product(*grid.values()):
        yield World(**dict(zip(grid, values, strict=True)))


def grouped() -> Iterator[World]:
    """Worlds whose videos come in groups of five, as those of UCF-101 do, beside worlds without."""
    for seeds, videos, shared in itertools.product([1, 3, 10], [510, 3783], [0, 0.3, 0.6]):
        yield replace(World(seeds, videos, 0.9, "small"), group=5, shared=shared)


def summary(table: pd.DataFrame, by: list[str]) -> str:
    """Mean share in percent, and the lowest to the highest, over the cells that are alike in `by`."""
    rows = []
    for values, group in table.groupby(by):
        row = dict(zip(by, values, strict=True))
        for claim in CLAIMS:
            mean, low, high = (100 * of for of in (group[claim].mean(), group[claim].min(), group[claim].max()))
            row[claim] = f"{mean:.1f} ({low:.1f} to {high:.1f})" if low < high else f"{mean:.1f}"
        rows.append(row | ({"plain": ""} if values[0] < stats.FEWEST_SEEDS else {}))
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)


def main() -> None:
    """Simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=1000, help="of each cell (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="20 of a few cells: does it run?")
    parser.add_argument("--groups", action="store_true", help="videos that come in groups, instead of the grid")
    parser.add_argument("--seeds", type=int, nargs="+", default=GRID["seeds"])
    parser.add_argument("--output", help="a CSV with one row a cell")
    options = parser.parse_args()
    grid = GRID | {"seeds": options.seeds} | ({"videos": [100], "accuracy": [0.9]} if options.quick else {})
    worlds = grouped() if options.groups else cells(grid)
    table = pd.DataFrame(measured(world, 20 if options.quick else options.simulations) for world in worlds)
    print(summary(table, ["seeds", "videos", "shared"] if options.groups else ["seeds", "videos"]))
    if options.output:
        table.to_csv(options.output, index=False)


if __name__ == "__main__":
    main()
