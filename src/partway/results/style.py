"""What figures, verdict and report share: curves and their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from partway.results import stats
from partway.results.stats import Estimate

SERIES = ["model", "ablation", "train_ratio", "train_fraction", "window"]


def curves_of(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of one data set that make curves; where no series has two ratios, all of them, as points."""
    several = runs.groupby(SERIES).observation_ratio.transform("nunique") > 1
    return runs[several] if several.any() else runs


@dataclass(frozen=True)
class Curve:
    """One line of the accuracy-against-ratio plot.

    Attributes:
        series: values of SERIES.
        runs: those of its points, all seeds.
        points: ratio by ratio the accuracy over the seeds; None where a run is missing.
    """

    series: tuple
    name: str
    runs: pd.DataFrame
    points: list[tuple[float, Estimate | None]]


def curves(runs: pd.DataFrame, labels: dict[str, Any]) -> list[Curve]:
    """The curves of one data set in the order in which they are drawn."""
    drawn = curves_of(runs)
    return [
        Curve(series, curve_name(dict(zip(SERIES, series, strict=True)), drawn, labels), group, curve_points(group))
        for series, group in drawn.groupby(SERIES, sort=False)
    ]


def curve_points(runs: pd.DataFrame) -> list[tuple[float, Estimate | None]]:
    """Ratio by ratio the accuracy of one curve over its seeds; None where a run is missing: a mean needs all of them."""
    points: list[tuple[float, Estimate | None]] = []
    for ratio, group in runs.groupby("observation_ratio"):
        whole = (group.status == "complete").all()
        videos = int(group.videos.iloc[0]) if whole else 0
        points.append((float(ratio), stats.accuracy_interval(group.top1.mean(), videos) if whole else None))
    return points


def ablation_name(ablation: str, labels: dict[str, Any]) -> str:
    """An ablation's label, or its name where it has none."""
    return labels[ablation]["label"] or ablation


def curve_name(named: dict[str, Any], runs: pd.DataFrame, labels: dict[str, Any]) -> str:
    """Name a curve by what differs between the curves.

    Args:
        named: values of SERIES.
        runs: of all curves.
        labels: of the ablations.
    """
    ablation = ablation_name(named["ablation"], labels)
    name = f"{named['model']}, {ablation}" if runs.model.nunique() > 1 else ablation
    name += f", trained on {named['train_ratio']} ratios" if named["train_ratio"] in ("random", "matched") else ""
    name += ", trained on whole videos" if named["train_ratio"] == "full" else ""
    name += f", trained at {named['train_ratio']}" if named["train_ratio"][0].isdigit() else ""
    name += f", {100 * named['train_fraction']:g} % of the train videos" if named["train_fraction"] != 1 else ""
    told = runs.window.nunique() > 1 or named["window"] != "prefix"  # the prefix is the field's protocol
    return name + (f", {named['window']} window" if told else "")


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 seed, 2 seeds."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(words: list[str]) -> str:
    """Words as a list in a sentence: a; a and b; a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
