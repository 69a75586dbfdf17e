"""Trainings of half a second on real videos, without Snakemake: what the tests of the training package share."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from conftest import TINY_MODEL
from partway import files
from partway.data import packing
from partway.data.prepare import prepare
from partway.progress import Progress
from partway.schema_store import FrameStore
from partway.training import loop

QUIET = Progress("test", stream=io.StringIO())


class Lines(Progress):
    """Keeps what was said."""

    def __init__(self):
        super().__init__("test", stream=io.StringIO())
        self.said: list[str] = []

    def line(self, text: str) -> None:
        """Keep a line."""
        self.said.append(text)


TIMES = {"epoch_sec", "clips_per_sec"}
MODEL = {name: value for name, value in TINY_MODEL.items() if name not in ("family", "architecture", "weights")}
SPEC = {
    "family": "transformers",
    "architecture": "videomae",
    "weights": "scratch",
    "model": MODEL,
    "training": {"epochs": 3, "batch_size": 4, "learning_rate": 0.001},
    "data": "class_folders-0",
    "validation": {"fraction": 0.25},
    "train_ratio": 1,
    "seed": 0,
}


def prepared(root: Path, folder: Path, kind: str = "none") -> dict:
    """Prepare a class-folder tree; what `train` and `evaluate` need to know of it."""
    manifest = prepare({"layout": "class_folders", "options": {}}, str(root), folder, QUIET)
    packing.pack(FrameStore.from_name(kind), manifest, root, folder / f"store-{kind}.json", QUIET)
    return {"manifest": folder / "manifest.csv", "store": folder / f"store-{kind}.json", "root": str(root)}


def spec(**changes) -> dict:
    """The tiny spec with changes, section by section."""
    return {
        name: {**SPEC.get(name, {}), **value} if isinstance(value, dict) else value
        for name, value in (SPEC | changes).items()
    }


def train(data: dict, folder: Path, parent: Path | None = None, **changes) -> dict:
    """Run a tiny training and return its record."""
    loop.train(spec(**changes), **data, parent=parent, folder=folder, progress=QUIET)
    return files.read_json(folder / "training.json")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Weights of a finished training."""
    return torch.load(folder / "checkpoint.pt", weights_only=True)["weights"]


def log(folder: Path) -> list[dict]:
    """The log without the columns that measure time."""
    return [{k: v for k, v in row.items() if k not in TIMES} for row in files.read_csv(folder / "training_log.csv")]
