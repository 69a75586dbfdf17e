"""The errors a person is meant to read: each says what was expected, where, and what to do."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

MOST_TOLD = 100  # problems in one message; whoever has more mends the first ones first


class PartwayError(Exception):
    """Base of all errors whose message is written for the user; the command line prints them without a traceback."""


class StudyError(PartwayError):
    """A study file that cannot be used; holds every problem found, not only the first.

    Attributes:
        problems: one line each, `where: what was expected`, in the order of the file.
    """

    def __init__(self, source: str, problems: list[str]):
        self.problems = sorted(dict.fromkeys(problems), key=_line)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        told = self.problems[:MOST_TOLD]
        if more := len(self.problems) - len(told):
            told.append(f"... and {more} more")
        super().__init__("\n".join([f"{source}: {count} in this study", *(f"  {line}" for line in told)]))


def _line(problem: str) -> float:
    found = re.match(r"line ([0-9]+):", problem)
    return int(found[1]) if found else math.inf


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """Say which known name was probably meant: `; did you mean epochs?`, or nothing."""
    if not isinstance(name, str):
        return ""
    plain = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower()[:100], plain, n=1, cutoff=0.65)
    return f"; did you mean {plain[close[0]]}?" if close else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, or which there are."""
    known = [candidate for candidate in known if candidate.isprintable()]
    return did_you_mean(name, known) or (f"; known: {some(known, most=30)}" if known else "")


def any_of(names: Sequence[str]) -> str:
    """Enumerate what is possible: `a, b or c`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def short(value: Any, width: int = 60) -> str:
    """Show a value as the study file writes it, cut to what a line can hold."""
    if value is None:
        return "nothing (null)"
    text = str(value).lower() if isinstance(value, bool) else repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= width else text[: width - 3] + "..."


class DataError(PartwayError):
    """A data set, manifest or video that cannot be used."""


class VanishedError(DataError):
    """A result that was there when the study was collected is gone."""


class TrainingError(PartwayError):
    """A training that cannot start or go on."""


class StoppedError(PartwayError):
    """A signal ended a training after its state was saved.

    Attributes:
        signal_number: of the signal, for the exit code.
    """

    def __init__(self, message: str, signal_number: int):
        super().__init__(message)
        self.signal_number = signal_number


class StorageError(PartwayError):
    """A file could not be written, or one that was written is damaged."""


class OwnershipError(PartwayError):
    """Another process has taken over this training's folder."""


def some(names: Sequence[str], most: int = 10) -> str:
    """Enumerate names for a message: the first of them, then how many more there are."""
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")
