"""Figures of a collected study; each first writes the numbers that it draws, and is drawn from these alone.

A figure is a module with `numbers(study)`, what `figures/<name>.csv` holds; `draw(numbers, look)`; and what is said of it:
TITLE, CAPTION, `tips(numbers, percent)` and `table(numbers, percent)`. Which figures a study has, `names` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Shown:
    """A figure as a page shows it, beside `figures/<name>.svg`.

    Attributes:
        name: of its files.
        title: a heading.
        caption: one or two sentences below it.
        words: the text alternative.
        tips: id in the SVG -> what to say of each of its points, in the order in which they are drawn.
        table: its numbers as text, for who cannot see it.
    """

    name: str
    title: str
    caption: str
    words: str
    tips: dict[str, list[str]]
    table: pd.DataFrame


def draw_figures(home: Path, options: dict[str, Any]) -> None:
    """Write `figures/<name>.{csv,svg,png}` of all figures that a collected study has.

    Args:
        home: folder with the files that collect wrote.
        options: `dpi` of the PNG.
    """
    from partway.results.figures import drawing  # matplotlib, which naming the figures does not need

    drawing.draw_all(home, options["dpi"])


def shown(home: Path) -> list[Shown]:
    """All figures that were drawn of a collected study, in the order in which a page shows them."""
    from partway.results.figures import drawing

    return drawing.shown(home)
