"""Gather the trainings and evaluations of a study: runs.csv, epochs.csv, summary.json, study.lock.json."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from partway import files
from partway.errors import DataError, VanishedError
from partway.results import imported_rows
from partway.results.collect.by_class import CONFUSION_COLUMNS, PER_CLASS_COLUMNS, ByClass
from partway.results.collect.epoch_rows import epoch_columns, epoch_rows
from partway.results.collect.honesty import CEILING_COLUMNS, LEAK_COLUMNS, PAIR_COLUMNS, KnownTruths
from partway.results.collect.reading import SAID, Results
from partway.results.collect.run_rows import RUN_COLUMNS, run_row
from partway.results.collect.summary import summary_of
from partway.results.estimates import ACCURACY_COLUMNS, CURVE_COLUMNS, accuracy_rows, curve_rows
from partway.results.pictures import keep_only_pictures
from partway.results.run_folders import write_run_folders
from partway.schema_grid import table_names
from partway.study import Run, Study

TABLES = (".csv", ".md", ".tex")
MOST_REASONS = 5  # why runs are missing, repeated at the end of a call that failed
ATTEMPTS = 3  # to render what there is while jobs delete and write files


def collect(study: Study, home: Path, *, copy: bool = False) -> str:
    """Write the collected files of a finished study into `home`, and its readable run folders.

    Args:
        study: as it was frozen, or as it was just read.
        home: `results/<name>`.
        copy: the run folders hold copies instead of links.

    Returns:
        One line that says what was collected and where.

    Raises:
        DataError: a run is missing or its evaluation is of other weights than its training now has.
    """
    rows, results = _rows(study)
    if missing := [row for row in rows if row["missing"]]:
        raise DataError(
            f"{len(missing)} of {len(rows)} runs are not complete, first: {missing[0]['missing']}\n"
            "`partway collect --partial` renders what there is."
        )
    with _alone(home):
        _write(study, home, rows, results)
        write_run_folders(study, home, _complete(study, rows), results.read, copy=copy)
        keep_tables_of(study.ladders, home)
        keep_only_pictures(study.pictures, home)
        for folder in ("partial", ".collected"):  # an earlier study is no longer what lies here
            if (home / folder).exists():
                shutil.rmtree(home / folder)
        files.write_text(home / ".collected" / study.digest, f"collected from {study.source}\n")
    beside = "".join(f"; {len(made['runs'])} imported of {made['name']}" for made in study.imports)
    return f"all {len(rows)} runs are complete and collected{beside}: {home}/runs.csv, by name in {home}/runs"


def collect_partial(study: Study, home: Path) -> str:
    """Render what there is into `home/partial`: collected files, tables, figures, verdict and report, holes marked.

    It may run at any time beside the jobs: what they delete or have not finished is missing. The next full call
    collects again and removes the folder, also where an edit was undone and nothing else has to run.

    Returns:
        One line that says what was rendered and where.
    """
    out = home / "partial"
    for left in reversed(range(ATTEMPTS)):
        try:
            rows, results = _rows(study)
            with _alone(home):
                for collected in (home / ".collected").glob("*"):
                    collected.unlink(missing_ok=True)
                _write(study, out, rows, results)
                _draw(study, out)
            break
        except (VanishedError, FileNotFoundError):  # it was there a moment ago: a job re-runs; look again
            if not left:
                raise
    complete = sum(not row["missing"] for row in rows)
    said = f"{complete} of {len(rows)} runs are complete; report, tables, figures and verdict so far: {out}"
    reasons = dict.fromkeys(row["missing"] for row in rows if row["missing"] and SAID in row["missing"])
    return "\n  ".join([said, *list(reasons)[:MOST_REASONS]])


def keep_tables_of(ladders: Iterable[str], home: Path) -> None:
    """Remove the tables of ladders that were renamed or taken out."""
    files.keep_only(home / "tables", [f"{name}{suffix}" for name in table_names(ladders) for suffix in TABLES], TABLES)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One collect at a time: a person's may meet that of a rule."""
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".collect.lock"):
        yield


def _rows(study: Study) -> tuple[list[dict[str, Any]], Results]:
    results = Results(study.results_dir)
    return [run_row(study, run, results) for run in study.runs], results


def write_runs(study: Study, out: Path) -> None:
    """Write runs.csv, study.lock.json and summary.json of what there is of a study now, and nothing else."""
    _write_runs(study, out, *_rows(study))


def _write_runs(study: Study, out: Path, rows: list[dict[str, Any]], results: Results) -> None:
    files.write_csv(out / "runs.csv", [*rows, *imported_rows.of_runs(study.imports)], RUN_COLUMNS)
    files.write_json(out / "study.lock.json", study.lock() | {"results_dir": study.results_dir})
    files.write_json(out / "summary.json", summary_of(study, rows, results))


def _write(study: Study, out: Path, rows: list[dict[str, Any]], results: Results) -> None:
    epochs = [*epoch_rows(study, results), *imported_rows.of_epochs(study.imports)]
    files.write_csv(out / "epochs.csv", epochs, epoch_columns(epochs))
    complete = _complete(study, rows)
    truths, by_class = KnownTruths(study, results.outcomes), ByClass(study, results.outcomes)
    files.write_csv_rows(out / "per_class.csv", by_class.per_class(complete), PER_CLASS_COLUMNS)
    files.write_csv_rows(out / "confusion.csv", by_class.confusion(complete), CONFUSION_COLUMNS)
    files.write_csv(out / "accuracies.csv", accuracy_rows(rows, results.outcomes), ACCURACY_COLUMNS)
    files.write_csv(out / "curves.csv", curve_rows(rows, results.outcomes), CURVE_COLUMNS)
    files.write_csv(out / "ceiling.csv", truths.ceilings(), CEILING_COLUMNS)
    files.write_csv(out / "pairs.csv", truths.pairs(complete), PAIR_COLUMNS)
    files.write_csv(out / "leaks.csv", truths.leaks(complete), LEAK_COLUMNS)
    _write_runs(study, out, rows, results)  # last: what draws looks at summary.json


def _complete(study: Study, rows: list[dict[str, Any]]) -> list[Run]:
    """The runs with a result; one without has no folder that could mislead, and no test."""
    return [run for run, row in zip(study.runs, rows, strict=True) if not row["missing"]]


def _draw(study: Study, folder: Path) -> None:
    from partway.results.costs import write_costs
    from partway.results.figures import draw_figures
    from partway.results.imported import write_imported
    from partway.results.report import write_report
    from partway.results.tables import write_tables
    from partway.results.verdict import write_verdict

    write_tables(folder, study.tables)
    write_verdict(folder, study.tables)
    write_costs(folder)
    write_imported(folder, study.tables)
    draw_figures(folder, study.figures)
    write_report(folder, study.tables | study.report, study.roots)
