"""The rows of epochs.csv: every epoch of every finished training once, by the axes of the run that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from partway import files
from partway.results.collect.reading import Results
from partway.study import Run, Study

EPOCH_AXES = [
    *("dataset", "model", "ablation", "train_ratio", "train_fraction", "window", "seed"),
    *("observation_ratio", "stage", "training", "chosen"),  # the ratio that the training saw
]


def epoch_rows(study: Study, results: Results) -> Iterator[dict[str, Any]]:
    """The log rows of every finished training, with the axes of a run."""
    for folder, (run, stage) in _owners(study).items():
        training = results.read("trainings", folder, "training.json")
        log = results.folder / "trainings" / folder / "training_log.csv"
        if training is None or not log.exists():
            continue
        ratio = study.trainings[folder].spec["train_ratio"]
        axes = run.cell | {"observation_ratio": ratio, "stage": stage, "training": folder}
        for row in files.read_csv(log):
            yield axes | {"chosen": int(int(row["epoch"]) == training["chosen_epoch"])} | row


def epoch_columns(rows: list[dict[str, Any]]) -> list[str]:
    """The columns of epochs.csv: the axes, then whatever any log holds, for trainings measure different things."""
    return list(dict.fromkeys([*EPOCH_AXES, *(name for row in rows for name in row)]))


def _owners(study: Study) -> dict[str, tuple[Run, int]]:
    """For each training the first run that ends with it, or else that passes through it, and its stage there."""
    owners: dict[str, tuple[Run, int]] = {}
    for run in study.runs:
        owners.setdefault(run.trainings[-1], (run, len(run.trainings)))
    for run in study.runs:
        for stage, folder in enumerate(run.trainings, start=1):
            owners.setdefault(folder, (run, stage))
    return owners
