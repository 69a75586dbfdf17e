"""Seeds and views: each seed's accuracy beside mean and interval, and the same training scored in several views."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from partway.results.collected import Collected
from partway.results.figures import names as figure_names
from partway.results.figures import settings
from partway.results.figures.look import NOTE, Style, panels, thin
from partway.results.naming import count

TITLE = "Seeds and views"
COLUMNS = ["dataset", "kind", "name", *settings.SETTING[1:], "seed", "training", "shared", "views", *settings.ESTIMATE]
COLUMNS += ["colour", "marker"]
MOST_ROWS = 24  # in one panel
LETTERS = 28  # of a row's name in a line


def numbers(study: Collected) -> pd.DataFrame:
    """For each setting, at its largest ratio, a row of `kind` mean and one for each seed.

    A missing run has no accuracy, and neither has the mean then. `shared` is 1 where the training of a seed is scored
    in other views too.
    """
    shared = {training for training, *_ in figure_names.shared_trainings(study.runs.to_dict("records"))}
    parts = []
    for _, rows in settings.at_largest_ratio(study).groupby("dataset", sort=False):
        named = settings.looked(study, rows).assign(name=settings.names(rows, at_one_ratio=True))
        for setting in named.to_dict("records"):
            of_setting = (study.runs[settings.SETTING] == {axis: setting[axis] for axis in settings.SETTING}).all(
                axis=1
            )
            seeds = study.runs[of_setting]
            about = {name: setting[name] for name in ("name", "colour", "marker")}
            parts.append(pd.DataFrame([setting | {"kind": "mean"}]))
            parts.append(seeds.assign(kind="seed", shared=seeds.training.isin(shared).astype(int), **about))
    return pd.concat(parts).reindex(columns=COLUMNS)


# --- what is said --------------------------------------------------------------------------------------


def caption(numbers: pd.DataFrame) -> str:
    """What a reader must know to read the figure."""
    views = " Thin lines join what one training scores in different views." if (numbers.shared == 1).any() else ""
    covers = ", ".join(sorted(numbers.covers.dropna().unique()))
    over = f" It covers the choice of {covers}." if covers else ""
    return f"Dots are seeds; the bar is their mean with its 95 % interval, at the largest ratio of each setting.{over}{views}"


def words(numbers: pd.DataFrame) -> str:
    """The text alternative."""
    means = numbers[numbers.kind == "mean"]
    return f"Accuracy of each seed of {count(len(means), 'setting')} beside mean and interval; the table holds the numbers."


def tips(numbers: pd.DataFrame, percent: Callable[..., str]) -> dict[str, list[str]]:
    """What to say of the dot of each seed and of each mean."""
    found: dict[str, list[str]] = {}
    for place, (_, rows) in enumerate(_parts(numbers)):
        seeds, means = _of_kind(rows, "seed"), _of_kind(rows, "mean")
        found[f"seeds-{place}"] = [f"{row.name}\nseed {row.seed}: {percent(row.top1)} %" for row in seeds]
        found[f"means-{place}"] = [f"{row.name}\nmean: {_told(row, percent)}" for row in means]
    return found


def _of_kind(rows: pd.DataFrame, kind: str) -> list[Any]:
    kept = rows[(rows.kind == kind) & rows.top1.notna()]
    return list(kept.itertuples())


def _told(row: Any, percent: Callable[..., str]) -> str:
    return (
        f"{percent(row.top1)} % (95 % interval {percent(row.low)} to {percent(row.high)} %, {count(row.seeds, 'seed')})"
    )


def table(numbers: pd.DataFrame, percent: Callable[..., str]) -> pd.DataFrame:
    """One row a setting: its seeds one by one, mean and interval."""
    rows = []
    for (dataset, name), group in numbers.groupby(["dataset", "name"], sort=False):
        mean, seeds = group[group.kind == "mean"].iloc[0], group[group.kind == "seed"]
        each = [
            f"seed {row.seed}: {'missing' if pd.isna(row.top1) else percent(row.top1)}" for row in seeds.itertuples()
        ]
        interval = "" if pd.isna(mean.low) else f"{percent(mean.low)} to {percent(mean.high)}"
        shown = {"mean %": "missing" if pd.isna(mean.top1) else percent(mean.top1), "95 %": interval}
        rows.append({"data set": dataset, "setting": name, "seeds %": ", ".join(each)} | shown)
    return pd.DataFrame(rows)


# --- the drawing ---------------------------------------------------------------------------------------


def draw(numbers: pd.DataFrame, style: Style) -> Figure:
    """Draw a row for each setting."""
    parts = list(_parts(numbers))
    lines = max(len(textwrap.wrap(name, LETTERS)) for name in numbers.name)
    tallest = max(rows.name.nunique() for _, rows in parts)
    figure, axes = panels(len(parts), style, width=6.5, height=1.0 + tallest * (0.16 + 0.14 * lines))
    low = 100 * numbers[["top1", "low"]].min().min()
    for place, ((title, rows), axis) in enumerate(zip(parts, axes, strict=True)):
        _draw_part(axis, rows, place)
        axis.set_title(title)
        axis.set_xlim(max(0.0, low - 4) if pd.notna(low) else 0, 101)
    return figure


def _parts(numbers: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Panels with their titles: one a data set, cut where it has too many rows."""
    for dataset, of_data in numbers.groupby("dataset", sort=False):
        names, videos = list(of_data.name.unique()), of_data.videos.dropna()
        of = f"n = {videos.iloc[0]} {of_data.scored_on.iloc[0]} videos" if videos.size else "no setting is complete"
        for first in range(0, len(names), MOST_ROWS):
            cut = names[first : first + MOST_ROWS]
            rows = f" (settings {first + 1} to {first + len(cut)} of {len(names)})" if len(names) > MOST_ROWS else ""
            yield f"{dataset}: {of}{rows}", of_data[of_data.name.isin(cut)]


def _draw_part(axis: Axes, rows: pd.DataFrame, place: int) -> None:
    names = list(rows.name.unique())
    rows = rows.assign(y=[names.index(name) for name in rows.name], x=100 * rows.top1)
    seeds, means = rows[rows.kind == "seed"], rows[rows.kind == "mean"]
    _join_views(axis, seeds[(seeds.shared == 1) & seeds.x.notna()])
    axis.hlines(means.y, 100 * means.low, 100 * means.high, color=list(means.colour), linewidth=thin(1.4), alpha=0.45)
    there = means[means.x.notna()]
    axis.plot(there.x, there.y, color="0.1", marker="|", markersize=11, linestyle="", gid=f"means-{place}")
    dots = seeds[seeds.x.notna()]
    for colour, of_colour in dots.groupby("colour", sort=False):
        axis.plot(of_colour.x, of_colour.y, marker="o", color=colour, linestyle="", alpha=0.8)
    # Over the dots and unseen: one line whose points carry the numbers on the page.
    axis.plot(dots.x, dots.y, marker="o", color="0.5", alpha=0, linestyle="", gid=f"seeds-{place}")
    for y, holes in seeds[seeds.x.isna()].groupby("y"):
        axis.annotate(
            f"{count(len(holes), 'run')} missing", (0.01, y), xycoords=("axes fraction", "data"), va="center", **NOTE
        )
    axis.set_yticks(range(len(names)), [textwrap.fill(name, LETTERS) for name in names])
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlabel(f"{rows.scored_on.iloc[0]} accuracy, top1 (%)")
    axis.grid(axis="x", alpha=0.25)


def _join_views(axis: Axes, seeds: pd.DataFrame) -> None:
    """Thin lines between the dots of one training on one share of the videos."""
    for _, same in seeds.groupby(["training", "observation_ratio", "window"]):
        if len(same) > 1:
            axis.plot(same.x, same.y, color="0.55", linewidth=thin(0.45), zorder=1)
