"""Signals that ask a training to stop: it saves its state at the next optimizer step instead of dying in between."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType

# Ctrl-C, a scheduler or `kill`, a closed terminal, and what SLURM sends before the time limit (`--signal=USR1@60`).
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


AT_ONCE_SEC = 1.0  # a shell and a scheduler may both pass one Ctrl-C on; a second one comes later than that


class Interruption:
    """Remembers the first stop signal while its block runs; the loop asks for it where its state is whole.

    A signal that was ignored before stays so (`nohup` ignores SIGHUP). Ctrl-C a second time stops at once.

    Attributes:
        requested: the signal that arrived; None while nobody wants the training to stop.
    """

    def __init__(self, title: str):
        self.title = title
        self.requested: signal.Signals | None = None
        self._since = 0.0
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():  # Python lets no other thread handle signals
            heard = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._remember) for number in heard}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _remember(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self.requested is None:
            self.requested, self._since = signal.Signals(number), now
            self._say("the state is saved at the next optimizer step; Ctrl-C once more stops at once, without it")
        elif number == signal.SIGINT and now - self._since > AT_ONCE_SEC:
            raise KeyboardInterrupt

    def _say(self, text: str) -> None:
        line = f"[{self.title}] {self.requested.name}: {text}\n"
        with suppress(OSError):  # the terminal may be what was closed
            os.write(sys.stderr.fileno(), line.encode())  # not print: it may be what was interrupted
