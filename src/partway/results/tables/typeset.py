"""An ablation table in LaTeX, in percent: below each number, smaller, what belongs to it."""

from __future__ import annotations

from partway.results.naming import listed
from partway.results.tables import latex
from partway.results.tables.cells import Cell, cells
from partway.results.tables.notes import table_notes
from partway.results.tables.words import HOLE, Table, condition, row_name, videos_of

WIDEST, OF_A_LETTER = 0.18, 0.0125  # of the column of labels, and of one letter in it: shares of the line
# Columns that stand below others, so that a table fits a page; and what the heads there say of that.
FOLDED = {"gap": "train %", "val - test": "val %", "p (previous)": "to previous", "p (first)": "to first"}
UNDER_HEADS = {
    **dict.fromkeys(("test %", "validation %"), "[95 %]"),
    **dict.fromkeys(("to previous", "to first"), "[95 %], p"),
    "train %": "gap",
    "val %": "minus test",
}


def as_latex(ladder: str, place: int, table: Table, decimals: int, below: list[str]) -> str:
    """One table with its holes and what stands below it.

    Args:
        ladder: its name.
        place: of this table among those of the ladder, from 1 on.
        table: its rows, `scored`.
        decimals: of percentages.
        below: what stands below it besides its own notes.
    """
    split, one_model = table[0]["scored_on"], len({row["model"] for row in table}) == 1
    under = condition(table[0], model=one_model, window=False)
    why = "" if split == "test" else ", since the test split has no labels"
    missing = [f"{row_name(row, table)} lacks {row['missing']}." for row in table if row["missing"]]
    rows = [_folded(cells(row, table, decimals)) for row in table]
    names = [(row_name(row, table), row["note"] or "") for row in table]
    width = min(WIDEST, OF_A_LETTER * max(len(text) for pair in names for text in (*pair, "ablation")))
    return latex.table(
        caption=latex.escape(f"{ladder}: {under}; n = {videos_of(table)} {split} videos{why}."),
        label=f"tab:{ladder}" + (f"-{place}" if place > 1 else ""),
        columns=[latex.wrapped(width), *("r" for _ in rows[0])],
        heads=["ablation", *(_stacked([head, UNDER_HEADS.get(head, "")]) for head in rows[0])],
        rows=[
            [latex.labelled(*map(latex.escape, pair)), *map(_stacked, row.values())]
            for pair, row in zip(names, rows, strict=True)
        ],
        below=latex.paragraphs([*missing, *table_notes(table, decimals), *_measured_on(table), *below]),
    )


def _folded(row: list[Cell]) -> dict[str, list[str]]:
    """The numbers of a row by the head of their column, in each one below the other."""
    found: dict[str, list[str]] = {}
    by_head = {cell.head: cell for cell in row if cell.head not in ("model", "ablation")}
    for head, cell in by_head.items():
        if head not in FOLDED:
            below = "" if head in FOLDED.values() and head.endswith("%") else cell.below  # a note tells the videos
            found[head] = [cell.main, below]
    for head, of in FOLDED.items():
        if head in by_head and by_head[of].main != HOLE:
            found[of].append(_named_p(by_head[head].main) if head.startswith("p ") else by_head[head].main)
    return found


def _named_p(told: str) -> str:
    return f"p {told}" if told.startswith("<") else f"p = {told}"


def _stacked(lines: list[str]) -> str:
    return latex.stack([latex.number(line) for line in lines if line])


def _measured_on(table: Table) -> list[str]:
    """On how many videos the accuracies stand that are not of the split in the caption."""
    told = []
    for split, column in (("train", "train_eval_videos"), ("validation", "val_videos")):
        numbers = sorted({f"{row[column]:.0f}" for row in table if row[column]})
        if numbers and split != table[0]["scored_on"]:
            told.append(f"{split} accuracy of {' / '.join(numbers)} videos")
    return [f"{listed(told).capitalize()}."] if told else []
