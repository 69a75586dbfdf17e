"""Progress that a person can follow: on a terminal at most one update a second, in a file a line each 30 s."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from partway import files

TERMINAL_SEC = 1.0
FILE_SEC = 30.0


class Progress:
    """Writes lines to the terminal and to the rule's log file.

    Args:
        title: what runs, by its names; begins each line on the terminal, where several jobs may write.
        log: the rule's log file; None for the terminal alone.
    """

    def __init__(self, title: str, log: Path | str | None = None, stream: TextIO | None = None):
        self.title = title
        self.stream: TextIO | None = stream or sys.stderr
        self.file = None
        if log is not None:
            with files.explained(log):
                Path(log).parent.mkdir(parents=True, exist_ok=True)
                # Appended: what an earlier process did is part of the story, and one that waits must not wipe it out.
                self.file = Path(log).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115 (as long as the process)
        self._shown = self._filed = time.monotonic()
        self._open_line = False

    def line(self, text: str) -> None:
        """Say something that stays."""
        self._end_open_line()
        self._file_line(text)
        self._show(f"[{self.title}] {text}\n")

    def update(self, describe: str | Callable[[], str]) -> None:
        """Say how far it is; the next update takes its place. A callable is asked only when something is shown."""
        now = time.monotonic()
        terminal = self.stream is not None and self.stream.isatty()
        show = now - self._shown >= (TERMINAL_SEC if terminal else FILE_SEC)
        if not show and now - self._filed < FILE_SEC:
            return
        text = describe if isinstance(describe, str) else describe()
        if show:
            self._shown = now
            shown = f"[{self.title}] {text}"
            if terminal:
                width = max(20, shutil.get_terminal_size().columns) - 1  # a terminal may not know its size
                self._show(f"\r{shown[:width]:<{width}}")
                self._open_line = True
            else:
                self._show(f"{shown}\n")
        if now - self._filed >= FILE_SEC:
            self._file_line(text)

    def _show(self, text: str) -> None:
        """Write to the terminal, as long as there is one: a closed one must not end the work."""
        if self.stream is None:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):  # a pipe that nobody reads any more, a terminal that was closed
            self.stream = None

    def _file_line(self, text: str) -> None:
        self._filed = time.monotonic()
        if self.file is None:
            return
        try:
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", file=self.file)
        except OSError as error:  # a full disk; the work itself may still find room, and says so where it does not
            self.file = None
            self._show(f"[{self.title}] the log file takes no more lines: {error.strerror}\n")

    def _end_open_line(self) -> None:
        if self._open_line:
            self._show("\n")
            self._open_line = False


def duration(seconds: float) -> str:
    """Write a duration as people do: 45 s, 3:20 min, 2:05 h."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d} min"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d} h"
