"""The rows of a comparison as tables: per cent in Markdown, fractions in CSV."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from partway import files
from partway.results.compare.comparison import Comparison, Row
from partway.results.compare.matching import NAMES, SETTING, Pair
from partway.results.compare.settings import told
from partway.results.compare.sides import DECIMALS
from partway.results.stats import Estimate
from partway.results.tables import as_p, as_percent

Columns = dict[str, Callable[[Row], Any]]

TRAINED = ("train_ratio", "train_fraction", "window")
INTERVALS, DETECTABLE = ("A %", "B %"), "detectable"  # what makes room where a table is too wide
FLIP_COLUMNS = [*SETTING, "id", "class", "flip", "predicted_a", "predicted_b", "seeds", "seeds_of"]
DIFFERENCE = {  # columns of compare.csv, and what of a Difference they hold
    "difference": "value",
    "difference_low": "low",
    "difference_high": "high",
    "covers": "covers",
    "p": "p_value",
    "test": "test",
    "detectable": "detectable",
}


SHORT = {"observation_ratio": "ratio"}
VARYING: Columns = {  # told above a table where it is the same in all rows
    "observation_ratio": lambda row: row.pair.setting_a["observation_ratio"],
    "videos": lambda row: row.common.videos,
    "seeds": lambda row: len(row.pair.runs),
}


def markdown(found: Comparison, width: int | None) -> Iterator[str]:
    """One table for each data set, model and way to train: of all rows that are not one evaluation in both.

    Args:
        width: characters that a table may take; None: all columns.
    """
    tables: dict[str, list[Row]] = defaultdict(list)
    for row in found.told:
        tables[_heading(row)].append(row)
    for heading, rows in tables.items():
        same = {
            what: str(numbers.pop()) for what in VARYING if len(numbers := {VARYING[what](row) for row in rows}) == 1
        }
        about = ", ".join([*(f"{what} {value}" for what, value in same.items()), f"scored on {rows[0].common.split}"])
        columns = {what: VARYING[what] for what in VARYING if what not in same}
        yield f"### {heading}\n\n{about}\n\n{_fitting(rows, columns, width)}"


def write_csv(found: Comparison, folder: Path) -> None:
    """Write compare.csv, a row a setting, and flips.csv, a row for each way in which a video flipped."""
    rows = [_csv_row(row) for row in found.rows]
    holes = [_names(pair) | {"missing": "; ".join(pair.missing)} for pair in found.holes]
    files.write_csv(folder / "compare.csv", [*rows, *holes], list(rows[0]))
    flips = (row.pair.setting_a | flip for row in found.rows for flip in row.flips)
    files.write_csv(folder / "flips.csv", flips, FLIP_COLUMNS)


def _names(pair: Pair) -> dict[str, Any]:
    return pair.setting_a | {f"{axis}_b": pair.setting_b[axis] for axis in NAMES}


def _seed_numbers(pair: Pair, place: int) -> str:
    return " ".join(str(runs[place]["seed"]) for runs in pair.runs)


def name(pair: Pair) -> str:
    """An ablation, with what it is called in B where that is another name."""
    renamed = "".join(f" -> {other}" for axis, (_, other) in pair.renamed.items() if axis == "ablation")
    return pair.setting_a["ablation"] + renamed


def trained(setting: dict[str, Any]) -> str:
    """How the runs of a setting were trained, and what they see: `train_ratio matched, window prefix`."""
    axes = [axis for axis in TRAINED if not (axis == "train_fraction" and setting[axis] == 1)]
    return ", ".join(f"{axis} {setting[axis]}" for axis in axes)


def percent(value: float) -> str:
    """A fraction as a number of per cent, without the sign."""
    return as_percent(value, DECIMALS)


def points(value: float) -> str:
    """A difference of accuracies in percentage points, with its sign; what rounds to nothing has none."""
    text = as_percent(value, DECIMALS, "+")
    return text if float(text) else percent(0)


def with_interval(estimate: Estimate, written: Callable[[float], str] = percent) -> str:
    """An estimate and its interval."""
    return f"{written(estimate.value)} [{written(estimate.low)}, {written(estimate.high)}]"


def _heading(row: Row) -> str:
    named = row.pair.setting_a | {axis: " -> ".join(names) for axis, names in row.pair.renamed.items()}
    return f"{named['dataset']} {named['model']}, {trained(named)}"


def _fitting(rows: list[Row], columns: Columns, width: int | None) -> str:
    """The widest table that fits: without what is detectable, then without the intervals of A and B."""
    for left_out in ((), (DETECTABLE,), (DETECTABLE, *INTERVALS)):
        shown = pd.DataFrame([_shown(row, columns, left_out) for row in rows])
        text = shown.to_markdown(index=False, disable_numparse=True)
        if width is None or len(text.split("\n", 1)[0]) <= width:
            break
    return text


def _shown(row: Row, columns: Columns, left_out: tuple[str, ...]) -> dict[str, str]:
    accuracies = {INTERVALS[0]: row.top1_a, INTERVALS[1]: row.top1_b}
    return {
        "ablation": name(row.pair),
        **{SHORT.get(what, what): str(number(row)) for what, number in columns.items()},
        **{
            head: percent(estimate.value) if head in left_out else with_interval(estimate)
            for head, estimate in accuracies.items()
        },
        "B - A": with_interval(row.difference, points),
        "p (Holm)": as_p(row.p_holm),
        "won / lost": f"{row.won} / {row.lost}",
        **({} if DETECTABLE in left_out else {DETECTABLE: percent(row.difference.detectable)}),
        "B is": row.verdict,
    }


def _csv_row(row: Row) -> dict[str, Any]:
    tested = row.verdict != "same evaluation"
    return (
        _names(row.pair)
        | {"scored_on": row.common.split, "videos": row.common.videos}
        | {"left_out_a": row.common.left_out[0], "left_out_b": row.common.left_out[1]}
        | {f"seeds_{letter}": _seed_numbers(row.pair, place) for place, letter in enumerate("ab")}
        | {
            f"{which}_{letter}": getattr(estimate, what)
            for letter, estimate in (("a", row.top1_a), ("b", row.top1_b))
            for which, what in (("top1", "value"), ("low", "low"), ("high", "high"))
        }
        | {
            column: getattr(row.difference, what) if tested or what == "value" else None
            for column, what in DIFFERENCE.items()
        }
        | {"p_holm": row.p_holm, "changed": row.changed, "won": row.won, "lost": row.lost, "verdict": row.verdict}
        | {"same_key": int(row.same_key), "settings": told(row.settings), "ran_on": told(row.facts)}
        | {"unpaired": "; ".join(row.pair.unpaired), "missing": "; ".join(row.pair.missing)}
    )
