"""`layout: ucf101` and `layout: hmdb51`: the two data sets as they are distributed, with their official split lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from partway import sources
from partway.data.candidates import Listed
from partway.data.listed_videos import UNUSED, Entry, match
from partway.errors import DataError, short
from partway.layouts import CLASS_INDEX, hmdb51_suffix, ucf101_lists
from partway.schema_data import Hmdb51, Ucf101

UCF101_NAME = re.compile(r"_(g\d+)_c\d+$")  # v_HandStandPushups_g01_c01: clips of one group were cut from one video
HMDB51_SPLITS = {"0": UNUSED, "1": "train", "2": "test"}


def ucf101_group(name: str) -> str | None:
    """The group in a name as UCF-101 gives them (`g01` of v_Archery_g01_c02.avi); None in other names."""
    group = UCF101_NAME.search(sources.without_video_suffix(name))
    return group[1] if group else None


def read_ucf101(options: dict, root: Path, lists: Path) -> Listed:
    """List UCF-101: `<class>/v_<Class>_gXX_cYY.avi` with classInd.txt, trainlist0N.txt and testlist0N.txt.

    A group is (class, gXX). Classes are in the order of classInd.txt, which is not the order of their names.

    Raises:
        DataError: a list is missing or a line of it cannot be read; names both.
    """
    split = Ucf101(layout="ucf101", root=str(root), lists=str(lists), **options).split
    index, train, test = (lists / name for name in ucf101_lists(split))
    classes = [name for _, name in sorted(_class_index(index))]
    entries = [*_ucf101_entries(train, "train", classes), *_ucf101_entries(test, "test", classes)]
    return match(entries, root, groups_known=True, classes=classes)


def _class_index(path: Path) -> Iterator[tuple[int, str]]:
    """Each class's number in the list, from 1, and its name."""
    for number, line in _lines(path):
        words = line.split()
        if len(words) != 2 or not words[0].isdecimal():
            raise _unreadable(path, number, line, "a number and a class, as 1 ApplyEyeMakeup")
        yield int(words[0]), words[1]


def _ucf101_entries(path: Path, split: str, classes: list[str]) -> Iterator[Entry]:
    """The lines `<class>/<video>.avi` of a list, in train lists followed by the number of the class."""
    expected = "<class>/<video>.avi" + (" and the number of the class" if split == "train" else "")
    for number, line in _lines(path):
        name, _, index = line.rpartition(" ") if split == "train" else (line, "", "")
        label, _, video = name.strip().partition("/")
        if not video or label not in classes:
            raise _unreadable(path, number, line, f"{expected}, of a class of {CLASS_INDEX}")
        if split == "train" and index != str(classes.index(label) + 1):
            raise _unreadable(path, number, line, f"number {classes.index(label) + 1}, as {CLASS_INDEX} has {label}")
        yield Entry(video, label, split, f"{label}/{ucf101_group(video) or video}", f"{path.name}:{number}")


def read_hmdb51(options: dict, root: Path, lists: Path) -> Listed:
    """List HMDB51: `<class>/<video>.avi` with `<class>_test_split{1,2,3}.txt`, where 1 is train, 2 test, 0 unused.

    A group is (class, what stands before `_<class>_` in the name): the same film may show several classes, and official
    lists have it on both sides then.

    Raises:
        DataError: no list of this split, or a line that cannot be read; names both.
    """
    split = Hmdb51(layout="hmdb51", root=str(root), lists=str(lists), **options).split
    suffix = hmdb51_suffix(split)
    labels = sorted(path.name.removesuffix(suffix) for path in lists.glob(f"*{suffix}"))
    if not labels:
        raise DataError(f"{lists}: holds no <class>{suffix}")
    entries = [entry for label in labels for entry in _hmdb51_entries(lists / f"{label}{suffix}", label)]
    return match(entries, root, groups_known=True, classes=labels)


def hmdb51_source(name: str, label: str) -> str:
    """What a video of HMDB51 was cut from, `<source>_<class>_...`; empty where the name does not say."""
    return name.rpartition(f"_{label}_")[0]


def _hmdb51_entries(path: Path, label: str) -> Iterator[Entry]:
    for number, line in _lines(path):
        name, _, use = line.rpartition(" ")
        if not name or use not in HMDB51_SPLITS:
            raise _unreadable(path, number, line, "a video, a blank, and 0, 1 or 2")
        source = hmdb51_source(name.strip(), label) or name
        yield Entry(name.strip(), label, HMDB51_SPLITS[use], f"{label}/{source}", f"{path.name}:{number}")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a list that hold something, with their numbers from 1."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such list") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text: {error}") from None
    yield from ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip())


def _unreadable(path: Path, number: int, line: str, expected: str) -> DataError:
    return DataError(f"{path}:{number}: expected {expected}, got {short(line)}")
