"""Reading the results of a study: the JSON and the outcomes that its jobs wrote, each once, and what their logs say."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from partway import files
from partway.errors import StorageError
from partway.results.outcomes import OutcomesReader

SAID = ", which said: "


class Results:
    """Reads what jobs wrote, each file once: runs share trainings and evaluations.

    Attributes:
        read: kind (data, trainings, evaluations), folder and file name -> its content; None where there is none that
            can be read.
        outcomes: what evaluations answered of each video.
        unreadable: folders with a damaged file.
    """

    def __init__(self, results_dir: str):
        self.folder = Path(results_dir)
        self.unreadable: set[str] = set()
        self.outcomes = OutcomesReader(results_dir)
        self.read = cache(self._read)

    def _read(self, kind: str, folder: str, name: str) -> dict[str, Any] | None:
        """The content of a file; None where there is none, or none that can be read."""
        try:
            return files.read_json(self.folder / kind / folder / name)
        except FileNotFoundError:
            return None
        except StorageError:  # damaged: the run counts as missing, and the message says which
            self.unreadable.add(folder)
            return None

    def last_words(self, verb: str, folder: str) -> str:
        """Why the last job that worked on a result ended without one, as its log says; empty where it does not."""
        log = self.folder / "logs" / verb / f"{folder}.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        told = lines[-1] if lines else ""
        return SAID + told.removeprefix(f"partway {verb}: ") if told.startswith(f"partway {verb}: ") else ""
