"""Which pictures a study or a person asks for; no torch, for the DAG needs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from partway import files, keys
from partway.errors import PartwayError, any_of, some
from partway.families import FAMILIES
from partway.plain_yaml import dotted
from partway.results.run_folders import folder_of
from partway.schema import StudyFile
from partway.schema_attention import MOST_VIDEOS, Attention
from partway.study import AXES, Picture, Run, Study
from partway.study_file import StudyText

CHOICES = {  # key of the section -> axis of a run
    "datasets": "dataset",
    "models": "model",
    "ablations": "ablation",
    "ratios": "observation_ratio",
    "seeds": "seed",
}


class RequestError(PartwayError):
    """A request that fits no run, or several where one is meant."""


def pictures(asked: Attention | None, runs: Iterable[Run]) -> dict[str, Picture]:
    """The pictures of a study, by their places below `results/<study>/attention/`, without `.png`.

    A place is the run's by name, and a key of all that the picture shows: an edit of an ablation asks for other places.
    """
    if asked is None:
        return {}
    wanted = {axis: getattr(asked, key) for key, axis in CHOICES.items() if getattr(asked, key) is not None}
    chosen = (run for run in runs if all(run.cell[axis] in values for axis, values in wanted.items()))
    drawn = ((folder_of(run.cell), of_run(run, asked.videos)) for run in chosen)
    return {f"{folder}/attention-{keys.attention_key(picture.spec)}": picture for folder, picture in drawn}


def bounded(videos: int | list[str]) -> int | list[str]:
    """The videos of one picture that a person asks for, if they are as many as fit one.

    Raises:
        RequestError: none, or too many.
    """
    count = videos if isinstance(videos, int) else len(videos)
    if not 1 <= count <= MOST_VIDEOS:
        raise RequestError(f"{count} videos do not fit one picture; ask for 1 to {MOST_VIDEOS}")
    return videos


def of_run(run: Run, videos: int | list[str]) -> Picture:
    """A picture of one run: of its last training, in test videos, at its ratio and window."""
    spec = {"training": run.trainings[-1], "observation_ratio": run.observation_ratio, "videos": videos}
    if run.window != "prefix" and run.observation_ratio != 1:
        spec["window"] = run.window
    window = f", {run.window} window" if run.window != "prefix" else ""
    fraction = f", train_fraction {run.train_fraction:g}" if run.train_fraction != 1 else ""
    ratios = f"train_ratio {run.train_ratio}{fraction}, observation_ratio {run.observation_ratio:g}{window}"
    return Picture(
        title=f"{run.dataset} {run.model} {run.ablation}, {ratios}, seed {run.seed}",
        spec=keys.normalise(spec),
        dataset=run.dataset,
        training=run.trainings[-1],
    )


def asked_videos(study: Study, folder: str) -> list[str]:
    """The ids of test videos that the pictures of a study name, of the data set in this folder."""
    drawn = (picture for picture in study.pictures.values() if study.datasets[picture.dataset].folder == folder)
    return next((picture.spec["videos"] for picture in drawn if isinstance(picture.spec["videos"], list)), [])


def why_unknown(asked: Sequence[str], manifest: Path | str) -> str | None:
    """What is wrong with ids that no test video of a prepared data set has; None where each has one."""
    known = {row["id"] for row in files.read_csv(manifest) if row["split"] == "test"} if asked else set()
    missing = [name for name in asked if name not in known]
    such = f", such as {min(known)}" if known else ""
    said = f"attention.videos: no test video has the id {some(missing)}; {manifest} lists them{such}"
    return said if missing else None


def unknown_videos(study: Study) -> Iterator[str]:
    """What is wrong with the videos that pictures name, of each data set that is prepared already."""
    for folder in dict.fromkeys(source.folder for source in study.datasets.values()):
        manifest = Path(study.results_dir, "data", folder, "manifest.csv")
        if manifest.exists() and (said := why_unknown(asked_videos(study, folder), manifest)):
            yield said


def not_drawn(study: Study) -> Iterator[str]:
    """One line for each picture of a study that is not there, with the log of its job."""
    for place, picture in study.pictures.items():
        if not Path(study.results_dir, study.name, "attention", f"{place}.png").exists():
            log = Path(study.results_dir, "logs", "attention", study.name, f"{place}.log")
            yield f"the attention picture of {picture.title} is not drawn" + (f"; see {log}" if log.exists() else "")


def one_run(study: Study, wanted: dict[str, Any]) -> Run:
    """The one run of a study that a person means.

    Args:
        wanted: values of axes; those that are None say nothing.

    Raises:
        RequestError: none or several; says which there are.
    """
    runs = list(study.runs)
    for axis, value in wanted.items():
        known = [run.cell[axis] for run in runs]
        runs = [run for run in runs if value is None or run.cell[axis] == value]
        if not runs:
            raise RequestError(f"{_option(axis)} {value}: no such run; there is {_listed(known)}")
    for axis in AXES:
        if len(known := {run.cell[axis]: None for run in runs}) > 1:
            raise RequestError(f"{len(runs)} runs are meant; say which by {_option(axis)}: {_listed(known)}")
    return runs[0]


def _listed(values: Iterable[Any]) -> str:
    return any_of([f"{value:g}" if isinstance(value, float) else str(value) for value in dict.fromkeys(values)])


def _option(axis: str) -> str:
    return "--" + {"observation_ratio": "ratio"}.get(axis, axis).replace("_", "-")


def cannot_be_drawn(name: str, family: str, architecture: str) -> str | None:
    """Why a model's attention cannot be drawn; None where it can."""
    about = FAMILIES[family].find(architecture)
    if about.attention:
        return None
    drawn = [known for of in FAMILIES.values() for known, it in of.architectures.items() if it.attention]
    return (
        f"the attention of {name} ({architecture}) cannot be drawn; it can for {', '.join(drawn)} and plain ViTs of timm, "
        "whose blocks are one attention each among all tokens"
    )


def wrong_request(file: StudyFile, text: StudyText) -> Iterator[str]:
    """What is asked for and cannot be: values that no block of the grid has, and models without such attention."""
    asked = file.attention
    if asked is None:
        return
    blocks = [_of_block(block) for block in file.grid]
    given = {axis: getattr(asked, axis) for axis in CHOICES if getattr(asked, axis) is not None}
    for axis, values in given.items():
        known = sorted({value for block in blocks for value in block[axis]})
        for position in (place for place, value in enumerate(values) if value not in known):
            path = ("attention", axis, position)
            yield f"{text.where(path)}: {dotted(path)}: no run of the grid has {values[position]}; there is {_listed(known)}"
    fits = [block for block in blocks if all(set(block[axis]) & set(values) for axis, values in given.items())]
    if not fits and all(set(values) & {v for b in blocks for v in b[axis]} for axis, values in given.items()):
        path = ("attention",)
        yield f"{text.where(path)}: attention: no run of the grid is of all of {', '.join(given)}; take one of them out"
    for model in dict.fromkeys(model for block in fits for model in block["models"]):
        if model not in file.models or (asked.models is not None and model not in asked.models):
            continue
        path = ("attention", "models", asked.models.index(model)) if asked.models else ("attention",)
        if told := cannot_be_drawn(model, file.models[model].family, file.models[model].architecture):
            instead = "" if asked.models else "; name others under attention.models"
            yield f"{text.where(path)}: {dotted(path)}: {told}{instead}"


def _of_block(block: Any) -> dict[str, list]:
    values = {axis: getattr(block, axis) for axis in CHOICES if axis != "datasets"}
    return values | {"datasets": [block.dataset]}
