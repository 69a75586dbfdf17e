"""Signals that ask a training to stop: it saves its state at the next optimizer step instead of dying in between."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from partway.progress import Progress

# Ctrl-C, a scheduler or `kill`, a closed terminal, and what SLURM sends before the time limit (`--signal=USR1@60`).
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


class Interruption:
    """Remembers the first stop signal while its block runs; the loop asks for it where its state is whole.

    Attributes:
        requested: the signal that arrived; None while nobody wants the training to stop.
    """

    def __init__(self, progress: Progress):
        self.progress = progress
        self.requested: signal.Signals | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():  # Python lets no other thread handle signals
            self._before = {number: signal.signal(number, self._remember) for number in STOP_SIGNALS}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _remember(self, number: int, _: FrameType | None) -> None:
        if self.requested is None:  # a shell and a scheduler may both pass one Ctrl-C on
            self.requested = signal.Signals(number)
