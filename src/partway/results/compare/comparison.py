"""Two studies held against each other: what each setting they share reached, and whether the step is more than luck."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from partway.errors import PartwayError, some
from partway.results import stats
from partway.results.compare.matching import SETTING, Matched, Pair, match
from partway.results.compare.settings import Differences, facts_that_differ, settings_that_differ
from partway.results.compare.sides import Side
from partway.results.compare.videos import Common, answers, flips
from partway.results.stats import Difference, Estimate
from partway.results.tables.words import LUCK

Verdict = Literal["better", "worse", "unclear", "same answers", "same evaluation"]


@dataclass(frozen=True)
class Row:
    """One setting that both have, compared.

    Attributes:
        top1_a, top1_b: accuracies of the paired seeds on the common videos.
        difference: B minus A.
        ids: of the common videos.
        changed: answers of the paired seeds that are another class in B.
        won, lost: answers that only B, and only A, has right.
        same_key: whether all pairs have the same evaluation key, so that no setting differs.
        same_files: whether all pairs have the same predictions file, bit for bit.
        settings, facts: what differs between the first pair of runs.
        p_holm: adjusted over all rows that are a test of their own; None where both are one evaluation.
    """

    pair: Pair
    common: Common
    top1_a: Estimate
    top1_b: Estimate
    difference: Difference
    ids: np.ndarray
    changed: int
    won: int
    lost: int
    flips: list[dict[str, Any]]  # see videos.flips
    correct: tuple[np.ndarray, np.ndarray]  # of A and B, seeds x videos
    same_key: bool
    same_files: bool
    settings: Differences
    facts: Differences
    p_holm: float | None = None

    @property
    def verdict(self) -> Verdict:
        """What the row says of B: `better` and `worse` only where Holm's p value is at most LUCK."""
        if self.same_key and self.same_files:
            return "same evaluation"
        if not self.changed:
            return "same answers"
        if self.p_holm is not None and self.p_holm <= LUCK:
            return "better" if self.difference.value > 0 else "worse"
        return "unclear"


@dataclass(frozen=True)
class Curve:
    """A line of accuracy against ratio that both have: the areas below it, and their difference, B minus A."""

    setting: dict[str, Any]
    ratios: list[float]
    area_a: Estimate
    area_b: Estimate
    difference: Estimate


@dataclass(frozen=True)
class Comparison:
    """All that is told of two sides.

    Attributes:
        rows: the settings that were compared, in the order of A.
        holes: settings of both without a pair of complete runs.
    """

    a: Side
    b: Side
    matched: Matched
    rows: list[Row]
    holes: list[Pair]
    curves: list[Curve]

    @cached_property
    def told(self) -> list[Row]:
        """The rows that are more than one evaluation under two names."""
        return [row for row in self.rows if row.verdict != "same evaluation"]

    @cached_property
    def varying(self) -> list[str]:
        """The axes in which the rows that are told differ."""
        settings = [row.pair.setting_a for row in self.told]
        return [axis for axis in SETTING if len({setting[axis] for setting in settings}) > 1]

    @property
    def tests(self) -> int:
        """How many tests there are: rows that share their evaluations are one."""
        return len({_test(row) for row in self.rows if row.p_holm is not None})

    def with_verdict(self, verdict: Verdict) -> list[Row]:
        """The rows that say this of B."""
        return [row for row in self.rows if row.verdict == verdict]


def compare(a: Side, b: Side, renames: Iterable[tuple[str, str]] = ()) -> Comparison:
    """Compare two sides setting by setting.

    Args:
        renames: (name in A, name in B) of data sets, models or ablations.

    Raises:
        PartwayError: nothing is in both, or what is in both was not asked of the same videos.
    """
    matched = match(a, b, renames)
    if not matched.pairs:
        raise PartwayError(_nothing_common(matched))
    rows = [_row(pair, a, b) for pair in matched.pairs if pair.runs]
    holes = [pair for pair in matched.pairs if not pair.runs]
    if not rows:
        missing = [missing for pair in matched.pairs for missing in pair.missing]
        raise PartwayError(f"no setting is complete in both: {some(missing, most=3)}")
    return Comparison(
        a=a,
        b=b,
        matched=matched,
        rows=_with_holm(rows),
        holes=holes,
        curves=list(_curves(rows, holes)),
    )


def _nothing_common(matched: Matched) -> str:
    told = {
        letter: some([", ".join(str(value) for value in alone.setting.values()) for alone in only], most=5)
        for letter, only in (("A", matched.only_a), ("B", matched.only_b))
    }
    return (
        f"A and B have no setting in common ({', '.join(SETTING)}).\n  A: {told['A']}\n  B: {told['B']}\n"
        "Where only a name differs, say so: --rename OLD=NEW"
    )


def _row(pair: Pair, a: Side, b: Side) -> Row:
    found = answers(pair, a, b)
    right_a_SN, right_b_SN = found.correct
    keys = [(one["scored"], other["scored"]) for one, other in pair.runs]
    digests = [(a.record(one)["predictions_digest"], b.record(other)["predictions_digest"]) for one, other in keys]
    return Row(
        pair=pair,
        common=found.common,
        top1_a=stats.accuracy(right_a_SN),
        top1_b=stats.accuracy(right_b_SN),
        difference=stats.difference(right_b_SN, right_a_SN),
        ids=found.ids,
        changed=int((found.a_SN != found.b_SN).sum()),
        won=int((right_b_SN & ~right_a_SN).sum()),
        lost=int((right_a_SN & ~right_b_SN).sum()),
        flips=list(flips(found, pair)),
        correct=(right_a_SN, right_b_SN),
        same_key=all(one == other for one, other in keys),
        same_files=all(one == other for one, other in digests),
        settings=settings_that_differ(a, pair.runs[0][0], b, pair.runs[0][1]),
        facts=facts_that_differ(a, pair.runs[0][0], b, pair.runs[0][1]),
    )


def _with_holm(rows: list[Row]) -> list[Row]:
    """The rows with Holm's p values over all that are a test of their own: rows that share evaluations are one test."""
    tests = {_test(row): row.difference.p_value for row in rows if row.verdict != "same evaluation"}
    adjusted = dict(zip(tests, stats.holm(list(tests.values())), strict=True))
    return [replace(row, p_holm=adjusted.get(_test(row))) for row in rows]


def _test(row: Row) -> tuple[tuple[str, str], ...]:
    return tuple((one["scored"], other["scored"]) for one, other in row.pair.runs)


def _curves(rows: list[Row], holes: list[Pair]) -> Iterator[Curve]:
    """The lines whose every common ratio was compared, over the same videos and pairs of seeds."""
    axes = [axis for axis in SETTING if axis != "observation_ratio"]
    lines: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        lines[tuple(row.pair.setting_a[axis] for axis in axes)].append(row)
    for hole in holes:
        lines.pop(tuple(hole.setting_a[axis] for axis in axes), None)
    for setting, line in lines.items():
        line.sort(key=lambda row: row.pair.setting_a["observation_ratio"])
        alike = {(*row.ids, *((one["seed"], other["seed"]) for one, other in row.pair.runs)) for row in line}
        if len(line) > 1 and len(alike) == 1 and any(row.verdict != "same evaluation" for row in line):
            ratios = [row.pair.setting_a["observation_ratio"] for row in line]
            a_RSN, b_RSN = (np.stack(correct) for correct in zip(*(row.correct for row in line), strict=True))
            yield Curve(
                setting=dict(zip(axes, setting, strict=True)),
                ratios=ratios,
                area_a=stats.area(a_RSN, ratios),
                area_b=stats.area(b_RSN, ratios),
                difference=stats.difference(_areas(b_RSN, ratios), _areas(a_RSN, ratios)),
            )


def _areas(correct_RSN: np.ndarray, ratios: list[float]) -> np.ndarray:
    """The area below the line of each seed and video alone, divided by the span of the ratios."""
    return np.trapezoid(correct_RSN.astype(float), ratios, axis=0) / (ratios[-1] - ratios[0])
