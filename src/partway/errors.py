"""The errors a person is meant to read: each says what was expected, where, and what to do."""

from collections.abc import Sequence


class PartwayError(Exception):
    """Base of all errors whose message is written for the user; the command line prints them without a traceback."""


class StudyError(PartwayError):
    """A study file that cannot be used; holds every problem found, not only the first.

    Attributes:
        problems: one line each, `where: what was expected`.
    """

    def __init__(self, source: str, problems: list[str]):
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{source}: {count} in this study", *(f"  {line}" for line in problems)]))


class DataError(PartwayError):
    """A data set, manifest or video that cannot be used."""


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
