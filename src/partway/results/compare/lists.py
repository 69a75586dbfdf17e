"""What a comparison lists below its tables: curves, what differs, which videos flipped, what was not compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from partway.errors import some
from partway.results.compare import renames, table
from partway.results.compare.comparison import Comparison, Row
from partway.results.compare.settings import Differences, told
from partway.results.naming import listed

MOST_NAMED = 3  # videos or classes in a sentence


def curves(found: Comparison) -> Iterator[str]:
    """The areas below each line that both have."""
    for curve in found.curves:
        line = f"{curve.setting['dataset']} {curve.setting['model']} {curve.setting['ablation']}, {table.trained(curve.setting)}"
        areas = f"{table.percent(curve.area_a.value)} % in A, {table.percent(curve.area_b.value)} % in B"
        yield (
            f"{line}: mean accuracy over ratios {listed([str(r) for r in curve.ratios])} (area below the line): {areas}, "
            f"B - A {table.with_interval(curve.difference, table.points)}"
        )


def same(found: Comparison) -> Iterator[str]:
    """The rows that are one evaluation in both, which stand in no table."""
    for text, ratios in by_ratio(row.pair.setting_a for row in found.with_verdict("same evaluation")).items():
        yield f"{text} {ratios}"


def differences(found: Comparison, of: Callable[[Row], Differences]) -> Iterator[str]:
    """What differs between A and B, each with the settings in which it does."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in found.told:
        for name, values in of(row).items():
            rows[told({name: values})].append(row)
    for text, differing in rows.items():
        yield f"{text}: {which(differing, found)}"


def same_answers(found: Comparison) -> Iterator[str]:
    """The rows of which no answer changed though the evaluations are two."""
    for row in found.with_verdict("same answers"):
        seeds = len(row.pair.runs)
        of = f" of all {seeds} seeds" if seeds > 1 else ""
        scores = "bit for bit" if row.same_files else "their scores not bit for bit"
        yield f"{named(row, found)}: all {row.common.videos} predictions{of} are the same, {scores}"


def flips(found: Comparison) -> Iterator[str]:
    """For each row that is better or worse, where it won and lost."""
    for row in found.rows:
        if row.verdict in ("better", "worse"):
            lost = row.verdict == "worse"
            yield (
                f"{named(row, found)}: {row.changed} of {row.common.videos * len(row.pair.runs)} answers changed, {row.won} won, "
                f"{row.lost} lost; {'lost' if lost else 'won'} most in {_classes(row, lost=lost)}; "
                f"in every seed: {_videos(row, lost=lost)}"
            )


def not_compared(found: Comparison) -> Iterator[str]:
    """What one side alone has, and what is missing; with the name in B that a row of A may have got."""
    for letter, alone in (("A", found.matched.only_a), ("B", found.matched.only_b)):
        for text, ratios in by_ratio(one.setting for one in alone).items():
            yield f"only in {letter}: {text} {ratios}"
    yield from renames.suggested(found)
    for pair in [*found.holes, *(row.pair for row in found.rows)]:
        for left in pair.unpaired:
            yield f"{_place(pair.setting_a)}: {left} has no counterpart"
        for missing in pair.missing:
            yield f"{_place(pair.setting_a)}: {missing}"


def which(rows: list[Row], found: Comparison) -> str:
    """Rows in words: all, or by name."""
    if len(rows) == len(found.told):
        return "all rows" if len(rows) > 1 else named(rows[0], found)
    return some([named(row, found) for row in rows], most=MOST_NAMED)


def named(row: Row, found: Comparison) -> str:
    """A row in a sentence: its ablation, and what else tells it from the other rows."""
    setting = row.pair.setting_a
    before = [setting[axis] for axis in ("dataset", "model") if axis in found.varying]
    after = [f"{axis} {setting[axis]}" for axis in (*table.TRAINED, "observation_ratio") if axis in found.varying]
    return " ".join([*before, table.name(row.pair)]) + (f" ({', '.join(after)})" if after else "")


def _place(setting: dict[str, Any]) -> str:
    return " ".join(next(iter(by_ratio([setting]).items())))


def by_ratio(settings: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Settings in words, those that differ in their observation ratio alone together -> their ratios."""
    found: dict[str, list[str]] = defaultdict(list)
    for setting in settings:
        about = f"{setting['dataset']} {setting['model']} {setting['ablation']}, {table.trained(setting)}"
        found[f"{about}, observation_ratio"].append(str(setting["observation_ratio"]))
    return {text: ", ".join(ratios) for text, ratios in found.items()}


def _classes(row: Row, *, lost: bool) -> str:
    count: Counter[str] = Counter()
    for flip in _of_kind(row, lost=lost):
        count[flip["class"]] += len(flip["seeds"].split())
    return ", ".join(f"{name} ({number})" for name, number in count.most_common(MOST_NAMED))


def _videos(row: Row, *, lost: bool) -> str:
    """The videos that flipped this way in every pair of seeds."""
    seeds: Counter[str] = Counter()
    for flip in _of_kind(row, lost=lost):
        seeds[flip["id"]] += len(flip["seeds"].split())
    return some([video for video, number in seeds.items() if number == len(row.pair.runs)], MOST_NAMED) or "none"


def _of_kind(row: Row, *, lost: bool) -> Iterable[dict[str, Any]]:
    return (flip for flip in row.flips if flip["flip"] == ("lost" if lost else "won"))
