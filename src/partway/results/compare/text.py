"""What is said of a comparison: a page of Markdown, and the files behind it."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from partway import files
from partway.results.compare import lists, table
from partway.results.compare.comparison import Comparison
from partway.results.compare.sides import Side
from partway.results.compare.videos import Common
from partway.results.tables.words import LUCK

WIDTH = 100  # characters of a terminal
COVERS = {  # by what the differences of the rows cover
    frozenset({"videos"}): (
        "Intervals are 95 % and cover the choice of videos only: what is better or worse are these very trainings, and other "
        "seeds may say otherwise (three or more would be covered too)."
    ),
    frozenset({"seeds and videos"}): "Intervals are 95 % and cover the choice of seeds and of videos.",
    frozenset({"videos", "seeds and videos"}): (
        "Intervals are 95 % and cover the choice of videos, and that of seeds where there are three or more; with fewer it is "
        "these very trainings that are better or worse."
    ),
}
MOST_LINES = 20  # of one list


def as_text(found: Comparison, width: int | None = WIDTH) -> str:
    """The comparison as Markdown.

    Args:
        width: characters that a table may take; None: all columns.
    """
    parts = [
        _head(found),
        _verdict(found),
        _listed("Caution", _cautions(found)),
        *table.markdown(found, width),
        _how_to_read(found) if found.told else "",
        _listed("Curves", lists.curves(found)),
        _listed("Settings that differ", lists.differences(found, lambda row: row.settings)),
        _listed("Code and machine", lists.differences(found, lambda row: row.facts)),
        _listed("Flipped videos", lists.flips(found)),
        _listed("Every answer the same", lists.same_answers(found)),
        _listed("The same evaluation in both", lists.same(found)),
        _listed("Not compared", lists.not_compared(found)),
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    return text if width is None else _wrapped(text, width)


def _wrapped(text: str, width: int) -> str:
    """The text with long sentences broken; tables and headings stay as they are."""
    kept = ("|", "#")
    return "".join(
        line
        if line.startswith(kept) or len(line) <= width
        else textwrap.fill(
            line, width, subsequent_indent="  " * line.startswith("- "), break_long_words=False, break_on_hyphens=False
        )
        + "\n"
        for line in text.splitlines(keepends=True)
    )


def write(found: Comparison, folder: Path) -> None:
    """Write compare.md, compare.csv and flips.csv."""
    table.write_csv(found, folder)
    files.write_text(folder / "compare.md", as_text(found, None))


def _listed(title: str, lines: Iterable[str]) -> str:
    """A section of a list; none without lines."""
    lines = list(lines)
    more = [f"... and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join([f"## {title}\n", *(f"- {line}" for line in [*lines[:MOST_LINES], *more])]) if lines else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _head(found: Comparison) -> str:
    return "\n".join(["# A and B, setting by setting\n", *(f"- {_about(side)}" for side in (found.a, found.b))])


def _about(side: Side) -> str:
    runs, complete = len(side.study.runs), len(side.study.complete)
    of = f"{complete} of {runs} runs complete" if complete < runs else _count(runs, "run")
    return f"{side.letter}: {side.place} (study {side.study.lock['name']}, {of})"


def _verdict(found: Comparison) -> str:
    words = {
        "better": "better in B",
        "worse": "worse in B",
        "unclear": "unclear",
        "same answers": "the same in every answer",
        "same evaluation": "the very same evaluation",
    }
    counts = Counter(row.verdict for row in found.rows)
    told = ", ".join(f"{counts[verdict]} {word}" for verdict, word in words.items() if counts[verdict])
    return f"**Of {_count(len(found.rows), 'setting')} in both: {told}.**"


def _cautions(found: Comparison) -> Iterator[str]:
    """What a reader must know before the numbers."""
    moved = [row for row in found.rows if row.same_key and not row.same_files]
    if moved:
        yield (
            f"{lists.which(moved, found)}: no setting and no numerics version differs, but the predictions do. What moved them is "
            "below in Code and machine, or a change of the code that should have bumped a numerics version."
        )
    for common in dict.fromkeys(row.common for row in found.rows):
        if common.fingerprints[0] != common.fingerprints[1] or any(common.left_out):
            of_these = [row for row in found.rows if row.common == common]
            yield f"{lists.which(of_these, found)}: {_of_videos(common)}"
    for row in found.rows:
        if not row.pair.by_seed:
            seeds = ", ".join(f"{one['seed']} with {other['seed']}" for one, other in row.pair.runs)
            yield f"{lists.named(row, found)}: A and B have no seed in common; paired in their order ({seeds})."
    for side in (found.a, found.b):
        if side.partial:
            yield f"{side.letter} is not complete: what it lacks is under Not compared."


def _of_videos(common: Common) -> str:
    left_out = " and ".join(f"{number} of {letter}" for number, letter in zip(common.left_out, "AB", strict=True))
    content = {None: "whether their content is the same is not known", 0: "their content is the same"}
    same = common.fingerprints[0] == common.fingerprints[1]
    differ = f"the data differ (fingerprint {' in A, '.join(common.fingerprints)} in B)"
    return (
        f"{'A and B asked other videos of the same data' if same else differ}. Compared are the {common.videos} "
        f"{common.split} videos whose id is in both; left out are {left_out}; "
        + content.get(common.other_content, f"{common.other_content} of them have other content in B")
        + "."
    )


def _how_to_read(found: Comparison) -> str:
    tests = Counter(row.difference.test for row in found.told)
    named = ", ".join(f"{test} in {_count(number, 'row')}" for test, number in tests.items())
    family = f"{_count(found.tests, 'test')} ({named})"
    said = [
        "B - A is in percentage points, paired over the same videos and seeds.",
        COVERS[frozenset(row.difference.covers for row in found.told)],
        "won / lost: answers that only B, or only A, has right.",
        f"Better and worse: p of at most {LUCK} after Holm's correction over {family}.",
    ]
    if unclear := [row.difference.detectable for row in found.with_verdict("unclear")]:
        lowest, highest = (table.percent(value) for value in (min(unclear), max(unclear)))
        span = lowest if lowest == highest else f"{lowest} to {highest}"
        said.append(
            f"Unclear is not equal: four of five such studies would find a true difference of {span} points, each row alone."
        )
    return " ".join(said)
