"""tables/settings.csv, .md and .tex: one column a row of a ladder, only the settings that differ within it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from partway import files
from partway.results.tables import latex
from partway.results.tables.markdown import grid
from partway.results.tables.settings import Rows, as_written, differing, settings_of_rows, told_if_same
from partway.results.tables.words import HOLE, row_name
from partway.schema_grid import SETTINGS

COLUMNS = ["ladder", "setting", "model", "ablation", "value"]
MOST_COLUMNS = 6  # rows of a ladder side by side; further ones stand in a table below
WIDTH = 0.25  # of the column of names in LaTeX, a share of the line


@dataclass(frozen=True)
class Ladder:
    """One ladder's rows, what they are called, and the settings in which they differ."""

    name: str
    rows: Rows
    heads: list[str]
    settings: list[str]

    @cached_property
    def cells(self) -> list[list[str]]:
        """The values of each row, in words; a dash where a section is off."""
        return [
            [as_written(row[name]) if name in row else HOLE for name in self.settings] for row in self.rows.values()
        ]

    @cached_property
    def said(self) -> str:
        """What stands below its table."""
        same = ", ".join(f"{name} {as_written(value)}" for name, value in told_if_same(self.rows).items())
        told = f"The same in every row: {same}." if same else ""
        dash = f"{HOLE}: off, or not there yet." if any(HOLE in row for row in self.cells) else ""
        return " ".join(filter(None, [told, dash])) if self.settings else f"No setting differs. {told}".strip()


def write_settings(home: Path, lock: dict[str, Any], runs: pd.DataFrame) -> None:
    """Write the three files of a study with ladders.

    Args:
        home: folder with summary.json.
        lock: of study.lock.json.
        runs: of runs.csv.
    """
    made = files.read_json(home / "summary.json")["trainings"]
    ladders = []
    for name, definition in lock["ladders"].items():
        rows = settings_of_rows(runs, definition, lock, made)
        named = [{"model": model, "ablation": ablation, **lock["labels"][ablation]} for model, ablation in rows]
        ladders.append(Ladder(name, rows, [row_name(row, named) for row in named], differing(rows)))
    tidy = [row for ladder in ladders for row in _tidy(ladder)]
    files.write_csv(home / "tables" / f"{SETTINGS}.csv", tidy, COLUMNS)
    files.write_text(home / "tables" / f"{SETTINGS}.md", "\n\n".join(map(_as_markdown, ladders)) + "\n")
    typeset = [table for ladder in ladders for table in _as_latex(ladder)]
    files.write_text(home / "tables" / f"{SETTINGS}.tex", latex.document(SETTINGS, typeset))


def _tidy(ladder: Ladder) -> list[dict[str, str | None]]:
    return [
        dict(zip(COLUMNS, (ladder.name, name, *pair, as_written(row[name]) if name in row else None), strict=True))
        for name in ladder.settings
        for pair, row in ladder.rows.items()
    ]


def _as_markdown(ladder: Ladder) -> str:
    tables = [
        grid(["setting", *heads], [list(line) for line in zip(ladder.settings, *values, strict=True)])
        for heads, values in _side_by_side(ladder)
    ]
    return "\n\n".join([f"### {ladder.name}: settings in which its rows differ", *tables, ladder.said])


def _as_latex(ladder: Ladder) -> list[str]:
    parts = _side_by_side(ladder)
    tables = []
    for place, (heads, values) in enumerate(parts, 1):
        part = f", part {place} of {len(parts)}" if len(parts) > 1 else ""
        width = (1 - WIDTH) / len(heads) - 0.02  # the space between columns
        tables.append(
            latex.table(
                caption=latex.escape(f"{ladder.name}: settings in which its rows differ{part}."),
                label=f"tab:{SETTINGS}-{ladder.name}" + (f"-{place}" if place > 1 else ""),
                columns=[latex.wrapped(WIDTH)] + [latex.wrapped(width)] * len(heads),
                heads=["setting", *map(latex.escape, heads)],
                rows=[list(map(latex.breakable, line)) for line in zip(ladder.settings, *values, strict=True)],
                below=latex.paragraphs([ladder.said] if place == len(parts) else []),
            )
        )
    return tables or [latex.paragraphs([f"{ladder.name}: {ladder.said}"])]


def _side_by_side(ladder: Ladder) -> list[tuple[list[str], list[list[str]]]]:
    """Heads and values of as many rows as fit beside each other; none where nothing differs."""
    first = range(0, len(ladder.heads) if ladder.settings else 0, MOST_COLUMNS)
    return [(ladder.heads[place:][:MOST_COLUMNS], ladder.cells[place:][:MOST_COLUMNS]) for place in first]
