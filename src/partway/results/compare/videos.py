"""The videos that both sides scored, what each answered, and which answers changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from partway import files
from partway.errors import DataError
from partway.results.compare.matching import Pair
from partway.results.compare.sides import Side
from partway.results.outcomes import Outcomes


@dataclass(frozen=True)
class Common:
    """The videos that both sides scored.

    Attributes:
        left_out: how many videos of A and of B have no counterpart.
        other_content: how many of the common ones have other content in A than in B; None where nobody knows.
        fingerprints: of the data of A and B.
    """

    videos: int
    split: str
    left_out: tuple[int, int]
    other_content: int | None
    fingerprints: tuple[str, str]


@dataclass(frozen=True)
class Answers:
    """What A and B answered of the common videos, class by name.

    Attributes:
        a_SN, b_SN: predicted classes of each pair of seeds.
    """

    common: Common
    ids: np.ndarray
    labels_N: np.ndarray
    a_SN: np.ndarray
    b_SN: np.ndarray

    @property
    def correct(self) -> tuple[np.ndarray, np.ndarray]:
        """Whether A and B are right, seeds x videos."""
        return self.a_SN == self.labels_N, self.b_SN == self.labels_N


def answers(pair: Pair, a: Side, b: Side) -> Answers:
    """Read what both sides answered in the runs of a pair.

    Raises:
        DataError: they did not score the same thing: another split, other labels, or no video in common.
    """
    what = f"{pair.setting_a['dataset']} {pair.setting_a['model']} {pair.setting_a['ablation']}"
    _refuse_other_splits(pair, a, b, what)
    of_a = [a.outcomes.read(run["scored"]) for run, _ in pair.runs]
    of_b = [b.outcomes.read(run["scored"]) for _, run in pair.runs]
    ids_a, ids_b = (reduce(_in_both, [found.ids for found in of]) for of in (of_a, of_b))
    ids = _in_both(ids_a, ids_b)
    if not len(ids):
        raise DataError(
            f"{what}: A and B have no video in common ({ids_a[0]} in A, {ids_b[0]} in B), so nothing is paired"
        )
    labels_N = _names(of_a[0], "labels_N", ids)
    for found in of_b:
        _refuse_other_labels(what, ids, labels_N, _names(found, "labels_N", ids))
    fingerprints = tuple(_fingerprint(side, run) for side, run in zip((a, b), pair.runs[0], strict=True))
    common = Common(
        videos=len(ids),
        split=pair.runs[0][0]["scored_on"],
        left_out=(len(ids_a) - len(ids), len(ids_b) - len(ids)),
        other_content=0 if fingerprints[0] == fingerprints[1] else _other_content(pair, a, b, ids),
        fingerprints=fingerprints,
    )
    return Answers(
        common=common,
        ids=ids,
        labels_N=labels_N,
        a_SN=np.stack([_names(found, "predicted_N", ids) for found in of_a]),
        b_SN=np.stack([_names(found, "predicted_N", ids) for found in of_b]),
    )


def flips(found: Answers, pair: Pair) -> Iterator[dict[str, Any]]:
    """The videos that one side alone is right on: how often and in which seeds, a row for each way to answer them."""
    right_a_SN, right_b_SN = found.correct
    seeds: dict[tuple[int, str, str], list[str]] = defaultdict(list)
    for place, number in zip(*np.nonzero(right_a_SN != right_b_SN), strict=True):
        one, other = (run["seed"] for run in pair.runs[place])
        answered = (int(number), str(found.a_SN[place, number]), str(found.b_SN[place, number]))
        seeds[answered].append(str(one) if one == other else f"{one}/{other}")
    for (number, predicted_a, predicted_b), of in sorted(seeds.items()):
        label = str(found.labels_N[number])
        yield {
            "id": found.ids[number],
            "class": label,
            "flip": "lost" if predicted_a == label else "won",
            "predicted_a": predicted_a,
            "predicted_b": predicted_b,
            "seeds": " ".join(of),
            "seeds_of": len(pair.runs),
        }


def _in_both(ids: np.ndarray, others: np.ndarray) -> np.ndarray:
    return ids if np.array_equal(ids, others) else np.intersect1d(ids, others, assume_unique=True)


def _names(found: Outcomes, what: str, ids: np.ndarray) -> np.ndarray:
    """Labels or predictions of these videos as names: an index means a class only beside its own list."""
    places = np.searchsorted(found.ids, ids)  # outcomes stand in the order of their ids
    return np.asarray(found.classes)[getattr(found, what)[places]]


def _refuse_other_splits(pair: Pair, a: Side, b: Side, what: str) -> None:
    one, other = (
        {
            "the split that is scored": run["scored_on"],
            "the official split": side.study.lock["datasets"][run["dataset"]]["spec"]["options"].get("split", 1),
        }
        for side, run in zip((a, b), pair.runs[0], strict=True)
    )
    for which in one:
        if one[which] != other[which]:
            raise DataError(
                f"{what}: {which} is {one[which]} in A and {other[which]} in B: other videos are asked there, and were "
                "seen in training; compare results of the same split"
            )


def _refuse_other_labels(what: str, ids: np.ndarray, labels_a: np.ndarray, labels_b: np.ndarray) -> None:
    different = np.flatnonzero(labels_a != labels_b)
    if len(different):
        first = different[0]
        raise DataError(
            f"{what}: {len(different)} of {len(ids)} common videos {'has' if len(different) == 1 else 'have'} another label in B, first {ids[first]}: "
            f"{labels_a[first]} in A, {labels_b[first]} in B. They are not the same question; mend the labels of one and "
            "run it again"
        )


def _fingerprint(side: Side, run: dict[str, Any]) -> str:
    return side.study.summary["trainings"][run["training"]]["data_fingerprint"]


def _other_content(pair: Pair, a: Side, b: Side, ids: np.ndarray) -> int | None:
    """How many of these videos are other files in A than in B, as the manifests say; None where one is gone."""
    digests = []
    for side, setting in ((a, pair.setting_a), (b, pair.setting_b)):
        folder = side.study.lock["datasets"][setting["dataset"]]["folder"]
        manifest = Path(side.results, "data", folder, "manifest.csv")
        if not manifest.exists():
            return None
        digests.append({video["id"]: video["digest"] for video in files.read_csv(manifest)})
    return sum(digests[0][video] != digests[1][video] for video in ids)
