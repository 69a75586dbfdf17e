"""Result folders as the older ViViT script leaves them."""

import csv
from pathlib import Path

import numpy as np

from partway import files

MEASURES = ("loss", "acc_top1", "acc_top5")
COLUMNS = [
    "epoch",
    *(f"{part}_{name}" for part in ("train", "train_eval", "val") for name in MEASURES),
    "learning_rate",
]
OLD = Path("old")


def row(epoch: int, val: float, train: float = 50.0) -> list:
    """A line of the script's log: losses, then accuracies in per cent."""
    measured = [0.9, train, 90.0, 0.8, train + 5, 92.5, 1.1, val, min(100, val + 30)]
    return [epoch, *measured, 2e-4]


def write_log(path: Path, rows: list[list], columns: list[str] = COLUMNS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:  # as the script does
        csv.writer(file).writerows([columns, *rows])


def write_ratio(ratio: str, vals: list[float], folder: Path = OLD, **summary) -> Path:
    """A ratio's folder as the script leaves it."""
    place = folder / f"observation_ratio_{ratio}"
    rows = [row(epoch, val, 50.0 + epoch) for epoch, val in enumerate(vals, start=1)]
    write_log(place / f"training_log_ratio_{ratio}.csv", rows)
    best = int(np.argmax(vals))
    stated = {
        "observation_ratio": float(ratio.replace(",", ".")),
        "best_val_acc_top1": vals[best],
        "best_val_acc_top5": min(100, vals[-1] + 30),  # of the last epoch: the script's own mistake
        "best_train_acc_top1": 51.0 + best,
        "best_train_acc_top5": 90.0,
        "checkpoint_path": f"/old/observation_ratio_{ratio}/vivit_ucf_best.pth",
        "log_file": f"/old/observation_ratio_{ratio}/training_log_ratio_{ratio}.csv",
        "total_epochs": len(vals),
        "final_train_acc_top1": 50.0 + len(vals),
        "final_val_acc_top1": vals[-1],
    }
    files.write_json(place / f"summary_ratio_{ratio}.json", stated | summary)
    return place


def write_old(folder: Path = OLD) -> Path:
    """Two ratios; the best epoch of the first is its second, and has an equal."""
    write_ratio("0.1", [40.0, 45.0, 45.0, 42.5], folder)
    write_ratio("0.50", [60.0, 72.5, 77.5], folder)
    whole = [
        {"observation_ratio": 0.1, "best_val_acc_top1": 45.0},
        {"observation_ratio": 0.5, "best_val_acc_top1": 77.5},
    ]
    files.write_json(folder / "training_summary.json", [entry | {"best_train_acc_top1": 52.0} for entry in whole])
    return folder
