"""The runs of a study as the report shows them: a row each, and behind it what a click on it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import pandas as pd

from partway.results.collected import Collected
from partway.results.naming import ablation_name
from partway.results.report.run_details import Details
from partway.results.report.run_settings import time
from partway.results.tables import HOLE, records
from partway.results.tables.settings import as_written
from partway.study import AXES

MANY = 100  # runs: beyond, a browser lays out their table when it is looked at, for the page would open slowly
MOST_WITH_DETAILS = 1000  # runs: each takes a few kB, and every run.json holds the same
# An axis that all runs share is told above the table and needs no column.
MAY_BE_SHARED = {"dataset": "data set", "model": "model", "train_fraction": "train fraction", "window": "window"}
WORDS = MAY_BE_SHARED | {axis: axis.replace("_", " ") for axis in AXES if axis not in MAY_BE_SHARED}
NUMERIC = ("train_fraction", "observation_ratio", "seed")
SCORES = {
    "test_top1": "test top1",
    "test_top5": "test top5",
    "val_top1": "validation top1",
    "train_eval_top1": "train top1",
}

Percent = Callable[[float | None], str]


@dataclass(frozen=True)
class Column:
    """A column of the table: its head, what of a row of runs.csv it is sorted by, and how that is written."""

    words: str
    value: Callable[[dict[str, Any]], Any]
    text: Callable[[Any], str]
    numeric: bool = True


def columns_of(runs: pd.DataFrame, labels: dict[str, Any], percent: Percent) -> list[Column]:
    """Axes in which runs differ, then state, scores and cost."""
    names = ("ablation", *(axis for axis in AXES if axis != "ablation" and axis not in shared_axes(runs)))
    axes = {axis: Column(WORDS[axis], itemgetter(axis), as_written, axis in NUMERIC) for axis in names}
    axes["ablation"] = Column("ablation", lambda row: ablation_name(row["ablation"], labels), str, numeric=False)
    scores = [Column(words, itemgetter(name), percent) for name, words in SCORES.items()]
    state = Column("state", itemgetter("status"), str, numeric=False)
    cost = [Column("epochs", itemgetter("total_epochs"), _whole), Column("time", itemgetter("time_sec"), time)]
    return [*axes.values(), state, *scores, *cost]


def shared_axes(runs: pd.DataFrame) -> dict[str, Any]:
    """The axes that have one value in all runs, with it."""
    return {axis: runs[axis].iloc[0] for axis in MAY_BE_SHARED if runs[axis].nunique() == 1}


def table_of_runs(study: Collected, *, film_strips: int = 0, roots: dict[str, str] | None = None) -> dict[str, Any]:
    """What the template draws.

    Args:
        film_strips: videos to show of each run.
        roots: where the videos of each data set lie.

    Returns:
        `columns`, `shared` (words -> value), whether they are `many`, and `rows`, each with its cells, state and, the first `told` only, `details`;
        `parts` holds what the details of several runs share.
    """
    columns = columns_of(study.runs, study.lock["labels"], study.percent)
    rows = records(study.runs)
    details = Details(study, rows[:MOST_WITH_DETAILS], film_strips=film_strips, roots=roots or {})
    shared = {WORDS[axis]: as_written(value) for axis, value in shared_axes(study.runs).items()}
    return {
        "columns": columns,
        "shared": shared,
        "rows": [
            {
                "cells": [(column, value, column.text(value)) for column in columns for value in [column.value(row)]],
                **{name: row[name] for name in ("status", "missing")},
                "details": details.of(place) if place < MOST_WITH_DETAILS else None,
            }
            for place, row in enumerate(rows)
        ],
        "parts": details.parts(),
        "told": MOST_WITH_DETAILS,
        "many": len(rows) > MANY,
    }


def _whole(number: float | None) -> str:
    return HOLE if number is None else f"{number:.0f}"
