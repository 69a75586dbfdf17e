"""What differs between two runs that are compared: their settings, and what they ran on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from partway.results.compare.sides import Side
from partway.results.run_folders import evaluation_settings, training_settings
from partway.results.tables.settings import as_written

Run = dict[str, Any]  # a row of runs.csv
Differences = dict[str, tuple[Any, Any]]  # what -> its values in A and B

NOT_SETTINGS = ("seed", "parent", "data")  # pairing is by seed; what parent and data are is told by their own settings
RECORDED = ("device", "precision", "compile", "attention", "threads")
DEFAULT = "default"  # what stands for a setting that a spec leaves out
COMMIT_DIGITS = 10


def settings_that_differ(a: Side, run_a: Run, b: Side, run_b: Run) -> Differences:
    """The settings of data, trainings and scored evaluation in which two runs differ, at their defaults or not."""
    try:
        both = [_settings(side, run, in_full=True) for side, run in ((a, run_a), (b, run_b))]
    except (ValidationError, TypeError):  # one was made by another version, whose settings this one does not know
        both = [_settings(side, run, in_full=False) for side, run in ((a, run_a), (b, run_b))]
    return dict(_different(*both))


def facts_that_differ(a: Side, run_a: Run, b: Side, run_b: Run) -> Differences:
    """The code, libraries, numerics versions and machine facts in which two runs differ; what was recorded of both."""
    facts_a, facts_b = _facts(a, run_a), _facts(b, run_b)
    return {
        name: (facts_a[name], facts_b[name]) for name in facts_a if name in facts_b and facts_a[name] != facts_b[name]
    }


def _settings(side: Side, run: Run, *, in_full: bool) -> dict[str, Any]:
    """All settings of a run as a tree: in full, or as they were hashed, without those at their default."""
    chain = [training_settings(spec, made) if in_full else spec for spec, made in side.chain(run)]
    chain = [{name: value for name, value in stage.items() if name not in NOT_SETTINGS} for stage in chain]
    data = side.study.lock["datasets"][run["dataset"]]["spec"]
    scored = side.study.lock["evaluations"][run["scored"]]["spec"]
    scored = evaluation_settings(scored) if in_full else scored
    later = {f"stage {number}": stage for number, stage in enumerate(chain[1:], 2)}
    return (
        chain[0]
        | {"stages": len(chain), "later": later, "dataset": {"layout": data["layout"]} | data["options"]}
        | {"evaluation": {name: value for name, value in scored.items() if name != "training"}}
    )


def _different(a: dict[str, Any], b: dict[str, Any], above: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The leaves in which two trees differ, by their path."""
    for name in dict.fromkeys([*a, *b]):
        one, other = a.get(name, DEFAULT), b.get(name, DEFAULT)
        if name == "later":  # of a stage that one alone has `stages` tells
            for stage in one.keys() & other.keys():
                yield from _different(one[stage], other[stage], f"{stage}: ")
        elif isinstance(one, dict) and isinstance(other, dict):
            yield from _different(one, other, f"{above}{name}.")
        elif one != other:
            yield f"{above}{name}", (one, other)


def _facts(side: Side, run: Run) -> dict[str, str]:
    """What the trainings of a run and its evaluation recorded of code and machine; of all of them, where they differ."""
    found: dict[str, list[str]] = {}
    evaluation = side.record(run["scored"])
    for record in (*(made for _, made in side.chain(run)), evaluation):
        commit = {"commit": record["git_commit"][:COMMIT_DIGITS]} if record.get("git_commit") else {}
        facts = commit | {name: record.get(name) for name in RECORDED}
        facts |= record.get("versions") or {}
        facts |= {f"numerics of {part}": version for part, version in (record.get("numerics") or {}).items()}
        for name, value in facts.items():
            if value is not None:
                found.setdefault(name, []).append(str(value))
    return {name: ", ".join(dict.fromkeys(values)) for name, values in found.items()}


def told(differences: Differences) -> str:
    """Differences on one line: `training.epochs 8 -> 16; ...`."""
    return "; ".join(f"{name} {as_written(one)} -> {as_written(other)}" for name, (one, other) in differences.items())
