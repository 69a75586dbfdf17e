"""Training curves: loss and top1 over epochs, one column for each setting's trainings."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from partway.results.figures.curve_numbers import numbers as numbers
from partway.results.figures.look import NOTE, Style, legend_below, pairs, thin
from partway.results.naming import count

TITLE = "Training curves"
MOST_COLUMNS = 20  # beyond, a figure cannot be read; the csv holds all
MOST_IN_PRINT = 10  # in a style of a given size
LETTERS_BEFORE = 14  # in a line of what is said where a stage before is not drawn
MEASURES = {"loss": "loss", "top1": "accuracy, top1 (%)"}
# Part of the data, its name, and how it is drawn; the setting's colour where no other is given.
PARTS = {
    "train": ("train, as trained (augmented)", {"color": "0.55", "linestyle": (0, (1, 1.2))}),
    "train_eval": ("train, without augmentation", {"linestyle": (0, (4, 1.5))}),
    "val": ("validation", {"linestyle": "-"}),
}
MEAN, SEED = 1.1, 0.45  # thickness of lines


# --- what is said --------------------------------------------------------------------------------------


def caption(numbers: pd.DataFrame) -> str:
    """What a reader must know to read the figure."""
    several = numbers.groupby("mark").seed.nunique().gt(1).any()
    return (
        "Loss and top1 over epochs, every training once and under the first ablation that uses it; circles mark the "
        "chosen epochs." + (" A mean over seeds is drawn only where all of them have that epoch." if several else "")
    )


def words(numbers: pd.DataFrame) -> str:
    """The text alternative."""
    trainings = len(numbers[numbers.epoch.notna()].drop_duplicates(["mark", "seed", "stage"]))
    told = count(trainings, "training")
    return f"Loss and top1 by epoch of {told}; the table holds the scores of the chosen epochs."


def tips(numbers: pd.DataFrame, percent: Callable[..., str]) -> dict[str, list[str]]:
    """What to say of the ring of each chosen epoch."""
    found: dict[str, list[str]] = {}
    drawn = numbers.mark.isin(numbers.mark.unique()[:MOST_COLUMNS])
    chosen = numbers[drawn & (numbers.chosen == 1)]
    for (mark, stage), rows in chosen.groupby(["mark", "stage"], sort=False):
        for measure in MEASURES:
            if part := _ringed(rows, measure):
                points = rows[rows[f"{part}_{measure}"].notna()].itertuples()
                found[_ring(mark, stage, measure)] = [_tip(row, part, measure, percent) for row in points]
    return found


def _tip(row: Any, part: str, measure: str, percent: Callable[..., str]) -> str:
    value = getattr(row, f"{part}_{measure}")
    shown = f"{percent(value)} %" if measure == "top1" else f"{value:.3g}"
    title = " ".join(row.title.split())
    return f"{title}, seed {row.seed}\nchosen epoch {row.epoch}: {PARTS[part][0]}, {measure} {shown}"


def table(numbers: pd.DataFrame, percent: Callable[..., str]) -> pd.DataFrame:
    """One row a training, with the scores of its chosen epoch."""

    def row(one: Any) -> dict[str, str]:
        scores = {
            f"{name}, {measure}": _score(getattr(one, f"{part}_{measure}"), measure, percent)
            for part, (name, _) in PARTS.items()
            for measure in MEASURES
        }
        chosen = "no finished training" if pd.isna(one.epoch) else str(one.epoch)
        about = {"training": " ".join(one.title.split()), "seed": str(one.seed)}
        return about | {"stage": "" if pd.isna(one.stage) else str(one.stage), "chosen epoch": chosen} | scores

    kept = numbers[(numbers.chosen == 1) | numbers.epoch.isna()]
    return pd.DataFrame([row(one) for one in kept.itertuples()])


def _score(value: float, measure: str, percent: Callable[..., str]) -> str:
    if pd.isna(value):
        return ""
    return f"{percent(value)} %" if measure == "top1" else f"{value:.3g}"


# --- the drawing ---------------------------------------------------------------------------------------


def draw(numbers: pd.DataFrame, style: Style) -> Figure:
    """Draw a pair of axes, loss above top1, for each column."""
    columns = [rows for _, rows in numbers.groupby("mark", sort=False)]
    shown = columns[: MOST_COLUMNS if style.width is None else min(MOST_COLUMNS, MOST_IN_PRINT)]
    figure, axes = pairs(len(shown), style, width=2.6 if style.width is None else 2.0, height=2.1, below=1.1)
    bands, abreast = axes.shape[0] // 2, axes.shape[1]
    for place in range(bands * abreast):
        band, across = divmod(place, abreast)
        pair = axes[2 * band : 2 * band + 2, across]
        if place < len(shown):
            _draw_column(pair, shown[place])
            pair[0].set_title(_title(shown[place]), fontsize="small")
        for axis, name in zip(pair, MEASURES.values(), strict=True):
            axis.set_axis_on() if place < len(shown) else axis.set_axis_off()
            axis.set_ylabel(name if across == 0 else "")
            axis.tick_params(labelleft=across == 0)
    _same_scales(axes, numbers)
    if len(columns) > len(shown):
        figure.suptitle(
            f"the first {len(shown)} of {len(columns)} columns; training_curves.csv holds all", fontsize="medium"
        )
    _legend(figure, numbers, several=any(rows.seed.nunique() > 1 for rows in shown))
    return figure


def _title(column: pd.DataFrame) -> str:
    """A column's name and the number of its seeds."""
    if column.imported.iloc[0]:
        return column.title.iloc[0]
    there, all_ = column[column.epoch.notna()].seed.nunique(), column.seed.nunique()
    seeds = count(there, "seed") if there == all_ else f"{there} of {count(all_, 'seed')}"
    return f"{column.title.iloc[0]}\n{seeds}"


def _draw_column(pair: Any, column: pd.DataFrame) -> None:
    """Loss above, top1 below."""
    there = column[column.epoch.notna()]
    for axis, measure in zip(pair, MEASURES, strict=True):
        axis.grid(alpha=0.25)
        axis.tick_params(labelbottom=axis is pair[1])
        if there.empty:
            axis.text(0.5, 0.5, "no finished training", transform=axis.transAxes, ha="center", **NOTE)
        for stage, rows in there.groupby("stage"):
            _draw_stage(axis, rows, measure)
            if stage > 1:
                _mark_stage(axis, stage, rows, falls=measure == "loss")
    pair[1].set_xlabel("epoch")


def _draw_stage(axis: Axes, stage: pd.DataFrame, measure: str) -> None:
    """Seeds thin and their mean thick; one seed alone is drawn as thick as a mean; its chosen epoch is a ring."""
    factor, colour = (100 if measure == "top1" else 1), stage.colour.iloc[0]
    several = stage.seed.nunique() > 1
    for part, (_, look) in PARTS.items():
        name = f"{part}_{measure}"
        if stage[name].isna().all():
            continue
        by_seed = factor * stage.pivot(index="at", columns="seed", values=name)
        look = {"color": colour} | look | ({"marker": "."} if len(by_seed) == 1 else {})
        if several:
            axis.plot(by_seed.index, by_seed, **look, linewidth=thin(SEED), alpha=0.55)
        # A mean needs every seed: where one stopped earlier or is missing there is none.
        axis.plot(by_seed.index, by_seed.mean(axis=1, skipna=False), **look, linewidth=thin(MEAN))
    chosen = stage[stage.chosen == 1]
    if part := _ringed(chosen, measure):
        ring = {"marker": "o", "markerfacecolor": "white", "markeredgewidth": thin(0.8), "zorder": 5, "clip_on": False}
        id_ = _ring(stage.mark.iloc[0], stage.stage.iloc[0], measure)
        points = chosen[chosen[f"{part}_{measure}"].notna()]
        axis.plot(points["at"], factor * points[f"{part}_{measure}"], linestyle="", color=colour, gid=id_, **ring)


def _ringed(chosen: pd.DataFrame, measure: str) -> str | None:
    """The part of the data on whose line the chosen epochs are marked: validation where it was measured."""
    return next((part for part in ("val", "train_eval", "train") if chosen[f"{part}_{measure}"].notna().any()), None)


def _ring(mark: str, stage: int, measure: str) -> str:
    """The id, in the SVG, of the rings of one stage."""
    return f"{mark}-{stage}-{measure}"


def _mark_stage(axis: Axes, stage: int, rows: pd.DataFrame, *, falls: bool) -> None:
    """A line where a stage begins, with its number; where the stage before is drawn in another column, that is said."""
    begins = rows.before.min() + 0.5
    axis.axvline(begins, color=NOTE["color"], linewidth=thin(0.5))
    place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    # Beside the line, where late epochs leave room: above a falling loss, below a rising accuracy.
    up = {"xy": (begins, 1), "xytext": (-2, -2), "va": "top"} if falls else {"xy": (begins, 0), "xytext": (-2, 3)}
    axis.annotate(f"stage {stage}", **up, rotation=90, ha="right", **place, **NOTE)
    if pd.notna(before := rows.continues.iloc[0]):
        told = textwrap.fill(f"continues {before} at its chosen epoch".replace("+ ", "+\u00a0"), LETTERS_BEFORE)
        axis.annotate(told, (begins / 2, 0.5), xytext=(0, 0), ha="center", va="center", zorder=1, **place, **NOTE)


def _same_scales(axes: Any, numbers: pd.DataFrame) -> None:
    """One scale for all losses and one for all accuracies, so that columns can be compared by eye."""
    highest = numbers[[f"{part}_loss" for part in PARTS]].max().max()
    for row, line in enumerate(axes):
        for axis in line:
            axis.set_ylim(0, 100 if row % 2 else 1.05 * (1.0 if pd.isna(highest) else highest))
            axis.xaxis.get_major_locator().set_params(integer=True)


def _legend(figure: Figure, numbers: pd.DataFrame, *, several: bool) -> None:
    there = [part for part in PARTS if numbers[f"{part}_loss"].notna().any()]
    names = {part: name for part, (name, _) in PARTS.items()}
    if "dominant" in set(numbers.train_target):
        names["train"] = "train, as trained (augmented; of mixed clips the dominant label counts)"
    handles = [
        Line2D([], [], **({"color": "0.2", "linewidth": thin(MEAN)} | PARTS[part][1]), label=names[part])
        for part in there
    ]
    ring = {"marker": "o", "markerfacecolor": "white", "linestyle": "", "color": "0.2"}
    handles.append(Line2D([], [], **ring, label="chosen epoch of a seed"))
    if several:
        handles.append(
            Line2D([], [], color="0.2", linewidth=thin(SEED), label="thin: one seed; thick: mean over seeds")
        )
    legend_below(figure, {handle.get_label(): handle for handle in handles})
