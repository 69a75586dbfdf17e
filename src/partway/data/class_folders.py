"""`layout: class_folders`: read anybody's tree of clips, and say in plain words where it does not fit.

    <class>/<video file>            <train|test>/<class>/<video file>
    <class>/<video>/<image>         <train|test>/<class>/<video>/<image>

Both forms of a video may stand in one class. Everything wrong with the folders is told at once.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from partway import sources
from partway.data.candidates import Candidate, Listed, Problem
from partway.data.splits import split_off
from partway.errors import DataError, some
from partway.schema_data import ClassFolders
from partway.sources import Folder, shown

DOT = "start its name with a dot to leave it out"
# Folders at the root that mean splits, however they are written; `train` alone may well be a class (train, bus, car).
MEANT = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval"), "validation"),
}


def read(options: dict, root: Path) -> Listed:
    """List the videos of a tree, a seeded test split included where there are no split folders.

    Raises:
        DataError: no videos, or folders that do not fit the layout; all of them in one message.
    """
    layout = ClassFolders(layout="class_folders", root=str(root), **options)
    tree = sorted(sources.walk(root), key=lambda folder: folder.path)
    if not sources.media(tree):
        raise DataError(f"{shown(root)}: no videos found: {sources.why_nothing(root)}")
    source = _Source(tree)
    checks = (_unreadable(source), _misplaced(source, root), _classes(source), _twice(source))
    if wrong := list(_split_words(source)) or list(chain(*checks)):
        raise DataError("\n  ".join([f"{shown(root)}: the folders do not fit", *wrong]))
    found = _candidates(source, layout)
    if not source.split_folders:
        apart = split_off(found, layout.test, "test")
        found = [dataclasses.replace(c, split="test") if c.id in apart else c for c in found]
    return Listed(
        found,
        groups_known=layout.group_pattern is not None,
        official_splits=source.split_folders,
        problems=list(_without_frames(source)),
        notes=list(_notes(source)),
    )


class _Source:
    """The folders of a tree by their level."""

    def __init__(self, tree: list[Folder]):
        self.depth = depth = sources.class_depth(tree)
        self.root = tree[0]
        self.split_folders = depth == 2
        self.splits = [folder for folder in tree if folder.depth == 1] if self.split_folders else []
        self.classes = [folder for folder in tree if folder.depth == depth]
        self.videos = [folder for folder in tree if folder.depth == depth + 1]  # frame folders, or meant to be
        self.above = [folder for folder in tree if folder.depth < depth]
        self.below = [folder for folder in tree if folder.depth > depth + 1]

    @property
    def form(self) -> str:
        return "<train|test>/<class>/<video>" if self.split_folders else "<class>/<video>"

    def filled(self) -> set[str]:
        """Paths of the class folders in which a video lies, be it at the right level or too deep."""
        below = (folder for folder in self.videos + self.below if folder.videos or folder.images)
        deep = {"/".join(folder.path.split("/")[: self.depth]) for folder in below}
        return deep | {folder.path for folder in self.classes if folder.videos}


def _split_words(source: _Source) -> Iterator[str]:
    """Folders at the root that look like official splits and are not exactly `train` and `test`."""
    names = sorted(source.root.folders)
    meant = {name: MEANT.get(name.casefold()) for name in names}
    if source.split_folders or not names or not (all(meant.values()) or {"train", "test"} <= set(meant.values())):
        return
    yield (
        f"{some(list(map(shown, names)))}: these look like official splits, which are exactly two folders, train and "
        "test (if they are classes, give them other names; a folder of two links, train and test, does as well)"
    )
    for name in names:
        if meant[name] == "validation":
            yield (
                f"{name}: partway takes the validation split from train (`validation:` of the data set); move its "
                "videos into train, or rename it to test if there is no test, or " + DOT
            )
        elif meant[name] and name != meant[name]:
            yield f"{name}: rename it to {meant[name]}"
    if others := [shown(name) for name in names if not meant[name]]:
        yield f"{some(others)}: neither train nor test; move it out, or " + DOT
    for split in sorted(sources.SPLIT_FOLDERS - set(meant.values())):
        yield f"{split}: there is no such folder"


def _unreadable(source: _Source) -> Iterator[str]:
    paths = [folder.path for folder in source.classes + source.videos]
    paths += [folder.child(name) for folder in source.classes for name, _ in folder.videos]
    if bad := sorted(shown(path) for path in paths if not sources.readable(path)):
        yield f"{some(bad)}: not readable text; rename it (UTF-8, no control characters)"


def _misplaced(source: _Source, root: Path) -> Iterator[str]:
    """Videos and images at a level where the layout has none."""
    found = [folder.child(name) for folder in source.above + source.videos for name, _ in folder.videos]
    found += [folder.child(name) for folder in source.below for name, _ in folder.videos + folder.images]
    if not found:
        return
    named = some([shown(path) for path in sorted(found, key=lambda path: (path.count("/"), path))])
    only = source.root.folders[0] if len(source.root.folders) == 1 else None
    hint = f"; perhaps {shown(root / only)} is the folder for `root:`" if only and not source.root.videos else ""
    yield (f"{named}: expected {source.form}, a video being a file or a folder of images; move it, or {DOT}{hint}")


def _classes(source: _Source) -> Iterator[str]:
    """Split folders without a class, and class folders without a video."""
    for split in source.splits:
        if not split.folders:
            yield f"{split.path}: this split holds no class folder; add <class>/<video>"
    empty, filled = [], source.filled()
    for folder in source.classes:
        if folder.path in filled:
            continue
        if folder.images:
            yield (
                f"{shown(folder.path)}: {len(folder.images)} images lie directly in this class folder, where videos "
                f"are expected; put the frames of each video into a folder of its own, {shown(folder.path)}/<video>/"
            )
        else:
            others = f" ({sum(folder.others.values())} other files: {sources.by_suffix(folder.others)})"
            empty.append(shown(folder.path) + (others if folder.others else ""))
    if empty:
        yield (
            f"{some(empty)}: class folders without a video; add videos ({sources.READ}), or take the class out: "
            "start its name with a dot, or make a folder of links to the others"
        )


def _twice(source: _Source) -> Iterator[str]:
    """A video beside a folder of the same name: most likely its own frames, which a split could part from it."""
    frame_folders = {folder.path for folder in source.videos if folder.images}
    files = (folder.child(name) for folder in source.classes for name, _ in folder.videos)
    if both := sorted(shown(path) for path in files if path.rpartition(".")[0] in frame_folders):
        yield f"{some(both)}: beside it lies a frame folder of the same name; keep one of the two, or rename it"


def _without_frames(source: _Source) -> Iterator[Problem]:
    """Folders where a video is expected that hold no image: bad videos. They are in no key, so no split sees them."""
    frames = ", ".join(sorted(sources.FRAME_SUFFIXES))
    for folder in source.videos:
        if not folder.images:
            holds = "folders alone" if folder.folders else sources.by_suffix(folder.others) or "nothing"
            yield Problem(folder.path, "empty", f"this folder holds {holds}, expected {frames} frames; or {DOT}")


def _notes(source: _Source) -> Iterator[str]:
    for folder in source.above + source.classes:
        if folder.images:
            where = shown(folder.path) or "the root"
            yield f"{len(folder.images)} images directly in {where} are no frames of a video and are left out"


def _candidates(source: _Source, layout: ClassFolders) -> list[Candidate]:
    pattern = re.compile(layout.group_pattern) if layout.group_pattern else None
    paths = [folder.child(name) for folder in source.classes for name, _ in folder.videos]
    paths = sorted(paths + [folder.path for folder in source.videos if folder.images])
    named = {path: pattern.search(path.rpartition("/")[2]) for path in paths} if pattern else {}
    if unnamed := [path for path, match in named.items() if not (match and match[1])]:
        raise DataError(
            f"{layout.root}: {some(unnamed)}: group_pattern {layout.group_pattern!r} does not match this file name"
        )
    found = []
    for path in paths:
        *above, _ = path.split("/")
        group = named[path][1] if pattern else path  # a source may appear in several classes: it is never cut
        split = above[0] if source.split_folders else "train"
        found.append(Candidate(id=path, path=path, label=above[-1], split=split, group=group))
    return found
