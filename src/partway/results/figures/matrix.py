"""Train ratio against test ratio: what a model that was trained on one share of a video makes of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from partway.results import naming
from partway.results.collected import Collected
from partway.results.dark import luminance
from partway.results.figures import settings
from partway.results.figures.look import Style, panels, wrapped
from partway.results.figures.names import TRAINED_ALIKE, trained_in_several_ways

TITLE = "Train ratio against test ratio"
PANEL = list(TRAINED_ALIKE)
COLUMNS = ["mark", "title", *settings.SETTING, *settings.ESTIMATE]
WORDS = ["matched", "random", "full"]  # below the ratios that are numbers
COLOURS = LinearSegmentedColormap.from_list("accuracy", ["#f3f6fa", "#0072B2"])
DARK = 0.18  # relative luminance: as far from black as from white, 4.6 to 1 (WCAG 2.2); below, words are white


def numbers(study: Collected) -> pd.DataFrame:
    """The settings of each (model, ablation, train_fraction, window) that was trained at several train_ratios."""
    rows = settings.accuracies(study)
    shown = trained_in_several_ways(rows.to_dict("records"))
    rows = rows[[values in shown for values in rows[PANEL].itertuples(index=False, name=None)]]
    titles = _titles(rows, study.lock["labels"])
    parts = []
    for place, (values, panel) in enumerate(rows.groupby(PANEL, sort=False)):
        order = panel.train_ratio.map({ratio: n for n, ratio in enumerate(in_order(panel.train_ratio.unique()))})
        panel = panel.assign(mark=f"matrix-{place}", title=titles[values], order=order)
        parts.append(panel.sort_values(["order", "observation_ratio"]))
    return pd.concat(parts).reindex(columns=COLUMNS)


def in_order(train_ratios: Any) -> list[str]:
    """Numbers by size, then the words."""
    return sorted(train_ratios, key=lambda ratio: (WORDS.index(ratio) if ratio in WORDS else -1, ratio))


def _titles(rows: pd.DataFrame, labels: dict[str, Any]) -> dict[tuple, str]:
    different = {axis for axis in PANEL if rows[axis].nunique() > 1}
    told = {"train_fraction": naming.of_train, "window": "{} window".format}

    def title(values: tuple) -> str:
        named = dict(zip(PANEL, values, strict=True)) | {"ablation": naming.ablation_name(values[2], labels)}
        parts = [told.get(axis, str)(named[axis]) for axis in PANEL if axis in different | {"ablation"}]
        return ", ".join(parts)

    return {values: title(values) for values in rows[PANEL].drop_duplicates().itertuples(index=False, name=None)}


# --- what is said --------------------------------------------------------------------------------------


def caption(numbers: pd.DataFrame) -> str:
    """What a reader must know to read the figure."""
    told = "Each cell is the accuracy in per cent at one ratio (column) of what was trained at another (row)."
    told += " Matched is trained at the ratio that it is tested at." if "matched" in set(numbers.train_ratio) else ""
    return f"{told} The table holds the intervals."


def words(numbers: pd.DataFrame) -> str:
    """The text alternative."""
    return f"Accuracy by train ratio and test ratio, {naming.count(numbers.mark.nunique(), 'matrix')}; the table holds the numbers."


def tips(numbers: pd.DataFrame, percent: Callable[..., str]) -> dict[str, list[str]]:
    """What to say of each cell that has an accuracy."""
    there = numbers[numbers.top1.notna()]
    return {mark: [_tip(row, percent) for row in rows.itertuples()] for mark, rows in there.groupby("mark", sort=False)}


def _tip(row: Any, percent: Callable[..., str]) -> str:
    where = f"{row.title}\n{_trained(row.train_ratio)}, tested at {row.observation_ratio:g}"
    seeds = naming.count(row.seeds, "seed")
    return f"{where}: {percent(row.top1)} % (95 % interval {percent(row.low)} to {percent(row.high)} %, {seeds})"


def _trained(train_ratio: str) -> str:
    return f"trained {settings.TRAINED.get(train_ratio, f'at ratio {train_ratio}')}"


def table(numbers: pd.DataFrame, percent: Callable[..., str]) -> pd.DataFrame:
    """One row a train ratio of a panel, one column a test ratio."""
    ratios = sorted(numbers.observation_ratio.unique())
    rows = []
    for (title, train_ratio), group in numbers.groupby(["title", "train_ratio"], sort=False):
        cells = {row.observation_ratio: _cell(row, percent) for row in group.itertuples()}
        about = {"of": title, "trained": _trained(train_ratio).removeprefix("trained ")}
        rows.append(about | {f"tested at {ratio:g}": cells.get(ratio, "") for ratio in ratios})
    return pd.DataFrame(rows)


def _cell(row: Any, percent: Callable[..., str]) -> str:
    return "missing" if pd.isna(row.top1) else f"{percent(row.top1)} [{percent(row.low)}, {percent(row.high)}]"


# --- the drawing ---------------------------------------------------------------------------------------


def draw(numbers: pd.DataFrame, style: Style) -> Figure:
    """Draw a matrix for each model and ablation, all on one scale of colours."""
    parts = [rows for _, rows in numbers.groupby("mark", sort=False)]
    wide = 1.6 + 0.55 * max(rows.observation_ratio.nunique() for rows in parts)
    tall = 1.1 + 0.42 * max(rows.train_ratio.nunique() for rows in parts)
    figure, axes = panels(len(parts), style, width=max(3.4, wide), height=tall)
    span = (numbers.top1.min(), numbers.top1.max())
    for axis, rows in zip(axes, parts, strict=True):
        _draw_matrix(axis, rows, span)
    return figure


def _draw_matrix(axis: Axes, rows: pd.DataFrame, span: tuple[float, float]) -> None:
    trained, tested = list(rows.train_ratio.unique()), sorted(rows.observation_ratio.unique())
    cells = rows.assign(x=rows.observation_ratio.map(tested.index), y=rows.train_ratio.map(trained.index))
    for cell in cells.itertuples():
        _draw_cell(axis, cell, span)
    # Unseen: one line whose points carry the numbers on the page.
    there = cells[cells.top1.notna()]
    axis.plot(there.x, there.y, marker="s", markersize=16, color="0.5", alpha=0, linestyle="", gid=rows.mark.iloc[0])
    axis.set_xticks(range(len(tested)), [f"{ratio:g}" for ratio in tested])
    axis.set_yticks(range(len(trained)), trained)
    axis.set_xlim(-0.5, len(tested) - 0.5)
    axis.set_ylim(len(trained) - 0.5, -0.5)
    axis.set_xlabel("tested at observation ratio")
    axis.set_ylabel("trained at ratio")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_title(wrapped(rows.title.iloc[0], axis.figure, 0.7 / axis.get_gridspec().ncols))


def _draw_cell(axis: Axes, cell: Any, span: tuple[float, float]) -> None:
    """A coloured square with its accuracy; a cross where a run is missing. What the grid has not stays empty."""
    look = {"ha": "center", "va": "center", "fontsize": "small"}
    if pd.isna(cell.top1):
        axis.text(cell.x, cell.y, "missing", color="0.4", **look)
        axis.add_patch(Rectangle((cell.x - 0.48, cell.y - 0.47), 0.96, 0.94, fill=False, edgecolor="0.7", hatch="////"))
        return
    share = (cell.top1 - span[0]) / (span[1] - span[0]) if span[1] > span[0] else 0.5
    colour = to_hex(COLOURS(share))
    axis.add_patch(Rectangle((cell.x - 0.48, cell.y - 0.47), 0.96, 0.94, facecolor=colour))
    # Not quite black and white: on a page those follow its theme, and the square does not.
    ink = "#fefdfc" if luminance(colour) < DARK else "#020100"
    axis.text(cell.x, cell.y, f"{100 * cell.top1:.1f}", color=ink, **look)
