"""`layout: label_csv`: train.csv, val.csv and test.csv with a header that names `id` and `label`, and maybe `split`.

The video of a row is `<root>/<label>/<id>` or `<root>/<id>`, with any video suffix. A dictionary.json (name -> index)
gives the order of the classes. In TemPr's lists val.csv is the official test list: the study says so, `val_csv: test`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from partway import files, sources
from partway.data.candidates import Listed
from partway.data.listed_videos import Entry, match
from partway.data.official_lists import ucf101_group
from partway.errors import DataError, did_you_mean, short, some
from partway.layouts import DICTIONARY
from partway.schema_data import LabelCsv

NEEDED = ("id", "label")


def read(options: dict, root: Path, lists: Path) -> Listed:
    """List the videos of the CSV files; a group is (class, gXX) where names are UCF-101's, else each video its own.

    Raises:
        DataError: a file is missing or cannot be read, a class is not in the dictionary, or validation and test share
            a video or a source.
    """
    layout = LabelCsv(layout="label_csv", root=str(root), lists=str(lists), **options)
    entries = [entry for name, split in _files(layout, lists) for entry in _entries(lists / name, split)]
    classes = _classes(lists / DICTIONARY, entries)
    _refuse_shared(entries, lists)
    known = all(ucf101_group(entry.name) for entry in entries)
    return match(entries, root, groups_known=known, classes=classes)


def _files(layout: LabelCsv, lists: Path) -> Iterator[tuple[str, str]]:
    """Which file holds which split."""
    yield "train.csv", "train"
    if layout.val_csv == "test":
        if (lists / "test.csv").exists():
            raise DataError(f"{lists}: holds a test.csv, so val.csv cannot be the test list; leave val_csv out")
        yield "val.csv", "test"
        return
    if (lists / "val.csv").exists():
        yield "val.csv", "validation"
    yield "test.csv", "test"


def _entries(path: Path, split: str) -> Iterator[Entry]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True, strict=True)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
            if lost := [name for name in NEEDED if name not in reader.fieldnames]:
                named = some(reader.fieldnames) or "nothing"
                raise DataError(
                    f"{path}:1: expected a header with {' and '.join(NEEDED)}, got {named}; add {some(lost)}"
                )
            for row in reader:
                yield _entry(row, path, split, f"{path.name}:{reader.line_num}")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such list") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None


def _entry(row: dict, path: Path, split: str, where: str) -> Entry:
    name, label = ((row[column] or "").strip() for column in NEEDED)
    if not name or not label:
        raise DataError(f"{path.parent / where}: expected an id and a label, got {short(name)} and {short(label)}")
    return Entry(name, label, split, f"{label}/{ucf101_group(name) or sources.without_video_suffix(name)}", where)


def _classes(path: Path, entries: list[Entry]) -> list[str]:
    """Classes in the order of the dictionary; without one, in that of their names."""
    used = sorted({entry.label for entry in entries})
    if not path.exists():
        return used
    index = files.read_json(path)
    whole = isinstance(index, dict) and all(isinstance(number, int) for number in index.values())
    if not whole or sorted(index.values()) != list(range(len(index))):
        raise DataError(f"{path}: expected each class with its index, 0 to the number of classes less one, each once")
    if unknown := [label for label in used if label not in index]:
        raise DataError(f"{path}: knows no class {some(unknown)}{did_you_mean(unknown[0], list(index))}")
    return sorted(index, key=index.__getitem__)


def _refuse_shared(entries: list[Entry], lists: Path) -> None:
    """The test list is never used to choose an epoch: a validation list must share no video and no source with it."""
    tested = {entry.group for entry in entries if entry.split == "test"}
    if both := sorted({entry.name for entry in entries if entry.split == "validation" and entry.group in tested}):
        raise DataError(
            f"{lists}: {len(both)} videos of val.csv are in test.csv, or of a source that is ({some(both)}); an epoch would "
            "be chosen on test videos. If val.csv is the official test list, remove test.csv and write val_csv: test"
        )
