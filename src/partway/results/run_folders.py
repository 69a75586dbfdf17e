"""Readable run folders: `results/<study>/runs/<dataset>/<model>/.../seed_<s>/`, each with run.json and links.

The results themselves lie under their keys, where runs share them; here they are found by name. Links are relative, so
that a moved results folder keeps working. Whatever lies here is made from the results and can be deleted at any time.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from partway import files
from partway.schema_clips import Evaluation
from partway.study import Run, Study
from partway.submission import NAME as SUBMISSION
from partway.training.spec import TrainingSpec

Reader = Callable[[str, str, str], dict[str, Any] | None]  # kind, folder, file name -> its content, if it is there

RECORD = "run.json"
COPIED = {
    "trainings": ("training_log.csv", "checkpoint.pt", "training.json"),
    "evaluations": ("predictions.parquet", "metrics.json", SUBMISSION),
}
SCORES = ("loss", "top1", "top5", "mean_class_accuracy", "videos")
# What collect may take away again: nothing else in these folders is touched.
OURS = re.compile(rf"training(_stage_\d+)?|evaluation_(test|validation)|{re.escape(RECORD)}|\..*\{files.TEMPORARY}.*")


def folder_of(cell: dict[str, Any]) -> str:
    """Where a run lies below `runs/`, by the axes of its cell."""
    fraction = "" if cell["train_fraction"] == 1 else f"_{cell['train_fraction']}"
    return (
        f"{cell['dataset']}/{cell['model']}/{cell['ablation']}/train_{cell['train_ratio']}{fraction}/{cell['window']}/"
        f"observation_ratio_{cell['observation_ratio']}/seed_{cell['seed']}"
    )


DEPTH = 7  # folders from runs/ down to that of a run


@dataclass(frozen=True)
class Link:
    """One name in a run folder and the shared folder that it stands for."""

    name: str
    kind: str  # trainings or evaluations
    folder: str


def links_of(run: Run) -> list[Link]:
    """The trainings of a run's chain, stage by stage, and its evaluations."""
    several = len(run.trainings) > 1
    stages = enumerate(run.trainings, start=1)
    trainings = [Link(f"training_stage_{n}" if several else "training", "trainings", folder) for n, folder in stages]
    evaluations = {"test": run.evaluation, "validation": run.validation}
    return trainings + [Link(f"evaluation_{s}", "evaluations", folder) for s, folder in evaluations.items() if folder]


def write_run_folders(
    study: Study, home: Path, runs: Iterable[Run], read: Reader, *, copy: bool = False, say: Callable | None = None
) -> None:
    """Bring `home/runs` to hold exactly these complete runs; what is right already is not written again.

    Args:
        study: gives results folder and specs.
        home: `results/<name>`.
        runs: the complete ones; folders of all others are removed, what their links point to never is.
        read: reads a result's JSON.
        copy: copies of the result files instead of links; also taken where the file system refuses links.
        say: is told once where links are refused; default standard error.
    """
    root = home / "runs"
    tree = _Tree(root, Path(study.results_dir), copy, say or (lambda line: print(line, file=sys.stderr)))
    record = _recorder(study, read)
    wanted = set()
    for run in runs:
        relative = folder_of(run.cell)
        wanted.add(relative)
        tree.place(relative, record(run), links_of(run))
    _remove_vanished(str(root), "", wanted, DEPTH)


# --- what stands in run.json ---------------------------------------------------------------------------


def training_settings(spec: dict[str, Any], made: dict[str, Any] | None) -> dict[str, Any]:
    """The settings of a training in full: its spec with every default filled in, or what its checkpoint had instead.

    Args:
        spec: as hashed.
        made: its record, where it is finished; a checkpoint of the hub is known by then.
    """
    typed = TrainingSpec.from_record({"spec": spec, "model": (made or {}).get("model") or spec.get("model", {})})
    store = typed.store.name if typed.store.in_key else "lossless"  # which of those is no matter of the numbers
    return {field.name: _plain(getattr(typed, field.name)) for field in fields(typed)} | {"store": store}


def evaluation_settings(spec: dict[str, Any]) -> dict[str, Any]:
    """The settings of an evaluation in full."""
    return {"window": "prefix"} | spec | {"views": _plain(Evaluation.model_validate(spec.get("views", {})))}


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _recorder(study: Study, read: Reader) -> Callable[[Run], str]:
    """A function from a run to the text of its run.json; runs that share a training share the work on it."""

    @cache
    def training(folder: str) -> dict[str, Any]:
        found = read("trainings", folder, "training.json")
        names = ("data_fingerprint", "checkpoint_digest", "parent_digest", "epochs", "chosen_epoch", "chosen", "final")
        facts = {
            name: found[name]
            for name in (*names, "train_target", "time_sec", "device", "precision", "threads", "git_commit", "weights")
        }
        return {
            "folder": folder,
            "key": _key(folder),
            "settings": training_settings(study.trainings[folder].spec, found),
        } | facts

    @cache
    def evaluation(folder: str) -> dict[str, Any]:
        found = read("evaluations", folder, "metrics.json")
        facts = {name: found[name] for name in ("checkpoint_digest", "predictions_digest")}
        scores = {name: found[name] for name in SCORES}
        settings = evaluation_settings(study.evaluations[folder].spec)
        return {"folder": folder, "key": _key(folder), "settings": settings} | facts | {"scores": scores}

    def text(run: Run) -> str:
        blocks = {"trainings": training, "evaluations": evaluation}
        linked: dict[str, list] = {"trainings": [], "evaluations": []}
        for link in links_of(run):
            linked[link.kind].append({"link": link.name} | blocks[link.kind](link.folder))
        source = study.datasets[run.dataset]
        data = {"folder": source.folder, "key": _key(source.folder), "spec": source.spec}
        value = {"study": study.name, "run": run.cell, "data": data} | linked
        return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    return text


def _key(folder: str) -> str:
    """The key in a folder's name, `<architecture or layout>-<key>`."""
    return folder.rsplit("-", 1)[1]


# --- files ---------------------------------------------------------------------------------------------


class _Tree:
    """The folder `runs/`; made for 10,000 runs, whose paths are text because a `Path` costs more than the call."""

    def __init__(self, root: Path, results: Path, copy: bool, say: Callable[[str], None]):
        self.root, self.copy, self.say = str(root), copy, say
        self.folders: set[str] = set()
        root.parent.mkdir(parents=True, exist_ok=True)
        self._real_folder(self.root)
        self.shared = {kind: f"{results}/{kind}" for kind in COPIED}
        # The kernel goes up from where a link really lies, also where results/<name> is itself a link.
        up, real = "../" * DEPTH, os.path.realpath(root)
        self.relative = {kind: up + os.path.relpath(os.path.realpath(path), real) for kind, path in self.shared.items()}

    def place(self, relative: str, record: str, links: list[Link]) -> None:
        """Bring one run folder to hold this record and these links, and nothing of ours besides."""
        folder = self.root
        for part in relative.split("/"):
            folder = f"{folder}/{part}"
            self._real_folder(folder)
        there = {entry.name: entry for entry in os.scandir(folder)}
        for name in set(there) - {RECORD, *(link.name for link in links)}:
            if OURS.fullmatch(name):
                _remove(there[name].path)
        for link in links:
            self._link(f"{folder}/{link.name}", link, there.get(link.name))
        # Last: a folder with its record is whole.
        if RECORD not in there or Path(folder, RECORD).read_text(encoding="utf-8") != record:
            with files.replacing(f"{folder}/{RECORD}", durable=False) as temporary:
                temporary.write_text(record, encoding="utf-8")

    def _real_folder(self, path: str) -> None:
        """Make a folder; a link in its place is taken away, so that nothing is written where it points to."""
        if path not in self.folders:
            self.folders.add(path)
            if os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path)):
                os.unlink(path)
            os.makedirs(path, exist_ok=True)

    def _link(self, path: str, link: Link, there: os.DirEntry | None) -> None:
        if not self.copy:
            to = f"{self.relative[link.kind]}/{link.folder}"
            if there and there.is_symlink() and os.readlink(path) == to:
                return
            temporary = f"{os.path.dirname(path)}/.{uuid.uuid4().hex}{files.TEMPORARY}"
            try:
                os.symlink(to, temporary)
            except OSError as error:
                self.copy = True  # from here on
                self.say(f"links are refused in {self.root} ({error.strerror}): its run folders hold copies instead")
            else:
                if there and not there.is_symlink():
                    _remove(path)
                os.replace(temporary, path)
                return
        self._copy(Path(path), Path(self.shared[link.kind], link.folder), COPIED[link.kind])

    def _copy(self, folder: Path, source: Path, names: tuple[str, ...]) -> None:
        self._real_folder(str(folder))
        for name in names:
            if not (source / name).exists():
                (folder / name).unlink(missing_ok=True)  # a pruned checkpoint, or the copy of another training
            elif not _same(source / name, folder / name):
                with files.replacing(folder / name, durable=False) as temporary:
                    shutil.copy2(source / name, temporary)


def _same(one: Path, other: Path) -> bool:
    """Whether a copy is that of its file, by size and time of change."""
    if not other.exists():
        return False
    first, second = one.stat(), other.stat()
    return (first.st_size, first.st_mtime_ns) == (second.st_size, second.st_mtime_ns)


def _remove(path: str) -> None:
    """Remove a link, a file or a folder of copies; never what a link points to."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _remove_vanished(folder: str, relative: str, wanted: set[str], depth: int) -> None:
    """Take away the run folders that are not wanted, and the folders that this leaves empty.

    What somebody else put there stays, and its folder with it; links are not followed.
    """
    for entry in list(os.scandir(folder)):
        below = f"{relative}/{entry.name}" if relative else entry.name
        if depth == 0:
            if OURS.fullmatch(entry.name):
                _remove(entry.path)
        elif entry.is_dir(follow_symlinks=False) and not (depth == 1 and below in wanted):
            _remove_vanished(entry.path, below, wanted, depth - 1)
    if relative and not any(os.scandir(folder)):
        os.rmdir(folder)
