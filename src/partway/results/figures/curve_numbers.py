"""The numbers of the training curves: every distinct training of a study once, a column for what differs in seed alone."""

from __future__ import annotations

import textwrap
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from partway.results import imported_rows, naming
from partway.results.collected import Collected
from partway.results.figures.palette import CONDITION

# A column of the figure holds the trainings that differ in seed and stage alone.
COLUMN = ["dataset", "model", "ablation", "train_fraction", "window", "trained_at"]
PARTS = ("train", "train_eval", "val")
SCORES = [f"{part}_{measure}" for measure in ("loss", "top1") for part in PARTS]
ABOUT = ["title", "mark", *COLUMN, "imported", "colour"]
COLUMNS = [*ABOUT, "seed", "stage", "before", "continues", "epoch", "at", "chosen", "train_target", *SCORES]
NO_BREAK = "\u00a0"
TEXT = dict.fromkeys(("dataset", "model", "ablation", "train_ratio", "window", "training", "observation_ratio"), str)
IMPORTED_COLOUR = "0.35"


def numbers(study: Collected) -> pd.DataFrame:
    """A row for each epoch of each training, column by column of the figure; a missing training is a row without epoch.

    `at` counts epochs from the first stage on, of which `before` are those of earlier stages; `continues` names the
    ablation that the stage before belongs to, where that is drawn in another column.
    """
    epochs = _with_offsets(read_epochs(study.home), study.lock)
    measured = _columns(study.runs, epochs)
    parts = [
        rows.assign(title=_title(key, list(measured), study.lock["labels"]), imported=0, colour=_colour(study, rows))
        for key, rows in measured.items()
    ]
    parts += _imported_columns(study.home)
    frame = pd.concat([rows.assign(mark=f"column-{place}") for place, rows in enumerate(parts)])
    return frame.reindex(columns=COLUMNS).reset_index(drop=True)


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


def _with_offsets(epochs: pd.DataFrame, lock: dict[str, Any]) -> pd.DataFrame:
    """Add `before`, `at` and `continues`."""
    lengths = epochs.groupby("training").size().to_dict()
    parents = {name: training["parent"] for name, training in lock["trainings"].items()}

    def before(training: str) -> int:
        parent = parents[training]
        return before(parent) + lengths.get(parent, 0) if parent else 0

    ablations = dict(zip(epochs.training, epochs.ablation, strict=True))

    def continues(training: str) -> str | None:
        ablation = ablations.get(parents[training])
        elsewhere = ablation is not None and ablation != ablations[training]
        return naming.ablation_name(ablation, lock["labels"]) if elsewhere else None

    offsets = epochs.training.map({training: before(training) for training in lengths}).astype(int)
    told = epochs.training.map({training: continues(training) for training in lengths})
    return epochs.assign(before=offsets, at=offsets + epochs.get("epoch", 0), continues=told)


def _columns(runs: pd.DataFrame, epochs: pd.DataFrame) -> dict[tuple, pd.DataFrame]:
    """The columns in the order of the runs; a training that several runs share stands under the first of them."""
    done = set(epochs.training)
    by_column = dict(list(epochs.groupby(COLUMN, sort=False)))
    missing: dict[tuple, list[dict[str, Any]]] = {}
    for run in runs.drop_duplicates("training").itertuples():
        key = (run.dataset, run.model, run.ablation, run.train_fraction, run.window, _trained_at(run))
        rows = missing.setdefault(key, [])
        if run.training not in done:
            rows.append(
                {name: getattr(run, name) for name in (*COLUMN[:-1], "train_ratio", "seed")} | {"trained_at": key[-1]}
            )
    return {
        key: pd.concat([part for part in (by_column.get(key), pd.DataFrame(missing.get(key, []))) if part is not None])
        for key in {**missing, **by_column}
    }


def _imported_columns(home: Path) -> list[pd.DataFrame]:
    """A column for each training that was imported with its epochs."""
    epochs = imported_rows.read_imported(home / "epochs.csv", TEXT, "training")
    if epochs.empty:
        return []
    epochs = epochs.assign(seed=0, before=0, at=epochs.epoch, imported=1, colour=IMPORTED_COLOUR)
    epochs["trained_at"] = [_as_text(ratio) for ratio in epochs.observation_ratio]
    groups = epochs.groupby(["dataset", "model", "trained_at"], sort=False)
    return [
        rows.assign(title="\n".join([*textwrap.wrap(f"{model}, ratio {ratio}", 30), "imported"]))
        for (_, model, ratio), rows in groups
    ]


def _colour(study: Collected, rows: pd.DataFrame) -> str:
    """The colour of the setting that a column's trainings were made for first."""
    return study.palette.of(*rows.iloc[0][CONDITION]).colour


def _title(key: tuple, keys: Collection[tuple], labels: dict[str, Any]) -> str:
    """Name a column by what differs between the study's own columns."""
    named = dict(zip(COLUMN, key, strict=True))
    others = pd.DataFrame(keys, columns=COLUMN)
    different = {name for name in COLUMN if others[name].nunique() > 1}
    parts = [named[name] for name in ("dataset", "model") if name in different]
    parts.append(naming.ablation_name(named["ablation"], labels))
    if set(others[others.ablation == named["ablation"]].trained_at) != {"1"}:
        words = {"random": "random ratios", "1": "whole videos"}
        parts.append(words.get(named["trained_at"], f"ratio {named['trained_at']}").replace(" ", NO_BREAK))
    parts += [naming.of_train(named["train_fraction"])] if "train_fraction" in different else []
    parts += [f"{named['window']} window"] if "window" in different else []
    return "\n".join(textwrap.wrap(", ".join(parts), 30))
