"""Rows of accuracies.csv and curves.csv: what the answers of all seeds say together, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from partway.results import stats
from partway.results.outcomes import OutcomesReader, alike

LINE = ["dataset", "model", "ablation", "train_ratio", "train_fraction", "window"]  # of accuracy against ratio
SETTING = ["dataset", "window", "train_ratio", "train_fraction", "observation_ratio", "model", "ablation"]
ACCURACY_COLUMNS = [
    *SETTING,
    *("scored_on", "seeds", "seeds_of_grid", "videos", "top1", "top1_std", "low", "high", "covers"),
]
CURVE_COLUMNS = [
    *LINE,
    *("scored_on", "seeds", "ratios", "area", "area_low", "area_high", "covers"),
    *("sufficient_ratio", "sufficient_low", "sufficient_high", "share", "of_ratio"),
]
Row = dict[str, Any]


def accuracy_rows(runs: Iterable[Row], outcomes: OutcomesReader) -> Iterator[Row]:
    """Rows of accuracies.csv: each setting's accuracy over its complete seeds; without any, only how many it lacks.

    Args:
        runs: rows of runs.csv, those of missing runs among them.
    """
    for setting, group in _grouped(runs, SETTING):
        complete = [run for run in group if run["status"] == "complete"]
        row = setting | {"scored_on": group[0]["scored_on"], "seeds": len(complete), "seeds_of_grid": len(group)}
        yield row | (_accuracy(_correct(complete, outcomes)) if complete else {})


def curve_rows(runs: Iterable[Row], outcomes: OutcomesReader) -> Iterator[Row]:
    """Rows of curves.csv: each line of two or more ratios, over the seeds that are complete at all of them, if any."""
    for line, group in _grouped(runs, LINE):
        ratios = sorted({run["observation_ratio"] for run in group})
        done = {(run["observation_ratio"], run["seed"]): run for run in group if run["status"] == "complete"}
        seeds = [seed for seed in sorted({run["seed"] for run in group}) if all((r, seed) in done for r in ratios)]
        if len(ratios) > 1 and seeds:
            correct_RSN = _correct([done[ratio, seed] for ratio in ratios for seed in seeds], outcomes)
            about = {"scored_on": group[0]["scored_on"], "seeds": len(seeds)}
            yield line | about | _curve(correct_RSN.reshape(len(ratios), len(seeds), -1), ratios)


def _accuracy(correct_SN: np.ndarray) -> Row:
    found = stats.accuracy(correct_SN)
    return {
        "videos": correct_SN.shape[1],
        "top1": found.value,
        "top1_std": stats.spread(correct_SN.mean(axis=1).tolist()),
        "low": found.low,
        "high": found.high,
        "covers": found.covers,
    }


def _curve(correct_RSN: np.ndarray, ratios: list[float]) -> Row:
    area, enough = stats.area(correct_RSN, ratios), stats.sufficient_ratio(correct_RSN, ratios)
    values = (
        *(" ".join(f"{ratio:g}" for ratio in ratios), area.value, area.low, area.high, area.covers),
        *(enough.value, enough.low, enough.high, stats.REACHED, ratios[-1]),
    )
    return dict(zip(CURVE_COLUMNS[CURVE_COLUMNS.index("ratios") :], values, strict=True))


def _correct(runs: list[Row], outcomes: OutcomesReader) -> np.ndarray:
    """Whether each run is right on each video that tables score it on, one row a run."""
    evaluations = [run["evaluation" if run["scored_on"] == "test" else "validation"] for run in runs]
    return np.stack([found.correct_N for found in alike(evaluations, outcomes.read)])


def _grouped(runs: Iterable[Row], axes: list[str]) -> Iterator[tuple[Row, list[Row]]]:
    groups: dict[tuple, list[Row]] = {}
    for run in runs:
        groups.setdefault(tuple(run[axis] for axis in axes), []).append(run)
    for values, group in groups.items():
        yield dict(zip(axes, values, strict=True)), group
