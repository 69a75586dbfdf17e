"""Figures of a collected study: accuracy against observation ratio, and the training curves beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from partway import files
from partway.results import style
from partway.results.imported import ImportedCurve, read_curves
from partway.results.stats import Estimate
from partway.results.style import LINES, MARKERS, Curve, plt
from partway.results.tables import read_runs
from partway.results.training_curves import draw_training_curves

IMPORTED_LOOK = {"color": "0.35", "linestyle": (0, (3, 2)), "linewidth": 1.2, "markerfacecolor": "white"}
REFERENCE_MARKERS = ["*", "p", "h", "8"]  # none of those that curves have


def draw_figures(home: Path, options: dict[str, Any]) -> None:
    """Draw `figures/{accuracy_against_ratio,training_curves}.{svg,png}` of a collected study.

    Args:
        home: folder with runs.csv, epochs.csv, ceiling.csv and study.lock.json.
        options: `dpi` of the PNG.
    """
    runs = read_runs(home)
    lock = files.read_json(home / "study.lock.json")
    with mpl.rc_context(style.STYLE):
        ceiling = pd.read_csv(home / "ceiling.csv", dtype={"dataset": str})
        ratio = _accuracy_against_ratio(runs, lock, ceiling, read_curves(home, lock))
        style.write(ratio, home, "accuracy_against_ratio", options["dpi"])
        style.write(draw_training_curves(home, runs, lock), home, "training_curves", options["dpi"])


def _accuracy_against_ratio(
    runs: pd.DataFrame, lock: dict[str, Any], ceiling: pd.DataFrame, imported: list[ImportedCurve]
) -> Figure:
    labels = lock["labels"]
    curves = {dataset: style.curves(runs[runs.dataset == dataset], labels) for dataset in runs.dataset.unique()}
    colours = style.curve_colours(runs, labels)
    figure, axes = plt.subplots(1, len(curves), squeeze=False, layout="constrained")
    for (dataset, drawn), axis in zip(curves.items(), axes[0], strict=True):
        _draw_dataset(axis, dataset, drawn, colours)
        _draw_ceiling(axis, ceiling[ceiling.dataset == dataset])
        reported = "reported" if drawn[0].runs.scored_on.iloc[0] == "test" else "reported on test videos"
        anchors = [anchor for anchor in lock["references"] if anchor["dataset"] == dataset]
        _draw_references(axis, anchors, reported)
        _draw_imported(axis, imported_of(dataset, imported))
        axis.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    # Legends stand below, where they hide no curve; the figure grows by their lines, the axes keep their size.
    lines = max(len(axis.get_legend().get_texts()) for axis in axes[0])
    figure.set_size_inches(6.4 * len(curves), 4.1 + 0.19 * lines)
    return figure


def _draw_ceiling(axis: Axes, ceiling: pd.DataFrame) -> None:
    """The highest expected accuracy of an honest model, where the truth is known; of the prefix window."""
    if len(ceiling):
        look = {"color": "0.25", "linestyle": ":", "linewidth": 1.4, "label": "ceiling of any honest model (prefix)"}
        axis.step(ceiling.observation_ratio, 100 * ceiling.ceiling, where="post", **look)


def _draw_references(axis: Axes, anchors: list[dict[str, Any]], reported: str) -> None:
    """Published accuracies: hollow, joined to nothing, and told by their numbers in the legend."""
    for place, anchor in enumerate(anchors):
        x, y = anchor["observation_ratio"], 100 * anchor["top1"]
        name = f"{anchor['label']}: {y:g} % at {x:g}, {anchor['window']} ({reported}, not measured here)"
        look = {"marker": REFERENCE_MARKERS[place % len(REFERENCE_MARKERS)], "markersize": 9, "markerfacecolor": "none"}
        axis.plot([x], [y], color="0.15", linestyle="", label=name, **look)


def imported_of(dataset: str, imported: list[ImportedCurve]) -> dict[str, ImportedCurve]:
    """The imports of a data set by the id, in the SVG, by which the report finds their points."""
    return {f"imported-{place}": curve for place, curve in enumerate(imported) if curve.about["dataset"] == dataset}


def _draw_imported(axis: Axes, curves: dict[str, ImportedCurve]) -> None:
    """What an older script measured: hollow and dashed, with bars where the number of its videos is known."""
    for place, (id_, curve) in enumerate(curves.items()):
        ratios, values, intervals = zip(*curve.points, strict=True)
        look = IMPORTED_LOOK | {"marker": MARKERS[place % len(MARKERS)], "gid": id_, "label": curve.label}
        axis.plot(ratios, [100 * value for value in values], **look)
        if all(intervals):
            ends = ([100 * getattr(interval, end) for interval in intervals] for end in ("low", "high"))
            axis.vlines(ratios, *ends, color=IMPORTED_LOOK["color"], linewidth=0.8)


def _draw_dataset(axis: Axes, dataset: str, curves: list[Curve], colours: dict[tuple, str]) -> None:
    runs = pd.concat([curve.runs for curve in curves])
    videos, split = runs.videos.dropna(), runs.scored_on.iloc[0]
    for place, curve in enumerate(curves):
        look = {"color": colours[curve.series], "marker": MARKERS[place % 7], "linestyle": LINES[place // 7 % 4]}
        _draw_curve(axis, curve, look | {"gid": curve_id(dataset, place)})
    if (classes := runs.classes.dropna()).size:
        axis.axhline(100 / classes.iloc[0], color="0.4", linestyle="--", linewidth=1, label="chance")
    axis.set_xlabel("observation ratio (share of the video seen)")
    axis.set_ylabel(f"{split} accuracy, top1 (%)")
    of = f"n = {int(videos.iloc[0])} {split} videos" if videos.size else "no run is complete"
    axis.set_title(f"{dataset}: {of}" + ("" if split == "test" else "\n(its test split has no labels)"))
    axis.set_xlim(0, 1.03)
    axis.set_ylim(0, 100)
    axis.grid(alpha=0.25)


def curve_id(dataset: str, place: int) -> str:
    """The id, in the SVG, of a data set's n-th curve, by which the report finds its points."""
    return f"curve-{dataset}-{place}"


def _draw_curve(axis: Axes, curve: Curve, look: dict[str, str]) -> None:
    """One line with its interval; a ratio with a missing run breaks the line and is marked on the axis."""
    ratios = [ratio for ratio, _ in curve.points]
    holes = [ratio for ratio, estimate in curve.points if estimate is None]
    drawn = [estimate or Estimate(*[float("nan")] * 3) for _, estimate in curve.points]
    values, lows, highs = ([100 * getattr(e, part) for e in drawn] for part in ("value", "low", "high"))
    axis.plot(ratios, values, **look, label=f"{curve.name} (n = {style.count(curve.runs.seed.nunique(), 'seed')})")
    if len(drawn) > 1:
        axis.fill_between(ratios, lows, highs, color=look["color"], alpha=0.15, linewidth=0)
    elif not holes:
        axis.vlines(ratios, lows, highs, color=look["color"], alpha=0.6)
    if holes:
        axis.plot(
            holes, [2] * len(holes), color=look["color"], marker="x", linestyle="", label=f"{curve.name}: missing"
        )
