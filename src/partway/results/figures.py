"""Figures of a collected study: accuracy against observation ratio, and the training curves beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from partway import files
from partway.results import stats, style
from partway.results.style import LINES, MARKERS, SERIES, plt
from partway.results.tables import read_runs
from partway.results.training_curves import draw_training_curves


def draw_figures(home: Path, options: dict[str, Any]) -> None:
    """Draw `figures/{accuracy_against_ratio,training_curves}.{svg,png}` of a collected study.

    Args:
        home: folder with runs.csv, epochs.csv, ceiling.csv and study.lock.json.
        options: `dpi` of the PNG.
    """
    runs = read_runs(home)
    lock = files.read_json(home / "study.lock.json")
    with mpl.rc_context(style.STYLE):
        ratio = _accuracy_against_ratio(runs, lock["labels"], pd.read_csv(home / "ceiling.csv", dtype={"dataset": str}))
        style.write(ratio, home, "accuracy_against_ratio", options["dpi"])
        style.write(draw_training_curves(home, runs, lock), home, "training_curves", options["dpi"])


def _accuracy_against_ratio(runs: pd.DataFrame, labels: dict, ceiling: pd.DataFrame) -> Figure:
    datasets = list(runs.dataset.unique())
    colours = style.curve_colours(runs, labels)
    figure, axes = plt.subplots(
        1, len(datasets), figsize=(6.4 * len(datasets), 4.8), squeeze=False, layout="constrained"
    )
    for dataset, axis in zip(datasets, axes[0], strict=True):
        _draw_dataset(axis, dataset, style.curves_of(runs[runs.dataset == dataset]), labels, colours)
        _draw_ceiling(axis, ceiling[ceiling.dataset == dataset])
        axis.legend(frameon=False, fontsize=9, loc="best")
    return figure


def _draw_ceiling(axis: Axes, ceiling: pd.DataFrame) -> None:
    """The highest expected accuracy of an honest model, where the truth is known; of the prefix window."""
    if len(ceiling):
        look = {"color": "0.25", "linestyle": ":", "linewidth": 1.4, "label": "ceiling of any honest model (prefix)"}
        axis.step(ceiling.observation_ratio, 100 * ceiling.ceiling, where="post", **look)


def _draw_dataset(axis: Axes, dataset: str, runs: pd.DataFrame, labels: dict, colours: dict[tuple, str]) -> None:
    videos = runs.test_videos.dropna()
    for place, (series, group) in enumerate(runs.groupby(SERIES, sort=False)):
        name = style.curve_name(dict(zip(SERIES, series, strict=True)), runs, labels)
        look = {"color": colours[series], "marker": MARKERS[place % 7], "linestyle": LINES[place // 7 % 4]}
        _draw_series(axis, group, name, look)
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


def _draw_series(axis: Axes, group: pd.DataFrame, name: str, look: dict[str, str]) -> None:
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
    axis.plot(ratios, values, **look, label=f"{name} (n = {style.count(group.seed.nunique(), 'seed')})")
    if len(points) > 1:
        axis.fill_between(ratios, lows, highs, color=look["color"], alpha=0.15, linewidth=0)
    elif not holes:
        axis.vlines(ratios, lows, highs, color=look["color"], alpha=0.6)
    if holes:
        axis.plot(holes, [2] * len(holes), color=look["color"], marker="x", linestyle="", label=f"{name}: missing")
