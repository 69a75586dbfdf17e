"""An ablation table as Markdown, in percent."""

from __future__ import annotations

from typing import Any

import pandas as pd

from partway.results.tables.cells import cells
from partway.results.tables.notes import table_notes
from partway.results.tables.words import Table, videos_of


def as_markdown(ladder: str, condition: dict[str, Any], table: Table, decimals: int) -> str:
    """One table with its heading, its holes and what stands below it.

    Args:
        ladder: its name.
        condition: under which all rows were measured.
        table: its rows, `scored`.
        decimals: of percentages.
    """
    about = ", ".join(
        f"{name} {value}" for name, value in condition.items() if not (name == "train_fraction" and value == 1)
    )
    split, models = table[0]["scored_on"], {row["model"] for row in table}
    of = f", model {table[0]['model']}" if len(models) == 1 else ""
    why = "" if split == "test" else ", since the test split has no labels"
    missing = [
        f"- **{plain(row['label'] or row['ablation'])}** lacks {row['missing']}" for row in table if row["missing"]
    ]
    parts = [
        f"### {ladder}: {about}{of}",
        f"n = {videos_of(table)} {split} videos{why}",
        grid(*_laid_out(table, decimals)),
        "\n".join(missing),
        *(note.replace("*", r"\*") for note in table_notes(table, decimals)),
    ]
    return "\n\n".join(part for part in parts if part)


def grid(heads: list[str], rows: list[list[str]]) -> str:
    """Rows of text as a table in Markdown."""
    plain_rows = [[plain(cell) for cell in row] for row in rows]
    return pd.DataFrame(plain_rows, columns=[plain(head) for head in heads]).to_markdown(
        index=False, disable_numparse=True
    )


def plain(text: str) -> str:
    """A text of the user's on one line, with nothing in it that would part two cells."""
    return " ".join(text.split()).replace("|", r"\|")


def _laid_out(table: Table, decimals: int) -> tuple[list[str], list[list[str]]]:
    """Heads and rows; what stands below a label or a test accuracy has a column of its own."""
    noted = any(row["note"] for row in table)
    apart = {"ablation": "note" if noted else None, f"{table[0]['scored_on']} %": "95 %"}
    heads, rows = [], []
    for row in table:
        laid: list[tuple[str, str]] = []
        for cell in cells(row, table, decimals):
            if own := apart.get(cell.head):
                laid += [(cell.head, cell.main), (own, cell.below)]
            else:
                laid.append((cell.head, f"{cell.main} {cell.below}"))
        heads = [head for head, _ in laid]
        rows.append([text.strip() for _, text in laid])
    return heads, rows
