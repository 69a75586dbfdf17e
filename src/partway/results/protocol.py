"""What a study's protocol does to its numbers, and a reader must know: a leaking validation split, another window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from partway.schema_data import SplitOff


def validation_of(lock: dict[str, Any], dataset: str) -> SplitOff:
    """How the validation split of a data set was drawn, the same for all its trainings.

    Args:
        lock: of study.lock.json.
    """
    training = next(t for t in lock["trainings"].values() if t["dataset"] == dataset)
    return SplitOff.model_validate(training["spec"].get("validation", {}))


def validation_leaks(validation: SplitOff) -> bool:
    """Whether videos of one source may stand in train and in validation (SPEC 4b)."""
    return validation.by == "random" and validation.fraction > 0


def cautions(lock: dict[str, Any]) -> Iterator[str]:
    """A sentence for whatever makes numbers of this study too high, or not comparable with others."""
    for dataset in lock["datasets"]:
        if validation_leaks(validation_of(lock, dataset)):
            yield (
                f"The validation videos of {dataset} were drawn one by one (by: random), which leaks: videos of one source "
                "stand on both sides, so that validation accuracy is too high. Test accuracy is not touched by it."
            )
    if any(run["window"] == "middle" for run in lock["runs"]):
        yield (
            "The middle window sees later content and needs the length of the whole video: its accuracies cannot be "
            "compared with published curves, which are of the prefix."
        )
