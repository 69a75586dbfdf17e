"""Imported results as tables, figures and the report show them: a curve and a table of their own, in nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from partway import files
from partway.results import stats
from partway.results.imported_rows import read_imported
from partway.results.stats import Estimate
from partway.results.tables import HOLE, as_percent, records

NAMES = dict.fromkeys(("dataset", "model"), str)
NOTE = (
    "These numbers were made by an older script and imported. They are validation accuracies, each the best over the epochs "
    "of its training and found on the very videos that chose the epoch, which flatters them. They are no test accuracies; "
    "predictions by video are not known, so that they are in no mean, no difference and no test. An interval, where there is "
    "one, covers the choice of the videos only."
)


@dataclass(frozen=True)
class ImportedCurve:
    """What one import says of its ratios.

    Attributes:
        about: its entry in study.lock.json.
        rows: those of runs.csv, by ratio.
    """

    about: dict[str, Any]
    rows: list[dict[str, Any]]

    @property
    def label(self) -> str:
        """Its name in a figure, with what its accuracies are."""
        videos = f"n = {self.about['videos']} videos" if self.about["videos"] else "n not given, no interval"
        return f"{self.about['name']} (imported): best validation accuracy, {self.about['window']} window ({videos})"

    @property
    def points(self) -> list[tuple[float, float, Estimate | None]]:
        """Ratio, accuracy, and its interval over the videos where their number is known."""
        videos = self.about["videos"]
        return [
            (
                row["observation_ratio"],
                row["val_top1"],
                stats.accuracy_interval(row["val_top1"], videos) if videos else None,
            )
            for row in self.rows
        ]


def read_curves(home: Path, lock: dict[str, Any]) -> list[ImportedCurve]:
    """The imports of a collected study, in the order of their names.

    Args:
        home: folder with runs.csv.
        lock: of study.lock.json.
    """
    if not lock.get("imports"):
        return []
    rows = read_imported(home / "runs.csv", NAMES).sort_values("observation_ratio")
    return [ImportedCurve(about, records(rows[rows.model == about["name"]])) for about in lock["imports"]]


def write_imported(home: Path, options: dict[str, Any]) -> None:
    """Write `imported.md`, a table for each import of a collected study; without any the file is taken away.

    Args:
        options: `decimals` of percentages.
    """
    curves = read_curves(home, files.read_json(home / "study.lock.json"))
    if not curves:
        (home / "imported.md").unlink(missing_ok=True)
        return
    parts = []
    for curve in curves:
        shown = pd.DataFrame(shown_rows(curve, options["decimals"]))
        told = "".join(f"\n- {note}" for note in curve.about["notes"])
        parts += [f"### {heading(curve)}", shown.to_markdown(index=False, disable_numparse=True), told]
    files.write_text(home / "imported.md", "\n\n".join(part.strip() for part in [*parts, NOTE] if part) + "\n")


def heading(curve: ImportedCurve) -> str:
    """What a table is of."""
    about = curve.about
    videos = f"n = {about['videos']} validation videos" if about["videos"] else "number of validation videos not given"
    return f"{about['name']}: imported from {about['source']}, {about['dataset']}, {about['window']} window, {videos}"


def shown_rows(curve: ImportedCurve, decimals: int) -> list[dict[str, str]]:
    """One row a ratio, as a reader sees it; a column for the interval only where it can be computed."""
    return [
        {
            "observation ratio": f"{ratio:g}",
            "epochs": _whole(row["total_epochs"]),
            "chosen epoch": _whole(row["chosen_epoch"]),
            "train %": "not measured"
            if row["train_eval_top1"] is None
            else as_percent(row["train_eval_top1"], decimals),
            "best validation %": as_percent(value, decimals),
            **(
                {"95 %": f"[{as_percent(around.low, decimals)}, {as_percent(around.high, decimals)}]"} if around else {}
            ),
            "validation top5 %": as_percent(row["val_top5"], decimals),
        }
        for row, (ratio, value, around) in zip(curve.rows, curve.points, strict=True)
    ]


def _whole(number: float | None) -> str:
    return HOLE if number is None else f"{number:.0f}"
