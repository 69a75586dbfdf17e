"""What each step of a ladder gains, class by class."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from partway.results import naming, stats
from partway.results.collected import Collected
from partway.results.figures import names
from partway.results.figures.look import NOTE, Style, panels, thin, wrapped
from partway.results.outcomes import OutcomesReader, alike

TITLE = "What each step of a ladder gains, class by class"
STEP = ["mark", "title", "ladder", *names.CONDITION, "model", "ablation", "model_before", "ablation_before"]
COLUMNS = [*STEP, "scored_on", "class", "n", "seeds", "gain", "low", "high", "covers"]
MOST_CLASSES = 24  # in a panel; of more, those that gain and lose most
MOST_STEPS = 12
UP, DOWN, LEVEL = "#0072B2", "#D55E00", "0.45"


def numbers(study: Collected) -> pd.DataFrame:
    """A row for each class of each step of a ladder, at the largest ratio that the step has.

    `gain` is the paired difference over the `n` videos of the class and the seeds that both rows have, the row minus
    the row before it; a step without such seeds has one row without class.
    """
    outcomes = OutcomesReader(study.lock["results_dir"]).read
    parts: list[pd.DataFrame] = []
    for about, before, row in _steps(study):
        known = about | {"title": _title(about, study), "mark": f"gain-{len(parts)}"}
        gains = list(_gains(before, row, outcomes)) or [{}]
        parts.append(pd.DataFrame(gains).assign(**known))
    return pd.concat(parts).reindex(columns=COLUMNS)


def _steps(study: Collected) -> list[tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]]:
    """The steps at the largest ratio of each, with the runs of both rows."""
    cells = study.runs.to_dict("records")
    largest: dict[tuple, tuple[dict[str, Any], tuple, tuple]] = {}
    for ladder, definition in study.lock["ladders"].items():
        for condition, before, row in names.steps(cells, definition):
            key = (ladder, *(value for axis, value in condition.items() if axis != "observation_ratio"), before, row)
            if key not in largest or largest[key][0]["observation_ratio"] < condition["observation_ratio"]:
                largest[key] = ({"ladder": ladder} | condition, before, row)
    return [
        (
            about | dict(zip(("model", "ablation", "model_before", "ablation_before"), (*row, *before), strict=True)),
            *(_runs_of(study, about, named) for named in (before, row)),
        )
        for about, before, row in largest.values()
    ]


def _runs_of(study: Collected, condition: dict[str, Any], named: tuple) -> pd.DataFrame:
    wanted = {axis: condition[axis] for axis in names.CONDITION} | dict(zip(("model", "ablation"), named, strict=True))
    runs = study.runs[(study.runs[list(wanted)] == wanted).all(axis=1)]
    return runs[runs.status == "complete"].set_index("seed")


def _gains(before: pd.DataFrame, row: pd.DataFrame, outcomes: Callable) -> Any:
    if not (seeds := sorted(set(before.index) & set(row.index))):
        return
    found = alike([runs.scored[seed] for runs in (row, before) for seed in seeds], outcomes)
    first = found[0]
    correct_SN, other_SN = np.split(np.stack([one.correct_N for one in found]), 2)
    for label in np.unique(first.labels_N):
        of_class = first.labels_N == label
        gain = stats.difference(correct_SN[:, of_class], other_SN[:, of_class])
        estimate = {"gain": gain.value, "low": gain.low, "high": gain.high, "covers": gain.covers}
        known = {"class": first.classes[label], "n": int(of_class.sum()), "seeds": len(seeds)}
        yield known | {"scored_on": row.scored_on.iloc[0]} | estimate


def _title(step: dict[str, Any], study: Collected) -> str:
    """The row and the row before, with what tells this step from others."""
    row, before = (naming.ablation_name(step[end], study.lock["labels"]) for end in ("ablation", "ablation_before"))
    if step["model"] != step["model_before"]:
        row, before = f"{step['model']}, {row}", f"{step['model_before']}, {before}"
    elif study.runs.model.nunique() > 1:
        row = f"{step['model']}, {row}"
    told = [step["dataset"]] if study.runs.dataset.nunique() > 1 else []
    told += [f"{step['window']} window"] if study.runs.window.nunique() > 1 else []
    told += [f"ratio {step['observation_ratio']:g}"] if step["observation_ratio"] != 1 else []
    return "; ".join([f"{row} over {before}", *told])


# --- what is said --------------------------------------------------------------------------------------


def caption(numbers: pd.DataFrame) -> str:
    """What a reader must know to read the figure."""
    sizes = numbers.n.dropna()
    of = f" A class has {sizes.min()} to {sizes.max()} videos," if len(sizes) else ""
    steps = numbers.mark.nunique()
    cut = f" The first {MOST_STEPS} of {steps} steps are drawn." if steps > MOST_STEPS else ""
    return (
        "Accuracy of each class minus that of the row before in the ladder, paired over the same videos, with 95 % "
        f"intervals.{of}{' so that one interval tells little' if of else ''}; of many classes some gain by chance.{cut}"
    ).replace(".;", ";")


def words(numbers: pd.DataFrame) -> str:
    """The text alternative."""
    steps = naming.count(numbers.mark.nunique(), "step")
    return f"Gain of each class in {steps} of the ladders, with intervals; the table holds the numbers."


def tips(numbers: pd.DataFrame, percent: Callable[..., str]) -> dict[str, list[str]]:
    """What to say of the point of each class that is drawn."""
    found = {}
    for mark, rows in list(numbers.groupby("mark", sort=False))[:MOST_STEPS]:
        points = _drawn(rows)[0].to_dict("records")
        if points:
            found[mark] = [f"{row['class']} (n = {row['n']} videos)\n{_told(row, percent)}" for row in points]
    return found


def _told(row: dict[str, Any], percent: Callable[..., str]) -> str:
    low, high = (percent(row[end], sign="+") for end in ("low", "high"))
    return f"{percent(row['gain'], sign='+')} points (95 % interval {low} to {high})"


def table(numbers: pd.DataFrame, percent: Callable[..., str]) -> pd.DataFrame:
    """One row a class of a step, those that gain most first."""
    return pd.DataFrame(
        {
            "step": row["title"],
            "class": "no seed that both rows have" if pd.isna(row["n"]) else row["class"],
            "n": "" if pd.isna(row["n"]) else str(row["n"]),
            "gain": "" if pd.isna(row["n"]) else _told(row, percent),
        }
        for _, rows in numbers.groupby("mark", sort=False)
        for row in rows.sort_values("gain", ascending=False, kind="stable").to_dict("records")
    )


# --- the drawing ---------------------------------------------------------------------------------------


def draw(numbers: pd.DataFrame, style: Style) -> Figure:
    """Draw a panel for each step, its classes sorted by their gain."""
    parts = [rows for _, rows in numbers.groupby("mark", sort=False)][:MOST_STEPS]
    tallest = max(len(_drawn(rows)[0]) for rows in parts)
    figure, axes = panels(len(parts), style, width=3.6, height=1.3 + 0.19 * (tallest + 1))
    reach = 100 * numbers[["low", "high"]].abs().max().max()
    for axis, rows in zip(axes, parts, strict=True):
        _draw_step(axis, rows)
        axis.set_title(wrapped(rows.title.iloc[0], figure, 0.75 / axis.get_gridspec().ncols), fontsize="small")
        axis.set_xlim(*(1.05 * end * (reach if pd.notna(reach) else 1) for end in (-1, 1)))
    return figure


def _drawn(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The classes that are drawn, from the highest gain to the lowest, and how many in the middle are not."""
    rows = rows[rows.gain.notna()].sort_values("gain", ascending=False, kind="stable")
    left_out = max(0, len(rows) - MOST_CLASSES)
    half = MOST_CLASSES // 2
    return (pd.concat([rows[:half], rows[-half:]]), left_out) if left_out else (rows, 0)


def _draw_step(axis: Axes, rows: pd.DataFrame) -> None:
    drawn, left_out = _drawn(rows)
    axis.axvline(0, color="0.4", linewidth=thin(0.5))
    if drawn.empty:
        axis.text(0.5, 0.5, "no seed that both rows have", transform=axis.transAxes, ha="center", **NOTE)
        axis.set_yticks([])
        return
    places = np.arange(len(drawn)) + (np.arange(len(drawn)) >= MOST_CLASSES // 2) * bool(left_out)
    colours = [UP if row.low > 0 else DOWN if row.high < 0 else LEVEL for row in drawn.itertuples()]
    axis.hlines(places, 100 * drawn.low, 100 * drawn.high, color=colours, linewidth=thin(0.8), alpha=0.6)
    for colour in dict.fromkeys(colours):
        own = [one == colour for one in colours]
        axis.plot(100 * drawn.gain[own], places[own], color=colour, marker="o", linestyle="")
    # Unseen: one line whose points carry the numbers on the page.
    axis.plot(100 * drawn.gain, places, marker="o", color="0.5", alpha=0, linestyle="", gid=rows.mark.iloc[0])
    if left_out:
        between = drawn.gain.iloc[[MOST_CLASSES // 2, MOST_CLASSES // 2 - 1]]
        told = f"{left_out} classes between {100 * between.iloc[0]:+.0f} and {100 * between.iloc[1]:+.0f}"
        axis.annotate(
            told, (0.5, MOST_CLASSES // 2), xycoords=("axes fraction", "data"), ha="center", va="center", **NOTE
        )
    labels = [f"{row['class']} ({row['n']})" for row in drawn.to_dict("records")]
    axis.set_yticks(places, [textwrap.shorten(label, 30, placeholder="…") for label in labels])
    axis.set_ylim(places[-1] + 0.7, -0.7)
    axis.set_xlabel(f"gain in {drawn.scored_on.iloc[0]} accuracy (points)")
    axis.grid(axis="x", alpha=0.25)
