"""Writing the ablation tables of a collected study, and the settings in which their rows differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from partway import files
from partway.results.collect import keep_tables_of
from partway.results.tables import latex
from partway.results.tables.markdown import as_markdown
from partway.results.tables.notes import notes
from partway.results.tables.reading import CONDITIONS, read_accuracies, read_runs, scored
from partway.results.tables.rows import Tables, conditions
from partway.results.tables.settings_text import write_settings
from partway.results.tables.typeset import as_latex


def write_tables(home: Path, options: dict[str, Any]) -> None:
    """Write `tables/<ladder>` of every ladder of a collected study, and `tables/settings`: .csv, .md and .tex.

    Args:
        home: folder with runs.csv, accuracies.csv and study.lock.json.
        options: `decimals` of percentages.
    """
    lock, runs = files.read_json(home / "study.lock.json"), read_runs(home)
    keep_tables_of(lock["ladders"], home)
    tables = Tables(lock, read_accuracies(home))
    for ladder, definition in lock["ladders"].items():
        found = [(under, tables.table(under, rows, group)) for under, rows, group in conditions(runs, definition)]
        _write(home, ladder, found, notes(home, ladder, runs, definition), options["decimals"])
    if lock["ladders"]:
        write_settings(home, lock, runs)


def _write(home: Path, ladder: str, found: list[tuple[dict, list[dict]]], below: list[str], decimals: int) -> None:
    columns = list(found[0][1][0]) if found else CONDITIONS
    files.write_csv(home / "tables" / f"{ladder}.csv", [row for _, table in found for row in table], columns)
    shown = [(under, [scored(row) for row in table]) for under, table in found]
    parts = [as_markdown(ladder, under, table, decimals) for under, table in shown] + below
    files.write_text(home / "tables" / f"{ladder}.md", "\n\n".join(parts) + "\n")
    typeset = [
        as_latex(ladder, place, table, decimals, below if place == len(shown) else [])
        for place, (_, table) in enumerate(shown, 1)
    ]
    files.write_text(home / "tables" / f"{ladder}.tex", latex.document(ladder, typeset))
