"""Figures of a collected study: accuracy against observation ratio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")  # before pyplot: no screen is needed
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from partway import files
from partway.results import stats
from partway.results.tables import read_runs

SERIES = ["model", "ablation", "train_ratio", "train_fraction", "window"]
# Okabe & Ito 2008: told apart by colour-blind readers; markers tell them apart in print.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
STYLE = {
    "svg.hashsalt": "partway",
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw_figures(home: Path, options: dict[str, Any]) -> None:
    """Draw `figures/accuracy_against_ratio.{svg,png}` of a collected study.

    Args:
        home: folder with runs.csv and study.lock.json.
        options: `dpi` of the PNG.
    """
    runs = read_runs(home)
    labels = files.read_json(home / "study.lock.json")["labels"]
    datasets = list(runs.dataset.unique())
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(datasets), figsize=(6.4 * len(datasets), 4.8), squeeze=False, layout="constrained"
        )
        for dataset, axis in zip(datasets, axes[0], strict=True):
            _draw_dataset(axis, dataset, _curves(runs[runs.dataset == dataset]), labels)
        for suffix, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
            with files.replacing(home / "figures" / f"accuracy_against_ratio.{suffix}") as temporary:
                figure.savefig(temporary, dpi=options["dpi"], metadata=metadata)
        plt.close(figure)


def _curves(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that make curves; where no series has two ratios, all of them, as points."""
    several = runs.groupby(SERIES).observation_ratio.transform("nunique") > 1
    return runs[several] if several.any() else runs


def _draw_dataset(axis: Axes, dataset: str, runs: pd.DataFrame, labels: dict) -> None:
    videos = runs.test_videos.dropna()
    for place, (series, group) in enumerate(runs.groupby(SERIES, sort=False)):
        named = dict(zip(SERIES, series, strict=True))
        _draw_series(axis, group, _series_name(named, runs, labels), COLOURS[place % 7], MARKERS[place % 7])
    if (classes := runs.classes.dropna()).size:
        axis.axhline(100 / classes.iloc[0], color="0.4", linestyle="--", linewidth=1, label="chance")
    axis.set_xlabel("observation ratio (share of the video seen)")
    axis.set_ylabel("test accuracy, top1 (%)")
    axis.set_title(
        f"{dataset}: n = {int(videos.iloc[0])} test videos" if videos.size else f"{dataset}: no run is complete"
    )
    axis.set_xlim(0, 1.03)
    axis.set_ylim(0, 100)
    axis.grid(alpha=0.25)
    axis.legend(frameon=False, fontsize=9, loc="best")


def _series_name(named: dict[str, Any], runs: pd.DataFrame, labels: dict) -> str:
    """Name a series by what differs between the series."""
    ablation = labels[named["ablation"]]["label"] or named["ablation"]
    name = f"{named['model']}, {ablation}" if runs.model.nunique() > 1 else ablation
    name += f", trained on {named['train_ratio']} ratios" if named["train_ratio"] in ("random", "matched") else ""
    name += ", trained on whole videos" if named["train_ratio"] == "full" else ""
    name += f", trained at {named['train_ratio']}" if named["train_ratio"][0].isdigit() else ""
    name += f", {named['train_fraction']:.0%} of the train videos" if named["train_fraction"] != 1 else ""
    return name + (f", {named['window']} window" if runs.window.nunique() > 1 else "")


def _draw_series(axis: Axes, group: pd.DataFrame, name: str, colour: str, marker: str) -> None:
    """One line with its interval; a ratio with a missing run breaks the line and is marked on the axis."""
    points, holes = [], []
    for ratio, runs in group.groupby("observation_ratio"):
        if (runs.status != "complete").any():
            holes.append(ratio)
            points.append((ratio, float("nan"), float("nan"), float("nan")))
        else:
            interval = stats.accuracy_interval(runs.test_top1.mean(), int(runs.test_videos.iloc[0]))
            points.append((ratio, 100 * interval.value, 100 * interval.low, 100 * interval.high))
    ratios, values, lows, highs = zip(*points, strict=True)
    seeds = group.seed.nunique()
    axis.plot(ratios, values, color=colour, marker=marker, label=f"{name} (n = {seeds} seed{'s' * (seeds > 1)})")
    if len(points) > 1:
        axis.fill_between(ratios, lows, highs, color=colour, alpha=0.15, linewidth=0)
    if holes:
        axis.plot(holes, [2] * len(holes), color=colour, marker="x", linestyle="", label=f"{name}: missing")
