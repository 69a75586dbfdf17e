"""What the jobs of a study took, and what it saved that runs share them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from partway.progress import duration
from partway.results.collected import Collected
from partway.results.naming import count

HOUR_SEC = 3600
MACHINES = {True: "GPU-hours", False: "CPU-hours"}
NOTHING = "nothing"


def cost(study: Collected) -> dict[str, Any]:
    """Hours of trainings and evaluations: what they took, what each run alone would have taken, and what sharing saved.

    Returns:
        `words`, a sentence or two, and `rows`: one for trainings and for evaluations on either kind of machine.
    """
    needs = [needed for run in study.summary["runs"] if run["status"] == "complete" for needed in _needs(run)]
    rows = []
    for kind in ("trainings", "evaluations"):
        hours = {folder: _hours(record) for folder, record in study.summary[kind].items()}
        for gpu, unit in MACHINES.items():
            of_kind = {folder: spent for folder, (on_gpu, spent) in hours.items() if on_gpu == gpu}
            if of_kind:
                rows.append(_row(f"{kind}, {unit}", of_kind, [folder for name, folder in needs if name == kind]))
    return {"words": _words(study, rows), "rows": [_shown(row) for row in rows]}


def saved_sec(study: Collected) -> float:
    """Seconds of training that the complete runs did not need since they share trainings."""
    chains = [run["trainings"] for run in study.summary["runs"] if run["status"] == "complete"]
    seconds = {folder: record["time_sec"] or 0 for folder, record in study.summary["trainings"].items()}
    return sum(map(seconds.get, _all(chains))) - sum(map(seconds.get, set(_all(chains))))


def _all(chains: Iterable[list[str]]) -> list[str]:
    return [folder for chain in chains for folder in chain]


def _needs(run: dict[str, Any]) -> list[tuple[str, str]]:
    """The jobs that a run would have had to do alone, as (kind, folder)."""
    evaluations = [run[name] for name in ("evaluation", "validation") if run[name]]
    return [("trainings", name) for name in run["trainings"]] + [("evaluations", name) for name in evaluations]


def _hours(record: dict[str, Any]) -> tuple[bool, float]:
    """Whether a job ran on a GPU, and its hours: of a CPU's, one for each thread that is on record."""
    on_gpu = not (record["device"] or "CPU").startswith("CPU")
    return on_gpu, (record["time_sec"] or 0) / HOUR_SEC * (1 if on_gpu else record.get("threads") or 1)


def _row(kind: str, hours: dict[str, float], needed: list[str]) -> dict[str, Any]:
    """Saved is of jobs that complete runs need: another job has no run that could have shared it."""
    asked = [folder for folder in needed if folder in hours]
    alone = sum(hours[folder] for folder in asked)
    saved = alone - sum(hours[folder] for folder in set(asked))
    return {"kind": kind, "jobs": len(hours), "spent": sum(hours.values()), "alone": alone, "saved": saved}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: _number(row[name]) for name in ("spent", "alone", "saved")}


def _number(hours: float) -> str:
    """Hours with as many digits as say something."""
    return (
        f"{hours:,.0f}"
        if hours >= 100
        else f"{hours:#.3g}"
        if hours >= 0.1
        else f"{hours:.4f}"
        if hours >= 0.001
        else "0"
        if not hours
        else "< 0.001"
    )


def _words(study: Collected, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "Nothing was trained or evaluated yet."
    trainings, evaluations = (study.seconds(kind) for kind in ("trainings", "evaluations"))
    told = f"Trainings took {duration(trainings)} together, evaluations {duration(evaluations)}."
    spent, saved = ({unit: _of(rows, unit, name) for unit in MACHINES.values()} for name in ("spent", "saved"))
    told += f" That is {_listed(spent)}."
    several = count(sum(run["status"] == "complete" for run in study.summary["runs"]), "complete run")
    if any(saved.values()):
        return f"{told} Sharing saved {_listed(saved)}: what the {several} would have cost more, each made alone."
    return f"{told} No two complete runs share a training or an evaluation."


def _of(rows: list[dict[str, Any]], unit: str, name: str) -> float:
    return sum(row[name] for row in rows if row["kind"].endswith(unit))


def _listed(hours: dict[str, float]) -> str:
    return " and ".join(f"{_number(number)} {unit}" for unit, number in hours.items() if number)
