"""Which classes a run knows, and which it takes for which: per_class.csv and confusion.csv."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from partway import metrics
from partway.results.predictions import read_predictions
from partway.study import AXES, Run, Study

PER_CLASS_COLUMNS = [*AXES, "scored_on", "class", "n", "correct", "accuracy"]
CONFUSION_COLUMNS = [*AXES, "scored_on", "class", "predicted", "n"]


class ByClass:
    """The videos each run is scored on by class and by what they were taken for; each evaluation is read once.

    Those are the test videos, or those of validation where test has no labels.
    """

    def __init__(self, study: Study):
        self.study = study
        self.counts = cache(self._counts)

    def _counts(self, evaluation: str) -> tuple[list[str], list[tuple[int, int, int]]]:
        """The classes, and (class, taken for, videos) of the pairs that some video has: far fewer than all pairs."""
        found = read_predictions(Path(self.study.results_dir, "evaluations", evaluation))
        videos_KK = metrics.confusion(found.logits_NK, found.labels_N)
        return found.classes, [(a, b, int(videos_KK[a, b])) for a, b in np.argwhere(videos_KK).tolist()]

    def per_class(self, runs: list[Run]) -> Iterator[dict[str, Any]]:
        """Rows of per_class.csv: how often each complete run is right on the videos of each class that has some."""
        for run, scored_on, evaluation in self._scored(runs):
            classes, pairs = self.counts(evaluation)
            for label in sorted({label for label, _, _ in pairs}):
                count = sum(videos for own, _, videos in pairs if own == label)
                correct = sum(videos for own, taken, videos in pairs if own == taken == label)
                score = {"n": count, "correct": correct, "accuracy": correct / count}
                yield run.cell | {"scored_on": scored_on, "class": classes[label]} | score

    def confusion(self, runs: list[Run]) -> Iterator[dict[str, Any]]:
        """Rows of confusion.csv: videos of a class that were taken for a class; pairs without any are left out."""
        for run, scored_on, evaluation in self._scored(runs):
            classes, pairs = self.counts(evaluation)
            for label, predicted, videos in pairs:
                pair = {"class": classes[label], "predicted": classes[predicted], "n": videos}
                yield run.cell | {"scored_on": scored_on} | pair

    def _scored(self, runs: list[Run]) -> Iterator[tuple[Run, str, str]]:
        """The runs with the split that they are scored on, and the evaluation of it."""
        for run in runs:
            scored_on = self.study.datasets[run.dataset].scored_on
            evaluation = run.evaluation if scored_on == "test" else run.validation
            if evaluation is not None:
                yield run, scored_on, evaluation
