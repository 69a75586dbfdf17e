"""What the Snakefile asks for: the study of this call, its frozen copy, and checks before the first job.

The main process freezes the resolved study when its first job starts; remote jobs read that copy, so that an edit
of the study file while jobs run reaches none of them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from partway import files, keys, locks, study
from partway.attention import request
from partway.errors import PartwayError

FROZEN = Path(".snakemake/partway")
KNOWN_ARGUMENTS = {"study", "set"}
EVALUATION_FILES = ("predictions.parquet", "metrics.json")


class CallError(PartwayError):
    """Snakemake was called in a way that partway cannot work with."""


def interpreter_first_on_path() -> None:
    """Let `python` in rules be the one that runs Snakemake, also from a `.venv/bin` that is not activated."""
    folder = str(Path(sys.executable).parent)
    if shutil.which("python") != str(Path(folder, "python")):
        os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])


def load(config: dict[str, Any], *, main_process: bool) -> study.Study:
    """The study of this call: read and resolved in the main process, the frozen copy in its remote jobs.

    Args:
        config: Snakemake's `--config`: `study` (a path, default config.yaml) and `set` (a text or a list of texts).
        main_process: `workflow.is_main_process`.
    """
    source, edits = _arguments(config)
    if not main_process:
        return study.Study.from_dict(files.read_json(frozen_path(config)))
    if "--unlock" in sys.argv and (other := locks.at_work()):
        raise CallError(
            f"--unlock: snakemake works in this folder ({other}), and two calls without a lock would write the same "
            "files. Wait for it, or stop it, then unlock."
        )
    _refuse_repeated_arguments(sys.argv)
    return study.load(source, edits)


def freeze(resolved: study.Study, config: dict[str, Any]) -> None:
    """Write the resolved study, and the command, where collect and the remote jobs of this very call find them."""
    files.write_json(frozen_path(config), replace(resolved, command=command_line(sys.argv)).to_dict())


def command_line(argv: Sequence[str]) -> str:
    """What the user typed, to be typed again on another machine: without the folder that the program lies in."""
    name = Path(argv[0]).name
    program = ["python", "-m", "snakemake"] if name == "__main__.py" else [name]
    return shlex.join([*program, *argv[1:]])


def frozen_path(config: dict[str, Any]) -> Path:
    """Where `freeze` writes; the same for equal `--config`."""
    return FROZEN / f"study-{keys.key_of(list(_arguments(config)))}.json"


def _arguments(config: dict[str, Any]) -> tuple[str, list[str]]:
    unknown = sorted(set(config) - KNOWN_ARGUMENTS)
    if unknown:
        raise CallError(f"--config {unknown[0]}=...: unknown; known are study=FILE and set='path=value'")
    source, edits = config.get("study", "config.yaml"), config.get("set", [])
    edits = [edits] if isinstance(edits, str) else edits
    if not isinstance(edits, list) or not all(isinstance(edit, str) for edit in edits):
        raise CallError(
            "--config set=...: expected a text or a list of texts; write one as set='training.epochs=50', "
            """several, or a value with brackets, as 'set=["a=1", "grid.*.ratios=[0.1, 0.5]"]'"""
        )
    return str(source), edits


def _refuse_repeated_arguments(argv: list[str]) -> None:
    """Snakemake keeps only the last of a repeated `--config` or `set=`: the earlier ones would be lost in silence."""
    for what, count in {
        "--config": sum(word in ("--config", "-C") or word.startswith("--config=") for word in argv),
        "set=": sum(word.startswith("set=") for word in argv),
        "study=": sum(word.startswith("study=") for word in argv),
    }.items():
        if count > 1:
            raise CallError(
                f"{what} is given {count} times, and Snakemake keeps only the last; write one --config with "
                """'set=["a=1", "b=2"]'"""
            )


def missing_data(resolved: study.Study) -> list[str]:
    """One line for each data set of the study that has no videos or lacks lists."""
    return [f"data set {name}: {source.missing}" for name, source in resolved.datasets.items() if source.missing]


def check_call(workflow: Any, resolved: study.Study) -> None:
    """Stop before the first job where a finished run could be lost or recomputed; called while the DAG is built.

    Raises:
        CallError: settings of `profiles/default` are missing, or (not in a dry run) a data set has no videos.
    """
    execution, dag = workflow.execution_settings, workflow.dag_settings
    if execution is None:
        return  # --report, --summary, --rulegraph: nothing is going to run
    if workflow.is_main_process and not workflow.dryrun:
        for note in filter(None, (locks.explain(), _same_name(resolved))):
            print(f"note: {note}", file=sys.stderr)
    triggers = {str(trigger) for trigger in dag.rerun_triggers}
    right = {
        f"rerun-triggers: [mtime, params] (now {', '.join(sorted(triggers))})": triggers == {"mtime", "params"},
        "keep-going: true": execution.keep_going,
        "ignore-incomplete: true": execution.ignore_incomplete,
    }
    wrong = [setting for setting, holds in right.items() if not holds]
    if wrong and workflow.is_main_process and not workflow.touch:
        raise CallError(
            "this call does not use partway's profile and would re-run finished work. Missing: "
            + "; ".join(wrong)
            + ". Call snakemake in the folder that holds profiles/default, or add these settings to your profile."
        )
    for told in resolved.warnings if workflow.is_main_process else ():
        print(f"warning: {told}", file=sys.stderr)
    if wrong := "\n".join([*missing_data(resolved), *request.unknown_videos(resolved)]):
        if not workflow.dryrun:
            raise CallError(wrong)
        print(f"warning: {wrong}", file=sys.stderr)


def _same_name(resolved: study.Study) -> str | None:
    """Whether what lies in this study's folder was collected from another file, which has the same name."""
    home = Path(resolved.results_dir, resolved.name)
    for mark in (home / ".collected").glob("*"):
        source = mark.read_text(encoding="utf-8").removeprefix("collected from ").strip()
        if source != resolved.source:
            return (
                f"{home} holds the tables of {source}, which has the same `name:`; those of {resolved.source} will take "
                "their place. Write another name to keep both; trainings are shared either way."
            )
    return None


def where_results_are(resolved: study.Study) -> str:
    """One line for the end of a call that went well."""
    home = f"{resolved.results_dir}/{resolved.name}"
    tables = ", ".join(f"{home}/tables/{ladder}.md" for ladder in resolved.ladders)
    page = f"All of it on one page, for a browser: {home}/report.html"
    return f"{page}. Found, in words: {home}/verdict.md. Tables: {tables or 'none'}. Figures: {home}/figures/"


def announce_machine(workflow: Any) -> None:
    """Tell the jobs where machine.yaml lies, and how many of their kind divide this machine's cores (see machine.py)."""
    os.environ.setdefault("PARTWAY_MACHINE", str(Path(workflow.basedir, "profiles", "machine.yaml")))
    gpus = workflow.global_resources.get("gpu")
    counts = [c for c in (_number(workflow.global_resources.get("_cores")), _number(gpus)) if c]
    if counts and workflow.is_main_process:
        os.environ["PARTWAY_JOBS_AT_ONCE"] = str(min(counts))


def _number(resource: Any) -> int | None:
    value = getattr(resource, "value", resource)
    return value if isinstance(value, int) and value > 0 else None


class Unfinished:
    """Which jobs have work to do before Snakemake asks: a finished one gets no edge to data or checkpoints."""

    def __init__(self, resolved: study.Study):
        self.results = resolved.results_dir
        self.readers: dict[str, list[tuple[Callable[[str], bool], str]]] = {name: [] for name in resolved.trainings}
        for evaluation in resolved.evaluations.values():
            self.readers[evaluation.training].append((self.evaluation, evaluation.folder))
        for training in resolved.trainings.values():
            if training.parent:
                self.readers[training.parent].append((self.training, training.folder))
        self.pictures = f"{resolved.results_dir}/{resolved.name}/attention"
        for place, picture in resolved.pictures.items():
            self.readers[picture.training].append((self.picture, place))

    def evaluation(self, folder: str) -> bool:
        """Whether an evaluation lacks one of its files."""
        return not self._all_exist("evaluations", folder, EVALUATION_FILES)

    def picture(self, place: str) -> bool:
        """Whether a picture of attention is not drawn."""
        return not Path(self.pictures, f"{place}.png").exists()

    def training(self, folder: str) -> bool:
        """Whether a training lacks its record, or its checkpoint where something unfinished needs it."""
        if not self._all_exist("trainings", folder, ("training_log.csv", "training.json")):
            return True
        if self._all_exist("trainings", folder, ("checkpoint.pt",)):
            return False
        return any(unfinished(reader) for unfinished, reader in self.readers[folder])

    def _all_exist(self, kind: str, folder: str, names: tuple[str, ...]) -> bool:
        place = f"{self.results}/{kind}/{folder}/"
        return all(os.path.exists(place + name) for name in names)  # noqa: PTH110 (thousands: a Path costs more than the stat)
