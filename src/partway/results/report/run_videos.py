"""The videos of a data set in the details of its runs: what each run answered, and film strips of some that tell most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from partway.data import manifest
from partway.results.outcomes import OutcomesReader, alike
from partway.results.report.run_classes import worst_classes
from partway.results.report.strip_choice import by_confidence, in_order
from partway.results.report.strips import FRAMES, Pool, seen

UNTOLD_ROOT = "No video is shown: where they lie was not said (`--roots`)."


class Answers:
    """What the runs on one data set answered, evaluation by evaluation, of the same N videos.

    Attributes:
        places: evaluation -> R, its place in predicted_RN, confidence_RN and correct_RN.
    """

    def __init__(self, results_dir: str, evaluations: list[str]):
        self.places = {evaluation: place for place, evaluation in enumerate(evaluations)}
        found = alike(evaluations, OutcomesReader(results_dir).read)
        self.ids, self.labels_N, self.classes = found[0].ids, found[0].labels_N, found[0].classes
        self.predicted_RN = np.stack([each.predicted_N for each in found])
        self.confidence_RN = np.stack([each.confidence_N.astype(np.float32) for each in found])
        self.correct_RN = self.predicted_RN == self.labels_N

    def worst_classes(self, evaluation: str) -> list[tuple[str, str]]:
        """The classes that this evaluation knows worst, in words."""
        return worst_classes(self.labels_N, self.predicted_RN[self.places[evaluation]], self.classes)


class Films:
    """Film strips of videos that the runs on one data set got wrong, and right.

    Args:
        data: folder of the data set, with its manifest.
        root: of its videos; None where that was not said.
        wanted: videos of each run: half of them, rounded up, wrong.
        most_bytes: that their pictures may take.

    Attributes:
        said: what a reader must know of what is not shown; empty where all is.
    """

    def __init__(self, answers: Answers, data: Path, root: str | None, *, wanted: int, most_bytes: int):
        self.answers, self.wanted = answers, {"wrong": wanted - wanted // 2, "right": wanted // 2}
        self.said = _why_none(data, root) if wanted else ""
        self.pool = Pool({}, Path(), 0)
        if wanted and not self.said:
            videos = {video.id: video for video in manifest.read(data / "manifest.csv").videos}
            self.pool = Pool(videos, Path(root), most_bytes)
            order = in_order(answers.correct_RN, answers.confidence_RN, **self.wanted)
            self.pool.fill(str(answers.ids[place]) for place in order)
            self.said = self.pool.said()
        self.shown_N = np.isin(answers.ids, list(self.pool.pictures))

    def of(self, evaluation: str, ratio: float, window: str) -> dict[str, list[dict[str, Any]]]:
        """The videos to show of an evaluation, by `wrong` and `right`, those of which it was most sure first."""
        place = self.answers.places[evaluation]
        correct_N, confidence_N = self.answers.correct_RN[place], self.answers.confidence_RN[place]
        return {
            kind: [
                self._answer(place, video, ratio, window)
                for video in by_confidence(confidence_N, self.shown_N & (correct_N == (kind == "right")))[:wanted]
            ]
            for kind, wanted in self.wanted.items()
        }

    def _answer(self, place: int, video: int, ratio: float, window: str) -> dict[str, Any]:
        answers, id_ = self.answers, str(self.answers.ids[video])
        first, end = seen(self.pool.videos[id_], ratio, window)
        return {
            "id": id_,
            "label": answers.classes[answers.labels_N[video]],
            "predicted": answers.classes[answers.predicted_RN[place, video]],
            "confidence": float(answers.confidence_RN[place, video]),
            "before": first,
            "after": FRAMES - end,
            "seen": _seen_words(first, end),
        }


def _seen_words(first: int, end: int) -> str:
    """Which of the strip's frames were seen, the first counted as 1."""
    if end - first == FRAMES:
        return "the whole video"
    if first == end:
        return f"a part between frames {first} and {first + 1}"
    return f"frame {end}" if end - first == 1 else f"frames {first + 1} to {end}"


def _why_none(data: Path, root: str | None) -> str:
    if root is None:
        return UNTOLD_ROOT
    if not Path(root).is_dir():
        return "No video is shown: the folder that they were read from is not there."
    if not (data / "manifest.csv").exists():
        return f"No video is shown: {data}/manifest.csv, which says where each lies, is not there."
    return ""
