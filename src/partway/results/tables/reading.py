"""Reading what collect and tables wrote: runs.csv, accuracies.csv and the tables of a ladder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from partway.errors import DataError
from partway.results import imported_rows
from partway.results.estimates import SETTING

CONDITIONS = SETTING[:-2]  # all but model and ablation
PREFIXES = {"test": "test", "validation": "val"}  # of columns, by split
SCORED = ("top1", "top1_std", "low", "high", "covers", "videos")  # of the split that a table shows, after its prefix
# A name may look like a number or like "NA"; only an empty cell is missing.
NAMES = ("dataset", "window", "train_ratio", "model", "ablation", "scored_on", "missing")
MADE_WITH = ("git_commit", "numerics", "versions")
IN_RUNS = dict.fromkeys((*NAMES, "status", "submission", "weights", "weights_asked", *MADE_WITH), str)
IN_TABLES = dict.fromkeys((*NAMES, "label", "note"), str)
IN_ACCURACIES = dict.fromkeys((*NAMES, "covers"), str)


def read_runs(home: Path) -> pd.DataFrame:
    """Read runs.csv; `train_ratio` stays text, for it may be a word.

    What was imported is not among them: `imported.read_curves`. Beside its columns stand `top1` and `videos`, the
    accuracy that tables and figures show, and `scored`, the evaluation that it is of: that of test, or of validation where
    the test split has no labels (`scored_on`).
    """
    runs = imported_rows.read_measured(home / "runs.csv", IN_RUNS)
    axes = [*SETTING, "seed"]
    if (twice := runs[runs.duplicated(axes)]).size:
        raise DataError(f"{home / 'runs.csv'}: a run stands twice: {twice.iloc[0][axes].to_dict()}")
    of_test = runs.scored_on == "test"
    shown = {"top1": ("test_top1", "val_top1"), "videos": ("test_videos", "val_videos")}
    shown |= {"scored": ("evaluation", "validation")}
    return runs.assign(**{name: runs[test].where(of_test, runs[other]) for name, (test, other) in shown.items()})


def read_tables(home: Path, ladder: str, rows: int) -> Iterator[list[dict[str, Any]]]:
    """The tables of a ladder, which its CSV holds one after the other, each with all `rows` of the ladder, `scored`."""
    table = pd.read_csv(home / "tables" / f"{ladder}.csv", dtype=IN_TABLES, keep_default_na=False, na_values=[""])
    plain = [scored(row) for row in records(table)]
    for first in range(0, len(plain), rows):
        yield plain[first : first + rows]


def read_accuracies(home: Path) -> dict[tuple, dict[str, Any]]:
    """The rows of accuracies.csv by CONDITIONS, model and ablation."""
    table = pd.read_csv(home / "accuracies.csv", dtype=IN_ACCURACIES, keep_default_na=False, na_values=[""])
    rows = [row | {"videos": int(row["videos"]) if row["videos"] else None} for row in records(table)]
    return {tuple(row[axis] for axis in SETTING): row for row in rows}


def scored(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a table with the accuracy that it shows as top1, low, covers and so on: that of its `scored_on`."""
    return row | {name: row[f"{PREFIXES[row['scored_on']]}_{name}"] for name in SCORED}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as plain values; an empty cell is None."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")
