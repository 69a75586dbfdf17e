"""The part of a verdict about accuracy against ratio: how much of a video it takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd

from partway.results import naming
from partway.results.estimates import LINE
from partway.results.naming import count, listed
from partway.results.stats import Estimate
from partway.results.stats.curves import ROUNDING
from partway.results.tables import read_accuracies, records
from partway.results.verdict.words import COVERED, Writer, videos_of

Points = dict[float, Estimate]  # by ratio
NAMES = dict.fromkeys(("dataset", "model", "ablation", "train_ratio", "window", "scored_on", "covers", "ratios"), str)


def about_curves(home: Path, writer: Writer) -> Iterator[str]:
    """What each line of accuracy against ratio says; without ladders also what single ratios say.

    Args:
        home: folder with accuracies.csv and curves.csv.
    """
    points, whole = _points(home), _read(home / "curves.csv")
    for dataset, of_data in writer.runs.groupby("dataset", sort=False):
        several = of_data.groupby(naming.SERIES).observation_ratio.transform("nunique") > 1
        drawn = of_data[several] if writer.ladders else of_data
        lines = []
        for series, runs in drawn.groupby(naming.SERIES, sort=False):
            name = naming.curve_name(dict(zip(naming.SERIES, series, strict=True)), drawn, writer.labels)
            line = (dataset, *series)
            lines.append(f"- “{name}”{_curve(points.get(line, {}), runs, whole.get(line), writer)}")
        if lines:
            yield "\n".join([f"## How much of a video it takes: {dataset}", "", *lines])


def _read(path: Path) -> dict[tuple, dict[str, Any]]:
    table = pd.read_csv(path, dtype=NAMES, keep_default_na=False, na_values=[""])
    return {tuple(row[axis] for axis in LINE): row for row in records(table)}


def _points(home: Path) -> dict[tuple, Points]:
    """The accuracies of each line at the ratios of which every seed is there: a mean needs all of them."""
    found: dict[tuple, Points] = defaultdict(dict)
    for row in sorted(read_accuracies(home).values(), key=itemgetter("observation_ratio")):
        if row["seeds"] == row["seeds_of_grid"]:
            estimate = Estimate(*(row[name] for name in ("top1", "low", "high", "covers")))
            found[tuple(row[axis] for axis in LINE)][row["observation_ratio"]] = estimate
    return found


def _curve(points: Points, runs: pd.DataFrame, whole: dict[str, Any] | None, writer: Writer) -> str:
    """Accuracy at the smallest and largest ratio, their mean, and the share of the video that most of it takes."""
    if not points:
        return ": no ratio is complete."
    videos = videos_of(runs.dropna(subset=["videos"]).iloc[0])
    smallest, largest = min(points), max(points)
    said = f" recognises {_at(smallest, points, writer, f' of the {videos}')}"
    said += f" and {_at(largest, points, writer)}" if largest > smallest else ""
    seeds = runs[runs.observation_ratio.isin(points)].groupby("observation_ratio").seed.nunique()
    said += _seeds(seeds.min(), seeds.max())
    lost = [f"{ratio:g}" for ratio in runs.observation_ratio.unique() if ratio not in points]
    if whole and not lost:
        alike = whole["seeds"] == seeds.max()
        said += _area(whole, writer, alike=alike) + _reach(whole, points if alike else {})
    if lost:
        said += (
            f" Ratio {listed(lost)} {'is' if len(lost) == 1 else 'are'} missing, so nothing is said of the whole line."
        )
    return said + _guessing(points, writer.chance(runs.dataset.iloc[0]), writer)


def _seeds(fewest: int, most: int) -> str:
    """Over how many seeds the accuracies of a line are, which need not be the same at all ratios."""
    if fewest < most:
        return f", the means of {fewest} to {most} seeds."
    return f", the mean of {most} seeds." if most > 1 else ", with one seed."


def _at(ratio: float, points: Points, writer: Writer, of: str = "") -> str:
    """The accuracy at a ratio."""
    where = "where they are seen whole" if ratio == 1 else f"at observation ratio {ratio:g}"
    return f"{writer.percent(points[ratio].value)} %{of} {where} ({writer.interval(points[ratio])})"


def _area(line: dict[str, Any], writer: Writer, *, alike: bool) -> str:
    """The mean accuracy over the span of the ratios, and of how many seeds that is where some ratios have more."""
    of = "" if alike else f", of the {count(line['seeds'], 'seed')} that all of them have,"
    area = Estimate(line["area"], line["area_low"], line["area_high"], line["covers"])
    return (
        f" Over all these ratios{of} that is {writer.percent(area.value)} % on average, the area under the curve "
        f"({writer.interval(area)})."
    )


def _reach(line: dict[str, Any], points: Points) -> str:
    """The smallest ratio with most of the accuracy of the largest, with its interval.

    Args:
        points: those that the line was made of; empty where it was made of fewer seeds.
    """
    largest, ratio = line["of_ratio"], line["sufficient_ratio"]
    low, high = (f"{line[f'sufficient_{end}']:g}" for end in ("low", "high"))
    full = "full-video accuracy" if largest == 1 else f"accuracy at ratio {largest:g}, the largest that was run,"
    only = "only on whole videos" if largest == 1 else "only there"
    where = only if ratio == largest else f"at ratio {ratio:g}"
    sure = f"95 % interval {low} to {high}" if low != high else "95 % interval: no other of these ratios"
    goal = line["share"] * points[largest].value - ROUNDING if points else 0
    below = [f"{later:g}" for later in points if later > ratio and points[later].value < goal]
    falls = f", and falls below it again at {listed(below)}" if below else ""
    return f" It reaches {100 * line['share']:.0f} % of its {full} {where} ({sure}, {COVERED[line['covers']]}){falls}."


def _guessing(points: Points, chance: float, writer: Writer) -> str:
    """The ratios that are no better than guessing, where there are any."""
    lost = [f"{ratio:g}" for ratio, estimate in points.items() if estimate.low <= chance <= estimate.high]
    return f" At {listed(lost)} it cannot be told from guessing ({writer.percent(chance)} %)." if lost else ""
