"""The rows of runs.csv: one a run, with all axes, metrics, cost, and what it was made with."""

from __future__ import annotations

from typing import Any

from partway import metrics
from partway.results.collect.completeness import missing_of
from partway.results.collect.reading import Results
from partway.results.mixtures import joined, merged
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
        "numerics",
        "versions",
        "weights",
        "weights_asked",  # where `weights` is not what the study names first, but of its fallback
    ),
    *("training", "evaluation", "validation", "predictions_digest", "submission", "missing"),
]
RAN_ON = ("device", "precision", "compile")  # compile: off, where it was not recorded yet


def run_row(study: Study, run: Run, results: Results) -> dict[str, Any]:
    """One run as a row; what is missing stands in `missing`, and nothing is filled in for it."""
    read = results.read
    trainings = [read("trainings", folder, "training.json") for folder in run.trainings]
    final = trainings[-1]
    test, validation = (
        read("evaluations", folder, "metrics.json") if folder else None for folder in (run.evaluation, run.validation)
    )
    missing = missing_of(study, run, results)
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
    for prefix, folder, record in scored:
        if record:
            scores = _measured_later(record, folder, results)
            row |= {f"{prefix}_{score}": scores[score] for score in SCORES} | {f"{prefix}_videos": record["videos"]}
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
        **{name: joined(trainings, name, "off") for name in RAN_ON},
        "threads": final["threads"],
        "git_commit": joined(trainings, "git_commit"),
        **{name: merged([*trainings, test], name) for name in ("numerics", "versions")},
        **_weights(study, run, trainings[0]),
        "predictions_digest": test["predictions_digest"],
        "submission": None if labelled else f"{results.folder}/evaluations/{run.evaluation}/{SUBMISSION}",
    }


def _weights(study: Study, run: Run, first: dict[str, Any]) -> dict[str, str | None]:
    """What the first training started from, and what it should have where that was not available."""
    used, asked = first["weights"], first["weights"].get("asked")
    commit = f" (commit {used['commit']})" if "commit" in used else ""
    return {"weights": used["source"] + commit, "weights_asked": asked or study.fallbacks.get(run.model)}


def _measured_later(record: dict[str, Any], evaluation: str, results: Results) -> dict[str, Any]:
    """The scores of an evaluation, with what was not measured yet when it was made: its outcomes tell."""
    if "ece" in record:
        return record
    found = results.outcomes.read(evaluation)
    return record | {"ece": metrics.calibration_error(found.confidence_N, found.correct_N)}
