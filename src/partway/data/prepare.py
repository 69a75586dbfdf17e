"""`prepare`: open every video of a source, once, and write the manifest all runs share."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from pathlib import Path
from typing import Any

from partway import files, machine
from partway.data import class_folders, hmdb51_frames, label_csv, mime, official_lists, reading
from partway.data import manifest as manifests
from partway.data.candidates import Candidate, Listed, Problem
from partway.data.manifest import Manifest, Video
from partway.data.mime_plan import options_of
from partway.data.opened import Opened, signature
from partway.data.splits import shared_between_splits, wrong_splits
from partway.errors import DataError, some
from partway.progress import Progress, duration
from partway.study import NONE

PROBLEM_COLUMNS = ["path", "kind", "reason"]
# A header may count a frame or two that never decode (all four HMDB51 clips at hand do); more is a cut file.
FRAMES_A_HEADER_MAY_LIE = 2
MOST_SHOWN = 10  # problems of one kind in a message
UNLISTED = "unlisted"  # the kind of row that is no problem: a video that no list names


def prepare(
    spec: dict[str, Any],
    root: str,
    folder: Path,
    progress: Progress,
    refused: Path | None = None,
    *,
    lists: str = NONE,
) -> Manifest:
    """Read a data set and write manifest.csv, classes.json, dataset_problems.csv and dataset.json (last).

    Args:
        spec: layout and options, those at their default left out.
        root: folder of the videos; for `mime` they are written there.
        folder: `results/data/<layout>-<key>`.
        refused: where the list of bad videos goes when they stop the study (Snakemake removes the declared outputs of
            a failed job); default dataset_problems.csv in `folder`.
        lists: folder of the lists of classes and splits, for layouts that have them.

    Raises:
        DataError: bad videos under `on_bad_video: stop`, or a data set that cannot be trained on.
    """
    options = spec["options"]
    listed = LAYOUTS[spec["layout"]](options, Path(root), Path(lists), progress)
    for note in listed.notes:
        progress.line(note)
    _check_splits(listed.candidates, listed, root, progress)  # before hours of decoding
    found, problems = _open_all(listed.candidates, Path(root), folder, progress)
    problems = sorted(listed.problems + problems, key=lambda problem: problem.path)
    stop = problems and options.get("on_bad_video", "stop") == "stop"
    table = refused if stop and refused else folder / "dataset_problems.csv"
    unlisted = [Problem(path, UNLISTED, "no list names it: left out") for path in listed.unlisted]
    if unlisted:
        progress.line(
            f"{len(unlisted)} videos are in no list and are left out: {some(listed.unlisted)}; see {table.name}"
        )
    files.write_csv(table, map(dataclasses.asdict, problems + unlisted), PROBLEM_COLUMNS)
    if stop:
        raise DataError(_bad_videos(problems, table))
    _check_splits(found, listed, root, progress, left_out=len(problems))
    manifest = Manifest(found, listed.classes or sorted({video.label for video in found}))
    manifests.write(manifest, folder)
    files.write_json(folder / "dataset.json", _describe(spec, manifest, problems, listed))
    Opened(folder).forget()
    return manifest


def _mime(options: dict, root: Path, lists: Path, progress: Progress) -> Listed:  # noqa: ARG001 (it has none)
    chosen = options_of({"options": options})
    began = time.monotonic()
    rows = mime.generate(chosen, root, workers=machine.workers(alone=True))
    progress.line(f"generated {len(rows)} videos in {duration(time.monotonic() - began)}")
    return Listed([Candidate(**row) for row in rows], groups_known=True)


LAYOUTS = {
    "mime": _mime,
    "class_folders": lambda options, root, *_: class_folders.read(options, root),
    "ucf101": lambda options, root, lists, _: official_lists.read_ucf101(options, root, lists),
    "hmdb51": lambda options, root, lists, _: official_lists.read_hmdb51(options, root, lists),
    "hmdb51_frames": lambda options, root, *_: hmdb51_frames.read(options, root),
    "label_csv": lambda options, root, lists, _: label_csv.read(options, root, lists),
}


def _open_all(
    candidates: list[Candidate], root: Path, folder: Path, progress: Progress
) -> tuple[list[Video], list[Problem]]:
    """Decode every video to its end, in parallel; results in the order of `candidates`.

    What an interrupted call found before, of videos that have not changed since, is taken from beside the manifest.
    """
    found, problems, start = [], [], time.monotonic()
    with Opened(folder) as opened, machine.pool(machine.workers(alone=True)) as pool:
        results = pool.map(lambda candidate: _open(candidate, root, opened), candidates)
        for number, (candidate, result, new) in enumerate(results, start=1):
            if new:
                opened.add(candidate.path, *new)
            if isinstance(result, Problem):
                problems.append(result)
            else:
                times = tuple(result["frame_times_sec"]) if result["frame_times_sec"] else None
                found.append(Video(**dataclasses.asdict(candidate), **result | {"frame_times_sec": times}))
            left = (time.monotonic() - start) / number * (len(candidates) - number)
            progress.update(f"read {number} of {len(candidates)} videos, {duration(left)} left")
        known = f", {len(opened.before)} of them in a call before" if opened.before else ""
    bad = f", {len(problems)} of them bad: {problems[0].path}{' ...' * (len(problems) > 1)}" if problems else ""
    progress.line(f"read {len(candidates)} videos in {duration(time.monotonic() - start)}{known}{bad}")
    return found, problems


def _open(
    candidate: Candidate, root: Path, opened: Opened
) -> tuple[Candidate, dict[str, Any] | Problem, tuple[str, dict[str, Any]] | None]:
    """What a video holds, or why it is bad; and what to keep of it, unless that was known. Bad ones are opened again."""
    path = root / candidate.path
    try:
        seen = signature(path)
        if known := opened.get(candidate.path, seen):
            return candidate, known, None
        facts = reading.inspect(path)
        digest = reading.digest(path)
    except (DataError, OSError) as error:
        return candidate, Problem(candidate.path, "unreadable", str(error).removeprefix(f"{path}: ")), None
    if facts.frames + FRAMES_A_HEADER_MAY_LIE < facts.header_frames:
        reason = f"{facts.frames} frames decode, the header says {facts.header_frames}"
        return candidate, Problem(candidate.path, "truncated", reason), None
    found = {name: getattr(facts, name) for name in ("frames", "frame_rate", "width", "height", "codec")}
    found |= {"digest": digest, "frame_times_sec": facts.times_sec}
    return candidate, found, (seen, found)


def _bad_videos(problems: list[Problem], listed: Path) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(p.kind for p in problems).most_common())
    first = "\n".join(f"  {p.path}: {p.kind}: {p.reason}" for p in problems[:5])
    return (
        f"{len(problems)} bad video{'s' * (len(problems) > 1)} ({kinds}); listed in {listed}\n{first}\n"
        "Repair or remove them, or write on_bad_video: skip in the data set (datasets.<name>) to leave them out of every run alike."
    )


def _check_splits(
    videos: list[Candidate] | list[Video], listed: Listed, root: str, progress: Progress, left_out: int = 0
) -> None:
    wrong = list(wrong_splits(videos, official=listed.official_splits))
    labels = {c.label for c in listed.candidates if c.label is not None}
    if gone := sorted(labels - {video.label for video in videos}):
        wrong.append(f"{some(gone)}: no video of this class can be read; repair some, or take the class out")
    opened = bool(videos) and isinstance(videos[0], Video)
    shared = [*shared_between_splits(videos, "group"), *(shared_between_splits(videos, "digest") if opened else ())]
    advice = "the published splits have it so" if listed.published else "put both into one split"
    told = [f"{pair}; {advice}" for pair in shared[:MOST_SHOWN]]
    told += [f"{len(shared) - MOST_SHOWN} more such pairs"] * (len(shared) > MOST_SHOWN)
    if not listed.published:
        wrong += told
    elif opened:  # others report on these splits, as they are
        for line in told:
            progress.line(f"note: {line}")
    if wrong:
        without = f" without the {left_out} bad videos" if left_out else ""
        raise DataError("\n  ".join([f"{root}: train and test cannot be used{without}", *wrong]))


def _describe(spec: dict, manifest: Manifest, problems: list[Problem], listed: Listed) -> dict[str, Any]:
    videos = manifest.videos
    present = {"train", "test", *(video.split for video in videos)}
    return {
        **spec,
        "fingerprint": manifest.fingerprint,
        "classes": len(manifest.classes),
        "class_list_digest": manifests.class_list_digest(manifest.classes),
        "videos": {split: sum(v.split == split for v in videos) for split in manifests.SPLITS if split in present},
        "frames": sum(v.frames for v in videos),
        "groups": len({v.group for v in videos if v.label is not None}) if listed.groups_known else "unknown",
        "left_out": len({problem.path for problem in problems} - {v.path for v in videos}),
        "unlisted": len(listed.unlisted),
    }
