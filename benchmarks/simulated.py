"""A study of many finished runs, in the files that jobs write: trainings without weights, predictions with real logits.

Videos differ in difficulty and classes in how alike they are. Models, ablations and seeds differ in ability, which rises
with the observed share, so that tables, curves, confusion and tests have something to tell.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from partway import files, keys, metrics, study

EPOCHS = 20
LADDER = ["vanilla", "consistent", "mixup", "smooth"]
# Models, ratios and seeds for each number of runs: the ladder at each, and `vanilla` trained on whole videos.
GRIDS = {10: (1, 2, 1), 100: (2, 5, 2), 1000: (2, 10, 10), 10_000: (2, 10, 100)}


def tree(runs: int, *, new: bool = False) -> dict[str, Any]:
    """A study of `runs` runs (10, 100, ...): models x ablations x ratios x seeds; with `new` one more of them."""
    models, ratios, seeds = GRIDS[runs]
    ratios = np.linspace(0.1, 1.0, ratios).round(1).tolist()
    named = ["videomae", "vivit"][:models]
    block = {"dataset": "videos", "models": named, "ratios": ratios, "seeds": list(range(seeds))}
    grid = [block | {"ablations": LADDER}, block | {"ablations": ["vanilla"], "train_ratio": "full"}]
    one_more = block | {"models": named[:1], "ablations": ["vanilla"], "ratios": [0.05], "seeds": [0]}
    return {
        "name": "many",
        "question": "How long does it take to look at a thousand runs?",
        "datasets": {"videos": {"layout": "class_folders", "root": "nowhere", "validation": {"fraction": 0}}},
        "models": {name: {"family": "transformers", "architecture": name, "weights": "scratch"} for name in named},
        "training": {"select": "last", "epochs": EPOCHS},
        "ablations": {
            "vanilla": {},
            "consistent": {"extends": "vanilla", "transforms": {"consistent": True}},
            "mixup": {"extends": "consistent", "training": {"mixup": {"alpha": 0.8}}},
            "smooth": {"extends": "mixup", "training": {"label_smoothing": 0.1}},
        },
        "ladders": {"recipe": LADDER},
        "grid": [*grid, one_more] if new else grid,
    }


@dataclass(frozen=True)
class TestSet:
    """Videos of differing difficulty: a test split.

    Attributes:
        hardness_N: what ability has to reach.
        alike_KK: how much a video of a class looks like each other class.
    """

    labels_N: np.ndarray
    hardness_N: np.ndarray
    alike_KK: np.ndarray

    @classmethod
    def drawn(cls, videos: int, classes: int) -> TestSet:
        """The same for the same numbers."""
        rng = np.random.default_rng(0)
        alike_KK = 1.5 * np.abs(rng.normal(size=(classes, classes))).astype(np.float32)
        return cls(np.arange(videos) % classes, 1.5 * rng.normal(size=videos), alike_KK)

    @cached_property
    def classes(self) -> list[str]:
        """Names, by index."""
        return [f"Class{number:03d}" for number in range(len(self.alike_KK))]

    @cached_property
    def ids(self) -> list[str]:
        """Of the videos, class by class as UCF-101 names them."""
        return [f"{self.classes[label]}/v_{self.classes[label]}_g{n:05d}.avi" for n, label in enumerate(self.labels_N)]

    def logits(self, ability: float, seed: int) -> np.ndarray:
        """Logits_NK of a model of this ability: noise, what looks alike, and the label by how far it exceeds hardness."""
        rng, videos = np.random.default_rng(seed), np.arange(len(self.labels_N))
        logits_NK = (
            rng.standard_normal((len(videos), len(self.alike_KK)), dtype=np.float32) + self.alike_KK[self.labels_N]
        )
        logits_NK[videos, self.labels_N] += (ability - self.hardness_N).astype(np.float32)
        return logits_NK


def ability_of(run: study.Run) -> float:
    """From 2 at a glance to 6 on whole videos, half a point for each row of the ladder."""
    later = LADDER.index(run.ablation) / 2 + (run.model == "vivit") / 4
    return 2 + 4 * run.observation_ratio**0.5 + later + np.random.default_rng(run.seed).normal() / 8


def write_results(resolved: study.Study, test_set: TestSet) -> None:
    """Write what is not there yet: data set, trainings, evaluations."""
    results = Path(resolved.results_dir)
    for source in resolved.datasets.values():
        _write_data(results / "data" / source.folder, test_set)
    for training in resolved.trainings.values():
        if not (folder := results / "trainings" / training.folder).exists():
            _write_training(folder, training.spec)
    for number, run in enumerate(resolved.runs):
        if not (folder := results / "evaluations" / run.evaluation).exists():
            logits_NK = test_set.logits(ability_of(run), seed=number + 1)
            _write_evaluation(folder, test_set, logits_NK, resolved.evaluations[run.evaluation].spec)


def blank(evaluations: Iterable[Path]) -> None:
    """Make predictions unreadable that leave size and time of change as they were, as no program would."""
    for path in (folder / "predictions.parquet" for folder in evaluations):
        state = path.stat()
        with path.open("r+b") as file:
            file.truncate(0)
            file.truncate(state.st_size)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def _write_data(folder: Path, test_set: TestSet) -> None:
    videos = {"train": 9537, "test": len(test_set.labels_N)}
    facts = {"fingerprint": "f", "classes": len(test_set.classes), "videos": videos}
    files.write_json(folder / "dataset.json", facts | {"frames": 2_500_000, "groups": 25, "left_out": 0})
    files.write_json(folder / "classes.json", test_set.classes)


def _write_training(folder: Path, spec: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    falling = np.linspace(4, 0.5, EPOCHS)
    names = [f"{part}_{name}" for part in ("train", "train_eval") for name in ("loss", "top1", "top5")]
    log = [
        {"epoch": epoch + 1}
        | {name: falling[epoch] if "loss" in name else 1 - falling[epoch] / 5 for name in names}
        | {
            "train_target": "hard",
            "learning_rate": 1e-4,
            "epoch_sec": 60.25,
            "clips_per_sec": 158.31,
            "gpu_mem_mb": 9000,
        }
        for epoch in range(EPOCHS)
    ]
    files.write_csv(folder / "training_log.csv", log, list(log[0]))
    record = {
        "observation_ratio": spec["train_ratio"],
        "seed": spec.get("seed", 0),
        "stopped_early": False,
        "epochs": EPOCHS,
        "chosen_epoch": EPOCHS,
        "chosen": log[-1],
        "final": log[-1],
        "train_target": "hard",
        "videos": {"train": 9537, "validation": 0, "train_eval": 1000},
        "time_sec": 1205.0,
        "parameters": 86_000_000,
        "weights_mb": 344.0,
        "flops_per_clip": 361_000_000_000,
        "tokens": 1568,
        "input": [16, 3, 224, 224],
        "clips_per_sec": 158.31,
        "gpu_mem_mb": 9000,
        "weights": {"source": "scratch"},
        "data_fingerprint": "f",
        "class_list_digest": "c",
        "device": "NVIDIA H200",
        "precision": "bf16",
        "compile": "off",
        "attention": "flash",
        "threads": 8,
        "checkpoint_digest": folder.name,
        "parent_digest": None,
        "host": "node7",
        "git_commit": "0" * 40,
        "versions": {"python": "3.11.7", "partway": "0.1.0", "torch": "2.12.1", "transformers": "5.23.0"},
        "numerics": keys.NUMERICS,
        "spec": spec,
    }
    files.write_json(folder / "training.json", record)


def _write_evaluation(folder: Path, test_set: TestSet, logits_NK: np.ndarray, spec: dict[str, Any]) -> None:
    videos = len(logits_NK)
    flat = pa.array(logits_NK.reshape(-1))
    table = pa.table(
        {
            "id": test_set.ids,
            "label": [test_set.classes[label] for label in test_set.labels_N],
            "label_index": test_set.labels_N,
            "observed_frames": np.full(videos, 100),
            **{name: np.zeros(videos, dtype=np.int64) for name in ("view", "clip")},
            "scale": np.ones(videos),
            "crop": ["centre"] * videos,
            "mirrored": np.zeros(videos, dtype=bool),
            "logits": pa.ListArray.from_arrays(np.arange(videos + 1, dtype=np.int32) * logits_NK.shape[1], flat),
        }
    ).replace_schema_metadata({"classes": "\n".join(test_set.classes)})
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "predictions.parquet")
    facts = {
        "videos": videos,
        "classes": logits_NK.shape[1],
        "views": 1,
        "predictions_digest": files.digest(folder / "predictions.parquet"),
        "checkpoint_digest": spec["training"],
        "data_fingerprint": "f",
        "time_sec": 30.5,
        "clips_per_sec": 124.03,
        "device": "NVIDIA H200",
        "precision": "bf16",
        "versions": {"torch": "2.12.1"},
        "numerics": keys.NUMERICS,
    }
    scores = metrics.summarise(logits_NK, test_set.labels_N)
    files.write_json(folder / "metrics.json", scores | facts | {"spec": spec})


def save(wanted: dict[str, Any], path: Path = Path("study.yaml")) -> study.Study:
    """Write a study and read it as partway does."""
    path.write_text(json.dumps(wanted))
    return study.load(str(path))
