"""The numbers of accuracy against observation ratio: a line for each setting, and what it is read against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pandas as pd

from partway.results import naming
from partway.results.collected import Collected
from partway.results.figures import settings
from partway.results.figures.palette import CONDITION
from partway.results.imported import read_curves
from partway.results.naming import SERIES

TITLE = "Accuracy against observation ratio"
COLUMNS = [
    "dataset",
    "kind",
    "mark",
    "label",
    *SERIES,
    "observation_ratio",
    *settings.ESTIMATE,
    "colour",
    "marker",
    "filled",
]


# --- the numbers ---------------------------------------------------------------------------------------


def numbers(study: Collected) -> pd.DataFrame:
    """A row for each point: `kind` is measured, imported, chance, ceiling or reported; `mark` is the line's id in the SVG."""
    rows = [row for dataset in study.runs.dataset.unique() for row in _of_dataset(study, dataset)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_dataset(study: Collected, dataset: str) -> Iterator[dict[str, Any]]:
    yield from _measured(study, dataset)
    beside = {"dataset": dataset, "scored_on": study.of_data(dataset).scored_on.iloc[0]}
    classes = study.of_data(dataset).classes.dropna()
    if len(classes):
        yield beside | {"kind": "chance", "mark": f"chance-{dataset}", "label": "chance", "top1": 1 / classes.iloc[0]}
    for row in study.csv("ceiling.csv", dataset).itertuples():
        named = {"kind": "ceiling", "mark": f"ceiling-{dataset}", "label": "ceiling of any honest model (prefix)"}
        yield beside | named | {"observation_ratio": row.observation_ratio, "top1": row.ceiling, "window": "prefix"}
    of_data = [anchor for anchor in study.lock["references"] if anchor["dataset"] == dataset]
    for place, anchor in enumerate(of_data):
        named = {"kind": "reported", "mark": f"reported-{dataset}-{place}", "label": anchor["label"]}
        yield beside | named | {name: anchor[name] for name in ("observation_ratio", "top1", "window")}
    yield from _imported(study, dataset)


def _measured(study: Collected, dataset: str) -> Iterator[dict[str, Any]]:
    runs = naming.curves_of(study.of_data(dataset))
    accuracies = settings.accuracies(study)
    accuracies = accuracies[accuracies.dataset == dataset]
    for place, series in enumerate(runs[SERIES].drop_duplicates().itertuples(index=False, name=None)):
        named = dict(zip(SERIES, series, strict=True))
        about = {"kind": "measured", "mark": f"curve-{dataset}-{place}"}
        about |= asdict(study.palette.of(*(named[axis] for axis in CONDITION)))
        about["label"] = naming.ablation_name(named["ablation"], study.lock["labels"])
        points = accuracies[(accuracies[SERIES] == pd.Series(named)).all(axis=1)]
        for point in points.sort_values("observation_ratio").to_dict("records"):
            yield point | about


def _imported(study: Collected, dataset: str) -> Iterator[dict[str, Any]]:
    for place, curve in enumerate(read_curves(study.home, study.lock)):
        if curve.about["dataset"] != dataset:
            continue
        named = {"kind": "imported", "mark": f"imported-{place}", "label": curve.label, "model": curve.about["name"]}
        about = {"dataset": dataset, "window": curve.about["window"], "scored_on": "validation"}
        for ratio, value, around in curve.points:
            ends = {"low": around.low, "high": around.high, "covers": "videos"} if around else {}
            known = {"observation_ratio": ratio, "top1": value, "videos": curve.about["videos"]}
            yield named | about | known | ends


# --- what is said --------------------------------------------------------------------------------------


def caption(numbers: pd.DataFrame) -> str:
    """What a reader must know to read the figure."""
    splits = naming.listed(sorted(numbers[numbers.kind == "measured"].scored_on.unique()))
    return f"{splits.capitalize()} accuracy (top1), with 95 % intervals."


def words(numbers: pd.DataFrame) -> str:
    """The text alternative."""
    splits = naming.listed(sorted(numbers[numbers.kind == "measured"].scored_on.unique()))
    return f"{splits.capitalize()} accuracy (top1) against observation ratio; the table holds its numbers."


def tips(numbers: pd.DataFrame, percent: Callable[..., str]) -> dict[str, list[str]]:
    """What to say of each point of each line that has points."""
    drawn = numbers[numbers.kind.isin(["measured", "imported"]) & numbers.top1.notna()]
    names = line_names(numbers)
    return {
        mark: [_tip(names[mark], row, percent) for row in of_line.itertuples()]
        for mark, of_line in drawn.groupby("mark", sort=False)
    }


def _tip(name: str, row: Any, percent: Callable[..., str]) -> str:
    around = f" (95 % interval {percent(row.low)} to {percent(row.high)} %)" if pd.notna(row.low) else ""
    return f"{name}\nratio {row.observation_ratio:g}: {percent(row.top1)} %{around}"


def line_names(numbers: pd.DataFrame) -> dict[str, str]:
    """What each line is called, by its mark: a measured one by what differs between those of its data set."""
    names = numbers.drop_duplicates("mark").set_index("mark").label.to_dict()
    for _, measured in numbers[numbers.kind == "measured"].groupby("dataset", sort=False):
        names |= dict(zip(measured.mark, settings.names(measured), strict=True))
    return names


def table(numbers: pd.DataFrame, percent: Callable[..., str]) -> pd.DataFrame:
    """One row a line, one column a ratio."""
    drawn = numbers[numbers.kind.isin(["measured", "imported", "ceiling"])]
    drawn = drawn[drawn.observation_ratio.isin(numbers[numbers.kind != "ceiling"].observation_ratio)]
    named = line_names(numbers)
    shown = drawn.assign(
        label=[named[mark] for mark in drawn.mark],
        shown=[_cell(row, percent) for row in drawn.itertuples()],
        ratio=[f"{ratio:g}" for ratio in drawn.observation_ratio],
    )
    order = [f"{ratio:g}" for ratio in sorted(drawn.observation_ratio.unique())]
    wide = shown.pivot(index=["dataset", "mark", "label"], columns="ratio", values="shown")
    lines = shown[["dataset", "mark", "label"]].drop_duplicates()
    wide = wide.loc[list(lines.itertuples(index=False, name=None)), order].fillna("").reset_index().drop(columns="mark")
    return wide.rename(columns={"dataset": "data set", "label": "line"} | {ratio: f"ratio {ratio}" for ratio in order})


def _cell(row: Any, percent: Callable[..., str]) -> str:
    if pd.isna(row.top1):
        return "missing"
    return percent(row.top1) + (f" [{percent(row.low)}, {percent(row.high)}]" if pd.notna(row.low) else "")
