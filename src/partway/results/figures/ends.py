"""Names at the ends of lines, instead of a legend, where they find room."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

WIDEST = 28  # letters
LINE, GAP = 1.25, 0.45  # height of a line of text, and of what is left free above and below a name, in font sizes
BESIDE, SWATCH = 1.045, 1.02  # where names begin, and their line's marker, in widths of the axes


@dataclass(frozen=True)
class End:
    """A line's name, where the line ends, in data coordinates, and how it is drawn."""

    name: str
    x: float
    y: float
    look: dict[str, Any]


def name_lines(axis: Axes, ends: Sequence[End]) -> bool:
    """Write the name of each line beside the axes, at the height of its end or as near as the others leave room.

    Nothing is written where they would not all fit; then False, and a legend is needed. Call it when the axes have
    their limits.
    """
    font = mpl.font_manager.FontProperties(size=mpl.rcParams["legend.fontsize"]).get_size_in_points()
    axis.figure.draw_without_rendering()  # now the axes have their height
    tall = axis.get_window_extent().height * 72 / axis.figure.dpi
    names = [textwrap.fill(end.name, WIDEST) for end in ends]
    heights = np.array([(LINE * (name.count("\n") + 1) + GAP) * font / tall for name in names])
    if heights.sum() > 1:
        return False
    low, high = axis.get_ylim()
    targets = np.array([(end.y - low) / (high - low) for end in ends])
    for end, name, at, target in zip(ends, names, spread(targets, heights), targets, strict=True):
        moved = abs(at - target) > heights.min() / 4
        leader = {
            "arrowstyle": "-",
            "color": end.look["color"],
            "linewidth": 0.6,
            "relpos": (0, 0.5),
            "shrinkA": 12,
            "shrinkB": 3,
        }
        axis.annotate(
            name,
            (end.x, end.y),
            xytext=(BESIDE, at),
            textcoords="axes fraction",
            va="center",
            fontsize="small",
            arrowprops=leader if moved else None,
        )
        axis.plot([SWATCH], [at], transform=axis.transAxes, clip_on=False, linestyle="", **end.look)
    return True


def spread(targets: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Centres of intervals of these heights in [0, 1] that do not overlap, moved from their targets as little as can be.

    The sum of squared moves is least: isotonic regression on what is left when the heights below are taken off
    (Barlow et al. 1972). The heights must not add up to more than 1.
    """
    from scipy.optimize import isotonic_regression

    order = np.argsort(targets, kind="stable")
    below = np.cumsum(heights[order]) - heights[order] / 2
    free = isotonic_regression(targets[order] - below).x
    placed = np.empty_like(targets, dtype=float)
    placed[order] = np.clip(free, 0, 1 - heights.sum()) + below
    return placed
