"""The runs of a study as the report shows them: a row each, and below it all settings that its numbers come from."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

import pandas as pd

from partway.progress import duration
from partway.results.run_folders import evaluation_settings, training_settings
from partway.results.style import ablation_name, count
from partway.results.tables import HOLE, records
from partway.study import AXES

MOST_WITH_SETTINGS = 1000  # runs: each takes some 5 kB, and every run.json holds the same
# An axis that all runs share is told above the table and needs no column.
MAY_BE_SHARED = {"dataset": "data set", "model": "model", "train_fraction": "train fraction", "window": "window"}
WORDS = MAY_BE_SHARED | {axis: axis.replace("_", " ") for axis in AXES if axis not in MAY_BE_SHARED}
NUMERIC = ("train_fraction", "observation_ratio", "seed")
NOT_THERE = "not there yet"
SCORES = {
    "test_top1": "test top1",
    "test_top5": "test top5",
    "val_top1": "validation top1",
    "train_eval_top1": "train top1",
}
EVALUATED = {"evaluation": "test", "validation": "val"}  # what holds the folder -> prefix of the scores
MEASURED = {"top1": "top1", "top5": "top5", "mean_class_accuracy": "mean class accuracy", "ece": "calibration error"}
SECTIONS = ("model", "sampling", "transforms", "training")
ABOUT_MODEL = ("family", "architecture", "weights", "fallback")

Percent = Callable[[float | None], str]
Setting = tuple[str, bool]  # `epochs 16`, and whether the trainings of the study differ in it


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
    axes = {axis: Column(WORDS[axis], itemgetter(axis), _shown, axis in NUMERIC) for axis in names}
    axes["ablation"] = Column("ablation", lambda row: ablation_name(row["ablation"], labels), str, numeric=False)
    scores = [Column(words, itemgetter(name), percent) for name, words in SCORES.items()]
    state = Column("state", itemgetter("status"), str, numeric=False)
    cost = [Column("epochs", itemgetter("total_epochs"), _whole), Column("time", itemgetter("time_sec"), _time)]
    return [*axes.values(), state, *scores, *cost]


def shared_axes(runs: pd.DataFrame) -> dict[str, Any]:
    """The axes that have one value in all runs, with it."""
    return {axis: runs[axis].iloc[0] for axis in MAY_BE_SHARED if runs[axis].nunique() == 1}


def table_of_runs(
    runs: pd.DataFrame, lock: dict[str, Any], summary: dict[str, Any], percent: Percent
) -> dict[str, Any]:
    """What the template draws.

    Args:
        runs: of runs.csv.
        lock: of study.lock.json.
        summary: of summary.json.
        percent: writes a fraction as a number of per cent.

    Returns:
        `columns`, `shared` (words -> value) and `rows`, each with its cells, state, and settings; the first `told` only.
    """
    columns, settings = columns_of(runs, lock["labels"], percent), Settings(lock, summary, percent)
    rows = []
    for row, run, collected in zip(records(runs), lock["runs"], summary["runs"], strict=True):
        told = len(rows) < MOST_WITH_SETTINGS
        rows.append(
            {
                "cells": [(column, value, column.text(value)) for column in columns for value in [column.value(row)]],
                **{name: row[name] for name in ("status", "missing")},
                "stages": settings.stages(run["trainings"]) if told else [],
                "evaluations": settings.evaluations(run, row) if told else [],
                "folder": collected["paths"]["run"],
            }
        )
    shared = {WORDS[axis]: _shown(value) for axis, value in shared_axes(runs).items()}
    return {"columns": columns, "shared": shared, "rows": rows, "told": MOST_WITH_SETTINGS}


class Settings:
    """The settings of trainings and evaluations in full, as run.json has them, and what became of each."""

    def __init__(self, lock: dict[str, Any], summary: dict[str, Any], percent: Percent):
        self.lock, self.summary, self.percent = lock, summary, percent
        self.different = self._different()
        self.training = cache(self._training)

    def stages(self, folders: list[str]) -> list[dict[str, Any]]:
        """The trainings of a run, one after the other."""
        several = len(folders) > 1
        titles = [f"Training, stage {n} of {len(folders)}" if several else "Training" for n, _ in enumerate(folders, 1)]
        return [{"title": title, **self.training(folder)} for title, folder in zip(titles, folders, strict=True)]

    def evaluations(self, run: dict[str, Any], row: dict[str, Any]) -> list[dict[str, Any]]:
        """The evaluations of a run, on test and on validation."""
        return [self._evaluation(run[kind], prefix, row) for kind, prefix in EVALUATED.items() if run[kind]]

    def _evaluation(self, folder: str, prefix: str, row: dict[str, Any]) -> dict[str, Any]:
        spec = evaluation_settings(self.lock["evaluations"][folder]["spec"])
        settings = [f"{key} {_shown(value)}" for key, value in spec.items() if key != "training"]
        scores = {words: row[f"{prefix}_{name}"] for name, words in MEASURED.items()}
        told = [f"{words} {self.percent(score)} %" for words, score in scores.items() if score is not None]
        made = self.summary["evaluations"].get(folder)
        told += [f"no labels, classes in {row['submission']}"] if prefix == "test" and row["submission"] else []
        outcome = ", ".join([*told, *_made_on(made)]) if made else NOT_THERE
        return {"title": f"Evaluation on {spec['split']}", "folder": folder, "settings": settings, "outcome": outcome}

    def _training(self, folder: str) -> dict[str, Any]:
        sections = {
            name: [(f"{key} {_shown(value)}", (name, key) in self.different) for key, value in section.items()]
            for name, section in self._sections(folder).items()
        }
        made = self.summary["trainings"].get(folder)
        return {"folder": folder, "sections": sections, "outcome": _outcome(made) if made else NOT_THERE}

    def _sections(self, folder: str) -> dict[str, dict[str, Any]]:
        return _sections(self.lock["trainings"][folder]["spec"], self.summary["trainings"].get(folder))

    def _different(self) -> set[tuple[str, str]]:
        """The settings in which the trainings of the study differ, as (section, key)."""
        values: dict[tuple[str, str], set[str]] = defaultdict(set)
        for folder in self.lock["trainings"]:
            for name, section in self._sections(folder).items():
                for key, value in section.items():
                    values[name, key].add(_shown(value))
        return {place for place, found in values.items() if len(found) > 1}


def _sections(spec: dict[str, Any], made: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """A training's settings in full, by section; those of no section are about its model or its data."""
    full = training_settings(spec, made)
    sections = {name: full.pop(name) for name in SECTIONS}
    model = {name: full.pop(name) for name in ABOUT_MODEL} | sections["model"]
    return sections | {"model": model, "data": {"folder": full.pop("data")} | full}


def _shown(value: Any) -> str:
    """A value as a study file would write it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return value if isinstance(value, str) else f"{value:.6g}" if isinstance(value, float) else json.dumps(value)


def _outcome(made: dict[str, Any]) -> str:
    epochs = f"{count(made['epochs'], 'epoch')}, epoch {made['chosen_epoch']} chosen"
    epochs = epochs if made["epochs"] else "no epochs, its weights evaluated as they are"
    threads = [count(made["threads"], "thread")] if made["threads"] else []
    commit = [f"commit {made['git_commit']}"] if made["git_commit"] else []
    return ", ".join([epochs, *_made_on(made), *threads, *commit])


def _made_on(made: dict[str, Any]) -> list[str]:
    """How long it took, on which device, in which precision; what was not recorded is left out."""
    facts = [_time(made["time_sec"]), made["device"], made["precision"]]
    return [fact for fact in facts if fact and fact != HOLE]


def _whole(number: float | None) -> str:
    return HOLE if number is None else f"{number:.0f}"


def _time(seconds: float | None) -> str:
    return HOLE if seconds is None else duration(seconds)
