"""Ablation tables as the report shows them: the cells of the Markdown, with intervals drawn and settings beside them."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import pandas as pd

from partway.results.collected import Collected
from partway.results.tables import HOLE, beyond_luck, notes, read_tables, row_name, table_notes
from partway.results.tables.cells import Cell, cells
from partway.results.tables.words import Row, Table, videos_of
from partway.results.verdict.words import Writer
from partway.schema_grid import SETTINGS

COMPARED = {"to previous": "previous", "to first": "first"}
# The number of a cell stands in the row under this name; a page sorts by it, not by what is written.
NUMBERS = {
    "epochs": "total_epochs",
    "views": "views",
    "seeds n": "seeds",
    "train %": "train_eval_top1",
    "gap": "gap",
    "val %": "val_top1",
    "reported %": "reported_test_top1",
    "reported test %": "reported_test_top1",
}
BELOW = ("val - test", "p (previous)", "p (first)")  # columns that stand below the one before them
Ends = tuple[float, float, float]  # value, low, high


@dataclass(frozen=True)
class Shown:
    """A cell of the page: `lines` of text, the number that it is sorted by, and an interval to draw on a line."""

    head: str
    lines: list[str]
    number: Any = ""
    drawn: list[str] | None = None
    about_zero: bool = False
    clear: bool = False


def ladder(study: Collected, name: str) -> dict[str, Any]:
    """The tables of one ladder, under every condition that its runs have, and the settings in which its rows differ."""
    rows = len(study.lock["ladders"][name]["rows"])
    writer = Writer(study.runs, study.lock, study.decimals)
    tables = [_table(table, writer) for table in read_tables(study.home, name, rows)]
    return {"name": name, "tables": tables, "settings": _settings(study, name)}


def ladder_notes(study: Collected) -> list[str]:
    """What stands below the ablation tables, each said once for all of them."""
    ladders = study.lock["ladders"].items()
    return list(dict.fromkeys(note for name, it in ladders for note in notes(study.home, name, study.runs, it)))


def _table(table: Table, writer: Writer) -> dict[str, Any]:
    split = table[0]["scored_on"]
    shown = [_row(row, table, writer.decimals) for row in table]
    return {
        "condition": writer.condition(table),
        "videos": f"n = {videos_of(table)} {split} videos",
        "unlabelled": split != "test",
        "heads": [_head(cell, table) for cell in shown[0]],
        "rows": [(row["missing"], cells) for row, cells in zip(table, shown, strict=True)],
        "holes": [(row["label"] or row["ablation"], row["missing"]) for row in table if row["missing"]],
        "notes": table_notes(table, writer.decimals),
    }


def _row(row: Row, table: Table, decimals: int) -> list[Shown]:
    """The cells of a row; some that stand beside each other in Markdown stand below each other here."""
    shown: list[Shown] = []
    for cell in cells(row, table, decimals):
        if cell.head == "model":
            continue  # with the label
        if cell.head in BELOW:
            if cell.main != HOLE:
                shown[-1].lines.append(f"p {cell.main}" if cell.head.startswith("p ") else cell.main)
        else:
            shown.append(_shown(cell, row, table))
    # What was found comes first, so that a phone shows it; then how the row was trained.
    found = ("ablation", f"{row['scored_on']} %", *COMPARED)
    return sorted(shown, key=lambda cell: found.index(cell.head) if cell.head in found else len(found))


def _shown(cell: Cell, row: Row, table: Table) -> Shown:
    lines = [cell.main, *([cell.below] if cell.below else [])]
    if cell.head == "ablation":
        several = len({other["model"] for other in table}) > 1
        return Shown("ablation", [cell.main, *([row["model"]] if several else []), *lines[1:]], table.index(row))
    if to := COMPARED.get(cell.head):
        name = f"difference_to_{to}"
        drawn = whisker(ends, _reach(table)) if (ends := _ends(row, name, f"{name}_")) else None
        return Shown(cell.head, lines, _number(row[name]), drawn, about_zero=True, clear=beyond_luck(row, to))
    if cell.head == f"{row['scored_on']} %":
        drawn = whisker(ends, _span(table)) if (ends := _ends(row, "top1")) else None
        return Shown(cell.head, lines, _number(row["top1"]), drawn)
    return Shown(cell.head, lines, _number(row[NUMBERS[cell.head]]))


def _head(cell: Shown, table: Table) -> tuple[str, str]:
    """The head of a column, and in small what stands in its cells."""
    if cell.about_zero:
        return cell.head, "95 % interval around 0; p"
    if cell.head == f"{table[0]['scored_on']} %":
        first, last = _span(table)
        return cell.head, f"95 % interval, drawn from {100 * first:.0f} to {100 * last:.0f}"
    return cell.head, "minus test" if cell.head == "val %" else ""


def _number(value: Any) -> Any:
    return "" if value is None else value


def _ends(row: Row, name: str, of: str = "") -> Ends | None:
    found = (row[name], row[f"{of}low"], row[f"{of}high"])
    return None if None in found else found


def _span(table: Table) -> tuple[float, float]:
    """From where to where the intervals of a table go, in whole tenths, so that all are drawn at one scale."""
    lows, highs = ([row[end] for row in table if row[end] is not None] for end in ("low", "high"))
    return (floor(10 * min(lows)) / 10, ceil(10 * max(highs)) / 10) if lows else (0.0, 1.0)


def _reach(table: Table) -> tuple[float, float]:
    """How far from 0 the differences of a table go, to both sides alike, so that all are drawn at one scale."""
    ends = [row[f"difference_to_{to}_{end}"] for row in table for to in COMPARED.values() for end in ("low", "high")]
    reach = max((abs(end) for end in ends if end is not None), default=1.0) or 1.0
    return -reach, reach


def whisker(ends: Ends, span: tuple[float, float]) -> list[str]:
    """Places of a value, the low and the high end of its interval, on a line of length 100 that spans these numbers."""
    first, last = span
    return [f"{100 * (number - first) / (last - first):.1f}" for number in ends]


def _settings(study: Collected, name: str) -> dict[str, Any] | None:
    """The settings table of a ladder: a column for each row of it."""
    path = study.home / "tables" / f"{SETTINGS}.csv"
    found = pd.read_csv(path, dtype=str, keep_default_na=False)
    found = found[found.ladder == name]
    if found.empty:
        return None
    pairs = list(found[["model", "ablation"]].drop_duplicates().itertuples(index=False, name=None))
    named = [{"model": model, "ablation": ablation, **study.lock["labels"][ablation]} for model, ablation in pairs]
    values = {(row.setting, row.model, row.ablation): row.value or HOLE for row in found.itertuples()}
    rows = [[setting, *(values[setting, *pair] for pair in pairs)] for setting in found.setting.unique()]
    return {"heads": ["setting", *(row_name(row, named) for row in named)], "rows": rows}
