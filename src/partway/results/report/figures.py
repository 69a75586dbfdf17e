"""Figures as the report shows them: the drawing inside the page, with what its points say, and its numbers as a table."""

from __future__ import annotations

from typing import Any

from partway.results.collected import Collected
from partway.results.figures import Shown, shown
from partway.results.report.inline_svg import inline

MOST_ROWS = 300  # of a table below a figure; figures/<name>.csv holds all


def figures(study: Collected) -> list[dict[str, Any]]:
    """All figures that were drawn of a study, the first of them the one that a reader looks for."""
    return [_figure(study, figure) for figure in shown(study.home)]


def _figure(study: Collected, figure: Shown) -> dict[str, Any]:
    rows = figure.table.values.tolist()
    return {
        **{name: getattr(figure, name) for name in ("name", "title", "caption")},
        "picture": inline(study.home / "figures" / f"{figure.name}.svg", figure.name, figure.words, figure.tips),
        "heads": list(figure.table.columns),
        "rows": rows[:MOST_ROWS],
        "rows_left_out": max(0, len(rows) - MOST_ROWS),
    }
