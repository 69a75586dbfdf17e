"""A results folder whose numbers are known: the tiny study with right answers chosen by hand, no training needed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from partway import files, keys, study

HOME = Path("results/known")
VIDEOS = 20
# Right answers of each row of the ladder by seed, as sets of video numbers.
RIGHT = {
    ("vanilla", 0): set(range(8)),
    ("vanilla", 1): set(range(10)),
    ("mixup", 0): set(range(2, 14)),
    ("mixup", 1): set(range(12)),
    ("two_stage", 0): set(range(12)),
    ("two_stage", 1): set(range(14)),
    ("six_views", 0): set(range(15)),
    ("six_views", 1): set(range(15)),
}


DATA = {
    "fingerprint": "f",
    "classes": 2,
    "videos": {"train": 38, "test": 20},
    "frames": 400,
    "groups": 6,
    "left_out": 0,
}


def write_data(found: study.Study, name: str = "mime", **changes) -> None:
    """What `prepare` says of a data set of the known study, without its videos."""
    folder = Path("results/data", found.datasets[name].folder)
    files.write_json(folder / "dataset.json", DATA | changes)
    files.write_json(folder / "classes.json", ["bow", "wave"])


def write_training(folder: Path, parent: str | None = None, train_eval: float | None = 0.9, epochs: int = 2) -> None:
    scores = {"train_top1": 0.8, "train_eval_top1": train_eval, "val_top1": 0.5}
    record = {
        "chosen": scores,
        "final": scores,
        "train_target": "hard",
        "epochs": epochs,
        "chosen_epoch": 1,
        "time_sec": 1.5,
        "parameters": 1_000_000,
        "weights_mb": 4.0,
        "flops_per_clip": 2_500_000_000,
        "tokens": 1568,
        "input": [16, 3, 224, 224],
        "clips_per_sec": 20.0,
        "gpu_mem_mb": 0,
        "weights": {"source": "scratch"},
        "parent_digest": parent,
        "data_fingerprint": "f",
        "device": "CPU",
        "precision": "fp32",
        "threads": 1,
        "git_commit": "abc",
        "host": "node7",
        "versions": {"python": "3.11.7", "partway": "0.1.0", "torch": "2.12.1"},
        "numerics": keys.NUMERICS,
        "videos": {"train": 30, "validation": 10, "train_eval": 10},
        "checkpoint_digest": folder.name,
    }
    files.write_json(folder / "training.json", record)
    measured = {"train_loss": 0.5, "train_top1": 0.8, "train_eval_loss": 0.4, "train_eval_top1": train_eval}
    log = [{"epoch": n + 1, **measured, "val_loss": 0.6 - n / 10, "val_top1": 0.5} for n in range(epochs)]
    files.write_csv(folder / "training_log.csv", log, ["epoch", *measured, "val_loss", "val_top1"])


def write_evaluation(folder: Path, training: str, right: set[int], views: dict, *, labelled: bool = True) -> None:
    labels = np.arange(VIDEOS) % 2
    answers = np.where([number in right for number in range(VIDEOS)], labels, 1 - labels)
    count = views.get("crops", 1) * views.get("flips", 1)
    rows = [
        {"id": f"v{number:02d}", "label_index": int(labels[number]), "view": view, "logits": np.eye(2)[answers[number]]}
        for number in range(VIDEOS)
        for view in range(count)
    ]
    folder.mkdir(parents=True)
    top1 = len(right) / VIDEOS
    scores = {"top1": top1, "top5": 1.0, "mean_class_accuracy": top1, "loss": 0.5}
    if not labelled:
        rows = [row | {"label_index": None} for row in rows]
        scores = dict.fromkeys(scores)
        predicted = [{"id": str(n), "class": ("bow", "wave")[answers[n]]} for n in range(VIDEOS)]
        files.write_csv(folder / "submission.csv", predicted, ["id", "class"])
    table = pa.Table.from_pylist(rows).replace_schema_metadata({"classes": "bow\nwave"})
    pq.write_table(table, folder / "predictions.parquet")
    record = {
        "videos": VIDEOS,
        "classes": 2,
        "views": count,
        "predictions_digest": files.digest(folder / "predictions.parquet"),
        "checkpoint_digest": training,
        "spec": {"views": views},
        "time_sec": 0.5,
        "device": "CPU",
        "precision": "fp32",
    }
    files.write_json(folder / "metrics.json", scores | record)


def write_predictions(folder: Path, table: pa.Table) -> None:
    """Replace the predictions of an evaluation, as if they had been made so: metrics.json tells of them."""
    pq.write_table(table, folder / "predictions.parquet")
    record = files.read_json(folder / "metrics.json")
    files.write_json(
        folder / "metrics.json", record | {"predictions_digest": files.digest(folder / "predictions.parquet")}
    )


def known_study() -> dict:
    """The tiny study, with one row that has a label and a note."""
    from conftest import tiny_study  # which offers the fixture below to the tests

    tree = tiny_study() | {"name": "known"}
    tree["ablations"]["mixup"] |= {"label": "+ Mixup", "note": "alpha 0.8"}
    return tree


@pytest.fixture
def resolved(tmp_path, monkeypatch) -> study.Study:
    """The tiny study with results that are known: see RIGHT."""
    monkeypatch.chdir(tmp_path)
    return write_known(known_study())


def write_known(tree: dict) -> study.Study:
    """Write a variant of the tiny study and its known results into the working directory."""
    Path("study.yaml").write_text(json.dumps(tree, ensure_ascii=False), encoding="utf-8")
    found = study.load("study.yaml")
    for training in found.trainings.values():
        write_training(Path("results/trainings", training.folder), training.parent)
    for run in found.runs:
        right = RIGHT[run.ablation, run.seed] if run.observation_ratio == 1 else set(range(5))
        for folder in (run.evaluation, run.validation):
            if not Path("results/evaluations", folder).exists():
                views = found.evaluations[folder].spec.get("views", {})
                labelled = folder != run.evaluation or found.datasets[run.dataset].scored_on == "test"
                place = Path("results/evaluations", folder)
                write_evaluation(place, run.trainings[-1], right, views, labelled=labelled)
    return found
