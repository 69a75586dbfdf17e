"""What Markdown, LaTeX, verdict and page share: how a table's numbers, rows and conditions are put into words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from partway.results.naming import of_train

HOLE = "—"
LUCK = 0.05  # the largest p value, after Holm's correction, that is called more than luck
SMALLEST_P = 0.001  # told as a number
THESE_TRAININGS = "these very trainings, and other seeds may not show it"  # that videos alone say is more than luck
FEW_ROWS = 4  # that a note names; more are counted

Row = dict[str, Any]
Table = list[Row]


def as_percent(value: float | None, decimals: int, sign: str = "") -> str:
    """A fraction as a number of per cent, without the sign; a dash for what is not known."""
    if value is None or pd.isna(value):
        return HOLE
    return f"{round(100 * value, decimals) or 0.0:{sign}.{decimals}f}"  # never -0.0


def as_p(value: float | None) -> str:
    """A p value with three digits behind the point; a dash for what is not known."""
    if value is None or pd.isna(value):
        return HOLE
    return f"< {SMALLEST_P:g}" if value < SMALLEST_P else f"{value:.3f}"


def beyond_luck(row: Row, to: str) -> bool:
    """Whether the difference of a row to the `previous` or the `first` stays more than luck after Holm's correction."""
    adjusted = row[f"difference_to_{to}_p_holm"]
    return adjusted is not None and adjusted <= LUCK


def shows_validation(table: Table) -> bool:
    """Whether validation accuracy stands beside that of test: where both were measured."""
    return table[0]["scored_on"] == "test" and any(row["val_top1"] is not None for row in table)


def above_test(row: Row) -> float | None:
    """Validation minus test accuracy of a row, both over its seeds and in its views; None where one is missing."""
    known = row["val_top1"] is not None and row["test_top1"] is not None
    return row["val_top1"] - row["test_top1"] if known else None


def reported(row: Row) -> str:
    """What others report for a row, in per cent, with their digits: test, and train in brackets where it is known."""
    test, train = (row[f"reported_{name}_top1"] for name in ("test", "train"))
    told = HOLE if test is None else f"{100 * test:.6g}"
    return told if train is None else f"{told} (train {100 * train:.6g})"


def shows_reported(table: Table) -> bool:
    """Whether somebody reports a number for a row of the table."""
    return any(row["reported_test_top1"] is not None for row in table)


def row_name(row: Row, table: Table) -> str:
    """A row by its label, with its model where the rows have several; by the model alone where nothing else differs."""
    label = row["label"] or row["ablation"]
    if len({other["model"] for other in table}) == 1:
        return label
    return row["model"] if len({other["ablation"] for other in table}) == 1 else f"{label} ({row['model']})"


def rows_named(rows: Table, table: Table) -> str:
    """Some rows of a table in a note: by name where they are few."""
    if len(rows) > FEW_ROWS:
        return f"{len(rows)} of {len(table)} rows"
    return ", ".join(row_name(row, table) for row in rows)


def videos_of(table: Table) -> str:
    """On how many videos the rows of a table were scored; several numbers where they differ."""
    return " / ".join(sorted({f"{row['videos']:.0f}" for row in table if row["videos"]})) or HOLE


def condition(row: Row, *, model: bool, window: bool) -> str:
    """Under what a table was measured: data set, what was seen in training and at test time.

    Args:
        row: any of the table's.
        model: its model is named.
        window: its window is named although it is the prefix; another one always is.
    """
    of = f"{row['dataset']}, {row['model']}" if model else row["dataset"]
    words = {"matched": "trained and tested", "full": "trained on whole videos, tested"}
    words |= {"random": "trained on random ratios, tested"}
    how = words.get(row["train_ratio"], f"trained at ratio {row['train_ratio']}, tested")
    ratio = float(row["observation_ratio"])
    seen = "on whole videos" if ratio == 1 else f"at observation ratio {ratio:g}"
    part = "" if row["train_fraction"] == 1 else f", {of_train(row['train_fraction'])}"
    told = window or row["window"] != "prefix"
    return f"{of}, {how} {seen}" + (f", {row['window']} window" if told else "") + part
