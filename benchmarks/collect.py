"""What collect costs: a study of many finished runs, collected for the first time, again unchanged, and with copies.

    python benchmarks/collect.py --runs 10000

Its results are records without weights, so that the time is that of reading, writing and linking alone.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dag import many_runs
from partway import files, study
from partway.results.collect import collect

SCORES = {f"{part}_{name}": 0.5 for part in ("train", "train_eval", "val") for name in ("loss", "top1", "top5")}


def write_results(resolved: study.Study) -> None:
    """A record for every training and evaluation, and a log of 20 epochs."""
    for training in resolved.trainings.values():
        folder = Path(resolved.results_dir, "trainings", training.folder)
        record = {
            "observation_ratio": 1,
            "seed": 0,
            "epochs": 20,
            "chosen_epoch": 20,
            "chosen": SCORES,
            "final": SCORES,
            "train_target": "hard",
            "videos": {"train": 9, "validation": 0, "train_eval": 9},
            "time_sec": 1.0,
            "parameters": 1,
            "data_fingerprint": "f",
            "device": "CPU",
            "precision": "fp32",
            "threads": 1,
            "git_commit": "c",
            "checkpoint_digest": "d" * 64,
            "parent_digest": None,
            "spec": training.spec,
        }
        folder.mkdir(parents=True)
        (folder / "training.json").write_text(json.dumps(record, indent=1))
        rows = "".join(f"{epoch},{','.join(['0.5'] * 9)},hard\n" for epoch in range(1, 21))
        (folder / "training_log.csv").write_text(f"epoch,{','.join(SCORES)},train_target\n{rows}")
    predictions = predictions_of(videos=1530, classes=51)
    for evaluation in resolved.evaluations.values():
        folder = Path(resolved.results_dir, "evaluations", evaluation.folder)
        scores = {"loss": 0.5, "top1": 0.5, "top5": 0.5, "mean_class_accuracy": 0.5, "ece": 0.1}
        facts = {"videos": 9, "classes": 2, "views": 1, "checkpoint_digest": "d" * 64, "predictions_digest": "p"}
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(scores | facts | {"spec": evaluation.spec}, indent=1))
        (folder / "predictions.parquet").write_bytes(predictions)


def predictions_of(videos: int, classes: int) -> bytes:
    """A predictions.parquet of one view, as large as that of HMDB51, right on nine of ten videos."""
    labels = np.arange(videos) % classes
    logits = np.random.default_rng(0).normal(size=(videos, classes)) + 3.5 * np.eye(classes)[labels]
    table = pa.table(
        {
            "id": [f"class_{n % classes}/video_{n}.avi" for n in range(videos)],
            "label_index": labels,
            "view": np.zeros(videos, dtype=np.int64),
            "logits": list(logits.astype(np.float32)),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"classes": "\n".join(f"class_{n}" for n in range(classes))}), sink)
    return sink.getvalue()


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        files.write_json("study.yaml", many_runs(options.runs))
        resolved = study.load("study.yaml")
        write_results(resolved)
        for what, copy in (("first time", False), ("again", False), ("as copies", True), ("links again", False)):
            began = time.monotonic()
            collect(resolved, Path("results/many"), copy=copy)
            print(f"{len(resolved.runs)} runs, {what}: {time.monotonic() - began:.1f} s")
        print(f"largest memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
