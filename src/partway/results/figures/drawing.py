"""Writes, reads and draws the figures of a collected study."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from partway import files
from partway.results.collected import NAMES, Collected
from partway.results.figures import Shown, confusion, cost, curves, matrix, names, per_class, ratio, seeds
from partway.results.figures.look import PLAIN, STYLES, Style, plt, write
from partway.results.tables import as_percent, records

DRAWN = ("svg", "png")
MODULES = {
    "accuracy_against_ratio": ratio,
    "ratio_matrix": matrix,
    "seeds_and_views": seeds,
    "per_class_gain": per_class,
    "confusion": confusion,
    "accuracy_against_cost": cost,
    "training_curves": curves,
}
TEXT = (
    *NAMES,
    "label",
    "mark",
    "kind",
    "covers",
    "scored_on",
    "colour",
    "marker",
    "trained_at",
    "title",
    "name",
    "continues",
    "class",
    "predicted",
    "device",
)
WHOLE = (
    "seeds",
    "seeds_of_grid",
    "videos",
    "seed",
    "stage",
    "before",
    "epoch",
    "at",
    "chosen",
    "imported",
    "n",
    "of",
    "row",
    "column",
    "classes",
    "shared",
    "views",
)
TYPES = dict.fromkeys((*TEXT, "train_target"), str) | dict.fromkeys(WHOLE, "Int64")


def draw_all(home: Path, dpi: int) -> None:
    """Write the figures that a study has, and remove those that it had before an edit."""
    lock = files.read_json(home / "study.lock.json")
    study = Collected.read(home, lock["tables"]["decimals"])
    wanted = names.of_runs(study.runs.to_dict("records"), lock["ladders"])
    for name, module in MODULES.items():
        if name not in wanted:
            for suffix in ("csv", *DRAWN):
                (home / "figures" / f"{name}.{suffix}").unlink(missing_ok=True)
            continue
        write_numbers(home / "figures" / f"{name}.csv", module.numbers(study))
        draw(
            name,
            read(home / "figures" / f"{name}.csv"),
            STYLES["report"],
            [home / "figures" / f"{name}.{suffix}" for suffix in DRAWN],
            dpi,
        )


def draw(name: str, numbers: pd.DataFrame, style: Style, paths: Iterable[Path], dpi: int) -> None:
    """Draw a figure from its numbers and write it to each path, in the format of its suffix."""
    with mpl.rc_context(PLAIN):
        figure = MODULES[name].draw(numbers, style)
        for path in paths:
            write(figure, path, dpi)
        plt.close(figure)


def write_numbers(path: Path, numbers: pd.DataFrame) -> None:
    """Write the numbers of a figure, counts as whole numbers also where some are missing."""
    whole = numbers.astype({column: "Int64" for column in WHOLE if column in numbers})
    files.write_csv(path, records(whole), list(whole))


def read(path: Path) -> pd.DataFrame:
    """The numbers of a figure; names stay text, and only an empty cell is missing."""
    return pd.read_csv(path, dtype=TYPES, keep_default_na=False, na_values=[""])


def shown(home: Path) -> list[Shown]:
    """What is said of each figure that was drawn."""
    percent = partial(as_percent, decimals=files.read_json(home / "study.lock.json")["tables"]["decimals"])
    drawn = {name: module for name, module in MODULES.items() if (home / "figures" / f"{name}.svg").exists()}
    found = []
    for name, module in drawn.items():
        numbers = read(home / "figures" / f"{name}.csv")
        about = (module.TITLE, module.caption(numbers), module.words(numbers))
        found.append(Shown(name, *about, module.tips(numbers, percent), module.table(numbers, percent)))
    return found
