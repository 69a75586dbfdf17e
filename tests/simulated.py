"""Collected studies of any size, simulated: what figures are looked at and tested on, without a training.

python tests/simulated.py FOLDER     # writes two large ones and draws them in every style
"""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from partway import files
from partway.results import stats

AXES = ["dataset", "model", "ablation", "train_ratio", "train_fraction", "observation_ratio", "window", "seed"]


def simulate(
    root: Path,
    *,
    models: tuple[str, ...] = ("vit",),
    ablations: tuple[str, ...] = ("vanilla", "mixup"),
    windows: tuple[str, ...] = ("prefix",),
    ratios: tuple[float, ...] = (1.0,),
    train_ratios: tuple[str, ...] = ("matched",),
    seeds: int = 2,
    classes: int = 4,
    videos: int = 40,
    missing: int = 0,
    labels: dict[str, str] | None = None,
) -> Path:
    """Write the collected files and predictions of a study under `root`, every n-th run `missing`; give its home."""
    random, home = np.random.default_rng(0), root / "simulated"
    names = [f"class_{n:03d}" for n in range(classes)]
    labels_N = np.arange(videos) % classes
    difficulty_N = random.normal(size=videos)
    rows, confused, epochs, right = [], [], [], defaultdict(list)
    cells = product(models, ablations, train_ratios, ratios, windows, range(seeds))
    for number, (model, ablation, train_ratio, ratio, window, seed) in enumerate(cells):
        axes = ["clips", model, ablation, train_ratio, 1.0, ratio, window, seed]
        cell: dict[str, Any] = dict(zip(AXES, axes, strict=True))
        saw = {"matched": ratio, "full": 1.0}.get(train_ratio, train_ratio)
        training = f"{model}-{ablation}-{window}-{seed}-{saw}"
        record = cell | {"scored_on": "test", "training": training, "evaluation": f"{training}-at-{ratio}"}
        if missing and number % missing == missing - 1:
            rows.append(record | {"status": "missing", "missing": "not run"})
            continue
        level = (
            1.2 * ratio
            + 2 * ablations.index(ablation) / len(ablations)
            + 0.5 * models.index(model)
            - 0.3 * windows.index(window)
        )
        right_N = level + 0.2 * random.normal() + random.normal(size=videos) > 0.6 + difficulty_N
        predicted_N = np.where(right_N, labels_N, (labels_N + random.integers(1, 4, videos)) % classes)
        right[tuple(cell.values())[:-1]].append(right_N)
        rows.append(record | _scores(right_N, classes, model, ablation, ablations))
        pairs = pd.Series(list(zip(labels_N, predicted_N, strict=True))).value_counts(sort=False)
        confused += [
            cell | {"scored_on": "test", "class": names[a], "predicted": names[b], "n": n}
            for (a, b), n in pairs.items()
        ]
        if ratio == max(ratios):
            write_predictions(root / "evaluations" / record["evaluation"], labels_N, predicted_N, names)
        if training not in {row["training"] for row in epochs}:
            epochs += [
                cell | {"observation_ratio": saw, "stage": 1, "training": training} | _epoch(epoch, level)
                for epoch in range(1, 11)
            ]
    trainings = {row["training"]: {"parent": None} for row in rows}
    lock = {
        "results_dir": str(root),
        "labels": {name: {"label": (labels or {}).get(name), "note": None} for name in ablations},
        "ladders": {
            "recipe": {"rows": [{"ablation": name, "model": None} for name in ablations], "train_ratio": "matched"}
        },
        "references": [],
        "tables": {"decimals": 1},
        "figures": {"dpi": 60},
        "trainings": trainings,
    }
    accuracies = [_accuracy(setting, np.stack(of_seeds), seeds) for setting, of_seeds in right.items()]
    files.write_json(home / "study.lock.json", lock)
    files.write_json(home / "summary.json", {})
    for name, table in (("runs", rows), ("epochs", epochs), ("confusion", confused), ("accuracies", accuracies)):
        pd.DataFrame(table).to_csv(home / f"{name}.csv", index=False)
    (home / "ceiling.csv").write_text("dataset,observation_ratio,ceiling,undecided_videos,test_videos\n")
    return home


def _accuracy(setting: tuple, right_SN: np.ndarray, seeds: int) -> dict[str, Any]:
    found, spread = stats.accuracy(right_SN), stats.spread(right_SN.mean(axis=1).tolist())
    known = {"scored_on": "test", "seeds": len(right_SN), "seeds_of_grid": seeds, "videos": right_SN.shape[1]}
    estimate = {"top1": found.value, "top1_std": spread, "low": found.low, "high": found.high, "covers": found.covers}
    return dict(zip(AXES[:-1], setting, strict=True)) | known | estimate


def _scores(right_N: np.ndarray, classes: int, model: str, ablation: str, ablations: tuple[str, ...]) -> dict[str, Any]:
    flops = 1e9 * (1 + 2 * len(model))
    return {
        "status": "complete",
        "test_top1": right_N.mean(),
        "test_videos": len(right_N),
        "classes": classes,
        "views": 6 if ablation == "six_views" else 1,
        "time_sec": 600.0 * (1 + ablations.index(ablation)) * len(model),
        "flops_per_clip": flops,
        "device": "CPU",
        "missing": None,
        **dict.fromkeys(("val_top1", "val_videos", "validation", "submission", "weights", "weights_asked")),
    }


def _epoch(epoch: int, level: float) -> dict[str, Any]:
    loss, top1 = 3 / epoch**0.5 / (1 + level), min(0.99, 0.3 + 0.06 * epoch)
    measured = {f"{part}_loss": loss + 0.1 * n for n, part in enumerate(("train", "train_eval", "val"))}
    measured |= {f"{part}_top1": top1 - 0.05 * n for n, part in enumerate(("train", "train_eval", "val"))}
    return {"chosen": int(epoch == 9), "epoch": epoch, "train_target": "hard"} | measured


def write_predictions(folder: Path, labels_N: np.ndarray, predicted_N: np.ndarray, names: list[str]) -> None:
    """The predictions of one view, and the metrics.json that tells of them."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.table(
        {
            "id": [f"v{n:05d}" for n in range(len(labels_N))],
            "label_index": labels_N,
            "view": np.zeros(len(labels_N), dtype=np.int64),
            "logits": list(np.eye(len(names), dtype=np.float32)[predicted_N]),
        }
    )
    pq.write_table(table.replace_schema_metadata({"classes": "\n".join(names)}), folder / "predictions.parquet")
    digest = hashlib.sha256((folder / "predictions.parquet").read_bytes()).hexdigest()
    files.write_json(folder / "metrics.json", {"spec": {}, "predictions_digest": digest})


if __name__ == "__main__":
    from partway.results.figures import draw_figures, drawing
    from partway.results.figures.look import STYLES

    ladder = ("vanilla", "consistent", "mixup", "two_stage", "six_views")
    tenths = tuple(n / 10 for n in range(1, 11))
    for study, about in {
        "grid": {"models": ("vivit", "videomae"), "windows": ("prefix", "middle"), "ratios": tenths, "seeds": 3}
        | {"ablations": ladder, "videos": 400, "missing": 97},
        "classes": {"models": ("vit",), "ablations": ladder[:3], "classes": 101, "videos": 3030}
        | {"train_ratios": ("matched", "random", "0.5", "full"), "ratios": tenths, "seeds": 3},
    }.items():
        where = simulate(Path(sys.argv[1], study), **about)
        draw_figures(where, {"dpi": 80})
        for drawn in sorted((where / "figures").glob("*.svg")):
            for name, style in STYLES.items():
                path = where / "styles" / f"{drawn.stem}-{name}.png"
                drawing.draw(
                    drawn.stem, drawing.read(drawn.with_suffix(".csv")), style, [path], 80 if name != "paper" else 160
                )
