"""What a study's protocol does to its numbers, and a reader must know: a test split without labels, a leaking
validation split, another window.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from partway.layouts import has_test_labels
from partway.schema_data import SplitOff
from partway.training.spec import TrainingSpec


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


def unlabelled_test(lock: dict[str, Any], dataset: str) -> str:
    """What stands beside accuracies of a data set whose test split has no labels."""
    chosen = any(t["dataset"] == dataset and selects_best(t["spec"]) for t in lock["trainings"].values())
    optimistic = (
        " The same videos chose the epoch (select: best), so it is optimistic: a number for comparing rows, not a result."
        if chosen
        else ""
    )
    return (
        f"The test split of {dataset} has no labels: what is shown is validation accuracy, of videos taken from train."
        f"{optimistic} It cannot be compared with a test accuracy. The predicted classes of the test videos stand in the "
        "submission.csv of each run, for whoever has the labels."
    )


def selects_best(spec: dict[str, Any]) -> bool:
    """Whether a training chose its epoch on the validation split."""
    training = TrainingSpec.from_dict(spec).training
    return training.epochs > 0 and training.select == "best"


def cautions(lock: dict[str, Any]) -> Iterator[str]:
    """A sentence for whatever makes numbers of this study too high, or not comparable with others."""
    for dataset, source in lock["datasets"].items():
        labelled = has_test_labels(source["spec"]["layout"])
        if not labelled:
            yield unlabelled_test(lock, dataset)
        if validation_leaks(validation_of(lock, dataset)):
            yield (
                f"The validation videos of {dataset} were drawn one by one (by: random), which leaks: videos of one source "
                "stand on both sides, so that validation accuracy is too high."
                + (" Test accuracy is not touched by it." if labelled else "")
            )
    if any(run["window"] == "middle" for run in lock["runs"]):
        yield (
            "The middle window sees later content and needs the length of the whole video: its accuracies cannot be "
            "compared with published curves, which are of the prefix."
        )
    for about in lock.get("imports", ()):
        yield imported(about)


def imported(about: dict[str, Any]) -> str:
    """What an import is, and what it is not.

    Args:
        about: its entry in study.lock.json.
    """
    return (
        f"{about['name']} was imported from an older script ({about['dataset']}, {about['window']} window): its accuracies "
        "are the best over the epochs on the validation videos that chose them. They stand beside the others for the eye "
        "alone, and are in no mean, no difference and no sentence of the verdict."
    )
