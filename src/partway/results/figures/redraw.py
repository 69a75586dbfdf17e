"""One figure again, for a paper or a slide: what `partway figure` does."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from partway import files
from partway.errors import PartwayError
from partway.results.collected import Collected
from partway.results.figures import drawing, names
from partway.results.figures.look import FORMATS, STYLES

WHY_NOT = {
    "ratio_matrix": "no model and ablation of it is trained at several train_ratios",
    "seeds_and_views": "each setting of it has one seed, and each training is scored in one set of views",
    "per_class_gain": "no ladder of it has two rows with runs under the same conditions",
    "accuracy_against_cost": "it has one setting",
}


def redraw(name: str, home: Path, style: str, output: Path | None, *, collect: str) -> str:
    """Draw one figure of a collected study, and say what was written.

    Args:
        name: a key of `names.NAMES`, or the name of its files.
        home: folder of the study's results.
        style: of STYLES.
        output: .pdf, .svg or .png; None is <figure>-<style>.pdf in the working directory.
        collect: the command that collects the study, for who has not.
    """
    figure = _known(name)
    path = output or Path(f"{figure}-{style}.pdf")
    if path.suffix not in FORMATS:
        raise PartwayError(f"--output {path}: expected a name that ends in {', '.join(FORMATS)}")
    if not (home / "summary.json").exists():
        raise PartwayError(f"{home}: nothing is collected there yet; run the study, or `{collect} --partial`")
    numbers = _numbers(figure, home)
    dpi = files.read_json(home / "study.lock.json")["figures"]["dpi"]
    drawing.draw(figure, numbers, STYLES[style], [path], dpi)
    return f"{path}: {figure} of {home}, style {style}"


def _known(name: str) -> str:
    if name in names.NAMES.values():
        return name
    if name not in names.NAMES:
        known = ", ".join(f"{short} ({file})" for short, file in names.NAMES.items())
        raise PartwayError(f"{name}: no such figure; there are {known}")
    return names.NAMES[name]


def _numbers(figure: str, home: Path) -> pd.DataFrame:
    """What `partway figures` wrote, or where collect wrote since (or nothing was drawn) the same made now."""
    table, collected = home / "figures" / f"{figure}.csv", home / "summary.json"
    if table.exists() and table.stat().st_mtime >= collected.stat().st_mtime:
        return drawing.read(table)
    study = Collected.read(home, files.read_json(home / "study.lock.json")["tables"]["decimals"])
    if figure not in names.of_runs(study.runs.to_dict("records"), study.lock["ladders"]):
        raise PartwayError(f"{home}: the study has no {figure}: {WHY_NOT[figure]}")
    with TemporaryDirectory() as folder:  # not among the results, whose figures are of another time
        made = Path(folder, table.name)
        drawing.write_numbers(made, drawing.MODULES[figure].numbers(study))
        return drawing.read(made)
