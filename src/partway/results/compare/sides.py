"""The two sides of a comparison: finding what a person names, and reading it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from partway.errors import PartwayError, nearest, some
from partway.results.collected import Collected
from partway.results.outcomes import OutcomesReader
from partway.results.predictions import read_record
from partway.study import AXES

DECIMALS = 1
RUNS = "runs.csv"
COLLECTED = (RUNS, "study.lock.json", "summary.json")
PARTIAL = "partial"
NEEDED = [*AXES, "status", "scored_on", "training", "evaluation", "validation", "missing", "test_videos", "val_videos"]


@dataclass(frozen=True, eq=False)
class Side:
    """A or B.

    Attributes:
        letter: A or B.
        place: where it lies, as the user would name it.
        results: the folder that holds its evaluations.
        study: as collect wrote it, or as it would write it now.
    """

    letter: str
    place: str
    results: Path
    study: Collected

    @property
    def partial(self) -> bool:
        """Whether it lacks runs."""
        return len(self.study.complete) < len(self.study.runs)

    @cached_property
    def outcomes(self) -> OutcomesReader:
        """Reads what its evaluations answered of each video."""
        return OutcomesReader(self.results)

    def record(self, evaluation: str) -> dict[str, Any]:
        """What an evaluation recorded of itself.

        Raises:
            VanishedError: it is gone.
        """
        return read_record(self.results / "evaluations" / evaluation)

    def chain(self, run: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Spec and record of each training of a run, stage by stage.

        Args:
            run: a row of runs.csv.
        """
        folders, folder = [], run["training"]
        while folder is not None:
            folders.insert(0, folder)
            folder = self.study.lock["trainings"][folder]["parent"]
        return [(self.study.lock["trainings"][name]["spec"], self.study.summary["trainings"][name]) for name in folders]


def find(letter: str, given: str, edits: list[str]) -> Side:
    """Find one side: a study file, a folder that collect wrote, or the name of a study in results/.

    Args:
        letter: A or B.
        given: what the user typed.
        edits: `path=value` changes to a study file.

    Raises:
        PartwayError: nothing such is there, or nothing is collected in it.
    """
    path = Path(given)
    if path.is_file() or path.suffix in (".yaml", ".yml"):
        return _of_study(letter, given, edits)
    if edits:
        raise PartwayError(f"--set-{letter.lower()} changes a study file, and {given} is none")
    by_name = Path("results", given) if path.name == given else path
    for home in (path, by_name):
        if _is_collected(home / PARTIAL):  # a full collect removes it, so it is newer than what lies beside it
            return _of_home(letter, home / PARTIAL, partial=True)
        if _is_collected(home):
            return _of_home(letter, home, partial=home.name == PARTIAL)
    raise PartwayError(f"{given}: {_not_found(path if path.is_dir() else by_name)}")


def _is_collected(home: Path) -> bool:
    return all((home / name).exists() for name in COLLECTED)


def _of_home(letter: str, home: Path, *, partial: bool) -> Side:
    with (home / RUNS).open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file), [])
    if missing := [name for name in NEEDED if name not in columns]:
        raise PartwayError(
            f"{home / RUNS}: collected by another version of partway (no column {some(missing)}); collect it again with this "
            "one: `partway collect STUDY`"
        )
    results = home.parent.parent if partial else home.parent
    if not (results / "evaluations").is_dir():
        raise PartwayError(
            f"{results / 'evaluations'} is not there: the predictions of a study lie beside its folder, and are copied with it"
        )
    return Side(letter, str(home), results, Collected.read(home, DECIMALS))


def _of_study(letter: str, given: str, edits: list[str]) -> Side:
    """A study as collect would find it now, written nowhere: another study of its name may be collected."""
    from partway import study
    from partway.results.collect import write_runs

    resolved = study.load(given, edits)
    with TemporaryDirectory() as folder:
        write_runs(resolved, Path(folder))
        found = Collected.read(Path(folder), DECIMALS)
    place = " ".join([given, *(f"--set {edit}" for edit in edits)])
    if found.complete.empty:
        raise PartwayError(
            f"{place}: none of its {len(found.runs)} runs is complete in {resolved.results_dir}/; run it with snakemake first"
        )
    return Side(letter, place, Path(resolved.results_dir), found)


def _not_found(home: Path) -> str:
    """Why a name or folder is no side, and what could be meant."""
    below = _collected(home) if home.is_dir() else []
    if below:
        return f"holds the collected {'study' if len(below) == 1 else 'studies'} {some(below)}: name one, as {home / below[0]}"
    hint = "run its study with snakemake, or render what there is with `partway collect --partial`"
    if home.is_dir():
        return f"nothing is collected there (no {RUNS}); {hint}"
    known = _collected(home.parent) if home.parent.is_dir() else []
    there = nearest(home.name, known) if known else f"; nothing is collected in {home.parent}/: {hint}"
    return f"expected a study file, a folder such as results/demo, or the name of a study collected in results/{there}"


def _collected(folder: Path) -> list[str]:
    homes = [home for home in [*folder.glob("*"), *folder.glob(f"*/{PARTIAL}")] if _is_collected(home)]
    return sorted({home.parent.name if home.name == PARTIAL else home.name for home in homes})
