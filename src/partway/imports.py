"""Results of an older script beside those of a study: `results/<study>/imported/<name>.json`, one file an import.

`partway import` writes such a file, whole and with all its numbers, so that the old folder is not needed again. A study that is
read takes in what lies there, and its digest with it: one more import, or one less, collects and draws again and trains nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from partway import files, keys
from partway.errors import DataError, any_of, nearest, short
from partway.old_log import COLUMNS
from partway.old_results import OldResults
from partway.schema_types import NAME, Count, Name, Probability, Ratio, Section

FOLDER = "imported"
NEXT = "Call snakemake as before: it collects and draws again, and trains nothing."
LONGEST_NAME = 100
TOLD_IN_LOCK = ("name", "dataset", "window", "videos", "source", "files", "notes")


class ImportedRun(Section):
    """One training of the script; accuracies are fractions, those of the chosen epoch."""

    observation_ratio: Ratio
    total_epochs: Count | None
    chosen_epoch: Count | None
    val_top1: Probability
    val_top5: Probability | None
    train_top1: Probability | None
    train_eval_top1: Probability | None
    checkpoint_path: str | None
    epochs: list[dict[Literal["epoch", *COLUMNS.values()], int | float | None]]


class Import(Section):
    """What one call of `partway import` read."""

    format: Literal[1] = 1
    name: Name
    dataset: Name
    window: Literal["prefix", "middle"]
    videos: Count | None  # of validation; as the user says
    source: str
    files: dict[str, str]  # SHA-256 by path in the folder
    notes: list[str]
    runs: Annotated[list[ImportedRun], Field(min_length=1)]


def add(home: Path, folder: Path, *, name: str, dataset: str, options: dict[str, Any]) -> tuple[Import, bool]:
    """Read an old folder and write its import.

    Args:
        home: `results/<study>`.
        folder: of the script.
        name: of the import, as tables and figures show it.
        dataset: the study's data set that the script was trained on.
        options: `window`, `videos` (of validation, or None) and `unit` of the accuracies.

    Returns:
        The import, and whether it was there already, the same.

    Raises:
        DataError: the folder cannot be read as the script's, or another import has the name.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise DataError(f"--name {short(name)}: expected letters, digits, _, - and dots, and no dot at its beginning")
    found = OldResults(folder, options["unit"])
    made = Import(
        name=name,
        dataset=dataset,
        window=options["window"],
        videos=options["videos"],
        source=str(folder),
        files=dict(sorted(found.files.items())),
        notes=[*found.notes, *_wrong_count(found.runs, options["videos"])],
        runs=[ImportedRun(**run) for run in found.runs],
    )
    path = _path(home, name)
    if path.exists():
        if read(path) == made:
            return made, True
        raise DataError(f"{path} holds another import; choose another --name, or take it away: --remove {name}")
    files.write_json(path, made.model_dump())
    return made, False


def data_set(asked: str | None, known: list[str]) -> str:
    """The data set that an import is of: the one asked for, or the only one that the study runs.

    Raises:
        DataError: the study does not run it, or runs several and none was asked for.
    """
    if asked is None and len(known) == 1:
        return known[0]
    if asked is None:
        raise DataError(f"expected --dataset: the study runs {any_of(known)}")
    if asked not in known:
        raise DataError(f"--dataset {short(asked)}: this study runs no such data set{nearest(asked, known)}")
    return asked


def told(home: Path, made: Import, was_there: bool) -> Iterator[str]:
    """What `partway import` prints: every number, what is odd, and what to do next."""
    state = "was imported before, the same" if was_there else "is imported"
    yield f"{made.name} {state}: {len(made.runs)} ratios of data set {made.dataset}, {made.window} window"
    for run in made.runs:
        epochs = f"epoch {run.chosen_epoch} of {run.total_epochs}" if run.chosen_epoch else "epoch not known"
        yield f"  ratio {run.observation_ratio:g}: best validation top1 {100 * run.val_top1:.2f} % ({epochs})"
    yield from (f"  note: {note}" for note in made.notes)
    if not made.videos:
        yield "  no --videos given: no intervals"
    if checkpoints := [run.checkpoint_path for run in made.runs if run.checkpoint_path]:
        yield f"Its checkpoints, such as {checkpoints[0]}, can be scored on test: docs/weights.md, `epochs: 0`."
    yield f"Written to {_path(home, made.name)}. {NEXT}"


def remove(home: Path, name: str) -> None:
    """Take an import away; its numbers stay where they were read.

    Raises:
        DataError: no import has this name.
    """
    there = names(home)
    if name not in there:
        raise DataError(f"--remove {short(name)}: no such import in {home / FOLDER}{nearest(name, there)}")
    _path(home, name).unlink()


def names(home: Path) -> list[str]:
    """The names of what was imported into a study."""
    return sorted(path.stem for path in (home / FOLDER).glob("[!.]*.json"))


def read(path: Path) -> Import:
    """Read the file of one import.

    Raises:
        StorageError: it is no JSON. DataError: it is not what `partway import` wrote.
    """
    try:
        return Import.model_validate(files.read_json(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}: {key}: {first['msg']}; delete it and import again") from None


def read_all(home: Path, datasets: Iterable[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """The imports of a study as plain values, by name; and a warning for each whose data set the study does not run."""
    known, warnings = [], []
    for name in names(home):
        found = read(_path(home, name))
        if found.dataset in datasets:
            known.append(found.model_dump())
        else:
            warnings.append(
                f"import {name} is not shown: it is of data set {found.dataset}, which this study does not run "
                f"(partway import --remove {name} takes it away)"
            )
    return known, warnings


def in_lock(imports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What of the imports stands in study.lock.json: all but their numbers, which have a digest there."""
    return [
        {key: made[key] for key in TOLD_IN_LOCK}
        | {"checkpoints": {f"{run['observation_ratio']:g}": run["checkpoint_path"] for run in made["runs"]}}
        | {"digest": keys.key_of(made)}
        for made in imports
    ]


def _path(home: Path, name: str) -> Path:
    return home / FOLDER / f"{name}.json"


def _wrong_count(runs: list[dict[str, Any]], videos: int | None) -> list[str]:
    """A note where accuracies are no whole numbers of the videos that the user counted, beyond what rounding does."""
    tolerance = 0.02 + 6e-5 * (videos or 0)  # accuracies with two decimals in per cent are off by 5e-5
    if videos is None or tolerance > 0.25:
        return []
    top1s = [run["val_top1"] for run in runs] + [epoch["val_top1"] for run in runs for epoch in run["epochs"]]
    odd = [top1 for top1 in top1s if top1 is not None and abs(top1 * videos - round(top1 * videos)) > tolerance]
    if not odd:
        return []
    of = f"{len(odd)} of {len(top1s)} accuracies are no whole number of {videos} videos"
    return [f"{of}, as {100 * odd[0]:.2f} %, {odd[0] * videos:.1f} videos: is --videos right?"]
