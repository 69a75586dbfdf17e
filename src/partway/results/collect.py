"""Gather the trainings and evaluations of a study: runs.csv, epochs.csv, summary.json, study.lock.json."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from partway import files
from partway.errors import DataError, StorageError, VanishedError
from partway.results import imported_rows
from partway.results.by_class import CONFUSION_COLUMNS, PER_CLASS_COLUMNS, ByClass
from partway.results.estimates import ACCURACY_COLUMNS, CURVE_COLUMNS, accuracy_rows, curve_rows
from partway.results.honesty import CEILING_COLUMNS, LEAK_COLUMNS, PAIR_COLUMNS, KnownTruths
from partway.results.outcomes import OutcomesReader
from partway.results.pictures import keep_only_pictures
from partway.results.predictions import read_calibration_error
from partway.results.provenance import data_set, recorded
from partway.results.run_folders import folder_of, write_run_folders
from partway.study import AXES, Run, Study
from partway.submission import NAME as SUBMISSION

SCORES = ("top1", "top5", "mean_class_accuracy", "loss", "ece")
COST = ("parameters", "weights_mb", "flops_per_clip", "tokens", "input", "clips_per_sec", "gpu_mem_mb")
RUN_COLUMNS = [
    *AXES,
    *("status", "scored_on"),
    *(f"test_{score}" for score in SCORES),
    "test_videos",
    *(f"val_{score}" for score in SCORES),
    "val_videos",
    *("train_top1", "train_target", "train_eval_top1", "train_eval_videos"),
    *(
        "classes",
        "views",
        "total_epochs",
        "chosen_epoch",
        "time_sec",
        *COST,
        "device",
        "precision",
        "compile",
        "threads",
        "git_commit",
        "weights",
        "weights_asked",  # where `weights` is not what the study names first, but of its fallback
    ),
    *("training", "evaluation", "validation", "predictions_digest", "submission", "missing"),
]
EPOCH_AXES = [
    *("dataset", "model", "ablation", "train_ratio", "train_fraction", "window", "seed"),
    *("observation_ratio", "stage", "training", "chosen"),  # the ratio that the training saw
]
TOLD = (  # of a row, in summary.json
    *("status", "missing", "scored_on", "test_top1", "test_top5", "test_videos"),
    *("val_top1", "val_top5", "val_videos", "submission"),
)
RAN_ON = ("device", "precision", "compile")  # compile: off, where it was not recorded yet
RUN_FILES = {"training_log": "training_log.csv", "checkpoint": "checkpoint.pt", "training": "training.json"}
TABLES = (".csv", ".md")
SAID = ", which said: "
MOST_REASONS = 5  # why runs are missing, repeated at the end of a call that failed
ATTEMPTS = 3  # to render what there is while jobs delete and write files


class Results:
    """Reads the JSON of results, each file once: runs share trainings."""

    def __init__(self, results_dir: str):
        self.folder = Path(results_dir)
        self.unreadable: set[str] = set()
        self.read = cache(self._read)

    def _read(self, kind: str, folder: str, name: str) -> dict[str, Any] | None:
        """The content of a file; None where there is none, or none that can be read."""
        try:
            return files.read_json(self.folder / kind / folder / name)
        except FileNotFoundError:
            return None
        except StorageError:  # damaged: the run counts as missing, and the message says which
            self.unreadable.add(folder)
            return None

    def last_words(self, verb: str, folder: str) -> str:
        """Why the last job that worked on a result ended without one, as its log says; empty where it does not."""
        log = self.folder / "logs" / verb / f"{folder}.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        told = lines[-1] if lines else ""
        return SAID + told.removeprefix(f"partway {verb}: ") if told.startswith(f"partway {verb}: ") else ""


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
    files.keep_only(home / "tables", [f"{ladder}{suffix}" for ladder in ladders for suffix in TABLES], TABLES)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One collect at a time: a person's may meet that of a rule."""
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".collect.lock"):
        yield


def _rows(study: Study) -> tuple[list[dict[str, Any]], Results]:
    results = Results(study.results_dir)
    return [_row(study, run, results) for run in study.runs], results


def _write(study: Study, out: Path, rows: list[dict[str, Any]], results: Results) -> None:
    files.write_csv(out / "runs.csv", [*rows, *imported_rows.of_runs(study.imports)], RUN_COLUMNS)
    epochs = [*_epochs(study, results), *imported_rows.of_epochs(study.imports)]
    files.write_csv(out / "epochs.csv", epochs, [*EPOCH_AXES, *_log_columns(epochs)])
    files.write_json(out / "study.lock.json", study.lock() | {"results_dir": study.results_dir})
    truths, by_class, complete = KnownTruths(study), ByClass(study), _complete(study, rows)
    outcomes = OutcomesReader(study.results_dir)
    files.write_csv(out / "accuracies.csv", accuracy_rows(rows, outcomes), ACCURACY_COLUMNS)
    files.write_csv(out / "curves.csv", curve_rows(rows, outcomes), CURVE_COLUMNS)
    files.write_csv(out / "per_class.csv", by_class.per_class(complete), PER_CLASS_COLUMNS)
    files.write_csv(out / "confusion.csv", by_class.confusion(complete), CONFUSION_COLUMNS)
    files.write_csv(out / "ceiling.csv", truths.ceilings(), CEILING_COLUMNS)
    files.write_csv(out / "pairs.csv", truths.pairs(complete), PAIR_COLUMNS)
    files.write_csv(out / "leaks.csv", truths.leaks(complete), LEAK_COLUMNS)
    summary = {"study": study.name, "digest": study.digest, "source": study.source, "command": study.command}
    summary["datasets"] = {
        name: data_set(source, study.results_dir, results.read) for name, source in study.datasets.items()
    }
    summary |= recorded(study, results.read) | {"runs": _summary(study, rows, results)}
    if study.imports:
        summary["imports"] = imported_rows.in_summary(study.imports)
    files.write_json(out / "summary.json", summary)


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
    write_report(folder, study.tables)


def _row(study: Study, run: Run, results: Results) -> dict[str, Any]:
    """One run as a row; what is missing stands in `missing`, and nothing is filled in for it."""
    read = results.read
    trainings = [read("trainings", folder, "training.json") for folder in run.trainings]
    final = trainings[-1]
    test, validation = (
        read("evaluations", folder, "metrics.json") if folder else None for folder in (run.evaluation, run.validation)
    )
    missing = _missing(study, run, trainings, test, validation, results)
    row: dict[str, Any] = run.cell | {
        "status": "missing" if missing else "complete",
        "scored_on": study.datasets[run.dataset].scored_on,
        "training": run.trainings[-1],
        "evaluation": run.evaluation,
        "validation": run.validation,
        "missing": missing,
    }
    if missing:
        return row
    labelled = row["scored_on"] == "test"
    scored = (("test", run.evaluation, test if labelled else None), ("val", run.validation, validation))
    for prefix, folder, metrics in scored:
        if metrics:
            scores = _measured_later(metrics, results.folder / "evaluations" / folder)
            row |= {f"{prefix}_{score}": scores[score] for score in SCORES} | {f"{prefix}_videos": metrics["videos"]}
    return row | {
        "train_top1": final["chosen"]["train_top1"],
        "train_target": final["train_target"],
        "train_eval_top1": final["chosen"]["train_eval_top1"],
        "train_eval_videos": final["videos"]["train_eval"],
        "classes": test["classes"],
        "views": test["views"],
        "total_epochs": sum(training["epochs"] for training in trainings),
        "chosen_epoch": final["chosen_epoch"],
        "time_sec": round(sum(training["time_sec"] for training in trainings), 3),
        **{name: final.get(name) for name in COST},  # a training of an earlier version did not record all
        "input": "x".join(map(str, final["input"])) if "input" in final else None,
        # Of all stages: a row whose stages ran differently is told below the tables.
        **{name: ", ".join(dict.fromkeys(t.get(name, "off") for t in trainings)) for name in RAN_ON},
        "threads": final["threads"],
        "git_commit": final["git_commit"],
        **_weights(study, run, trainings[0]),
        "predictions_digest": test["predictions_digest"],
        "submission": None if labelled else f"{results.folder}/evaluations/{run.evaluation}/{SUBMISSION}",
    }


def _weights(study: Study, run: Run, first: dict[str, Any]) -> dict[str, str | None]:
    """What the first training started from, and what it should have where that was not available."""
    used, asked = first["weights"], first["weights"].get("asked")
    commit = f" (commit {used['commit']})" if "commit" in used else ""
    return {"weights": used["source"] + commit, "weights_asked": asked or study.fallbacks.get(run.model)}


def _measured_later(metrics: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The scores of an evaluation, with what was not measured yet when it was made: its predictions tell."""
    return metrics if "ece" in metrics else metrics | {"ece": read_calibration_error(folder)}


def _missing(
    study: Study, run: Run, trainings: list, test: dict | None, validation: dict | None, results: Results
) -> str | None:
    """What a run lacks, or why what is there is no result; None for a complete run."""
    again = "delete its folder and run again"
    dataset = results.read("data", study.datasets[run.dataset].folder, "dataset.json")
    before = None
    for folder, training in zip(run.trainings, trainings, strict=True):
        if training is None:
            broken = f": its training.json is broken: {again}" if folder in results.unreadable else ""
            return f"training {folder} ({study.trainings[folder].title}){broken}{results.last_words('train', folder)}"
        if training["parent_digest"] != before:
            return f"training {folder} from the present weights of the stage before: {again}"
        if dataset and training["data_fingerprint"] != dataset["fingerprint"]:
            return f"training {folder} on the present videos (one was replaced by another of the same size): {again}"
        before = training["checkpoint_digest"]
    for folder, metrics in ((run.evaluation, test), (run.validation, validation)):
        if folder and metrics is None:
            broken = f": its metrics.json is broken: {again}" if folder in results.unreadable else ""
            title = study.evaluations[folder].title
            return f"evaluation {folder} ({title}){broken}{results.last_words('evaluate', folder)}"
        if folder and metrics["checkpoint_digest"] != before:
            return f"evaluation {folder} of the present weights: {again}"
        if folder and not (results.folder / "evaluations" / folder / "predictions.parquet").exists():
            return f"predictions of evaluation {folder} ({study.evaluations[folder].title})"
    unlabelled = study.datasets[run.dataset].scored_on != "test"
    if unlabelled and not (results.folder / "evaluations" / run.evaluation / SUBMISSION).exists():
        return f"{SUBMISSION} of evaluation {run.evaluation} ({study.evaluations[run.evaluation].title}): {again}"
    return None


def _epochs(study: Study, results: Results) -> list[dict[str, Any]]:
    """The log rows of every finished training once, by the axes of the run that it belongs to."""
    rows = []
    for folder, (run, stage) in _owners(study).items():
        training = results.read("trainings", folder, "training.json")
        log = results.folder / "trainings" / folder / "training_log.csv"
        if training is None or not log.exists():
            continue
        ratio = study.trainings[folder].spec["train_ratio"]
        axes = run.cell | {"observation_ratio": ratio, "stage": stage, "training": folder}
        for row in files.read_csv(log):
            rows.append(axes | {"chosen": int(int(row["epoch"]) == training["chosen_epoch"])} | row)
    return rows


def _owners(study: Study) -> dict[str, tuple[Run, int]]:
    """For each training the first run that ends with it, or else that passes through it, and its stage there."""
    owners: dict[str, tuple[Run, int]] = {}
    for run in study.runs:
        owners.setdefault(run.trainings[-1], (run, len(run.trainings)))
    for run in study.runs:
        for stage, folder in enumerate(run.trainings, start=1):
            owners.setdefault(folder, (run, stage))
    return owners


def _log_columns(epochs: list[dict[str, Any]]) -> list[str]:
    return [name for name in dict.fromkeys(name for row in epochs for name in row) if name not in EPOCH_AXES]


def _summary(study: Study, rows: list[dict[str, Any]], results: Results) -> list[dict[str, Any]]:
    runs, home = [], f"{study.results_dir}/{study.name}/runs"
    for run, row in zip(study.runs, rows, strict=True):
        training = results.read("trainings", run.trainings[-1], "training.json") if not row["missing"] else None
        folder = f"{study.results_dir}/trainings/{run.trainings[-1]}"
        runs.append(
            run.cell
            | {name: row.get(name) for name in TOLD}
            | {"chosen": training and training["chosen"], "final": training and training["final"]}
            | {
                "paths": {name: f"{folder}/{file}" for name, file in RUN_FILES.items()}
                | {"run": f"{home}/{folder_of(run.cell)}"}
            }
            | {"trainings": list(run.trainings), "evaluation": run.evaluation, "validation": run.validation}
            | {"predictions_digest": row.get("predictions_digest")}
        )
    return runs
