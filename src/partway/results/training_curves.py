"""Training curves: loss and top1 over epochs, one column for each ablation, from epochs.csv."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from partway.results import imported_rows, style
from partway.results.style import plt

# A column of the figure holds the trainings that differ in seed and stage alone.
COLUMN = ["dataset", "model", "ablation", "train_fraction", "window", "trained_at"]
COLUMNS_ABREAST = 5
MOST_COLUMNS = 40  # beyond, a figure cannot be read; epochs.csv holds all
MEASURES = {"loss": "loss", "top1": "accuracy, top1 (%)"}
NO_BREAK = "\u00a0"
NOTE = {"color": "0.4", "fontsize": 8}
# Part of the data, its name, and how it is drawn; the ablation's colour where no other is given.
PARTS = {
    "train": ("train, as trained (augmented)", {"color": "0.55", "linestyle": (0, (1, 1.2))}),
    "train_eval": ("train, without augmentation", {"linestyle": (0, (4, 1.5))}),
    "val": ("validation", {"linestyle": "-"}),
}
TEXT = dict.fromkeys(("dataset", "model", "ablation", "train_ratio", "window", "training", "observation_ratio"), str)
IMPORTED_COLOUR = "0.35"
MEAN, SEED = {"linewidth": 1.8}, {"linewidth": 0.7, "alpha": 0.55}


@dataclass
class Column:
    """What one column shows."""

    key: dict[str, Any]  # values of COLUMN
    seeds: list[int] = field(default_factory=list)  # of the grid
    missing: list[int] = field(default_factory=list)  # of these, without a finished training
    epochs: pd.DataFrame = field(default_factory=pd.DataFrame)
    imported: bool = False


def draw_training_curves(home: Path, runs: pd.DataFrame, lock: dict[str, Any]) -> Figure:
    """Draw every distinct training of a collected study once.

    Args:
        home: folder with epochs.csv.
        runs: of runs.csv.
        lock: of study.lock.json: labels, and which training continues which.
    """
    own = _with_offsets(read_epochs(home), lock["trainings"])
    measured, imported = _columns(runs, own), _imported_columns(home)
    columns, epochs = measured + imported, pd.concat([own, *(column.epochs for column in imported)])
    shown = columns[:MOST_COLUMNS]
    bands = ceil(len(shown) / COLUMNS_ABREAST)
    abreast = ceil(len(shown) / bands)  # no band much shorter than the others
    size = (max(4.8, 2.5 * abreast + 0.7), 4.3 * bands + 0.9)
    figure, axes = plt.subplots(2 * bands, abreast, figsize=size, squeeze=False, sharex=True, layout="constrained")
    colours, labels = _Colours(runs, lock["labels"]), lock["labels"]
    for place in range(bands * abreast):
        band, across = divmod(place, abreast)
        pair = axes[2 * band : 2 * band + 2, across]
        if place < len(shown):
            _draw_column(pair, shown[place], colours.of(shown[place]), labels)
            pair[0].set_title(_title(shown[place], measured, labels), fontsize=9)
        for axis, words in zip(pair, MEASURES.values(), strict=True):
            axis.set_axis_on() if place < len(shown) else axis.set_axis_off()
            axis.set_ylabel(words if across == 0 else "")
            axis.tick_params(labelleft=across == 0)
    _same_scales(axes, epochs)
    if len(columns) > len(shown):
        figure.suptitle(f"the first {len(shown)} of {len(columns)} columns; epochs.csv holds all", fontsize=10)
    _legend(figure, epochs, several=any(len(column.seeds) > 1 for column in shown))
    return figure


def read_epochs(home: Path) -> pd.DataFrame:
    """Read epochs.csv; names stay text, and `trained_at` is the ratio that the training saw, as text."""
    epochs = imported_rows.read_measured(home / "epochs.csv", TEXT, "training")
    epochs["trained_at"] = [_as_text(ratio) for ratio in epochs.observation_ratio]
    return epochs


def _as_text(ratio: str | float) -> str:
    return ratio if ratio == "random" else f"{float(ratio):g}"


def _trained_at(run: Any) -> str:
    """The ratio that a run's training saw."""
    return _as_text({"matched": run.observation_ratio, "full": 1}.get(run.train_ratio, run.train_ratio))


def _with_offsets(epochs: pd.DataFrame, trainings: dict[str, Any]) -> pd.DataFrame:
    """Add `at`, the epoch counted from the first stage on, and `continues`, whose column has the stage before."""
    lengths = epochs.groupby("training").size().to_dict()

    def before(training: str) -> int:
        parent = trainings[training]["parent"]
        return before(parent) + lengths.get(parent, 0) if parent else 0

    offsets = {training: before(training) for training in lengths}
    ablations = dict(zip(epochs.training, epochs.ablation, strict=True))
    continues = {training: ablations.get(trainings[training]["parent"], "") for training in lengths}
    before_first = epochs.training.map(offsets).astype(int)
    return epochs.assign(
        before=before_first, at=before_first + epochs.get("epoch", 0), continues=epochs.training.map(continues)
    )


def _columns(runs: pd.DataFrame, epochs: pd.DataFrame) -> list[Column]:
    """The columns in the order of the runs; a training that several runs share stands under the first of them."""
    columns: dict[tuple, Column] = {}
    done = set(epochs.training)
    for run in runs.drop_duplicates("training").itertuples():
        values = (run.dataset, run.model, run.ablation, run.train_fraction, run.window, _trained_at(run))
        column = columns.setdefault(values, Column(dict(zip(COLUMN, values, strict=True))))
        column.seeds.append(run.seed)
        column.missing += [] if run.training in done else [run.seed]
    for values, group in epochs.groupby(COLUMN, sort=False):
        columns.setdefault(values, Column(dict(zip(COLUMN, values, strict=True)))).epochs = group
    return list(columns.values())


def _imported_columns(home: Path) -> list[Column]:
    """A column for each training that was imported with its epochs."""
    epochs = imported_rows.read_imported(home / "epochs.csv", TEXT, "training")
    if epochs.empty:
        return []
    epochs = epochs.assign(seed=0, before=0, at=epochs.epoch, continues="")
    epochs["trained_at"] = [_as_text(ratio) for ratio in epochs.observation_ratio]
    groups = epochs.groupby(["dataset", "model", "trained_at"], sort=False)
    return [
        Column(dict(zip(("dataset", "model", "trained_at"), values, strict=True)), epochs=group, imported=True)
        for values, group in groups
    ]


class _Colours:
    """The colour of a column: that of the curve in the other figure that comes from its trainings, or its ablation's."""

    def __init__(self, runs: pd.DataFrame, labels: dict[str, Any]):
        self.ablations = style.ablation_colours(runs, labels)
        self.curves = style.curve_colours(runs, labels)

    def of(self, column: Column) -> str:
        if column.imported:
            return IMPORTED_COLOUR
        key = column.key
        own = (key["model"], key["ablation"], key["train_fraction"], key["window"], key["trained_at"] == "random")
        for (model, ablation, ratio, fraction, window), colour in self.curves.items():
            if own == (model, ablation, fraction, window, ratio == "random"):
                return colour
        return self.ablations[key["ablation"]]


def _title(column: Column, columns: list[Column], labels: dict[str, Any]) -> str:
    """Name a column by what differs between the study's own columns, and count its seeds."""
    if column.imported:
        return "\n".join(
            [*textwrap.wrap(f"{column.key['model']}, ratio{NO_BREAK}{column.key['trained_at']}", 30), "imported"]
        )
    different = {name for name in COLUMN if len({other.key[name] for other in columns}) > 1}
    key = column.key
    parts = [key[name] for name in ("dataset", "model") if name in different]
    parts.append(style.ablation_name(key["ablation"], labels))
    ratios = {other.key["trained_at"] for other in columns if other.key["ablation"] == key["ablation"]}
    if ratios != {"1"}:
        words = {"random": "random ratios", "1": "whole videos"}
        parts.append(words.get(key["trained_at"], f"ratio {key['trained_at']}").replace(" ", NO_BREAK))
    parts += [f"{key['train_fraction']:.0%} of the train videos"] if "train_fraction" in different else []
    parts += [f"{key['window']} window"] if "window" in different else []
    there = len(column.seeds) - len(column.missing)
    seeds = style.count(there, "seed") if not column.missing else f"{there} of {style.count(len(column.seeds), 'seed')}"
    return "\n".join([*textwrap.wrap(", ".join(parts), 30), seeds])


def _draw_column(pair: Any, column: Column, colour: str, labels: dict[str, Any]) -> None:
    """Loss above, top1 below."""
    for axis, measure in zip(pair, MEASURES, strict=True):
        axis.grid(alpha=0.25)
        axis.tick_params(labelsize=8, labelbottom=axis is pair[1])
        if column.epochs.empty:
            axis.text(0.5, 0.5, "no finished training", transform=axis.transAxes, ha="center", **NOTE)
            continue
        for stage, rows in column.epochs.groupby("stage"):
            _draw_stage(axis, rows, measure, colour)
            if stage > 1:
                _mark_stage(axis, stage, rows, labels, falls=measure == "loss")
    pair[1].set_xlabel("epoch")


def _draw_stage(axis: Axes, stage: pd.DataFrame, measure: str, colour: str) -> None:
    """Seeds thin and their mean thick; one seed alone is drawn as thick as a mean; its chosen epoch is a ring."""
    factor = 100 if measure == "top1" else 1
    several = stage.seed.nunique() > 1
    for part, (_, look) in PARTS.items():
        name = f"{part}_{measure}"
        if name not in stage or stage[name].isna().all():
            continue
        by_seed = factor * stage.pivot(index="at", columns="seed", values=name)
        look = {"color": colour} | look | ({"marker": "."} if len(by_seed) == 1 else {})
        if several:
            axis.plot(by_seed.index, by_seed, **(look | SEED))
        # A mean needs every seed: where one stopped earlier or is missing there is none.
        axis.plot(by_seed.index, by_seed.mean(axis=1, skipna=False), **(look | MEAN))
    chosen = stage[stage.chosen == 1]
    for part in ("val", "train_eval", "train"):
        if chosen.get(f"{part}_{measure}", pd.Series(dtype=float)).notna().any():
            ring = {"marker": "o", "markersize": 5, "markerfacecolor": "white", "markeredgewidth": 1.3, "zorder": 5}
            axis.plot(chosen["at"], factor * chosen[f"{part}_{measure}"], linestyle="", color=colour, **ring)
            return


def _mark_stage(axis: Axes, stage: int, rows: pd.DataFrame, labels: dict[str, Any], *, falls: bool) -> None:
    """A line where a stage begins, with its number; where the stage before is drawn in another column, that is said."""
    begins = rows.before.min() + 0.5
    axis.axvline(begins, color=NOTE["color"], linewidth=0.8)
    place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    # Beside the line, where late epochs leave room: above a falling loss, below a rising accuracy.
    up = {"xy": (begins, 1), "xytext": (-2, -2), "va": "top"} if falls else {"xy": (begins, 0), "xytext": (-2, 3)}
    axis.annotate(f"stage {stage}", **up, rotation=90, ha="right", **place, **NOTE)
    before = rows.continues.iloc[0]
    if before != rows.ablation.iloc[0]:
        name = textwrap.fill(style.ablation_name(before, labels), 20)
        words = f"continues\n{name}\nat its chosen epoch"
        axis.annotate(words, (begins / 2, 0.5), xytext=(0, 0), ha="center", va="center", **place, **NOTE)


def _same_scales(axes: Any, epochs: pd.DataFrame) -> None:
    """One scale for all losses and one for all accuracies, so that columns can be compared by eye."""
    losses = [epochs[f"{part}_loss"].max() for part in PARTS if f"{part}_loss" in epochs]
    highest = max((value for value in losses if pd.notna(value)), default=1.0)
    for row, line in enumerate(axes):
        for axis in line:
            axis.set_ylim(0, 1.05 * highest if row % 2 == 0 else 100)
            axis.xaxis.get_major_locator().set_params(integer=True)


def _legend(figure: Figure, epochs: pd.DataFrame, several: bool) -> None:
    there = [part for part in PARTS if epochs.get(f"{part}_loss", pd.Series(dtype=float)).notna().any()]
    words = {part: name for part, (name, _) in PARTS.items()}
    if "dominant" in set(epochs.get("train_target", ())):
        words["train"] = "train, as trained (augmented; of mixed clips the dominant label counts)"
    handles = [Line2D([], [], **({"color": "0.2"} | PARTS[part][1] | MEAN), label=words[part]) for part in there]
    ring = {"marker": "o", "markerfacecolor": "white", "linestyle": "", "color": "0.2"}
    handles.append(Line2D([], [], **ring, label="chosen epoch of a seed"))
    if several:
        handles.append(Line2D([], [], color="0.2", **SEED, label="thin: one seed; thick: mean over seeds"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
