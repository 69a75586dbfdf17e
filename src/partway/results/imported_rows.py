"""Imported results as rows of runs.csv and epochs.csv, behind those of the study, and kept apart when these are read.

A row of runs.csv is marked by `status`, one of epochs.csv by having no training. Their model is the import's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

IMPORTED = "imported"  # the status, and what stands for an ablation

Imports = list[dict[str, Any]]


def of_runs(imports: Imports) -> Iterator[dict[str, Any]]:
    """Rows of runs.csv. The accuracies are of validation; nothing is known of test, seed and share of the train videos."""
    for made, run in _each(imports):
        yield _axes(made, run) | {
            "status": IMPORTED,
            "scored_on": "validation",
            **{name: run[name] for name in ("val_top1", "val_top5", "train_top1", "train_eval_top1")},
            "val_videos": made["videos"],
            **{name: run[name] for name in ("total_epochs", "chosen_epoch")},
        }


def of_epochs(imports: Imports) -> Iterator[dict[str, Any]]:
    """Rows of epochs.csv."""
    for made, run in _each(imports):
        for epoch in run["epochs"]:
            yield _axes(made, run) | {"stage": 1, "chosen": int(epoch["epoch"] == run["chosen_epoch"])} | epoch


def in_summary(imports: Imports) -> Imports:
    """What summary.json says of them: all but the epochs."""
    runs = {made["name"]: [{**run, "epochs": len(run["epochs"])} for run in made["runs"]] for made in imports}
    return [made | {"status": IMPORTED, "runs": runs[made["name"]]} for made in imports]


def read_measured(path: Path, text: dict[str, type], mark: str = "status") -> pd.DataFrame:
    """The rows of runs.csv or epochs.csv that are the study's own, typed as if nothing had been imported.

    Args:
        text: columns that stay text.
        mark: the column that tells: `status`, or `training` in epochs.csv.
    """
    own = (~_is_imported(path, mark)).sum()
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""], nrows=int(own))


def read_imported(path: Path, text: dict[str, type], mark: str = "status") -> pd.DataFrame:
    """The rows that were imported."""
    rows = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
    return rows[_is_imported(path, mark)]


def _is_imported(path: Path, mark: str) -> pd.Series:
    """Whether each row was imported; these are the last ones."""
    marks = pd.read_csv(path, usecols=[mark], dtype=str, keep_default_na=False, skip_blank_lines=False)[mark]
    return marks == (IMPORTED if mark == "status" else "")


def _each(imports: Imports) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    return ((made, run) for made in imports for run in made["runs"])


def _axes(made: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """The axes that are known; the script trained once for each ratio."""
    names = {"model": made["name"], "ablation": IMPORTED, "train_ratio": "matched"}
    return {
        "dataset": made["dataset"],
        **names,
        "observation_ratio": run["observation_ratio"],
        "window": made["window"],
    }
