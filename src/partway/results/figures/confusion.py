"""Which classes are taken for which, drawn: a matrix for each model."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from partway.results.figures.confusion_numbers import (
    MOST_LABELLED,
    MOST_TOLD,
    TITLE,
    caption,
    most_confused,
    numbers,
    table,
    tips,
    words,
)
from partway.results.figures.look import NOTE, Style, panels, trim_height, wrapped

__all__ = ["TITLE", "caption", "draw", "numbers", "table", "tips", "words"]

MOST_NUMBERED = 12  # classes up to which cells hold their numbers
RIGHT, WRONG = "#0072B2", "#D55E00"
FAINTEST, DENSEST = 0.1, 0.8  # opacity of a cell, by the root of its share: one video of many is still seen


def draw(numbers: pd.DataFrame, style: Style) -> Figure:
    """Draw rows of true classes, columns of what their videos were taken for."""
    parts = [rows for _, rows in numbers.groupby("mark", sort=False)]
    classes = int(numbers.classes.fillna(2).max())  # none is known where no run is complete
    side = max(4.2, min(8.5, 2.2 + 0.17 * min(classes, MOST_LABELLED) + 0.02 * classes))
    figure, axes = panels(len(parts), style, width=side, height=side)
    for axis, rows in zip(axes, parts, strict=True):
        axis.set_title(wrapped(rows.title.iloc[0], figure, 0.6 / axis.get_gridspec().ncols))
        if rows.n.notna().any():
            _draw_matrix(axis, rows[rows.n.notna()])
        else:
            axis.text(0.5, 0.5, "no run is complete", transform=axis.transAxes, ha="center", **NOTE)
            axis.set_axis_off()
    if style.height is None:
        trim_height(figure)
    return figure


def _draw_matrix(axis: Axes, rows: pd.DataFrame) -> None:
    classes = int(rows.classes.iloc[0])
    for cell in rows.itertuples():
        colour = to_rgba(RIGHT if cell.row == cell.column else WRONG, FAINTEST + (DENSEST - FAINTEST) * cell.share**0.5)
        axis.add_patch(Rectangle((cell.column - 0.5, cell.row - 0.5), 1, 1, facecolor=colour))
        if classes <= MOST_NUMBERED:
            axis.text(cell.column, cell.row, f"{100 * cell.share:.0f}", ha="center", va="center", fontsize="small")
    told = most_confused(rows)
    # Unseen: one line whose points carry the numbers on the page.
    look = {"marker": "s", "markersize": 5, "color": "0.5", "alpha": 0, "linestyle": ""}
    axis.plot(told.column, told.row, gid=rows.mark.iloc[0], **look)
    _name_classes(axis, rows, classes)
    axis.set_xlim(-0.5, classes - 0.5)
    axis.set_ylim(classes - 0.5, -0.5)
    axis.set_aspect("equal")
    axis.spines[:].set(visible=True, color="0.7")
    axis.set_xlabel("taken for")
    axis.set_ylabel("class")


def _name_classes(axis: Axes, rows: pd.DataFrame, classes: int) -> None:
    """All classes, or of many those of the most confused pairs, as far as their names do not touch."""
    if classes <= MOST_LABELLED:
        named = dict(zip(rows["row"], rows["class"], strict=True))
        named |= dict(zip(rows.column, rows.predicted, strict=True))
        across = down = named
    else:
        pairs = most_confused(rows).head(MOST_TOLD)
        apart = classes / MOST_LABELLED
        down = _apart(dict(zip(pairs["row"], pairs["class"], strict=True)), apart)
        across = _apart(dict(zip(pairs.column, pairs.predicted, strict=True)), apart)
    axis.set_xticks(list(across), list(across.values()), rotation=90, fontsize="x-small")
    axis.set_yticks(list(down), list(down.values()), fontsize="x-small")
    axis.tick_params(length=2)


def _apart(named: dict[int, str], least: float) -> dict[int, str]:
    """Names by place, without those nearer than this to one that stands before."""
    kept: dict[int, str] = {}
    for place, name in named.items():
        if all(abs(place - other) >= least for other in kept):
            kept[place] = name
    return kept
