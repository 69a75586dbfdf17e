"""The rows of an ablation table as numbers: accuracies, and differences with a test, as they stand in its CSV."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from partway.results import stats
from partway.results.outcomes import Outcomes, OutcomesReader, alike
from partway.results.stats import Difference
from partway.results.tables.reading import CONDITIONS, PREFIXES, SCORED, records
from partway.results.tables.words import Row, Table

MEASURED = [
    *("total_epochs", "views", "train_eval_top1", "train_eval_videos"),
    *(f"{prefix}_{name}" for prefix in PREFIXES.values() for name in SCORED),
    "gap",
]
ABOUT_DIFFERENCE = {  # what follows difference_to_..., and what of a Difference it is
    "": "value",
    "_low": "low",
    "_high": "high",
    "_covers": "covers",
    "_seeds": "seeds",
    "_p": "p_value",
    "_test": "test",
    "_detectable": "detectable",
}

Runs = list[dict[str, Any]]  # rows of runs.csv
Read = Callable[[str], Outcomes]  # of an evaluation, by its folder
Compared = dict[tuple[int, int], tuple[Difference, float]]  # places of two rows -> first minus second, adjusted p


def conditions(runs: pd.DataFrame, ladder: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[dict], pd.DataFrame]]:
    """One table for each condition that the ladder's runs share; and for each model, where its rows name none.

    Yields:
        The condition, the ladder's rows with their models, and the runs under it.
    """
    runs = runs[runs.train_ratio == str(ladder["train_ratio"])]
    runs = runs[runs.observation_ratio.isin(ladder["ratios"])] if "ratios" in ladder else runs
    open_rows = {row["ablation"] for row in ladder["rows"] if row["model"] is None}
    for model in runs[runs.ablation.isin(open_rows)].model.unique() if open_rows else [None]:
        rows = [row | {"model": row["model"] or model} for row in ladder["rows"]]
        pairs = {(row["model"], row["ablation"]) for row in rows}
        of_ladder = runs[[pair in pairs for pair in zip(runs.model, runs.ablation, strict=True)]]
        for values, group in of_ladder.groupby(CONDITIONS, sort=False):
            yield dict(zip(CONDITIONS, values, strict=True)), rows, group


class Tables:
    """Makes the tables of one collected study.

    Args:
        lock: of study.lock.json.
        accuracies: those of accuracies.csv, see `read_accuracies`.
    """

    def __init__(self, lock: dict[str, Any], accuracies: dict[tuple, dict[str, Any]]):
        self.labels, self.accuracies = lock["labels"], accuracies
        self.read = OutcomesReader(lock["results_dir"]).read

    def table(self, condition: dict[str, Any], rows: list[dict[str, Any]], runs: pd.DataFrame) -> Table:
        """The rows of one table; values that cannot be known are None."""
        by_row: dict[tuple[str, str], Runs] = defaultdict(list)
        for run in records(runs):
            by_row[run["model"], run["ablation"]].append(run)
        of_rows = [by_row[row["model"], row["ablation"]] for row in rows]
        compared = _compared([_complete(group) for group in of_rows], self.read)
        return [
            condition
            | {"model": row["model"], "ablation": row["ablation"], **self.labels[row["ablation"]]}
            | self._summary((*condition.values(), row["model"], row["ablation"]), group, runs.scored_on.iloc[0])
            | _difference("previous", compared.get((place, place - 1)))
            | _difference("first", compared.get((place, 0)))
            | _reference(row.get("reference"), condition)
            for place, (row, group) in enumerate(zip(rows, of_rows, strict=True))
        ]

    def _summary(self, setting: tuple, runs: Runs, scored_on: str) -> Row:
        """Accuracies of one row over its seeds; those of a test split without labels stay unknown."""
        complete = _complete(runs)
        holes = "; ".join(f"seed {run['seed']}: {run['missing']}" for run in runs if run["status"] != "complete")
        holes = holes if runs else "a run in the grid under these conditions"
        told: Row = {"scored_on": scored_on} | dict.fromkeys(MEASURED)
        told |= {"seeds": len(complete), "seeds_of_grid": len(runs), "missing": holes or None}
        if not complete:
            return told
        accuracy = self.accuracies[setting]
        told |= _means(complete)
        told |= {f"{PREFIXES[scored_on]}_{name}": accuracy[name] for name in SCORED}
        gap = told["train_eval_top1"] is not None and told["views"] == 1  # train is measured in one view
        return told | {"gap": told["train_eval_top1"] - accuracy["top1"] if gap else None}


def _complete(runs: Runs) -> Runs:
    return [run for run in runs if run["status"] == "complete"]


def _means(complete: Runs) -> Row:
    """What stands beside the accuracy of a row."""
    first = complete[0]
    trained, validated, epochs = (_mean(complete, name) for name in ("train_eval_top1", "val_top1", "total_epochs"))
    return {
        "total_epochs": int(epochs) if epochs.is_integer() else epochs,  # seeds that stop early have each their own
        "views": int(first["views"]),
        "train_eval_top1": trained,
        "train_eval_videos": None if trained is None else int(first["train_eval_videos"]),
        "val_top1": validated,
        "val_videos": None if validated is None else int(first["val_videos"]),
    }


def _mean(runs: Runs, name: str) -> float | None:
    """Of a score over the seeds; an accuracy that a seed lacks stays unknown."""
    values = [run[name] for run in runs]
    return None if None in values else float(np.mean(values))


def _reference(reported: dict[str, Any] | None, condition: dict[str, Any]) -> dict[str, float | None]:
    """What others report for a row under these conditions; None where they report nothing."""
    holds = reported is not None and reported["observation_ratio"] == condition["observation_ratio"]
    return {f"reported_{name}": reported[name] if holds else None for name in ("test_top1", "train_top1")}


def _compared(complete: list[Runs], read: Read) -> Compared:
    """Every difference that a table shows once, with its p value after Holm's correction for all of them."""
    places = dict.fromkeys((place, other) for place in range(1, len(complete)) for other in (place - 1, 0))
    found = {(one, two): _paired(complete[one], complete[two], read) for one, two in places}
    known = {pair: difference for pair, difference in found.items() if difference is not None}
    adjusted = stats.holm([difference.p_value for difference in known.values()])
    return {pair: (known[pair], p) for pair, p in zip(known, adjusted, strict=True)}


def _paired(runs: Runs, others: Runs, read: Read) -> Difference | None:
    """The difference over the seeds that both rows have; None where there are none."""
    of_row, of_other = ({run["seed"]: run["scored"] for run in group} for group in (runs, others))
    seeds = sorted(of_row.keys() & of_other.keys())
    if not seeds:
        return None
    found = alike([of[seed] for of in (of_row, of_other) for seed in seeds], read)
    return stats.difference(*np.stack([each.correct_N for each in found]).reshape(2, len(seeds), -1))


def _difference(to: str, found: tuple[Difference, float] | None) -> Row:
    """The columns about one difference; None where it is not known."""
    difference, adjusted = found or (None, None)
    told = {
        f"difference_to_{to}{end}": difference and getattr(difference, name) for end, name in ABOUT_DIFFERENCE.items()
    }
    return told | {f"difference_to_{to}_p_holm": adjusted}
