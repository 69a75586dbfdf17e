"""Which classes a run knows, and which it takes for which: per_class.csv and confusion.csv."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from partway import metrics
from partway.results.outcomes import Outcomes, OutcomesReader
from partway.study import AXES, Run, Study

PER_CLASS_COLUMNS = [*AXES, "scored_on", "class", "n", "correct", "accuracy"]
CONFUSION_COLUMNS = [*AXES, "scored_on", "class", "predicted", "n"]


class ByClass:
    """The videos each run is scored on by class and by what they were taken for.

    Those are the test videos, or those of validation where test has no labels.
    """

    def __init__(self, study: Study, outcomes: OutcomesReader):
        self.study, self.outcomes = study, outcomes

    def per_class(self, runs: list[Run]) -> Iterator[list[Any]]:
        """Rows of per_class.csv: how often each complete run is right on the videos of each class that has some."""
        for axes, found, videos_KK in self._counted(runs):
            for label in np.flatnonzero(videos_KK.sum(axis=1)).tolist():
                count, correct = int(videos_KK[label].sum()), int(videos_KK[label, label])
                yield [*axes, found.classes[label], count, correct, correct / count]

    def confusion(self, runs: list[Run]) -> Iterator[list[Any]]:
        """Rows of confusion.csv: videos of a class that were taken for a class; pairs without any are left out."""
        for axes, found, videos_KK in self._counted(runs):
            for label, predicted in np.argwhere(videos_KK).tolist():
                pair = (found.classes[label], found.classes[predicted])
                yield [*axes, *pair, int(videos_KK[label, predicted])]

    def _counted(self, runs: list[Run]) -> Iterator[tuple[list[Any], Outcomes, np.ndarray]]:
        """Of each run what stands before each of its rows, its outcomes, and how many videos were taken for what."""
        for run in runs:
            scored_on = self.study.datasets[run.dataset].scored_on
            evaluation = run.evaluation if scored_on == "test" else run.validation
            if evaluation is not None:
                found = self.outcomes.read(evaluation)
                axes = [*(run.cell[axis] for axis in AXES), scored_on]
                yield axes, found, metrics.confusion(found.labels_N, found.predicted_N, len(found.classes))
