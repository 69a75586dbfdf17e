"""Statistics of accuracies on one test set; every function says which randomness its interval covers.

`docs/statistics.md` tells a reviewer what each number is, and how often the intervals hold.
"""

from partway.results.stats.crossed import FEWEST_SEEDS, Estimate
from partway.results.stats.curves import REACHED, area, sufficient_ratio
from partway.results.stats.differences import Difference, difference, holm
from partway.results.stats.shares import accuracy, accuracy_interval, spread

__all__ = [
    "FEWEST_SEEDS",
    "REACHED",
    "Difference",
    "Estimate",
    "accuracy",
    "accuracy_interval",
    "area",
    "difference",
    "holm",
    "spread",
    "sufficient_ratio",
]
