"""Gather the trainings and evaluations of a study: runs.csv, epochs.csv, summary.json, study.lock.json."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from partway import files
from partway.errors import DataError
from partway.study import AXES, Run, Study

SCORES = ("top1", "top5", "mean_class_accuracy", "loss")
RUN_COLUMNS = [
    *AXES,
    "status",
    *(f"test_{score}" for score in SCORES),
    "test_videos",
    *(f"val_{score}" for score in SCORES),
    "val_videos",
    *("train_top1", "train_target", "train_eval_top1", "train_eval_videos"),
    *(
        "classes",
        "views",
        "total_epochs",
        "chosen_epoch",
        "time_sec",
        "parameters",
        "device",
        "threads",
        "git_commit",
    ),
    *("training", "evaluation", "validation", "predictions_digest", "missing"),
]
EPOCH_AXES = [
    "dataset",
    "model",
    "ablation",
    "train_ratio",
    "train_fraction",
    "window",
    "seed",
    "stage",
    "training",
]
RUN_FILES = {"training_log": "training_log.csv", "checkpoint": "checkpoint.pt", "training": "training.json"}

Reader = Callable[[str, str, str], dict[str, Any] | None]  # kind, folder, file name -> its content, if it is there


def collect(study_file: Path, home: Path, *, partial: bool = False) -> None:
    """Write the collected files into `home`, or, with tables and figures and holes marked, into `home/partial`.

    Args:
        study_file: the frozen study.
        home: `results/<name>`.
        partial: take what there is; else a missing run is an error.

    Raises:
        DataError: a run is missing or its evaluation is of other weights than its training now has.
    """
    study = Study.from_dict(files.read_json(study_file))
    read = cache(lambda *place: _read(study, *place))  # runs share trainings: each file is opened once
    rows = [_row(study, run, read) for run in study.runs]
    missing = [row for row in rows if row["missing"]]
    if missing and not partial:
        raise DataError(f"{len(missing)} of {len(rows)} runs are not complete, first: {missing[0]['missing']}")
    out = home / "partial" if partial else home
    files.write_csv(out / "runs.csv", rows, RUN_COLUMNS)
    epochs = _epochs(study)
    files.write_csv(out / "epochs.csv", epochs, [*EPOCH_AXES, *_log_columns(epochs)])
    files.write_json(out / "study.lock.json", study.lock() | {"results_dir": study.results_dir})
    files.write_json(
        out / "summary.json", {"study": study.name, "digest": study.digest, "runs": _summary(study, rows, read)}
    )
    if partial:
        _draw(study, out)
    else:
        shutil.rmtree(home / "partial", ignore_errors=True)
        shutil.rmtree(home / ".collected", ignore_errors=True)  # an earlier study is no longer what lies here
        files.write_text(home / ".collected" / study.digest, f"collected from {study.source}\n")


def _draw(study: Study, folder: Path) -> None:
    from partway.results.figures import draw_figures
    from partway.results.tables import write_tables

    write_tables(folder, study.tables)
    draw_figures(folder, study.figures)


def _row(study: Study, run: Run, read: Reader) -> dict[str, Any]:
    """One run as a row; what is missing stands in `missing`, and nothing is filled in for it."""
    trainings = [read("trainings", folder, "training.json") for folder in run.trainings]
    final = trainings[-1]
    test, validation = (
        read("evaluations", folder, "metrics.json") if folder else None for folder in (run.evaluation, run.validation)
    )
    missing = _missing(study, run, trainings, test, validation, read)
    row: dict[str, Any] = run.cell | {
        "status": "missing" if missing else "complete",
        "training": run.trainings[-1],
        "evaluation": run.evaluation,
        "validation": run.validation,
        "missing": missing,
    }
    if missing:
        return row
    for prefix, metrics in (("test", test), ("val", validation)):
        if metrics:
            row |= {f"{prefix}_{score}": metrics[score] for score in SCORES} | {f"{prefix}_videos": metrics["videos"]}
    return row | {
        "train_top1": final["chosen"]["train_top1"],
        "train_target": final["train_target"],
        "train_eval_top1": final["chosen"]["train_eval_top1"],
        "train_eval_videos": final["videos"]["train_eval"],
        "classes": test["classes"],
        "views": test["views"],
        "total_epochs": sum(training["epochs"] for training in trainings),
        "chosen_epoch": final["chosen_epoch"],
        "time_sec": round(sum(training["time_sec"] for training in trainings), 3),
        "parameters": final["parameters"],
        "device": final["device"],
        "threads": final["threads"],
        "git_commit": final["git_commit"],
        "predictions_digest": test["predictions_digest"],
    }


def _missing(
    study: Study, run: Run, trainings: list, test: dict | None, validation: dict | None, read: Reader
) -> str | None:
    """What a run lacks, or why what is there is no result; None for a complete run."""
    again = "delete its folder and run again"
    dataset = read("data", study.datasets[run.dataset].folder, "dataset.json")
    before = None
    for folder, training in zip(run.trainings, trainings, strict=True):
        if training is None:
            return f"training {folder} ({study.trainings[folder].title})"
        if training["parent_digest"] != before:
            return f"training {folder} from the present weights of the stage before: {again}"
        if dataset and training["data_fingerprint"] != dataset["fingerprint"]:
            return f"training {folder} on the present videos (one was replaced by another of the same size): {again}"
        before = training["checkpoint_digest"]
    for folder, metrics in ((run.evaluation, test), (run.validation, validation)):
        if folder and metrics is None:
            return f"evaluation {folder} ({study.evaluations[folder].title})"
        if folder and metrics["checkpoint_digest"] != before:
            return f"evaluation {folder} of the present weights: {again}"
    return None


def _read(study: Study, kind: str, folder: str, name: str) -> dict[str, Any] | None:
    path = Path(study.results_dir, kind, folder, name)
    return files.read_json(path) if path.exists() else None


def _epochs(study: Study) -> list[dict[str, Any]]:
    """The log rows of every finished training once, by the axes of the first run that uses it."""
    rows, seen = [], set()
    for run in study.runs:
        axes = {name: value for name, value in run.cell.items() if name in EPOCH_AXES}
        for stage, folder in enumerate(run.trainings, start=1):
            log = Path(study.results_dir, "trainings", folder, "training_log.csv")
            if folder not in seen and log.exists():
                seen.add(folder)
                rows += [axes | {"stage": stage, "training": folder} | row for row in files.read_csv(log)]
    return rows


def _log_columns(epochs: list[dict[str, Any]]) -> list[str]:
    return [name for name in (epochs[0] if epochs else {}) if name not in EPOCH_AXES]


def _summary(study: Study, rows: list[dict[str, Any]], read: Reader) -> list[dict[str, Any]]:
    runs = []
    for run, row in zip(study.runs, rows, strict=True):
        training = read("trainings", run.trainings[-1], "training.json") if not row["missing"] else None
        folder = f"{study.results_dir}/trainings/{run.trainings[-1]}"
        runs.append(
            run.cell
            | {name: row.get(name) for name in ("status", "missing", "test_top1", "test_top5", "test_videos")}
            | {"chosen": training and training["chosen"], "final": training and training["final"]}
            | {"paths": {name: f"{folder}/{file}" for name, file in RUN_FILES.items()}}
            | {"trainings": list(run.trainings), "evaluation": run.evaluation, "validation": run.validation}
            | {"predictions_digest": row.get("predictions_digest")}
        )
    return runs
