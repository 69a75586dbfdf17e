"""Names of curves and ablations, and words with numbers, the same in figures, tables, verdict and report."""

from __future__ import annotations

from typing import Any

import pandas as pd

SERIES = ["model", "ablation", "train_ratio", "train_fraction", "window"]


def curves_of(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of one data set that make curves; where no series has two ratios, all of them, as points."""
    several = runs.groupby(SERIES).observation_ratio.transform("nunique") > 1
    return runs[several] if several.any() else runs


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
    name += f", {of_train(named['train_fraction'])}" if named["train_fraction"] != 1 else ""
    told = runs.window.nunique() > 1 or named["window"] != "prefix"  # the prefix is the field's protocol
    return name + (f", {named['window']} window" if told else "")


def of_train(fraction: float) -> str:
    """The share of the train videos that a training saw."""
    return f"{100 * fraction:g} % of the train videos"


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 seed, 2 seeds."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(words: list[str]) -> str:
    """Words as a list in a sentence: a; a and b; a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
