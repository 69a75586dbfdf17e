"""A collected study as those who tell of it read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pandas as pd

from partway import files
from partway.results.figures.palette import CONDITION, Palette
from partway.results.tables import as_percent, read_runs

# A name may look like a number or like "NA"; only an empty cell is missing.
NAMES = dict.fromkeys(("dataset", "model", "ablation", "train_ratio", "window", "split", "pair", "group"), str)


@dataclass(frozen=True)
class Collected:
    """The files of a collected study that more than one part of the page needs."""

    home: Path
    decimals: int
    lock: dict[str, Any]
    summary: dict[str, Any]
    runs: pd.DataFrame

    @classmethod
    def read(cls, home: Path, decimals: int) -> Collected:
        """Read what collect wrote."""
        lock, summary = (files.read_json(home / name) for name in ("study.lock.json", "summary.json"))
        return cls(home, decimals, lock, summary, read_runs(home))

    @cached_property
    def palette(self) -> Palette:
        """The look of each setting of the whole grid."""
        return Palette(self.runs[CONDITION].drop_duplicates().to_dict("records"), self.lock["labels"])

    @property
    def percent(self) -> Callable[..., str]:
        """Writes a fraction as a number of per cent, as the tables do."""
        return partial(as_percent, decimals=self.decimals)

    @property
    def complete(self) -> pd.DataFrame:
        """The runs that have a result."""
        return self.runs[self.runs.status == "complete"]

    def seconds(self, kind: str) -> float:
        """Time that all `trainings` or `evaluations` took, each once."""
        return sum(record["time_sec"] or 0 for record in self.summary[kind].values())

    def of_data(self, dataset: str) -> pd.DataFrame:
        """The runs on one data set."""
        return self.runs[self.runs.dataset == dataset]

    def csv(self, name: str, dataset: str) -> pd.DataFrame:
        """The rows of ceiling.csv, pairs.csv or leaks.csv about one data set."""
        rows = pd.read_csv(self.home / name, dtype=NAMES, keep_default_na=False, na_values=[""])
        return rows[rows.dataset == dataset]
