"""The three files of a finished training: training_log.csv, checkpoint.pt and, last, training.json."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partway import files
from partway.data.manifest import class_list_digest
from partway.models import cost
from partway.training import checkpoints

if TYPE_CHECKING:
    from partway.training.loop import Trainer

LOG_COLUMNS = [
    "epoch",
    *(f"{part}_{name}" for part in ("train", "train_eval", "val") for name in ("loss", "top1", "top5")),
    *("train_target", "learning_rate", "epoch_sec", "clips_per_sec", "gpu_mem_mb"),
]
SCORES = [name for name in LOG_COLUMNS if name.endswith(("loss", "top1", "top5"))]


def write_training(trainer: Trainer, spec: dict[str, Any], folder: Path, parent_digest: str | None) -> None:
    """Write the three files of a training that has run its epochs.

    Args:
        spec: as hashed.
        folder: of the training.
        parent_digest: of the weights it began at, the previous stage's; None for a first stage.
    """
    trainer.states.owner.check()
    files.write_csv(folder / "training_log.csv", trainer.so_far.rows, LOG_COLUMNS)
    weights, chosen = trainer.chosen_weights(), trainer.so_far.chosen
    checkpoints.save(folder / "checkpoint.pt", weights, spec, trainer.data.classes, chosen)
    provenance = checkpoints.provenance(folder, weights, parent_digest)
    files.write_json(folder / "training.json", _facts(trainer, chosen) | provenance | {"spec": spec})


def _facts(trainer: Trainer, chosen: dict[str, Any]) -> dict[str, Any]:
    speeds = [row["clips_per_sec"] for row in trainer.so_far.rows if row["clips_per_sec"] is not None]
    return {
        "observation_ratio": trainer.spec.train_ratio,
        "seed": trainer.spec.seed,
        "epochs": trainer.epoch,
        "stopped_early": trainer.epoch < trainer.options.epochs,
        "chosen_epoch": chosen["epoch"],
        "chosen": {name: chosen[name] for name in SCORES},
        "final": {name: trainer.so_far.rows[-1][name] for name in SCORES},
        "train_target": chosen["train_target"],
        "videos": {
            "train": len(trainer.videos),
            "validation": len(trainer.validation),
            "train_eval": len(trainer.train_eval),
        },
        "time_sec": round(trainer.so_far.elapsed_sec, 3),
        **cost.measure(trainer.parts.model, trainer.spec.model),
        "clips_per_sec": statistics.median(speeds) if speeds else None,
        "gpu_mem_mb": max(row["gpu_mem_mb"] for row in trainer.so_far.rows),
        "weights": trainer.parts.loaded,
        "model": trainer.spec.model.model_dump(),
        "normalisation": trainer.spec.model.normalisation.model_dump(),
        "class_list_digest": class_list_digest(trainer.data.classes),
        "data_fingerprint": trainer.data.fingerprint,
        "device": " + ".join(trainer.so_far.devices),
        "precision": " + ".join(trainer.so_far.precisions),
        "compile": " + ".join(trainer.so_far.compiles),
        "attention": " + ".join(trainer.so_far.attentions) or None,
        "threads": trainer.threads,
    }
