"""Files that are either whole or not there: written beside, flushed to disk, renamed."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

TEMPORARY = ".tmp"


@contextmanager
def replacing(path: Path | str, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the same folder, renamed to `path` when the block ends well, removed when not.

    `durable` waits until the content is on the disk, so that a power cut leaves the old file or the new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{TEMPORARY}{path.suffix}")
    try:
        yield temporary
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold a folder alone (the kernel lets go when the process dies) and clear what killed processes left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        remove_leftovers(folder)
        yield


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that killed processes left in a folder and below; only for who owns it."""
    for leftover in folder.rglob(f".*{TEMPORARY}*"):
        leftover.unlink(missing_ok=True)


def keep_only(folder: Path, names: Iterable[str], suffixes: Iterable[str]) -> None:
    """Remove a folder's files of these suffixes that have other names: of what was renamed or taken out."""
    kept = set(names)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.suffix in suffixes and path.name not in kept:
            path.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write a whole text file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write indented JSON; NaN is refused, since no other reader knows it."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path | str) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_csv(path: Path | str, rows: Iterable[dict[str, Any]], columns: list[str]) -> None:
    """Write rows as CSV with a header; None becomes an empty cell."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path | str) -> list[dict[str, str]]:
    """Read a CSV file with a header as a list of rows of text."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digest(path: Path | str) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
