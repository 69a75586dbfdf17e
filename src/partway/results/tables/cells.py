"""The cells of an ablation table in words, which Markdown and LaTeX lay out each in its way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from partway.results.tables.words import (
    HOLE,
    Row,
    Table,
    above_test,
    as_p,
    as_percent,
    beyond_luck,
    reported,
    shows_reported,
    shows_validation,
)


class Cell(NamedTuple):
    """One cell under its head; `below` says how sure it is, or on how many videos it stands."""

    head: str
    main: str
    below: str = ""


def cells(row: Row, table: Table, decimals: int) -> list[Cell]:
    """The cells of a row; those of one table have the same heads, and a column that no row fills is left out.

    Args:
        row: one of the table's.
        table: all its rows, `scored`.
        decimals: of percentages.
    """
    several = len({other["model"] for other in table}) > 1
    return [
        *([Cell("model", row["model"])] if several else []),
        Cell("ablation", row["label"] or row["ablation"], row["note"] or ""),
        Cell("epochs", _whole(row["total_epochs"])),
        Cell("views", _whole(row["views"])),
        Cell("seeds n", f"{row['seeds']} of {row['seeds_of_grid']}" if row["missing"] else str(row["seeds"])),
        *_accuracies(row, table, decimals),
        *_difference(row, "previous", decimals),
        *_difference(row, "first", decimals),
        *_reported(row, table),
    ]


def _accuracies(row: Row, table: Table, decimals: int) -> Iterator[Cell]:
    trained = as_percent(row["train_eval_top1"], decimals)
    unmeasured = row["train_eval_top1"] is None and row["seeds"]
    yield Cell("train %", "not measured" if unmeasured else trained, _videos(row["train_eval_videos"]))
    spread = "" if row["top1_std"] is None else f" ± {as_percent(row['top1_std'], decimals)}"
    yield Cell(f"{row['scored_on']} %", as_percent(row["top1"], decimals) + spread, _interval(row, decimals))
    yield Cell("gap", as_percent(row["gap"], decimals, "+"))
    if shows_validation(table):
        yield Cell("val %", as_percent(row["val_top1"], decimals), _videos(row["val_videos"]))
        yield Cell("val - test", as_percent(above_test(row), decimals, "+"))


def _difference(row: Row, to: str, decimals: int) -> Iterator[Cell]:
    """A difference with its interval, marked where it stays beyond luck, and its p value."""
    name = f"difference_to_{to}"
    mark = "*" if beyond_luck(row, to) else ""
    fewer = row[f"{name}_seeds"] is not None and row[f"{name}_seeds"] < row["seeds"]
    over = f" (n = {row[f'{name}_seeds']:.0f})" if fewer else ""
    yield Cell(
        f"to {to}", as_percent(row[name], decimals, "+") + mark, _interval(row, decimals, f"{name}_", "+") + over
    )
    yield Cell(f"p ({to})", as_p(row[f"{name}_p_holm"]))


def _reported(row: Row, table: Table) -> Iterator[Cell]:
    if shows_reported(table):
        test, _, train = reported(row).partition(" ")
        yield Cell("reported %" if row["scored_on"] == "test" else "reported test %", test, train)


def _interval(row: Row, decimals: int, of: str = "", sign: str = "") -> str:
    """The 95 % interval of an accuracy or difference, in brackets; nothing where it is not known."""
    low, high = row[f"{of}low"], row[f"{of}high"]
    return "" if low is None else f"[{as_percent(low, decimals, sign)}, {as_percent(high, decimals, sign)}]"


def _videos(number: float | None) -> str:
    return f"(n = {number:.0f})" if number else ""


def _whole(number: float | None) -> str:
    """A number that is whole but where it is a mean over seeds."""
    return HOLE if number is None else f"{number:.1f}".removesuffix(".0")
