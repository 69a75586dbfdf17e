"""submission.csv: the class that is predicted for each video of a test split without labels, as competitions take it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from partway import files
from partway.errors import DataError, some
from partway.sources import by_number

NAME = "submission.csv"
COLUMNS = ["id", "class"]


def write(folder: Path, predicted: Mapping[str, str], ids: Sequence[str], classes: Sequence[str]) -> None:
    """Write `submission.csv` into `folder`, read it back and check it.

    Args:
        predicted: class by video id.
        ids: of the whole test split.
        classes: that the data set has.

    Raises:
        DataError: what `check` raises.
    """
    rows = [{"id": video, "class": predicted[video]} for video in sorted(predicted, key=by_number)]
    files.write_csv(folder / NAME, rows, COLUMNS)
    check(folder / NAME, ids, classes)


def check(path: Path, ids: Sequence[str], classes: Sequence[str]) -> None:
    """Check that a submission has a known class for each id of the test split, once, sorted by number.

    Raises:
        DataError: it has not; names the file and everything that is wrong with it.
    """
    if wrong := list(_wrong(files.read_csv(path), ids, classes)):
        raise DataError("\n  ".join([f"{path}: cannot be submitted; delete its folder and run again", *wrong]))


def _wrong(rows: list[dict[str, str]], ids: Sequence[str], classes: Sequence[str]) -> Iterator[str]:
    if broken := [str(line) for line, row in enumerate(rows, start=2) if list(row) != COLUMNS or None in row.values()]:
        yield f"line {some(broken)}: expected the columns {' and '.join(COLUMNS)}, and nothing else"
        return
    found, known = Counter(row["id"] for row in rows), set(ids)
    if len(rows) != len(ids):
        yield f"{len(rows)} rows, expected {len(ids)}, one for each test video"
    if unknown := [video for video in found if video not in known]:
        yield f"id {some(unknown)}: no video of the test split"
    if missing := [video for video in ids if video not in found]:
        yield f"id {some(missing)}: a video of the test split that has no row"
    if twice := [video for video, count in found.items() if count > 1]:
        yield f"id {some(twice)}: stands more than once"
    if others := sorted({row["class"] for row in rows} - set(classes)):
        yield f"class {some(others)}: not a class of the data set"
    if list(found) != sorted(found, key=by_number):
        yield "the ids are not sorted by number"
