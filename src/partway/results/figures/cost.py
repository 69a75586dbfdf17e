"""Accuracy against cost: what a test video and what a training takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from partway.results.collected import Collected
from partway.results.figures import settings
from partway.results.figures.look import NOTE, Style, legend_below, panels
from partway.results.naming import count, listed

TITLE = "Accuracy against cost"
COSTS = {
    "gflops_per_video": "GFLOPs a test video (a clip x its views)",
    "training_minutes": "minutes of training (a seed)",
}
COLUMNS = ["dataset", "name", *settings.SETTING[1:], *settings.ESTIMATE, "flops_per_clip", "views", *COSTS, "device"]
COLUMNS += ["colour", "marker", "filled"]
WIDE = 8  # times the smallest cost: from there on the axis is logarithmic
MOST_NAMED = 20  # settings with a legend entry of their own


def numbers(study: Collected) -> pd.DataFrame:
    """A row for each setting of the first window at its largest ratio: accuracy, FLOPs a clip, and the mean time of its trainings.

    A FLOP is counted as by torch.utils.flop_counter, a multiply-add as two. What was not recorded stays empty.
    """
    parts = []
    for _, rows in settings.at_largest_ratio(study).groupby("dataset", sort=False):
        rows = rows[rows.window == rows.window.iloc[0]]  # the others cost the same
        named = settings.looked(study, rows).assign(name=settings.names(rows, at_one_ratio=True))
        costs = _costs(study.runs[study.runs.status == "complete"])
        parts.append(named.merge(costs, how="left", on=settings.SETTING))
    return pd.concat(parts).reindex(columns=COLUMNS)


def _costs(runs: pd.DataFrame) -> pd.DataFrame:
    of_setting = runs.groupby(settings.SETTING, sort=False)
    # A mean needs all seeds; trainings of an earlier version did not record everything.
    mean = of_setting[["flops_per_clip", "views", "time_sec"]].agg(lambda values: values.mean(skipna=False))
    devices = of_setting.device.agg(lambda values: ", ".join(sorted(values.dropna().unique())))
    costs = mean.assign(
        device=devices,
        gflops_per_video=mean.flops_per_clip * mean["views"] / 1e9,
        training_minutes=mean.time_sec / 60,
    )
    return costs.drop(columns="time_sec").reset_index()


# --- what is said --------------------------------------------------------------------------------------


def caption(numbers: pd.DataFrame) -> str:
    """What a reader must know to read the figure, and what is left out."""
    devices = sorted({device for device in numbers.device.dropna() if device})
    on = f" on {listed(devices)}" if devices else ""
    told = [
        f"Accuracy with its 95 % interval at the largest ratio of each setting. Left: a forward pass, a multiply-add counted "
        f"as two, times the views. Right: all stages of a training{on}; times of other machines are not comparable."
    ]
    for cost, axis in COSTS.items():
        if (unknown := numbers[numbers[cost].isna() & numbers.top1.notna()]).size:
            told.append(f"Not drawn against {axis}, since it was not recorded: {listed(list(unknown.name))}.")
    if (holes := numbers[numbers.top1.isna()]).size:
        told.append(f"Not drawn, since runs are missing: {listed(list(holes['name']))}.")
    return " ".join(told)


def words(numbers: pd.DataFrame) -> str:
    """The text alternative."""
    return f"Accuracy of {count(len(numbers), 'setting')} against FLOPs and training time; the table holds the numbers."


def tips(numbers: pd.DataFrame, percent: Callable[..., str]) -> dict[str, list[str]]:
    """What to say of the point of each setting, in both panels."""
    found = {}
    for dataset, rows in numbers.groupby("dataset", sort=False):
        for cost in COSTS:
            points = rows[rows[cost].notna() & rows.top1.notna()].to_dict("records")
            found |= {_mark(dataset, cost, place): [_tip(row, percent)] for place, row in enumerate(points)}
    return found


def _mark(dataset: str, cost: str, place: int) -> str:
    return f"cost-{dataset}-{cost}-{place}"


def _tip(row: dict[str, Any], percent: Callable[..., str]) -> str:
    return f"{row['name']}\n{percent(row['top1'])} %, {_cost(row, 'gflops_per_video')} GFLOPs a video, " + (
        f"{_cost(row, 'training_minutes')} minutes of training"
    )


def _cost(row: dict[str, Any], cost: str) -> str:
    return "unknown" if pd.isna(row[cost]) else f"{row[cost]:.3g}"


def table(numbers: pd.DataFrame, percent: Callable[..., str]) -> pd.DataFrame:
    """One row a setting."""
    return pd.DataFrame(
        {
            "data set": row["dataset"],
            "setting": row["name"],
            "accuracy %": "missing" if pd.isna(row["top1"]) else percent(row["top1"]),
            "95 %": "" if pd.isna(row["low"]) else f"{percent(row['low'])} to {percent(row['high'])}",
            "GFLOPs a video": _cost(row, "gflops_per_video"),
            "minutes of training": _cost(row, "training_minutes"),
        }
        for row in numbers.to_dict("records")
    )


# --- the drawing ---------------------------------------------------------------------------------------


def draw(numbers: pd.DataFrame, style: Style) -> Figure:
    """Draw two panels for each data set."""
    datasets = list(numbers.groupby("dataset", sort=False))
    entries = min(MOST_NAMED, numbers.name.nunique())
    figure, axes = panels(2 * len(datasets), style, width=4.4, height=3.6, below=0.2 * entries + 0.2)
    for place, axis in enumerate(axes):
        (dataset, rows), cost = datasets[place // 2], list(COSTS)[place % 2]
        _draw_panel(axis, rows[rows[cost].notna() & rows.top1.notna()], cost, dataset)
        axis.set_title(dataset if place % 2 == 0 else "", loc="left")
        axis.set_ylabel(f"{rows.scored_on.iloc[0]} accuracy, top1 (%)" if place % 2 == 0 else "")
    _add_legend(figure, axes)
    return figure


def _draw_panel(axis: Axes, rows: pd.DataFrame, cost: str, dataset: str) -> None:
    for place, row in enumerate(rows.to_dict("records")):
        x, y = row[cost], 100 * row["top1"]
        axis.vlines(x, 100 * row["low"], 100 * row["high"], color=row["colour"], alpha=0.5)
        look = {"color": row["colour"], "marker": row["marker"], "linestyle": "", "gid": _mark(dataset, cost, place)}
        axis.plot([x], [y], label=row["name"], **look, **({} if row["filled"] else {"markerfacecolor": "white"}))
    if rows.empty:
        axis.text(0.5, 0.5, "not recorded", transform=axis.transAxes, ha="center", **NOTE)
    elif rows[cost].max() > WIDE * rows[cost].min() > 0:
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    else:
        axis.set_xlim(0, 1.1 * rows[cost].max())
    axis.set_xlabel(COSTS[cost])
    axis.grid(alpha=0.25)


def _add_legend(figure: Figure, axes: Sequence[Axes]) -> None:
    entries = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    shown = dict(list(entries.items())[:MOST_NAMED])
    if len(entries) > len(shown):
        figure.suptitle(
            f"the first {len(shown)} of {len(entries)} settings are named below; the table holds all", **NOTE
        )
    if shown:
        legend_below(figure, shown)
