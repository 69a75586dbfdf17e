"""report.html: a study on one page that opens anywhere, made of its collected files, tables, verdict and figures."""

from __future__ import annotations

import base64
import hashlib
from math import ceil, floor
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from partway import files
from partway.data.mime_plan import options_of, shared_openings
from partway.progress import duration
from partway.results import pictures, report_origin, style
from partway.results.collected import Collected
from partway.results.costs import NOTE, cost_table, shown_costs
from partway.results.figures import Shown, shown
from partway.results.imported import NOTE as ABOUT_IMPORTED
from partway.results.imported import ImportedCurve, heading, read_curves, shown_rows
from partway.results.inline_svg import inline
from partway.results.plain_markdown import to_html
from partway.results.report_runs import table_of_runs
from partway.results.stats import Estimate
from partway.results.style import Curve, count
from partway.results.tables import HOLE, above_test, notes, read_tables, reported, shows_validation
from partway.results.verdict import Writer

HERE = Path(__file__).parent
NO_BREAK = "\u00a0"


def write_report(home: Path, options: dict[str, Any]) -> None:
    """Write `report.html` of a study whose tables, verdict and figures are written; equal ones give equal bytes.

    Args:
        home: folder with summary.json and all that was made of it.
        options: `decimals` of percentages, those of the tables.
    """
    study = Collected.read(home, options["decimals"])
    script, look = ((HERE / f"report.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    templates = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.globals |= {
        "percent": study.percent,
        "count": count,
        "whisker": whisker,
        "reported": reported,
        "above_test": above_test,
    }
    drawn = {figure.name: figure for figure in shown(home)}
    cautions, imported = report_origin.cautions(study), read_curves(home, study.lock)
    page = templates.get_template("report.html.jinja").render(
        header=header(study),
        cautions=cautions,
        verdict=verdict(study, cautions),
        accuracy=accuracy(study, imported, drawn["accuracy_against_ratio"]),
        ladders=[ladder(study, name) for name in study.lock["ladders"]],
        notes=ladder_notes(study),
        curves=_inline(study, drawn["training_curves"]),
        attention=pictures.shown(study.lock),
        truths=[truth(study, name) for name, data in study.lock["datasets"].items() if is_generated(data)],
        runs=table_of_runs(study.runs, study.lock, study.summary, study.percent),
        imported=[imported_table(study, curve) for curve in imported],
        about_imported=ABOUT_IMPORTED,
        datasets=[report_origin.data_set(study, name) for name in study.lock["datasets"]],
        command=study.summary["command"],
        origin=report_origin.origin(study),
        cost=report_origin.cost(study),
        models=[shown_costs(row) for row in cost_table(home)],
        about_models=NOTE,
        # Both are files of this package. Nothing else on the page may run: the page tells browsers this script's digest.
        look=Markup(look),
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    files.write_text(home / "report.html", page + "\n")


# --- what is said first --------------------------------------------------------------------------------


def header(study: Collected) -> dict[str, Any]:
    """Name, question, and the size of the study in a few numbers."""
    done, all_ = len(study.complete), len(study.runs)
    trainings = len(study.summary["trainings"])
    facts = [(f"{done} of {all_}" if done < all_ else str(all_), "runs" if done < all_ else "runs, all complete")]
    facts.append((str(trainings), "training" if trainings == 1 else "distinct trainings"))
    facts.append((duration(study.seconds("trainings")), "of training"))
    for dataset in study.lock["datasets"]:
        known = study.of_data(dataset).dropna(subset=["videos", "classes"])
        name = f", {dataset}" if len(study.lock["datasets"]) > 1 else ""
        if len(known):
            words = f"{known.scored_on.iloc[0]} videos of {known.classes.iloc[0]:.0f} classes{name}"
            facts.append((f"{known.videos.iloc[0]:.0f}", words))
    return {"name": study.lock["name"], "question": study.lock["question"], "facts": facts, "missing": all_ - done}


def verdict(study: Collected, cautions: list[str]) -> Markup:
    """What verdict.md says, without the title, question and cautions that the page has elsewhere."""
    text = (study.home / "verdict.md").read_text(encoding="utf-8")
    body = text.partition("\n")[2].strip().removeprefix((study.lock["question"] or "").strip())
    for told in cautions:
        body = body.replace(told, "")
    return to_html(body.replace(" %", NO_BREAK + "%"), heading=3)


# --- accuracy against ratio ----------------------------------------------------------------------------


def accuracy(study: Collected, imported: list[ImportedCurve], figure: Shown) -> dict[str, Any]:
    """The figure, and its numbers as tables."""
    tables = []
    for dataset in study.runs.dataset.unique():
        curves = style.curves(study.of_data(dataset), study.lock["labels"])
        tables.append(_numbers(study, dataset, curves, [one for one in imported if one.about["dataset"] == dataset]))
    splits = style.listed(sorted(study.runs.scored_on.unique()))
    about = {"splits": splits, "tables": tables, "references": study.lock["references"]}
    return {"figure": _inline(study, figure)} | about


def _inline(study: Collected, figure: Shown) -> Markup:
    return inline(study.home / "figures" / f"{figure.name}.svg", figure.name, figure.words, figure.tips)


def _numbers(study: Collected, dataset: str, curves: list[Curve], imported: list[ImportedCurve]) -> dict[str, Any]:
    """One row a curve, one column a ratio; where they are known also the ceiling and chance."""
    ratios = sorted({ratio for curve in [*curves, *imported] for ratio, *_ in curve.points})
    rows = [
        {"name": curve.name, "seeds": curve.runs.seed.nunique(), "points": _points(study, curve, ratios)}
        for curve in curves
    ]
    known = study.csv("ceiling.csv", dataset).set_index("observation_ratio").ceiling
    classes = study.of_data(dataset).classes.dropna()
    return {
        "dataset": dataset,
        "split": study.of_data(dataset).scored_on.iloc[0],
        "ratios": ratios,
        "rows": rows,
        "imported": [{"name": curve.label, "points": _imported_points(study, curve, ratios)} for curve in imported],
        "ceiling": [known.get(ratio) for ratio in ratios] if len(known) else None,
        "chance": 1 / classes.iloc[0] if len(classes) else None,
    }


def _points(study: Collected, curve: Curve, ratios: list[float]) -> list[tuple[str, str]]:
    """The accuracy at each ratio with its interval; a ratio that is not of this curve is empty, a hole says so."""

    def told(point: Estimate | None) -> tuple[str, str]:
        return (study.percent(point.value), _interval(study, point)) if point else ("missing", "")

    points = {ratio: told(point) for ratio, point in curve.points}
    return [points.get(ratio, ("", "")) for ratio in ratios]


def _imported_points(study: Collected, curve: ImportedCurve, ratios: list[float]) -> list[tuple[str, str]]:
    """The same of what was imported; without an interval where the number of its videos is not known."""
    points = {
        ratio: (study.percent(value), _interval(study, around) if around else "")
        for ratio, value, around in curve.points
    }
    return [points.get(ratio, ("", "")) for ratio in ratios]


def imported_table(study: Collected, curve: ImportedCurve) -> dict[str, Any]:
    """The runs of one import, with the checkpoints that the script left."""
    return {
        "heading": heading(curve),
        "rows": shown_rows(curve, study.decimals),
        "notes": curve.about["notes"],
        "checkpoints": curve.about["checkpoints"],
        "files": curve.about["files"],
    }


def _interval(study: Collected, point: Estimate) -> str:
    return f"{study.percent(point.low)} to {study.percent(point.high)}"


# --- ablation tables -----------------------------------------------------------------------------------


def ladder(study: Collected, name: str) -> dict[str, Any]:
    """The tables of one ladder, under every condition that its runs have."""
    definition = study.lock["ladders"][name]
    writer = Writer(study.runs, study.lock, study.decimals)
    tables = [
        {"rows": rows, "condition": writer.condition(rows), "span": _span(rows), "reach": _reach(rows)}
        | {"videos": sorted({int(row["videos"]) for row in rows if row["videos"]}), "split": rows[0]["scored_on"]}
        | {"several_models": len({row["model"] for row in rows}) > 1}
        | {"validated": shows_validation(rows)}
        | {"reported": any(row["reported_test_top1"] is not None for row in rows)}
        for rows in read_tables(study.home, name, len(definition["rows"]))
    ]
    return {"name": name, "tables": tables}


def ladder_notes(study: Collected) -> list[str]:
    """What stands below the ablation tables, each said once for all of them."""
    ladders = study.lock["ladders"].items()
    return list(dict.fromkeys(note for name, it in ladders for note in notes(study.home, name, study.runs, it)))


def _span(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """From where to where the intervals of a table go, in whole tenths, so that all are drawn at one scale."""
    lows, highs = ([row[end] for row in rows if row[end] is not None] for end in ("low", "high"))
    return (floor(10 * min(lows)) / 10, ceil(10 * max(highs)) / 10) if lows else (0.0, 1.0)


def _reach(rows: list[dict[str, Any]]) -> float:
    """How far from 0 the differences of a table go, so that all are drawn at one scale."""
    ends = [row[f"difference_to_{to}_{end}"] for row in rows for to in ("previous", "first") for end in ("low", "high")]
    return max((abs(end) for end in ends if end is not None), default=1.0)


def whisker(estimate: tuple[float, float, float], span: tuple[float, float]) -> list[str]:
    """Places of a value, the low and the high end of its interval, on a line of length 100 that spans these numbers."""
    first, last = span
    return [f"{100 * (number - first) / (last - first):.1f}" for number in estimate]


# --- generated videos ----------------------------------------------------------------------------------


def is_generated(data: dict[str, Any]) -> bool:
    """Whether the truth of a data set is known."""
    return data["spec"]["layout"] == "mime"


def truth(study: Collected, dataset: str) -> dict[str, Any]:
    """All classes in pictures, and ratio by ratio the ceiling and how many predictions know more than they can have seen."""
    from partway.results import sheet  # it draws, which nothing else here does

    options = options_of(study.lock["datasets"][dataset]["spec"])
    ratios = set(study.of_data(dataset).observation_ratio)
    leaks = study.csv("leaks.csv", dataset).groupby("observation_ratio")
    tests = {ratio: _leak_counts(of_ratio) for ratio, of_ratio in leaks}
    rows = [
        row._asdict() | tests.get(row.observation_ratio, {"tested": 0, "flagged": 0})
        for row in study.csv("ceiling.csv", dataset).itertuples()
        if row.observation_ratio in ratios
    ]
    found = {"dataset": dataset, "sheet": sheet.as_data_uri(options), "classes": shared_openings(options)}
    return found | {"rows": rows, "pairs": _by_pair(study, dataset)}


def _leak_counts(tests: pd.DataFrame) -> dict[str, int]:
    """How many sets of predictions were tested, and how many of them in any of their groups flagged."""
    flagged = tests.groupby([*style.SERIES, "seed", "split"]).flagged.max()
    return {"tested": len(flagged), "flagged": int(flagged.sum())}


def _by_pair(study: Collected, dataset: str) -> dict[str, Any] | None:
    """Right answers of each setting on the decided videos of each pair of classes, at the largest ratio; over seeds."""
    counts = study.csv("pairs.csv", dataset)
    if counts.empty:
        return None
    counts = counts[counts.observation_ratio == counts.observation_ratio.max()]
    rows = []
    for series, group in counts.groupby(style.SERIES, sort=False):
        sums = group.groupby("pair", sort=False)[["right_videos", "decided_videos"]].sum()
        name = style.curve_name(dict(zip(style.SERIES, series, strict=True)), counts, study.lock["labels"])
        rows.append((name, [study.percent(right / of) if of else HOLE for right, of in sums.itertuples(index=False)]))
    pairs = counts.drop_duplicates("pair")[["pair", "differs_in", "decided_videos"]].itertuples(index=False)
    return {"ratio": float(counts.observation_ratio.max()), "columns": list(pairs), "rows": rows}
