"""`layout: hmdb51_frames`: HMDB51 as folders of frames, with a test split whose labels nobody gives.

    data_train/<class>/<video>/<image>
    test/<id>/<image>

Archives may unpack to `data_train/data_train` and `test/test`; that is read as if the doubled folder were not there.
Everything wrong with the folders is told at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from partway import layouts, sources
from partway.data.candidates import Candidate, Listed, Problem
from partway.data.official_lists import hmdb51_source
from partway.errors import DataError, some
from partway.schema_data import Hmdb51Frames
from partway.sources import Folder, by_number, shown

TRAIN, TEST = layouts.FRAME_SPLITS
FORMS = {TRAIN: f"{TRAIN}/<class>/<video>/<image>", TEST: f"{TEST}/<id>/<image>"}
DOT = "start its name with a dot to leave it out"


def read(options: dict, root: Path) -> Listed:
    """List the train videos with their class, and the test videos, without label, in the order of their ids.

    A group is (class, source) where a folder is named as the videos of HMDB51 are, else each video is its own; groups
    are known where all train videos are named so.

    Raises:
        DataError: data_train or test is missing, or the folders do not fit; all of it in one message.
    """
    layout = Hmdb51Frames(layout="hmdb51_frames", root=str(root), **options)
    if missing := layouts.missing_parts(layout):
        raise DataError(missing)
    tree = sorted(sources.walk(root), key=lambda folder: folder.path)
    train, test = _part(tree, TRAIN, depth=2), _part(tree, TEST, depth=1)
    wrong = list(chain(*(_misfits(part) for part in (train, test)), _classes(train), _labelled_test(train, test)))
    if wrong:
        raise DataError("\n  ".join([f"{shown(root)}: the folders do not fit", *wrong]))
    candidates = [*_train(train), *_test(test)]
    return Listed(
        candidates,
        groups_known=all(candidate.group != candidate.id for candidate in candidates if candidate.label),
        published=True,
        classes=[name for name, _ in train.children()],
        problems=[*_without_frames(train), *_without_frames(test)],
        notes=list(_notes(tree)),
    )


@dataclass(frozen=True)
class _Part:
    """What lies in data_train or test.

    Attributes:
        base: where it begins, `test` or `test/test`.
        folders: of it by path, itself included.
        depth: levels from the base to the frame folders.
    """

    name: str
    base: str
    folders: dict[str, Folder]
    depth: int

    def level(self, folder: Folder) -> int:
        return folder.depth - self.folders[self.base].depth

    def below(self, folder: Folder) -> str:
        """The path of a folder below the base."""
        return folder.path.removeprefix(f"{self.base}/")

    def children(self) -> list[tuple[str, Folder]]:
        """The folders in the base by name."""
        return [(self.below(folder), folder) for folder in self.folders.values() if self.level(folder) == 1]

    def videos(self) -> list[Folder]:
        """The frame folders, or what is meant to be one."""
        return [folder for folder in self.folders.values() if self.level(folder) == self.depth]


def _part(tree: list[Folder], name: str, depth: int) -> _Part:
    folders = {folder.path: folder for folder in tree}
    inner = folders.get(f"{name}/{name}", folders[name])
    doubled = folders[name].folders == [name] and inner.folders and not (folders[name].images or inner.images)
    base = inner.path if doubled else name
    inside = {path: folder for path, folder in folders.items() if path == base or path.startswith(f"{base}/")}
    return _Part(name, base, inside, depth)


def _misfits(part: _Part) -> Iterator[str]:
    """Names that no CSV can hold, images at a level where none belong, video files, and no folder at all."""
    folders = part.folders.values()
    named = [folder for folder in folders if 0 < part.level(folder) <= part.depth]
    if bad := sorted(shown(folder.path) for folder in named if not sources.readable(folder.path)):
        yield f"{some(bad)}: not readable text; rename it (UTF-8, no control characters)"
    for folder in folders:
        if folder.images and part.level(folder) != part.depth:
            where = "too deep" if part.level(folder) > part.depth else "directly"
            number = f"{len(folder.images)} image{'s' * (len(folder.images) > 1)}"
            yield f"{shown(folder.path)}: {number} {where} in this folder; expected {FORMS[part.name]}; move them, or {DOT}"
    if files := sorted(shown(folder.child(name)) for folder in folders for name, _ in folder.videos):
        yield (
            f"{some(files)}: a video file; this layout has folders of frames, {FORMS[part.name]} (layouts hmdb51 and "
            f"class_folders read video files); move it, or {DOT}"
        )
    if not part.children():
        yield f"{part.base}: holds no folder; expected {FORMS[part.name]}"


def _classes(train: _Part) -> Iterator[str]:
    """Class folders in which no picture lies, be it at the right level or not."""
    filled = {train.below(folder).split("/")[0] for folder in train.folders.values() if folder.images}
    if empty := [shown(folder.path) for name, folder in train.children() if name not in filled]:
        yield f"{some(empty)}: class folders without a video; add frame folders, or {DOT}"


def _labelled_test(train: _Part, test: _Part) -> Iterator[str]:
    """A test folder that holds the classes: it has labels after all, and another layout reads them."""
    classes = {name for name, _ in train.children()}
    if both := sorted(name for name, folder in test.children() if name in classes and folder.folders):
        yield (
            f"{test.base}: holds folders named as classes ({shown(some(both))}), so the test split has labels; rename "
            f"{TRAIN} to train and read both with layout: class_folders"
        )


def _without_frames(part: _Part) -> Iterator[Problem]:
    for folder in part.videos():
        if not folder.images:
            holds = "folders alone" if folder.folders else sources.by_suffix(folder.others) or "nothing"
            frames = ", ".join(sorted(sources.FRAME_SUFFIXES))
            yield Problem(folder.path, "empty", f"this folder holds {holds}, expected {frames} frames; or {DOT}")


def _notes(tree: list[Folder]) -> Iterator[str]:
    if others := [shown(name) for name in sorted(tree[0].folders) if name not in layouts.FRAME_SPLITS]:
        yield f"{some(others)}: neither {TRAIN} nor {TEST}, and left out"


def _train(part: _Part) -> Iterator[Candidate]:
    for folder in part.videos():
        if folder.images:
            name = part.below(folder)
            label, _, video = name.partition("/")
            source = hmdb51_source(video, label)
            group = f"{label}/{source}" if source else name
            yield Candidate(id=name, path=folder.path, label=label, split="train", group=group)


def _test(part: _Part) -> Iterator[Candidate]:
    videos = {part.below(folder): folder.path for folder in part.videos() if folder.images}
    for name in sorted(videos, key=by_number):
        yield Candidate(id=name, path=videos[name], label=None, split="test", group=name)
