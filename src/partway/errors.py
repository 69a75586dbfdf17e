"""The errors a person is meant to read: each says what was expected, where, and what to do."""


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


class VanishedError(DataError):
    """A result that was there when the study was collected is gone."""


class TrainingError(PartwayError):
    """A training that cannot start or go on."""


class OwnershipError(PartwayError):
    """Another process has taken over this training's folder."""
