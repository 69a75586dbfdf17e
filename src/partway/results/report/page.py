"""report.html: a study on one page that opens anywhere, made of its collected files, tables, verdict and figures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from partway import files
from partway.progress import duration
from partway.results import pictures
from partway.results.collected import Collected
from partway.results.costs import NOTE, cost_table, shown_costs
from partway.results.imported import NOTE as ABOUT_IMPORTED
from partway.results.imported import ImportedCurve, heading, read_curves, shown_rows
from partway.results.naming import count
from partway.results.report import cost, origin, parts
from partway.results.report.figures import figures
from partway.results.report.ladders import ladder, ladder_notes
from partway.results.report.plain_markdown import to_html
from partway.results.report.runs import table_of_runs
from partway.results.report.truth import is_generated, truth
from partway.results.tables import HOLE

NO_BREAK = "\u00a0"
FIRST_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?")


def write_report(home: Path, options: dict[str, Any], roots: dict[str, str] | None = None) -> None:
    """Write `report.html` of a study whose tables, verdict and figures are written; equal ones give equal bytes.

    Args:
        home: folder with summary.json and all that was made of it.
        options: `decimals` of percentages, those of the tables; with roots also `film_strips`, videos to show of a run.
        roots: where the videos of each data set lie; without, none is shown.
    """
    study = Collected.read(home, options["decimals"])
    cautions, imported = origin.cautions(study), read_curves(home, study.lock)
    models = [shown_costs(row) for row in cost_table(home)]
    page = (
        _templates(study)
        .get_template("report.html.jinja")
        .render(
            header=header(study),
            cautions=cautions,
            verdict=verdict(study, cautions),
            figures=figures(study),
            references=study.lock["references"],
            ladders=[ladder(study, name) for name in study.lock["ladders"]],
            notes=ladder_notes(study),
            attention=pictures.shown(study.lock),
            truths=[truth(study, name) for name, data in study.lock["datasets"].items() if is_generated(data)],
            runs=table_of_runs(study, film_strips=options["film_strips"] if roots else 0, roots=roots),
            imported=[imported_table(study, curve) for curve in imported],
            about_imported=ABOUT_IMPORTED,
            datasets=[origin.data_set(study, name) for name in study.lock["datasets"]],
            command=study.summary["command"],
            origin=origin.origin(study),
            cost=cost.cost(study),
            models={"heads": list(models[0]), "rows": [list(row.values()) for row in models]} if models else None,
            about_models=NOTE,
            look=parts.look(),
            scripts=parts.scripts(),
            parts=parts.with_licences(),
        )
    )
    files.write_text(home / "report.html", page + "\n")


def _templates(study: Collected) -> Environment:
    """The fragments in page/, which escape whatever a study holds."""
    found = Environment(
        loader=FileSystemLoader(parts.TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["kept_together"] = kept_together
    found.globals |= {
        "percent": study.percent,
        "count": count,
        "sort_value": sort_value,
        "numeric_columns": numeric_columns,
    }
    return found


def sort_value(text: str) -> str:
    """What a cell is sorted by: the number that it begins with, nothing where there is a hole, else its text."""
    if number := FIRST_NUMBER.match(text):
        return number[0].replace(",", "")
    return "" if text in ("", HOLE, "missing") else text


def kept_together(text: str) -> str:
    """A text in which no line ends between a number and its percent sign."""
    return text.replace(" %", NO_BREAK + "%")


def numeric_columns(rows: list[list[str]]) -> list[bool]:
    """Which columns of a table, after that of its names, hold numbers: those of which each cell begins with one or is a hole."""
    return [
        place > 0 and all(sort_value(cell) == "" or FIRST_NUMBER.match(cell) for cell in column)
        for place, column in enumerate(zip(*rows, strict=True))
    ]


# --- what is said first --------------------------------------------------------------------------------


def header(study: Collected) -> dict[str, Any]:
    """Name, question, and the size of the study in a few numbers."""
    done, all_ = len(study.complete), len(study.runs)
    trainings, saved = len(study.summary["trainings"]), cost.saved_sec(study)
    facts = [(f"{done} of {all_}" if done < all_ else str(all_), "runs" if done < all_ else "runs, all complete")]
    facts.append((str(trainings), "training" if trainings == 1 else "distinct trainings"))
    facts.append((duration(study.seconds("trainings")), "of training"))
    facts += [(duration(saved), "saved by sharing")] if saved else []
    for dataset in study.lock["datasets"]:
        known = study.of_data(dataset).dropna(subset=["videos", "classes"])
        name = f", {dataset}" if len(study.lock["datasets"]) > 1 else ""
        if len(known):
            words = f"{known.scored_on.iloc[0]} videos of {known.classes.iloc[0]:.0f} classes{name}"
            facts.append((f"{known.videos.iloc[0]:.0f}", words))
    return {"name": study.lock["name"], "question": study.lock["question"], "facts": facts, "missing": all_ - done}


def verdict(study: Collected, cautions: list[str]) -> list[Markup]:
    """The parts of verdict.md, without the title, question and cautions that the page has elsewhere."""
    text = (study.home / "verdict.md").read_text(encoding="utf-8")
    body = text.partition("\n")[2].strip().removeprefix((study.lock["question"] or "").strip())
    for told in cautions:
        body = body.replace(told, "")
    sections = re.split(r"^(?=## )", kept_together(body), flags=re.MULTILINE)
    return [to_html(part, heading=3) for part in sections if part.strip()]


def imported_table(study: Collected, curve: ImportedCurve) -> dict[str, Any]:
    """The runs of one import, with the checkpoints that the script left."""
    return {
        "heading": heading(curve),
        "rows": shown_rows(curve, study.decimals),
        "notes": curve.about["notes"],
        "checkpoints": curve.about["checkpoints"],
        "files": curve.about["files"],
    }
