"""summary.json: the study, its data sets, what its jobs recorded, and one object a run with scores and paths."""

from __future__ import annotations

from typing import Any

from partway.results import imported_rows
from partway.results.collect.provenance import data_set, recorded
from partway.results.collect.reading import Results
from partway.results.run_folders import folder_of
from partway.study import Study

TOLD = (  # of a row, in summary.json
    *("status", "missing", "scored_on", "test_top1", "test_top5", "test_videos"),
    *("val_top1", "val_top5", "val_videos", "submission"),
)
RUN_FILES = {"training_log": "training_log.csv", "checkpoint": "checkpoint.pt", "training": "training.json"}


def summary_of(study: Study, rows: list[dict[str, Any]], results: Results) -> dict[str, Any]:
    """What summary.json holds.

    Args:
        rows: of runs.csv, in the order of the study's runs.
    """
    told = {"study": study.name, "digest": study.digest, "source": study.source, "command": study.command}
    told["datasets"] = {
        name: data_set(source, study.results_dir, results.read) for name, source in study.datasets.items()
    }
    told |= recorded(study, results.read) | {"runs": _runs(study, rows, results)}
    return told | ({"imports": imported_rows.in_summary(study.imports)} if study.imports else {})


def _runs(study: Study, rows: list[dict[str, Any]], results: Results) -> list[dict[str, Any]]:
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
