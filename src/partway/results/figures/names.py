"""Which figures a study has, decided from its grid alone: the DAG asks before anything has run, without matplotlib."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from partway.study import Study

# What a person types -> what its files are called, in the order in which a page shows them.
NAMES = {
    "ratio": "accuracy_against_ratio",
    "matrix": "ratio_matrix",
    "seeds": "seeds_and_views",
    "per-class": "per_class_gain",
    "confusion": "confusion",
    "cost": "accuracy_against_cost",
    "curves": "training_curves",
}
CONDITION = ("dataset", "window", "train_ratio", "train_fraction", "observation_ratio")
TRAINED_ALIKE = ("dataset", "model", "ablation", "train_fraction", "window")
Runs = Sequence[Mapping[str, Any]]


def of_study(study: Study) -> list[str]:
    """The names of the figures that a resolved study will have."""
    ran = [run.cell | {"training": run.trainings[-1], "evaluation": run.evaluation} for run in study.runs]
    return of_runs(ran, study.ladders)


def of_runs(runs: Runs, ladders: Mapping[str, Any]) -> list[str]:
    """The names of the figures of a grid.

    Args:
        runs: its axes with `training` and `evaluation`, as in runs.csv.
        ladders: as in study.lock.json.
    """
    shows = {
        "ratio_matrix": bool(trained_in_several_ways(runs)),
        "seeds_and_views": _several_seeds(runs) or bool(shared_trainings(runs)),
        "per_class_gain": any(True for ladder in ladders.values() for _ in steps(runs, ladder)),
        "accuracy_against_cost": len({(run["model"], run["ablation"], run["train_ratio"]) for run in runs}) > 1,
    }
    return [name for name in NAMES.values() if shows.get(name, True)]


def shared_trainings(runs: Runs) -> dict[tuple, set[str]]:
    """Evaluations of one training on the same share of the videos that differ in views alone: more than one."""
    by_training = _by(runs, ("training", "dataset", "observation_ratio", "window"), "evaluation")
    return {shared: evaluations for shared, evaluations in by_training.items() if len(evaluations) > 1}


def trained_in_several_ways(runs: Runs) -> set[tuple]:
    """Values of TRAINED_ALIKE that have several train_ratios; matched at ratio 1 alone is what full is."""
    ratios = _by(runs, (*TRAINED_ALIKE, "train_ratio"), "observation_ratio")
    ways: dict[tuple, set] = defaultdict(set)
    for (*alike, train_ratio), tested in ratios.items():
        ways[tuple(alike)].add("full" if train_ratio == "matched" and tested == {1} else str(train_ratio))
    return {alike for alike, train_ratios in ways.items() if len(train_ratios) > 1}


def steps(runs: Runs, ladder: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], tuple, tuple]]:
    """Each row of a ladder that has runs under a condition that the row before has too.

    Yields:
        The condition, and (model, ablation) of the row before and of the row. A row that names no model stands for
        each model in turn.
    """
    there = {(run["model"], run["ablation"], *_condition(run)) for run in runs}
    conditions = dict.fromkeys(_condition(run) for run in runs if str(run["train_ratio"]) == str(ladder["train_ratio"]))
    for model in dict.fromkeys(run["model"] for run in runs):
        rows = [(row["model"] or model, row["ablation"]) for row in ladder["rows"]]
        for values in conditions:
            condition = dict(zip(CONDITION, values, strict=True))
            if condition["observation_ratio"] in ladder.get("ratios", [condition["observation_ratio"]]):
                yield from (
                    (condition, *pair) for pair in pairwise(rows) if all((*row, *values) in there for row in pair)
                )
        if all(row["model"] for row in ladder["rows"]):
            return


def _condition(run: Mapping[str, Any]) -> tuple:
    return tuple(str(run[name]) if name == "train_ratio" else run[name] for name in CONDITION)


def _several_seeds(runs: Runs) -> bool:
    return any(len(seeds) > 1 for seeds in _by(runs, ("model", "ablation", *CONDITION), "seed").values())


def _by(runs: Iterable[Mapping[str, Any]], axes: Sequence[str], what: str) -> dict[tuple, set]:
    """The values of one column by those of others."""
    found = defaultdict(set)
    for run in runs:
        found[tuple(run[axis] for axis in axes)].add(run[what])
    return found
