"""Which settings of two studies are the same question, and which runs of them are a pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from partway.errors import PartwayError, nearest
from partway.results.compare.sides import Side
from partway.results.tables import CONDITIONS, records

NAMES = ("dataset", "model", "ablation")  # given by a study, in no key
SETTING = (*CONDITIONS, "model", "ablation")

Run = dict[str, Any]  # a row of runs.csv
Setting = tuple[Any, ...]  # values of SETTING


@dataclass(frozen=True)
class Pair:
    """One setting that both sides have.

    Attributes:
        setting_a, setting_b: its names on either side; they differ where something was renamed.
        runs: pairs of complete runs, by seed.
        by_seed: whether both runs of a pair have the same seed; else they stand in the order of their seeds.
        unpaired: what is left out of the comparison on either side, in words: `seed 2 of A`.
        missing: what either side lacks, in words.
    """

    setting_a: dict[str, Any]
    setting_b: dict[str, Any]
    runs: list[tuple[Run, Run]]
    by_seed: bool
    unpaired: list[str]
    missing: list[str]

    @property
    def renamed(self) -> dict[str, tuple[str, str]]:
        """The names in which the two differ."""
        both = {name: (self.setting_a[name], self.setting_b[name]) for name in NAMES}
        return {name: (one, other) for name, (one, other) in both.items() if one != other}


@dataclass(frozen=True)
class Alone:
    """A setting that one side alone has, and its complete runs."""

    setting: dict[str, Any]
    complete: list[Run]


@dataclass(frozen=True)
class Matched:
    """The settings of two studies: in both, and in one alone."""

    pairs: list[Pair]
    only_a: list[Alone]
    only_b: list[Alone]


def match(a: Side, b: Side, renames: Iterable[tuple[str, str]] = ()) -> Matched:
    """Pair the settings of two sides by their names, and those left by their evaluations: a name is in no key.

    Args:
        renames: (name in A, name in B) of data sets, models or ablations.

    Raises:
        PartwayError: a name that the side does not have.
    """
    of_a, of_b = _settings(a), _settings(b)
    in_b = _renaming(of_a, of_b, list(renames))
    partner = {setting: other for setting in of_a if (other := in_b(setting)) in of_b}
    partner |= _same_work(
        {setting: runs for setting, runs in of_a.items() if setting not in partner},
        {setting: runs for setting, runs in of_b.items() if setting not in partner.values()},
    )
    return Matched(
        pairs=[
            _pair(setting, of_a[setting], partner[setting], of_b[partner[setting]])
            for setting in of_a
            if setting in partner
        ],
        only_a=[_alone(setting, runs) for setting, runs in of_a.items() if setting not in partner],
        only_b=[_alone(setting, runs) for setting, runs in of_b.items() if setting not in partner.values()],
    )


def _settings(side: Side) -> dict[Setting, list[Run]]:
    """The runs of each setting, in the order of the study's grid."""
    found: dict[Setting, list[Run]] = {}
    for run in records(side.study.runs):
        found.setdefault(tuple(run[axis] for axis in SETTING), []).append(run)
    return found


def _named(setting: Setting) -> dict[str, Any]:
    return dict(zip(SETTING, setting, strict=True))


def _renaming(
    of_a: dict[Setting, Any], of_b: dict[Setting, Any], renames: list[tuple[str, str]]
) -> Callable[[Setting], Setting | None]:
    """A function from a setting of A to what it is called in B; None for a name that another one now has there."""
    names_a, names_b = ({axis: {_named(s)[axis] for s in of} for axis in NAMES} for of in (of_a, of_b))
    known: dict[str, dict[str, str]] = {axis: {} for axis in NAMES}
    for old, new in renames:
        axes = [axis for axis in NAMES if old in names_a[axis] and new in names_b[axis]]
        if not axes:
            raise PartwayError(f"--rename {old}={new}: {_no_such_name(old, new, names_a, names_b)}")
        for axis in axes:
            known[axis][old] = new

    def in_b(setting: Setting) -> Setting | None:
        named = _named(setting)
        if any(named[axis] in known[axis].values() and named[axis] not in known[axis] for axis in NAMES):
            return None
        return tuple(known[axis].get(value, value) if axis in known else value for axis, value in named.items())

    return in_b


def _no_such_name(old: str, new: str, names_a: dict[str, set[str]], names_b: dict[str, set[str]]) -> str:
    for letter, name, names in (("A", old, names_a), ("B", new, names_b)):
        all_names = sorted(set().union(*names.values()))
        if name not in all_names:
            return f"{letter} has no data set, model or ablation called {name}{nearest(name, all_names)}"
    return f"{old} in A and {new} in B are not of one kind (data set, model, ablation)"


def _same_work(of_a: dict[Setting, list[Run]], of_b: dict[Setting, list[Run]]) -> dict[Setting, Setting]:
    """Pairs of settings of different names that ask for an evaluation that is the same, under the same conditions."""
    in_b = {_work(setting, run): setting for setting, runs in of_b.items() for run in runs}
    found: dict[Setting, Setting] = {}
    for setting, runs in of_a.items():
        other = next(filter(None, (in_b.get(_work(setting, run)) for run in runs)), None)
        if other is not None and other not in found.values():
            found[setting] = other
    return found


def _work(setting: Setting, run: Run) -> tuple[Any, ...]:
    """What a run asks for, whatever its names."""
    conditions = (value for axis, value in _named(setting).items() if axis not in NAMES)
    return (*conditions, run["seed"], run["scored"])


def _alone(setting: Setting, runs: list[Run]) -> Alone:
    return Alone(_named(setting), list(_complete(runs).values()))


def _complete(runs: list[Run]) -> dict[int, Run]:
    """The complete runs of a setting, by seed."""
    return {run["seed"]: run for run in runs if run["status"] == "complete"}


def _pair(setting_a: Setting, runs_a: list[Run], setting_b: Setting, runs_b: list[Run]) -> Pair:
    sides = {"A": runs_a, "B": runs_b}
    seeds_a, seeds_b = (_complete(runs) for runs in sides.values())
    common = sorted(seeds_a.keys() & seeds_b.keys())
    # Seeds of other numbers are other draws of luck: any order of them is as good.
    seeds = [(seed, seed) for seed in common] or list(zip(sorted(seeds_a), sorted(seeds_b), strict=False))
    alone = {"A": set(seeds_a) - {a for a, _ in seeds}, "B": set(seeds_b) - {b for _, b in seeds}}
    lacking = {run["seed"] for run in (*runs_a, *runs_b) if run["status"] != "complete"}  # told as missing
    return Pair(
        setting_a=_named(setting_a),
        setting_b=_named(setting_b),
        runs=[(seeds_a[a], seeds_b[b]) for a, b in seeds],
        by_seed=bool(common),
        unpaired=[f"seed {seed} of {letter}" for letter, left in alone.items() for seed in sorted(left - lacking)],
        missing=[
            f"{letter} lacks seed {run['seed']}: {run['missing']}"
            for letter, runs in sides.items()
            for run in runs
            if run["status"] != "complete"
        ],
    )
