"""Guesses what was only renamed between two studies, of what is left when all else is matched."""

from __future__ import annotations

from collections.abc import Iterator

from partway.results.compare.comparison import Comparison
from partway.results.compare.matching import NAMES, Alone
from partway.results.compare.settings import Differences, settings_that_differ, told

NEAR = 3  # settings in which two rows may differ and still be one under two names


def suggested(found: Comparison) -> Iterator[str]:
    """For names that B lacks, those that A lacks and that stand for nearly the same settings."""
    of_a, of_b = _by_names(found.matched.only_a), _by_names(found.matched.only_b)
    for names, one in of_a.items():
        apart = {others: _apart(found, one, other) for others, other in of_b.items() if _may_be(found, one, other)}
        near = min(apart, key=lambda others: len(apart[others]), default=None)
        if near and len(apart[near]) <= NEAR:
            renames = [f"--rename {old}={new}" for old, new in zip(names, near, strict=True) if old != new]
            yield f"perhaps only a name differs ({told(apart[near]) or 'no setting does'}): {' '.join(renames)}"


def _by_names(alone: list[Alone]) -> dict[tuple[str, ...], Alone]:
    """The first setting with a complete run of each data set, model and ablation."""
    found: dict[tuple[str, ...], Alone] = {}
    for one in alone:
        if one.complete:
            found.setdefault(tuple(one.setting[axis] for axis in NAMES), one)
    return found


def _may_be(found: Comparison, one: Alone, other: Alone) -> bool:
    """Whether two were run under the same conditions, and no name that differs is in both studies."""
    different = [axis for axis in one.setting if one.setting[axis] != other.setting[axis]]
    of_a, of_b = found.a.study.runs, found.b.study.runs
    return all(
        axis in NAMES and one.setting[axis] not in set(of_b[axis]) and other.setting[axis] not in set(of_a[axis])
        for axis in different
    )


def _apart(found: Comparison, one: Alone, other: Alone) -> Differences:
    return settings_that_differ(found.a, one.complete[0], found.b, other.complete[0])
