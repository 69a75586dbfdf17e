"""Where a study's videos lie: path expansion and the listing that a data key is made of."""

from __future__ import annotations

import os
from pathlib import Path

from partway.errors import DataError

VIDEO_SUFFIXES = {".avi", ".mp4", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg"}
SPLIT_FOLDERS = {"train", "test"}


def expand(root: str) -> Path:
    """Expand `~` and `$VARIABLES`; a relative path is relative to Snakemake's working directory."""
    return Path(os.path.expandvars(root)).expanduser()


def is_video(name: str) -> bool:
    """Whether a file name is that of a video."""
    return Path(name).suffix.lower() in VIDEO_SUFFIXES and not name.startswith(".")


def has_split_folders(root: Path) -> bool:
    """Whether the folder holds official splits: `train/` and `test/`, and no other folder."""
    if not root.is_dir():
        return False
    return {p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")} == SPLIT_FOLDERS


def listing(root: str) -> list[tuple[str, int]]:
    """List the videos below a folder as sorted (relative posix path, bytes); empty where there is no folder."""
    top = expand(root)
    found: list[tuple[str, int]] = []
    waiting = [str(top)] if top.is_dir() else []
    while waiting:
        with _scan(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    waiting.append(entry.path)
                elif is_video(entry.name):
                    found.append((Path(entry.path).relative_to(top).as_posix(), _size(entry)))
    return sorted(found)


def _scan(folder: str):
    try:
        return os.scandir(folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}") from None


def _size(entry: os.DirEntry) -> int:
    """Bytes of a file; -1 for a broken link, which `prepare` reports by name."""
    try:
        return entry.stat().st_size
    except OSError:
        return -1
