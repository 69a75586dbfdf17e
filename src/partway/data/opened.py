"""What `prepare` found in the videos so far, so that an interrupted call goes on: one line of JSON a video.

An entry counts as long as its video is what it was: the same size and time of change, of a frame folder those of every
frame. The file lies beside the manifest, is declared nowhere, and goes when the manifest is complete.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

NAME = "opened.jsonl"


class Opened:
    """The videos that were opened before; use as a context manager.

    Args:
        folder: of the data set, `results/data/<layout>-<key>`.
    """

    def __init__(self, folder: Path):
        self.path = folder / NAME
        self.before = dict(self._read())

    def __enter__(self) -> Opened:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("a", encoding="utf-8")
        return self

    def __exit__(self, *error) -> None:
        self.file.close()

    def _read(self):
        """Entries by (path, signature); a line that was cut off by a crash is left out."""
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines() if self.path.exists() else []
        for line in lines:
            try:
                entry = json.loads(line)
                yield (entry["path"], entry["signature"]), entry["found"]
            except (ValueError, KeyError, TypeError):
                continue

    def get(self, path: str, signature: str) -> dict[str, Any] | None:
        """What was found in a video that has not changed since; None where nothing was."""
        return self.before.get((path, signature))

    def add(self, path: str, signature: str, found: dict[str, Any]) -> None:
        """Keep what was found in a video."""
        self.file.write(json.dumps({"path": path, "signature": signature, "found": found}) + "\n")
        self.file.flush()

    def forget(self) -> None:
        """Remove the file: the manifest holds it all."""
        self.path.unlink(missing_ok=True)


def signature(path: Path) -> str:
    """Sizes and times of change of a video file, or of all frames of a folder, as a digest; also where one is gone."""
    paths = sorted(path.iterdir()) if path.is_dir() else [path]
    return hashlib.sha256(json.dumps([_state(each) for each in paths]).encode()).hexdigest()[:16]


def _state(path: Path) -> tuple[str, int, int]:
    try:
        facts = path.stat()
    except OSError:  # whoever opens it says why
        return path.name, -1, -1
    return path.name, facts.st_size, facts.st_mtime_ns
