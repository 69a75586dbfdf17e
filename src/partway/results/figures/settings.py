"""The settings of a study with their accuracies: what most figures draw, read from accuracies.csv."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from partway.results.collected import NAMES, Collected
from partway.results.estimates import ACCURACY_COLUMNS, accuracy_rows
from partway.results.figures.palette import CONDITION
from partway.results.naming import SERIES, ablation_name, of_train
from partway.results.outcomes import OutcomesReader
from partway.results.tables import records

TRAINED = {"matched": "on matched ratios", "full": "on whole videos", "random": "on random ratios"}
SETTING = ["dataset", "model", "ablation", "train_ratio", "train_fraction", "window", "observation_ratio"]
ESTIMATE = ["top1", "top1_std", "low", "high", "covers", "seeds", "seeds_of_grid", "videos", "scored_on"]


def accuracies(study: Collected) -> pd.DataFrame:
    """One row for each setting in the order of the runs: SETTING and ESTIMATE.

    A setting with a missing run has no accuracy here: what is drawn as one point needs all of its seeds.
    """
    path = study.home / "accuracies.csv"
    if path.exists():
        rows = pd.read_csv(path, dtype=NAMES, keep_default_na=False, na_values=[""])
    else:  # collected before there was that file
        outcomes = OutcomesReader(study.lock["results_dir"])
        rows = pd.DataFrame(accuracy_rows(records(study.runs), outcomes), columns=ACCURACY_COLUMNS)
    of_runs = study.runs.groupby(SETTING, sort=False).agg(
        seeds_of_grid=("seed", "size"), scored_on=("scored_on", "first")
    )
    rows = rows.drop(columns=["seeds_of_grid", "scored_on"])
    found = of_runs.reset_index().merge(rows, how="left", on=SETTING)[[*SETTING, *ESTIMATE]]
    whole = found.seeds == found.seeds_of_grid
    return found.assign(**{name: found[name].where(whole) for name in ("top1", "top1_std", "low", "high", "covers")})


def at_largest_ratio(study: Collected) -> pd.DataFrame:
    """The settings of `accuracies`, each series at the largest ratio that it has, with `label`, the ablation's."""
    rows = accuracies(study)
    largest = rows.groupby(["dataset", *SERIES], sort=False).observation_ratio.transform("max")
    rows = rows[rows.observation_ratio == largest]
    return rows.assign(label=[ablation_name(name, study.lock["labels"]) for name in rows.ablation])


def looked(study: Collected, rows: pd.DataFrame) -> pd.DataFrame:
    """Settings with their `colour`, `marker` and `filled`."""
    looks = [asdict(study.palette.of(*values)) for values in rows[CONDITION].itertuples(index=False, name=None)]
    return rows.assign(**pd.DataFrame(looks, columns=["colour", "marker", "filled"], index=rows.index))


def names(settings: pd.DataFrame, *, at_one_ratio: bool = False) -> list[str]:
    """Name settings by what differs between them, and by what departs from the field's protocol.

    Args:
        settings: the columns of naming.SERIES, and `label`, the ablation's.
        at_one_ratio: each row is of one ratio, which is told where they differ in it.
    """
    several = {axis: settings[axis].nunique() > 1 for axis in SERIES}
    alike = settings.groupby(["model", "label"]).train_ratio.nunique()
    told_ratio = at_one_ratio and settings.observation_ratio.nunique() > 1

    def name(row: Any) -> str:
        parts = [row.model] if several["model"] else []
        parts.append(row.label)
        if row.train_ratio != "matched" or alike[row.model, row.label] > 1:
            at = f"at ratio {row.train_ratio}"
            parts.append(f"trained {TRAINED.get(row.train_ratio, at)}")
        if several["train_fraction"] or row.train_fraction != 1:
            parts.append(of_train(row.train_fraction))
        parts += [f"{row.window} window"] if several["window"] or row.window != "prefix" else []
        parts += [f"ratio {row.observation_ratio:g}"] if told_ratio else []
        return ", ".join(parts)

    return [name(row) for row in settings.itertuples()]
