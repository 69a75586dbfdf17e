"""How figures look: sizes and fonts of each style, panels laid out to fit, and files that are equal for equal figures."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # before pyplot: no screen is needed
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from partway import files

MOST_INCHES = 13.0  # width of a figure whose style leaves it open
FONT = 10.0  # points, at which sizes of panels are given
FORMATS = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {"Software": None}}  # and their metadata
SMALLEST_FONT = 6.0
LETTERS = 115  # of small words in a width of as many inches as the font has points
NOTE = {"color": "0.4", "fontsize": "small"}
PLAIN = {
    "svg.hashsalt": "partway",
    "svg.fonttype": "none",  # words stay words
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a label may hold dollar signs
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "xtick.labelsize": "small",
    "ytick.labelsize": "small",
    "legend.fontsize": "small",
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Style:
    """Where a figure is to stand; an open size follows from what it shows.

    Attributes:
        width, height: inches.
        font: points; smaller where a fixed size leaves no room.
    """

    width: float | None
    height: float | None
    font: float


STYLES = {
    "report": Style(None, None, FONT),
    "paper": Style(3.3, None, 8),
    "wide": Style(7.0, None, 8),  # two columns of a paper
    "slide": Style(13.333, 7.5, 18),  # 16:9
}


def panels(count: int, style: Style, *, width: float, height: float, below: float = 0) -> tuple[Figure, Sequence[Axes]]:
    """Make a figure of panels that fit a style, and set its font and line widths.

    Args:
        count: of panels.
        width, height: inches of one panel at a font of 10 points; smaller and larger fonts ask for less and more.
        below: inches below all panels, at that font.
    """
    figure, axes = _grid(count, style, width, height, below)
    for axis in axes.flat[count:]:
        axis.set_axis_off()
    return figure, list(axes.flat[:count])


def pairs(count: int, style: Style, *, width: float, height: float, below: float = 0) -> tuple[Figure, np.ndarray]:
    """The same for pairs of panels, one above the other: axes in twice as many rows as there are rows of pairs."""
    figure, axes = _grid(count, style, width, 2 * height, below, split=2)
    return figure, axes


def _grid(
    count: int, style: Style, width: float, height: float, below: float, split: int = 1
) -> tuple[Figure, np.ndarray]:
    columns, font = _fitting(count, style, width, height, below)
    columns = ceil(count / ceil(count / columns))  # no row much shorter than the others
    rows = ceil(count / columns)
    scale = font / FONT
    mpl.rcParams.update(_scaled(font))
    wide = style.width or columns * width * scale
    squeezed = max(0.75, min(1.0, wide / (columns * width * scale)))  # a narrow column is not left half empty
    size = (wide, style.height or (rows * height * squeezed + below) * scale)
    layout = {"squeeze": False, "layout": "constrained", "sharex": split > 1}
    return plt.subplots(rows * split, columns, figsize=size, **layout)


def _fitting(count: int, style: Style, width: float, height: float, below: float) -> tuple[int, float]:
    """How many panels abreast, and the font: the largest up to that of the style with which all have their room."""
    if style.height is None:
        room = (style.width or MOST_INCHES) * FONT / style.font
        return max(1, min(count, int(room / width + 1e-9))), style.font

    def font(columns: int) -> float:
        tall = ceil(count / columns) * height + below
        return FONT * min(style.width / (columns * width), style.height / tall)

    best = max(range(1, count + 1), key=font)
    return best, max(SMALLEST_FONT, min(style.font, font(best)))


def _scaled(font: float) -> dict[str, Any]:
    """Settings that follow the font: lines and markers as thick as letters ask for."""
    scale = font / FONT
    return {
        "font.size": font,
        "lines.linewidth": 1.6 * scale,
        "lines.markersize": 5.5 * scale,
        "axes.linewidth": 0.8 * scale,
        "grid.linewidth": 0.7 * scale,
        "xtick.major.width": 0.8 * scale,
        "ytick.major.width": 0.8 * scale,
        "patch.linewidth": scale,
    }


def trim_height(figure: Figure) -> None:
    """Make a figure no taller than what it shows, where square panels leave room above and below."""
    figure.draw_without_rendering()
    shown = figure.get_tightbbox()
    figure.set_figheight(min(figure.get_figheight(), shown.height + 0.1))


def wrapped(text: str, figure: Figure, share: float = 1) -> str:
    """A text in lines that are no wider than a share of the figure; a plus sign stays with what it adds."""
    letters = share * figure.get_figwidth() / mpl.rcParams["font.size"] * LETTERS
    return "\n".join(textwrap.wrap(text.replace("+ ", "+\u00a0"), max(12, int(letters))))


def legend_below(figure: Figure, entries: dict[str, Any]) -> None:
    """A legend below all panels: its labels with their handles, in columns as far as they fit."""
    wide = figure.get_figwidth() / mpl.rcParams["font.size"] * LETTERS
    longest = max(len(label) for label in entries) + 8  # letters that a handle takes
    columns = max(1, min(3, int(wide / longest)))
    labels = [wrapped(label, figure, 0.85 if columns == 1 else 1) for label in entries]
    figure.legend(entries.values(), labels, loc="outside lower center", ncols=columns)


def thin(factor: float = 1.0) -> float:
    """Points of a line that is thinner or thicker than others by a factor."""
    return factor * mpl.rcParams["lines.linewidth"]


def write(figure: Figure, path: Path, dpi: int) -> None:
    """Write a figure as SVG, PDF or PNG by its name, equal figures as equal bytes."""
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=dpi, metadata=FORMATS[path.suffix])
