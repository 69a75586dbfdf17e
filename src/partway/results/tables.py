"""The ablation table of each ladder: fractions in the CSV, percent in the Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from partway import files
from partway.errors import DataError
from partway.results import imported_rows, stats
from partway.results.collect import keep_tables_of
from partway.results.mixtures import mixtures
from partway.results.outcomes import OutcomesReader
from partway.results.protocol import unlabelled_test
from partway.results.stats import Estimate

CONDITIONS = ["dataset", "window", "train_ratio", "train_fraction", "observation_ratio"]
PREFIXES = {"test": "test", "validation": "val"}  # of columns, by split
SCORED = ("top1", "top1_std", "low", "high", "videos")  # of the split that a table shows, after its prefix
MEASURED = [
    *("total_epochs", "views", "train_eval_top1", "train_eval_videos"),
    *(f"{prefix}_{name}" for prefix in PREFIXES.values() for name in SCORED),
    "gap",
]
HOLE = "—"


def write_tables(home: Path, options: dict[str, Any]) -> None:
    """Write `tables/<ladder>.csv` and `.md` for every ladder of a collected study.

    Args:
        home: folder with runs.csv and study.lock.json.
        options: `decimals` of percentages.
    """
    study = files.read_json(home / "study.lock.json")
    runs = read_runs(home)
    keep_tables_of(study["ladders"], home)
    outcomes = OutcomesReader(study["results_dir"])
    for ladder, definition in study["ladders"].items():
        tables = [
            (condition, _table(study, condition, group, rows, outcomes))
            for condition, rows, group in _conditions(runs, definition)
        ]
        columns = list(tables[0][1][0]) if tables else CONDITIONS
        files.write_csv(home / "tables" / f"{ladder}.csv", [row for _, table in tables for row in table], columns)
        text = "\n".join(_markdown(ladder, condition, table, options["decimals"]) for condition, table in tables)
        below = "\n\n".join(notes(home, ladder, runs, definition))
        files.write_text(home / "tables" / f"{ladder}.md", f"{text}\n{below}\n")


def scored(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a table with the accuracy that it shows as top1, top1_std, low, high and videos: of its `scored_on`."""
    return row | {name: row[f"{PREFIXES[row['scored_on']]}_{name}"] for name in SCORED}


def read_tables(home: Path, ladder: str, rows: int) -> Iterator[list[dict[str, Any]]]:
    """The tables of a ladder, which its CSV holds one after the other, each with all `rows` of the ladder, `scored`."""
    text = ("dataset", "window", "train_ratio", "model", "ablation", "label", "note", "scored_on", "missing")
    names = dict.fromkeys(text, str)
    table = pd.read_csv(home / "tables" / f"{ladder}.csv", dtype=names, keep_default_na=False, na_values=[""])
    plain = [scored(row) for row in records(table)]
    for first in range(0, len(plain), rows):
        yield plain[first : first + rows]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as plain values; an empty cell is None."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def notes(home: Path, ladder: str, runs: pd.DataFrame, definition: dict[str, Any]) -> list[str]:
    """What stands below the tables of a ladder, a paragraph each."""
    of_ladder = [group for _, _, group in _conditions(runs, definition)]
    splits = sorted({group.scored_on.iloc[0] for group in of_ladder})
    unlabelled = {group.dataset.iloc[0] for group in of_ladder if group.scored_on.iloc[0] != "test"}
    lock = files.read_json(home / "study.lock.json")
    told = [unlabelled_test(lock, dataset) for dataset in lock["datasets"] if dataset in unlabelled]
    about_runs = (*_mixed(ladder, runs, definition), *_fallbacks(runs, definition))
    validated = any(group.val_top1.notna().any() for group in of_ladder)
    return [
        *(_note(split, validated=validated) for split in splits),
        *told,
        *_reported(definition),
        *left_out(home),
        *about_runs,
    ]


def _note(split: str, *, validated: bool) -> str:
    return (
        f"{split.capitalize()} accuracy (top1) as mean ± standard deviation over n seeds. Intervals are 95 % and cover "
        f"the choice of {split} videos only, not that of the seed; differences are paired over the same videos and the "
        "seeds that both rows have (said where these are fewer than the row's). Train accuracy is measured in one view, "
        "without augmentation, on a fixed sample of n train videos, in the chosen epoch. Gap is train minus "
        f"{split}, where {split} is one view too."
        + (
            " Validation accuracy is measured in the same views as test; with select: best its videos chose the epoch, and "
            "it is too high by that."
            if split == "test" and validated
            else ""
        )
    )


def _reported(definition: dict[str, Any]) -> Iterator[str]:
    """One line a source: which numbers of a ladder are somebody else's."""
    given = [(row["ablation"], row["reference"]) for row in definition["rows"] if row.get("reference")]
    ratios = definition.get("ratios")
    reported = [(name, of) for name, of in given if ratios is None or of["observation_ratio"] in ratios]
    for source in dict.fromkeys(reference["source"] for _, reference in reported):
        rows = ", ".join(ablation for ablation, reference in reported if reference["source"] == source)
        yield f"Reported numbers were not measured here, and are in no difference ({rows}): {source}"


def left_out(home: Path) -> list[str]:
    """One line for each data set of which videos were left out of every run, by `on_bad_video: skip`."""
    lines = []
    for name, data in (files.read_json(home / "summary.json").get("datasets") or {}).items():
        if data and data.get("left_out"):
            total = data["left_out"] + sum(data["videos"].values())
            were = "video was" if data["left_out"] == 1 else "videos were"
            lines.append(
                f"{data['left_out']} bad {were} left out of every run, of {total} of data set {name}; which and why "
                "stands in its dataset_problems.csv."
            )
    return lines


def _mixed(ladder: str, runs: pd.DataFrame, definition: dict) -> Iterator[str]:
    """A line for whatever the runs of a ladder ran on that may move numbers and differs between them."""
    ablations = {row["ablation"] for row in definition["rows"]}
    done = runs[runs.ablation.isin(ablations) & (runs.status == "complete")]
    for found in mixtures(done):
        yield f"Caution: the runs of {ladder} differ in {found}."


def _fallbacks(runs: pd.DataFrame, definition: dict) -> Iterator[str]:
    """A line for each model of a ladder that started from its fallback, since its own weights were not available."""
    ablations = {row["ablation"] for row in definition["rows"]}
    used = runs[runs.ablation.isin(ablations) & runs.weights_asked.notna()]
    for model, group in used.groupby("model", sort=False):
        sources, asked = (", ".join(sorted(group[column].unique())) for column in ("weights", "weights_asked"))
        yield f"Caution: {model} started from its fallback, {sources}, in {len(group)} runs; asked for was: {asked}."


def read_runs(home: Path) -> pd.DataFrame:
    """Read runs.csv; `train_ratio` stays text, for it may be a word.

    What was imported is not among them: `imported.read_curves`. Beside its columns stand `top1` and `videos`, the
    accuracy that tables and figures show, and `scored`, the evaluation that it is of: that of test, or of validation where
    the test split has no labels (`scored_on`).
    """
    # A name may look like a number or like "NA"; only an empty cell is missing.
    text = dict.fromkeys(
        (
            *("dataset", "model", "ablation", "train_ratio", "window", "status", "scored_on", "submission", "missing"),
            *("weights", "weights_asked", "git_commit", "numerics", "versions"),
        ),
        str,
    )
    runs = imported_rows.read_measured(home / "runs.csv", text)
    axes = [*CONDITIONS, "model", "ablation", "seed"]
    if (twice := runs[runs.duplicated(axes)]).size:
        raise DataError(f"{home / 'runs.csv'}: a run stands twice: {twice.iloc[0][axes].to_dict()}")
    of_test = runs.scored_on == "test"
    shown = {"top1": ("test_top1", "val_top1"), "videos": ("test_videos", "val_videos")}
    shown |= {"scored": ("evaluation", "validation")}
    return runs.assign(**{name: runs[test].where(of_test, runs[other]) for name, (test, other) in shown.items()})


def _conditions(runs: pd.DataFrame, ladder: dict) -> Iterator[tuple[dict, list[dict], pd.DataFrame]]:
    """One table for each condition that the ladder's runs share; and for each model, where its rows name none."""
    runs = runs[runs.train_ratio == str(ladder["train_ratio"])]
    runs = runs[runs.observation_ratio.isin(ladder["ratios"])] if "ratios" in ladder else runs
    open_rows = {row["ablation"] for row in ladder["rows"] if row["model"] is None}
    for model in runs[runs.ablation.isin(open_rows)].model.unique() if open_rows else [None]:
        rows = [row | {"model": row["model"] or model} for row in ladder["rows"]]
        pairs = {(row["model"], row["ablation"]) for row in rows}
        of_ladder = runs[[pair in pairs for pair in zip(runs.model, runs.ablation, strict=True)]]
        for values, group in of_ladder.groupby(CONDITIONS, sort=False):
            yield dict(zip(CONDITIONS, values, strict=True)), rows, group


def _table(
    study: dict, condition: dict, group: pd.DataFrame, rows: list[dict[str, Any]], outcomes: OutcomesReader
) -> list[dict[str, Any]]:
    """The rows of one table; values that cannot be known are None."""
    table: list[dict[str, Any]] = []
    above: list[pd.DataFrame] = []
    for row in rows:
        model, ablation = row["model"], row["ablation"]
        runs = group[(group.model == model) & (group.ablation == ablation)]
        complete = runs[runs.status == "complete"]
        table.append(
            condition
            | {"model": model, "ablation": ablation, **study["labels"][ablation]}
            | _summary(runs, complete, group.scored_on.iloc[0])
            | _difference("previous", complete, above[-1] if above else None, outcomes)
            | _difference("first", complete, above[0] if above else None, outcomes)
            | _reference(row.get("reference"), condition)
        )
        above.append(complete)
    return table


def _summary(runs: pd.DataFrame, complete: pd.DataFrame, scored_on: str) -> dict[str, Any]:
    """Accuracies of one row over its seeds; those of a test split without labels stay unknown."""
    holes = "; ".join(f"seed {run.seed}: {run.missing}" for run in runs[runs.status != "complete"].itertuples())
    holes = "a run in the grid under these conditions" if runs.empty else holes
    row: dict[str, Any] = {"scored_on": scored_on} | dict.fromkeys(MEASURED)
    row |= {"seeds": len(complete), "seeds_of_grid": len(runs), "missing": holes or None}
    if complete.empty:
        return row
    first = complete.iloc[0]
    interval = stats.accuracy_interval(complete.top1.mean(), int(first.videos))
    measured = complete.train_eval_top1.notna().all()
    validated = complete.val_top1.notna().all()
    row |= {
        "val_top1": complete.val_top1.mean() if validated else None,
        "val_videos": int(first.val_videos) if validated else None,
    }
    shown = (interval.value, stats.spread(complete.top1.tolist()), interval.low, interval.high, int(first.videos))
    row |= {f"{PREFIXES[scored_on]}_{name}": value for name, value in zip(SCORED, shown, strict=True)}
    return row | {
        "total_epochs": int(first.total_epochs),
        "views": int(first["views"]),
        "train_eval_top1": complete.train_eval_top1.mean() if measured else None,
        "train_eval_videos": int(first.train_eval_videos) if measured else None,
        "gap": complete.train_eval_top1.mean() - interval.value if measured and int(first["views"]) == 1 else None,
    }


def _reference(reported: dict[str, Any] | None, condition: dict[str, Any]) -> dict[str, float | None]:
    """What others report for a row under these conditions; None where they report nothing."""
    holds = reported is not None and reported["observation_ratio"] == condition["observation_ratio"]
    return {f"reported_{name}": reported[name] if holds else None for name in ("test_top1", "train_top1")}


def _difference(
    to: str, runs: pd.DataFrame, other: pd.DataFrame | None, outcomes: OutcomesReader
) -> dict[str, float | None]:
    """Difference to another row over the seeds that both have; None where there are none."""
    names = [f"difference_to_{to}{end}" for end in ("", "_low", "_high", "_seeds")]
    seeds = set(runs.seed) & set(other.seed) if other is not None else set()
    if not seeds:
        return dict.fromkeys(names)
    of_row, of_other = (
        np.stack(
            [outcomes.read(folder).correct_N for folder in frame[frame.seed.isin(seeds)].sort_values("seed").scored]
        )
        for frame in (runs, other)
    )
    estimate = stats.difference(of_row, of_other)
    return dict(zip(names, (estimate.value, estimate.low, estimate.high, len(seeds)), strict=True))


def _markdown(ladder: str, condition: dict, table: list[dict], decimals: int) -> str:
    about = ", ".join(
        f"{name} {value}" for name, value in condition.items() if not (name == "train_fraction" and value == 1)
    )
    split = table[0]["scored_on"]
    shown = pd.DataFrame([_shown(scored(row), decimals) for row in table])
    if not shows_validation(table):
        shown = shown.drop(columns=["val %", "val - test"])
    if not any(row["reported_test_top1"] is not None for row in table):
        shown = shown.drop(columns="reported %")
    elif split != "test":
        shown = shown.rename(columns={"reported %": "reported test %"})
    holes = [f"- **{row['label'] or row['ablation']}** lacks {row['missing']}" for row in table if row["missing"]]
    videos = " / ".join(sorted({str(row["videos"]) for row in map(scored, table) if row["videos"]})) or HOLE
    why = "" if split == "test" else ", since the test split has no labels"
    head = f"### {ladder}: {about}\n\nn = {videos} {split} videos{why}\n\n"
    return (
        head
        + shown.to_markdown(index=False, disable_numparse=True)
        + "\n"
        + "".join(f"\n{hole}" for hole in holes)
        + "\n"
    )


def as_percent(value: float | None, decimals: int, sign: str = "") -> str:
    """A fraction as a number of per cent, without the sign; a dash for what is not known."""
    return HOLE if value is None or pd.isna(value) else f"{100 * value:{sign}.{decimals}f}"


def shows_validation(table: list[dict[str, Any]]) -> bool:
    """Whether validation accuracy stands beside that of test: where both were measured."""
    return table[0]["scored_on"] == "test" and any(row["val_top1"] is not None for row in table)


def above_test(row: dict[str, Any]) -> float | None:
    """Validation minus test accuracy of a row, both over its seeds and in its views; None where one is missing."""
    known = row["val_top1"] is not None and row["test_top1"] is not None
    return row["val_top1"] - row["test_top1"] if known else None


def reported(row: dict[str, Any]) -> str:
    """What others report for a row, in per cent, with their digits: test, and train in brackets where it is known."""
    test, train = (row[f"reported_{name}_top1"] for name in ("test", "train"))
    told = HOLE if test is None else f"{100 * test:.6g}"
    return told if train is None else f"{told} (train {100 * train:.6g})"


def _shown(row: dict[str, Any], decimals: int) -> dict[str, str]:
    def percent(value: float | None, sign: str = "") -> str:
        return as_percent(value, decimals, sign)

    def with_interval(name: str) -> str:
        estimate = Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"])
        if estimate.value is None:
            return HOLE
        over = f" (n = {row[f'{name}_seeds']})" if row[f"{name}_seeds"] < row["seeds"] else ""
        return f"{percent(estimate.value, '+')} [{percent(estimate.low, '+')}, {percent(estimate.high, '+')}]{over}"

    spread = f" ± {percent(row['top1_std'])}" if row["top1_std"] is not None else ""
    train = "not measured" if row["train_eval_top1"] is None and row["seeds"] else percent(row["train_eval_top1"])
    train += f" (n = {row['train_eval_videos']})" if row["train_eval_videos"] else ""
    seeds = f"{row['seeds']} of {row['seeds_of_grid']}" if row["missing"] else str(row["seeds"])
    interval = f"[{percent(row['low'])}, {percent(row['high'])}]" if row["seeds"] else HOLE
    return {
        "model": row["model"],
        "ablation": row["label"] or row["ablation"],
        "note": row["note"] or "",
        "epochs": HOLE if row["total_epochs"] is None else str(row["total_epochs"]),
        "views": str(row["views"] or HOLE),
        "seeds n": seeds,
        "train %": train,
        f"{row['scored_on']} %": percent(row["top1"]) + spread,
        "95 %": interval,
        "gap": percent(row["gap"], "+"),
        "val %": percent(row["val_top1"]) + (f" (n = {row['val_videos']})" if row["val_videos"] else ""),
        "val - test": percent(above_test(row), "+"),
        "to previous": with_interval("difference_to_previous"),
        "to first": with_interval("difference_to_first"),
        "reported %": reported(row),
    }
