"""Accuracy against observation ratio, drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from partway.results.figures.ends import End, name_lines
from partway.results.figures.look import Style, panels, thin, wrapped
from partway.results.figures.palette import LINES, MARKERS
from partway.results.figures.ratio_numbers import TITLE, caption, line_names, numbers, table, tips, words
from partway.results.figures.settings import TRAINED
from partway.results.naming import count, of_train

__all__ = ["TITLE", "caption", "draw", "numbers", "table", "tips", "words"]

IMPORTED = {"color": "0.35", "linestyle": (0, (3, 2)), "markerfacecolor": "white"}
REPORTED_MARKERS = ["*", "p", "h", "8"]  # none of those that lines have
MOST_LINES = 10  # in one panel
SPLIT_BY = ("model", "window", "train_ratio", "train_fraction")
ROOM = 6.5  # inches at a font of 10 points: in less, a legend stands below instead of names beside the lines
PANEL, NAMES = 5.4, 2.3  # inches of axes, and of the names beside them
NAMED = ("curve-", "ceiling-", "chance-")  # begin the ids of what may have its name beside it
LETTERS = 11  # an inch at a font of 10 points


def draw(numbers: pd.DataFrame, style: Style) -> Figure:
    """Draw the lines of each data set; where they are many, in several panels with the same axes."""
    parts = list(_parts(numbers))
    beside = style.width is None or style.width * 10 / style.font > ROOM
    entries = max(_entries(part, beside=beside) for _, part in parts)
    figure, axes = panels(len(parts), style, width=PANEL + NAMES * beside, height=3.9 + 0.19 * entries)
    for (title, part), axis in zip(parts, axes, strict=True):
        names = line_names(part)
        _draw_measured(axis, part[part.kind == "measured"], names)
        _draw_beside(axis, part)
        _name_axes(axis, part[part.kind == "measured"], title)
    for (_, part), axis in zip(parts, axes, strict=True):
        named = beside and name_lines(axis, _ends(part))
        _add_legend(axis, named=named)
    return figure


def _parts(numbers: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Panels with their titles: one a data set, split by what differs until no panel has too many lines."""
    for dataset, of_data in numbers.groupby("dataset", sort=False):
        measured, beside = of_data[of_data.kind == "measured"], of_data[of_data.kind != "measured"]
        groups = [((), measured)]
        for axis in SPLIT_BY:
            if max(rows.mark.nunique() for _, rows in groups) > MOST_LINES:
                groups = [
                    ((*told, _told(axis, value)) if measured[axis].nunique() > 1 else told, rows)
                    for told, group in groups
                    for value, rows in group.groupby(axis, sort=False)
                ]
        for told, rows in groups:
            marks = rows.mark.unique()
            for first in range(0, len(marks), MOST_LINES):
                part = rows[rows.mark.isin(marks[first : first + MOST_LINES])]
                of = f"lines {first + 1} to {first + part.mark.nunique()} of {len(marks)}"
                title = ", ".join([dataset, *told, *([of] if len(marks) > MOST_LINES else [])])
                yield title, pd.concat([part, beside])


def _told(axis: str, value: Any) -> str:
    """What sets a panel apart from the others."""
    if axis == "train_ratio":
        return f"trained {TRAINED.get(value, f'at ratio {value}')}"
    return of_train(value) if axis == "train_fraction" else f"{value} window" if axis == "window" else value


def _entries(part: pd.DataFrame, *, beside: bool) -> int:
    """Lines of text below a panel."""
    lines = {"reported", "imported"} if beside else set(part.kind)
    return 1 + sum(
        1 + len(name) // int(LETTERS * PANEL) for mark, name in line_names(part[part.kind.isin(lines)]).items()
    )


def _name_axes(axis: Axes, measured: pd.DataFrame, title: str) -> None:
    split, videos, seeds = measured.scored_on.iloc[0], measured.videos.dropna(), measured.seeds_of_grid.unique()
    axis.set_xlabel("observation ratio (share of the video seen)")
    axis.set_ylabel(f"{split} accuracy, top1 (%)")
    of = f"n = {videos.iloc[0]} {split} videos" if videos.size else "no run is complete"
    each = f", {count(int(seeds[0]), 'seed')}" if len(seeds) == 1 else ""
    without = "" if split == "test" else "\n(its test split has no labels)"
    share = 0.7 / axis.get_gridspec().ncols
    axis.set_title(wrapped(f"{title}: {of}{each}", axis.figure, share) + without)
    axis.set_xlim(0, 1.03)
    axis.set_ylim(0, 100)
    axis.grid(alpha=0.25)


def _draw_measured(axis: Axes, measured: pd.DataFrame, names: dict[str, str]) -> None:
    differ = measured.groupby("mark").seeds_of_grid.max().nunique() > 1
    for mark, line in measured.groupby("mark", sort=False):
        look = _look(line.iloc[0]) | {"linestyle": LINES[line.window.iloc[0]], "gid": mark, "clip_on": False}
        seeds = f" (n = {count(int(line.seeds_of_grid.max()), 'seed')})" if differ else ""
        _draw_line(axis, line, look | {"label": names[mark] + seeds})
    if (holes := measured[measured.top1.isna()]).size:
        axis.plot([], [], color="0.3", marker="x", linestyle="", label="missing: a run of this ratio has no result")
        for colour, of_colour in holes.groupby("colour"):
            axis.plot(of_colour.observation_ratio, [2] * len(of_colour), color=colour, marker="x", linestyle="")


def _look(row: Any) -> dict[str, Any]:
    """Colour and marker; a line that was not measured here is grey and has none."""
    if row.kind != "measured":
        return {"color": "0.25"}
    look = {"color": row.colour, "marker": row.marker}
    return look if row.filled else look | {"markerfacecolor": "white"}


def _draw_line(axis: Axes, line: pd.DataFrame, look: dict[str, Any]) -> None:
    """One line with its interval; a ratio with a missing run breaks it."""
    values, lows, highs = (100 * line[part] for part in ("top1", "low", "high"))
    axis.plot(line.observation_ratio, values, **look)
    if len(line) > 1:
        axis.fill_between(line.observation_ratio, lows, highs, color=look["color"], alpha=0.13, linewidth=0)
    # Where a neighbour is missing, a band has no width.
    alone = line.top1.shift().isna() & line.top1.shift(-1).isna() & line.top1.notna()
    axis.vlines(line.observation_ratio[alone], lows[alone], highs[alone], color=look["color"], alpha=0.6)


def _draw_beside(axis: Axes, part: pd.DataFrame) -> None:
    """What the lines are read against: chance, the ceiling where the truth is known, and what others measured."""
    kinds = dict(list(part.groupby("kind", sort=False)))
    if "chance" in kinds:
        chance = kinds["chance"].iloc[0]
        look = {"color": "0.4", "linestyle": (0, (4, 3)), "linewidth": thin(0.6), "gid": chance.mark}
        axis.axhline(100 * chance.top1, label="chance", **look)
    if "ceiling" in kinds:
        ceiling = kinds["ceiling"]
        look = {"color": "0.25", "linestyle": ":", "linewidth": thin(0.85), "gid": ceiling.mark.iloc[0]}
        axis.step(ceiling.observation_ratio, 100 * ceiling.top1, where="post", label=ceiling.label.iloc[0], **look)
    for place, anchor in enumerate(kinds.get("reported", part[:0]).itertuples()):
        _draw_reported(axis, anchor, REPORTED_MARKERS[place % len(REPORTED_MARKERS)])
    for place, (mark, line) in enumerate(kinds.get("imported", part[:0]).groupby("mark", sort=False)):
        _draw_imported(axis, line, {"marker": MARKERS[place % len(MARKERS)], "gid": mark})


def _draw_reported(axis: Axes, anchor: Any, marker: str) -> None:
    """A published accuracy: hollow, joined to nothing, and told by its number in the legend."""
    of = "reported" if anchor.scored_on == "test" else "reported on test videos"
    x, y = anchor.observation_ratio, 100 * anchor.top1
    name = f"{anchor.label}: {y:g} % at {x:g}, {anchor.window} ({of}, not measured here)"
    look = {"marker": marker, "markersize": 9, "markerfacecolor": "none", "gid": anchor.mark}
    axis.plot([x], [y], color="0.15", linestyle="", label=name, **look)


def _draw_imported(axis: Axes, line: pd.DataFrame, look: dict[str, str]) -> None:
    """What an older script measured: hollow and dashed, with bars where the number of its videos is known."""
    axis.plot(
        line.observation_ratio, 100 * line.top1, linewidth=thin(0.8), **IMPORTED, **look, label=line.label.iloc[0]
    )
    if line.low.notna().all():
        axis.vlines(
            line.observation_ratio, 100 * line.low, 100 * line.high, color=IMPORTED["color"], linewidth=thin(0.5)
        )


# --- names ---------------------------------------------------------------------------------------------


def _ends(part: pd.DataFrame) -> list[End]:
    """Where the names of lines may stand: at the last point of each that has one."""
    names = line_names(part)
    drawn = part[part.kind.isin(["measured", "ceiling"]) & part.top1.notna()]
    lasts = drawn.sort_values("observation_ratio").groupby("mark", sort=False).tail(1)
    ends = [End(names[p.mark], p.observation_ratio, 100 * p.top1, _look(p)) for p in lasts.itertuples()]
    chance = part[part.kind == "chance"]
    return [*ends, *(End("chance", 1.03, 100 * level, {"color": "0.4"}) for level in chance.top1)]


def _add_legend(axis: Axes, *, named: bool) -> None:
    """Below the axes, where it hides no line: of all, or of what has no name beside it."""
    entries = [
        (handle, textwrap.fill(label, int(LETTERS * PANEL)))
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        if not (named and str(handle.get_gid()).startswith(NAMED))
    ]
    if entries:
        axis.legend(*zip(*entries, strict=True), loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=4)
