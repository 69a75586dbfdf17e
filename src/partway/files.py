"""Files that are either whole or not there: written beside, flushed to disk, renamed."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from partway.errors import StorageError

TEMPORARY = ".tmp"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}


@contextmanager
def replacing(path: Path | str, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the same folder, renamed to `path` when the block ends well, removed when not.

    `durable` waits until the content is on the disk, so that a power cut leaves the old file or the new one.

    Raises:
        StorageError: a full disk or one that cannot be written; what was at `path` before is still there, whole.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{TEMPORARY}{path.suffix}")
    with explained(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            if durable:
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with suppress(OSError):  # it must not hide why the block failed; the folder's next owner removes it
                temporary.unlink(missing_ok=True)


@contextmanager
def explained(path: Path | str) -> Iterator[None]:
    """Turn what a full or locked disk raises while `path` is written into a StorageError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL | NOT_WRITABLE:
            raise _not_written(Path(path), error) from error
        raise


def _not_written(path: Path, error: OSError) -> StorageError:
    why = f"{path}: cannot be written: {os.strerror(error.errno)}"
    if error.errno in FULL:
        there = next(folder for folder in path.absolute().parents if folder.exists())
        free = f"{shutil.disk_usage(there).free / 2**20:.0f} MB are free there"
        return StorageError(
            f"{why} ({free}). Nothing finished is lost; make room, or raise your quota or file size limit, "
            "and run the same command again: it goes on where it stopped"
        )
    return StorageError(f"{why}. Make the folder writable and run the same command again")


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold a folder alone (the kernel lets go when the process dies) and clear what killed processes left in it."""
    lock = FileLock(folder / ".lock")
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        remove_leftovers(folder)
        yield
    finally:
        lock.release()


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk: a rename may otherwise come after what was written later."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
    """Read a JSON file; raise StorageError where its content is damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise StorageError(f"{path}: damaged, not JSON ({error}); delete it and run the same command again") from None


def write_csv(path: Path | str, rows: Iterable[dict[str, Any]], columns: list[str]) -> None:
    """Write rows as CSV with a header; None becomes an empty cell."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_csv_rows(path: Path | str, rows: Iterable[Sequence[Any]], columns: list[str]) -> None:
    """Write rows in the order of `columns` as CSV with a header: for millions of them, in a third of the time."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def read_csv(path: Path | str) -> list[dict[str, str]]:
    """Read a CSV file with a header as a list of rows of text."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digest(path: Path | str) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
