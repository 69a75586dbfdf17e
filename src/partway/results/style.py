"""What figures, verdict and report share: curves, their names and colours, and how a figure is written."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")  # before pyplot: no screen is needed
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from partway import files
from partway.results import stats
from partway.results.stats import Estimate

SERIES = ["model", "ablation", "train_ratio", "train_fraction", "window"]
# Okabe & Ito 2008: told apart by colour-blind readers; markers and line styles tell them apart in print.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
LINES = ["-", "--", "-.", ":"]
STYLE = {
    "svg.hashsalt": "partway",
    "svg.fonttype": "none",
    "text.parse_math": False,  # a label may hold dollar signs
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def write(figure: Figure, home: Path, name: str, dpi: int) -> None:
    """Write a figure as SVG and PNG, equal figures as equal bytes, and close it."""
    for suffix, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
        with files.replacing(home / "figures" / f"{name}.{suffix}") as temporary:
            figure.savefig(temporary, dpi=dpi, metadata=metadata)
    plt.close(figure)


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


def ablation_colours(runs: pd.DataFrame, labels: dict[str, Any]) -> dict[str, str]:
    """A colour for each ablation that runs, in the order of the study file; the same in every figure."""
    used = [name for name in labels if name in set(runs.ablation)]
    return {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(used)}


def curve_colours(runs: pd.DataFrame, labels: dict[str, Any]) -> dict[tuple, str]:
    """A colour for each curve, by its values of SERIES: its ablation's, and for that ablation's further curves another.

    Those are colours that no ablation has, as long as there are any.
    """
    of_ablation = ablation_colours(runs, labels)
    free = cycle([colour for colour in COLOURS if colour not in of_ablation.values()] or COLOURS)
    drawn = pd.concat([curves_of(group) for _, group in runs.groupby("dataset", sort=False)])
    series = list(drawn[SERIES].drop_duplicates().itertuples(index=False, name=None))
    colours: dict[tuple, str] = {}
    taken: set[str] = set()
    for values in sorted(series, key=lambda values: values[2] == "random"):
        ablation = values[1]
        colours[values] = next(free) if ablation in taken else of_ablation[ablation]
        taken.add(ablation)
    return colours


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
    name += f", {named['train_fraction']:.0%} of the train videos" if named["train_fraction"] != 1 else ""
    told = runs.window.nunique() > 1 or named["window"] != "prefix"  # the prefix is the field's protocol
    return name + (f", {named['window']} window" if told else "")


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 seed, 2 seeds."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(words: list[str]) -> str:
    """Words as a list in a sentence: a; a and b; a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
