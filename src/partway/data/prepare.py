"""`prepare`: open every video of a source, once, and write the manifest all runs share."""

from __future__ import annotations

import dataclasses
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partway import files, machine, sources
from partway.data import manifest as manifests
from partway.data import mime, video
from partway.data.manifest import Manifest, Video
from partway.data.splits import split_off
from partway.errors import DataError
from partway.progress import Progress, duration
from partway.schema import ClassFolders, MimeOptions

PROBLEM_COLUMNS = ["path", "kind", "reason"]
# A header may count a frame or two that never decode (all four HMDB51 clips at hand do); more is a cut file.
FRAMES_A_HEADER_MAY_LIE = 2


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A video that the layout lists, before it is opened."""

    id: str
    path: str
    label: str
    split: str
    group: str
    decided_at: float | None = None


@dataclass(frozen=True)
class Problem:
    """Why a video cannot be used."""

    path: str
    kind: str
    reason: str


def prepare(spec: dict[str, Any], root: str, folder: Path, progress: Progress, refused: Path | None = None) -> Manifest:
    """Read a data set and write manifest.csv, classes.json, dataset_problems.csv and dataset.json (last).

    Args:
        spec: layout and options, those at their default left out.
        root: folder of the videos; for `mime` they are written there.
        folder: `results/data/<layout>-<key>`.
        refused: where the list of bad videos goes when they stop the study (Snakemake removes the declared outputs of
            a failed job); default dataset_problems.csv in `folder`.

    Raises:
        DataError: bad videos under `on_bad_video: stop`, or a data set that cannot be trained on.
    """
    options = spec["options"]
    candidates, groups_known = LAYOUTS[spec["layout"]](options, Path(root), progress)
    if not candidates:
        raise DataError(f"{root}: no videos found; expected <class>/<video> or <train|test>/<class>/<video>")
    found, problems = _open_all(candidates, Path(root), progress)
    stop = problems and options.get("on_bad_video", "stop") == "stop"
    listed = refused if stop and refused else folder / "dataset_problems.csv"
    files.write_csv(listed, map(dataclasses.asdict, problems), PROBLEM_COLUMNS)
    if stop:
        raise DataError(_bad_videos(problems, listed))
    manifest = Manifest(found, sorted({video.label for video in found}))
    _check_splits(manifest, root)
    manifests.write(manifest, folder)
    files.write_json(folder / "dataset.json", _describe(spec, manifest, problems, groups_known))
    return manifest


def _mime(options: dict, root: Path, progress: Progress) -> tuple[list[Candidate], bool]:
    chosen = MimeOptions(**{name: value for name, value in options.items() if name in MimeOptions.model_fields})
    began = time.monotonic()
    rows = mime.generate(chosen, root, workers=machine.workers(alone=True))
    progress.line(f"generated {len(rows)} videos in {duration(time.monotonic() - began)}")
    return [Candidate(**row) for row in rows], True


def _class_folders(options: dict, root: Path, _: Progress) -> tuple[list[Candidate], bool]:
    layout = ClassFolders(layout="class_folders", root=str(root), **options)
    split_folders = sources.has_split_folders(root)
    pattern = re.compile(layout.group_pattern) if layout.group_pattern else None
    found = []
    for path, _bytes in sources.listing(str(root)):
        if not path.isprintable() or path != path.encode(errors="replace").decode():
            raise DataError(f"{path!a}: this file name is not readable text; rename the file")
        *above, name = path.split("/")
        if len(above) != 1 + split_folders:
            raise DataError(
                f"{root / path}: expected {'<train|test>/' if split_folders else ''}<class>/<video>; move it, or "
                "start its name with a dot to leave it out"
            )
        source = pattern.search(name) if pattern else None
        if pattern and not (source and source[1]):
            raise DataError(f"{root / path}: group_pattern {layout.group_pattern!r} does not match this file name")
        group = source[1] if source else path  # a source may appear in several classes: it is never cut
        split = above[0] if split_folders else "train"
        found.append(Candidate(id=path, path=path, label=above[-1], split=split, group=group))
    if not split_folders:
        apart = split_off(found, layout.test, "test")
        found = [dataclasses.replace(c, split="test") if c.id in apart else c for c in found]
    return found, pattern is not None


LAYOUTS = {"mime": _mime, "class_folders": _class_folders}


def _open_all(candidates: list[Candidate], root: Path, progress: Progress) -> tuple[list[Video], list[Problem]]:
    """Decode every video to its end, in parallel; results in the order of `candidates`."""
    found, problems, start = [], [], time.monotonic()
    with ThreadPoolExecutor(machine.workers(alone=True)) as pool:
        opened = pool.map(lambda candidate: _open(candidate, root), candidates)
        for number, result in enumerate(opened, start=1):
            (found if isinstance(result, Video) else problems).append(result)
            left = (time.monotonic() - start) / number * (len(candidates) - number)
            progress.update(f"read {number} of {len(candidates)} videos, {duration(left)} left")
    progress.line(f"read {len(candidates)} videos in {duration(time.monotonic() - start)}, {len(problems)} bad")
    return found, problems


def _open(candidate: Candidate, root: Path) -> Video | Problem:
    path = root / candidate.path
    try:
        facts = video.inspect(path)
        digest = files.digest(path)
    except (DataError, OSError) as error:
        return Problem(candidate.path, "unreadable", str(error).removeprefix(f"{path}: "))
    if facts.frames + FRAMES_A_HEADER_MAY_LIE < facts.header_frames:
        reason = f"{facts.frames} frames decode, the header says {facts.header_frames}"
        return Problem(candidate.path, "truncated", reason)
    return Video(
        **dataclasses.asdict(candidate),
        frames=facts.frames,
        frame_rate=facts.frame_rate,
        width=facts.width,
        height=facts.height,
        codec=facts.codec,
        digest=digest,
        frame_times_sec=tuple(facts.times_sec) if facts.times_sec else None,
    )


def _bad_videos(problems: list[Problem], listed: Path) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(p.kind for p in problems).most_common())
    first = "\n".join(f"  {p.path}: {p.kind}: {p.reason}" for p in problems[:5])
    return (
        f"{len(problems)} bad videos ({kinds}); all of them are listed in {listed}\n{first}\n"
        "Repair or remove them, or write on_bad_video: skip to leave them out of every run alike."
    )


def _check_splits(manifest: Manifest, root: str) -> None:
    for problem in _wrong_splits(manifest):
        raise DataError(f"{root}: {problem}")


def _wrong_splits(manifest: Manifest) -> Iterator[str]:
    of_split = {split: {v.label for v in manifest.videos if v.split == split} for split in ("train", "test")}
    if len(manifest.classes) < 2:
        yield f"{len(manifest.classes)} class found; a study needs at least two"
    if only := sorted(of_split["test"] - of_split["train"]):
        yield f"class {only[0]} is in test only; a model cannot learn it: add train videos, or take it out"
    if only := sorted(of_split["train"] - of_split["test"]):
        yield (
            f"class {only[0]} has no test video: add videos of another source (groups are never cut), "
            "or take the class out"
        )
    yield from _shared_between_splits(manifest)


def _shared_between_splits(manifest: Manifest) -> Iterator[str]:
    """A recording, or the same file twice, on both sides of train and test: the model would be tested on what it saw."""
    for what in ("group", "digest"):
        first: dict[str, Video] = {}
        for video_ in manifest.videos:
            other = first.setdefault(getattr(video_, what), video_)
            if other.split != video_.split:
                shared = f"are of one source, {video_.group}" if what == "group" else "are the same file"
                yield f"{other.id} ({other.split}) and {video_.id} ({video_.split}) {shared}; put both into one split"


def _describe(spec: dict, manifest: Manifest, problems: list[Problem], groups_known: bool) -> dict[str, Any]:
    videos = manifest.videos
    return {
        **spec,
        "fingerprint": manifest.fingerprint,
        "classes": len(manifest.classes),
        "class_list_digest": manifests.class_list_digest(manifest.classes),
        "videos": {split: sum(v.split == split for v in videos) for split in ("train", "test")},
        "frames": sum(v.frames for v in videos),
        "groups": len({v.group for v in videos}) if groups_known else "unknown",
        "left_out": len(problems),
    }
