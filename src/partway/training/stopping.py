"""Early stopping: whether a training goes on, from its log alone, so that there is no state to resume."""

from __future__ import annotations

import math
from collections.abc import Sequence

from partway.schema_training import Training


def is_over(val_top1s: Sequence[float | None], options: Training) -> bool:
    """Whether the epochs so far were the last: all of them have run, or val_top1 has stopped rising.

    Args:
        val_top1s: of the epochs so far; None where there is no validation split.
    """
    early = options.early_stopping
    if early is None or len(val_top1s) >= options.epochs:
        return len(val_top1s) >= options.epochs
    best, waited = -math.inf, 0
    for top1 in val_top1s:
        rises = top1 > best + early.min_delta
        best, waited = (top1, 0) if rises else (best, waited + 1)
    return waited >= early.patience
