"""The settings in which the rows of a ladder differ, named as the study file names them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pandas as pd

from partway.results.run_folders import evaluation_settings, training_settings
from partway.results.tables.rows import conditions
from partway.schema_clips import Evaluation

# Axes of the tables, and what belongs to a data set or to a chain of trainings: no setting of a row.
NO_SETTING = ("data", "store", "validation", "train_ratio", "train_fraction", "window", "seed", "parent")
OF_MODEL = ("family", "architecture", "weights", "fallback")  # a study file writes these in `models`
TOLD_IF_SAME = ("total epochs", "effective batch", "views")

SECTIONS = ("model", "sampling", "transforms", "training", "evaluation")

Settings = dict[str, Any]  # values by name, in the order of a study file
Rows = dict[tuple[str, str], Settings]  # by model and ablation, in the order of the ladder


def settings_of_rows(
    runs: pd.DataFrame, ladder: dict[str, Any], lock: dict[str, Any], made: dict[str, dict[str, Any]]
) -> Rows:
    """All settings of each row of a ladder.

    Args:
        runs: of runs.csv.
        ladder: its definition.
        lock: of study.lock.json.
        made: records of the finished trainings, by folder.
    """
    first: dict[tuple[str, str], Any] = {}
    for _, rows, group in conditions(runs, ladder):  # a row's settings are the same under all of them
        by_row = {(run.model, run.ablation): run for run in group.drop_duplicates(["model", "ablation"]).itertuples()}
        for pair in ((row["model"], row["ablation"]) for row in rows):
            if pair in by_row:
                first.setdefault(pair, by_row[pair])
    return {pair: _settings(run.training, run.evaluation, lock, made) for pair, run in first.items()}


def differing(rows: Rows) -> list[str]:
    """The settings that are not the same in all rows.

    A section that is off in one row (null) differs in what it says in the others.
    """
    names = sorted(dict.fromkeys(name for settings in rows.values() for name in settings), key=_section)
    return [name for name in names if _differs(name, list(rows.values())) and not _has_parts(name, names)]


def told_if_same(rows: Rows) -> Settings:
    """What a reader asks for first, as far as it is the same in all rows."""
    first = next(iter(rows.values()))
    return {name: first[name] for name in TOLD_IF_SAME if name not in differing(rows)}


def as_written(value: Any) -> str:
    """A value as a study file would write it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.6g}"
        case list() | tuple():
            return f"[{', '.join(map(as_written, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}: {as_written(item)}' for key, item in value.items())}}}"
    return str(value)


def _differs(name: str, rows: list[Settings]) -> bool:
    """Whether a setting differs; sizes of a model that is not there yet are not known, which is no difference."""
    values = {as_written(settings[name]) for settings in rows if name in settings}
    lacking = any(name not in settings for settings in rows)
    return len(values) > 1 or (lacking and not name.startswith("model."))


def _section(name: str) -> tuple[int, int]:
    """Where a setting stands: by stage, and there by section."""
    stage = int(name.removeprefix("stage ").partition(":")[0]) if name.startswith("stage ") else 1
    section = name.partition(".")[0]
    return stage, SECTIONS.index(section) if section in SECTIONS else -1


def _has_parts(name: str, names: list[str]) -> bool:
    return any(other.startswith(f"{name}.") for other in names)


def _settings(training: str, evaluation: str, lock: dict[str, Any], made: dict[str, dict[str, Any]]) -> Settings:
    """Everything that was set for a run: of its first training, what each further one changes, and its views."""
    chain = [training]
    while parent := lock["trainings"][chain[0]]["parent"]:
        chain.insert(0, parent)
    stages = [_of_training(lock["trainings"][folder]["spec"], made.get(folder)) for folder in chain]
    views = evaluation_settings(lock["evaluations"][evaluation]["spec"])["views"]
    found = _derived(stages) | {"views": Evaluation.model_validate(views).views} | stages[0]
    for number, (before, stage) in enumerate(pairwise(stages), start=2):
        changed = {name: value for name, value in stage.items() if name not in before or before[name] != value}
        found |= {f"stage {number}: {name.removeprefix('training.')}": value for name, value in changed.items()}
    return found | dict(_flat("evaluation", views))


def _derived(stages: list[Settings]) -> Settings:
    batches = [stage["training.batch_size"] * stage["training.accumulation"] for stage in stages]
    return {
        "total epochs": sum(stage["training.epochs"] for stage in stages),
        "effective batch": batches[0] if len(set(batches)) == 1 else ", then ".join(map(str, batches)),
        "stages": len(stages),
    }


def _of_training(spec: dict[str, Any], made: dict[str, Any] | None) -> Settings:
    """One training's settings in full; of a checkpoint's model, only what the study says as long as it is not loaded."""
    full = {name: value for name, value in training_settings(spec, made).items() if name not in NO_SETTING}
    if made is None and spec["weights"] != "scratch":
        full["model"] = spec.get("model", {})
    full["model"] = {name: full.pop(name) for name in OF_MODEL} | full["model"]
    return {name: value for section, values in full.items() for name, value in _flat(section, values)}


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flat(f"{name}.{key}", item)
    else:
        yield name, value
