"""What the parts of a verdict share: a study's runs and labels, and how its numbers are put into sentences."""

from __future__ import annotations

from typing import Any

import pandas as pd

from partway.results.naming import count
from partway.results.stats import Estimate
from partway.results.tables import condition, row_name
from partway.results.tables.words import SMALLEST_P, Row, Table

COVERED = {"videos": "videos only", "seeds and videos": "seeds and videos"}


class Writer:
    """Puts the numbers of one study into words; every one of them is computed from its files."""

    def __init__(self, runs: pd.DataFrame, lock: dict[str, Any], decimals: int):
        self.runs, self.labels, self.decimals = runs, lock["labels"], decimals
        self.ladders = bool(lock["ladders"])

    def percent(self, value: float) -> str:
        """A fraction as a number of per cent, without the sign."""
        return f"{100 * value:.{self.decimals}f}"

    def points(self, value: float, sign: str = "") -> str:
        """A difference of accuracies in percentage points; what rounds to nothing has no sign."""
        text = f"{100 * value:{sign}.{self.decimals}f}"
        return text if float(text) else f"{0:.{self.decimals}f}"

    def interval(self, estimate: Estimate) -> str:
        """The interval of an accuracy, and what it covers."""
        low, high = self.percent(estimate.low), self.percent(estimate.high)
        return f"95 % interval {low} to {high} %, {COVERED[estimate.covers]}"

    def change(self, estimate: Estimate) -> str:
        """What a clear difference does, with its interval."""
        rises = estimate.value > 0
        low, high = (estimate.low, estimate.high) if rises else (-estimate.high, -estimate.low)
        size = f"{self.points(abs(estimate.value))} points ({self.points(low)} to {self.points(high)})"
        return f"{'raises' if rises else 'lowers'} accuracy by {size}"

    def difference(self, estimate: Estimate) -> str:
        """A difference with its sign and interval."""
        value, low, high = (self.points(number, "+") for number in (estimate.value, estimate.low, estimate.high))
        return f"{value} points, {low} to {high}"

    def chance(self, dataset: str) -> float:
        """The share that guessing gets right: one class in so many."""
        return 1 / float(self.runs[self.runs.dataset == dataset].classes.dropna().iloc[0])

    def condition(self, table: Table) -> str:
        """Under what a table was measured."""
        several = self.runs.model.nunique() > 1 and len({row["model"] for row in table}) == 1
        return condition(table[0], model=several, window=self.runs.window.nunique() > 1)

    def quoted(self, row: Row, table: Table) -> str:
        """A row's name in a sentence."""
        return f"“{row_name(row, table)}”"


def odds(p_value: float) -> str:
    """A p value as how often luck alone does as much."""
    often = 1 / max(p_value, SMALLEST_P)
    return f"fewer than 1 of {often:,.0f}" if p_value < SMALLEST_P else f"about 1 of {often:,.0f}"


def videos_of(row: Any) -> str:
    """The videos that an accuracy is of, by number and split."""
    return count(int(row["videos"]), f"{row['scored_on']} video")
