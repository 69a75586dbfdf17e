"""What the jobs of a study recorded about data, code, libraries and machine: for summary.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from partway import files
from partway.results.run_folders import Reader
from partway.study import DataSource, Study

TRAINING = (
    *("epochs", "chosen_epoch", "time_sec", "model", "weights", "data_fingerprint"),
    *("parameters", "weights_mb", "flops_per_clip", "tokens", "input", "clips_per_sec", "gpu_mem_mb"),
    *("device", "precision", "compile", "attention", "threads", "host", "git_commit", "versions", "numerics"),
)
EVALUATION = ("time_sec", "device", "precision", "versions", "numerics")
MOST_PROBLEMS = 50  # bad videos in the summary; dataset_problems.csv holds all


def recorded(study: Study, read: Reader) -> dict[str, dict[str, Any]]:
    """What every finished training and evaluation of a study recorded of itself, by folder."""
    kinds = {
        "trainings": (study.trainings, "training.json", TRAINING),
        "evaluations": (study.evaluations, "metrics.json", EVALUATION),
    }
    return {
        kind: {
            folder: {name: record.get(name) for name in names}
            for folder in folders
            if (record := read(kind, folder, file)) is not None
        }
        for kind, (folders, file, names) in kinds.items()
    }


def data_set(source: DataSource, results_dir: str, read: Reader) -> dict[str, Any] | None:
    """What `prepare` recorded of a data set, its classes and its first bad videos; None where it is not prepared.

    `test_labelled` says whether its test split has labels.
    """
    record = read("data", source.folder, "dataset.json")
    if record is None:
        return None
    problems = Path(results_dir, "data", source.folder, "dataset_problems.csv")
    rows = files.read_csv(problems) if problems.exists() else []
    listed = [row for row in rows if row["kind"] != "unlisted"]  # those are no bad videos
    classes = read("data", source.folder, "classes.json")
    labelled = source.scored_on == "test"
    return record | {"test_labelled": labelled, "class_names": classes or [], "problems": listed[:MOST_PROBLEMS]}
