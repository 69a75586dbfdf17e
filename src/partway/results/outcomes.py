"""What was answered of each video: made once of an evaluation's predictions, then read from a small file beside them.

A study of a thousand runs has gigabytes of logits, and its tables ask one question of them: which class was predicted,
how surely, and was it right. `outcomes.parquet` holds the answer and the mark of the predictions that it was made of. It
can be deleted at any time; one that is damaged, or of other predictions, is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from partway import files, metrics
from partway.errors import DataError
from partway.results import predictions
from partway.results.predictions import Predictions

NAME = "outcomes.parquet"
VERSION = 2  # of the file; one of another version is made again


@dataclass(frozen=True)
class Outcomes:
    """What a model answered of N videos, in the order of their ids.

    Attributes:
        labels_N, predicted_N: class indices; of equal scores the lower index is predicted.
        confidence_N: softmax probability of the predicted class in (0, 1], after the views were averaged.
        classes: names, by index.
    """

    ids: np.ndarray
    labels_N: np.ndarray
    predicted_N: np.ndarray
    confidence_N: np.ndarray
    classes: list[str]

    @property
    def correct_N(self) -> np.ndarray:  # noqa: N802 (a shape)
        """Whether each video is right, as bool."""
        return self.predicted_N == self.labels_N


def read_outcomes(results_dir: Path | str, evaluation: str) -> Outcomes:
    """Read what an evaluation answered of each video; its logits are read only where no outcomes of them are kept.

    Raises:
        VanishedError: the files are gone. DataError: the videos have no labels, or the predictions are damaged or not
        those that metrics.json tells of.
    """
    folder = Path(results_dir, "evaluations", evaluation)
    mark = _mark(folder)
    kept = _read(folder / NAME, mark)
    if kept is None:
        kept = _made_of(predictions.read_predictions(folder))
        if os.access(folder, os.W_OK):  # somebody else's results can be read without it
            _write(folder / NAME, kept, mark)
    return kept


class OutcomesReader:
    """Reads each evaluation of a results folder once; those of the same videos share ids, labels and classes."""

    def __init__(self, results_dir: Path | str):
        self.results_dir = results_dir
        self.known: list[Outcomes] = []  # one of each set of videos
        self.read = cache(self._read)

    def _read(self, evaluation: str) -> Outcomes:
        found = read_outcomes(self.results_dir, evaluation)
        for other in self.known:
            if _same_videos(found, other):
                return replace(found, ids=other.ids, labels_N=other.labels_N, classes=other.classes)
        self.known.append(found)
        return found


def alike(evaluations: list[str], read: Callable[[str], Outcomes]) -> list[Outcomes]:
    """What evaluations of one test set answered, to be held against each other video by video, by their place.

    Raises:
        DataError: two are of other videos, or of other labels.
    """
    found = [read(evaluation) for evaluation in evaluations]
    for evaluation, other in zip(evaluations, found, strict=True):
        if not _same_videos(found[0], other):
            raise DataError(
                f"evaluations {evaluations[0]} and {evaluation} answered other videos (of {len(found[0].ids)} and "
                f"{len(other.ids)}), or videos of other labels, so that they are not of one test set; delete the folder "
                "that is out of date and run again"
            )
    return found


def _same_videos(one: Outcomes, other: Outcomes) -> bool:
    if one.ids is other.ids:
        return True  # of one reader, see OutcomesReader
    same = np.array_equal(one.labels_N, other.labels_N) and one.classes == other.classes
    return same and np.array_equal(one.ids, other.ids)


def _mark(folder: Path) -> bytes:
    """What kept outcomes must be of: the predictions by their recorded digest, their file by size and time of change.

    Whoever replaces the file by hand leaves the digest in metrics.json as it was; the other two tell without reading it.
    """
    path = folder / predictions.NAME
    record = predictions.read_record(folder)
    try:
        state = path.stat()
    except FileNotFoundError:
        raise predictions.vanished(path) from None
    mark = {"version": VERSION, "digest": record["predictions_digest"]}
    return json.dumps(mark | {"bytes": state.st_size, "modified_ns": state.st_mtime_ns}).encode()


def _made_of(found: Predictions) -> Outcomes:
    return Outcomes(
        ids=found.ids,
        labels_N=found.labels_N.astype(np.int32),
        predicted_N=found.logits_NK.argmax(axis=1).astype(np.int32),
        confidence_N=metrics.confidence(found.logits_NK),
        classes=found.classes,
    )


def _write(path: Path, outcomes: Outcomes, mark: bytes) -> None:
    """Two who write at once write the same; the later one stays."""
    table = pa.table(
        {
            "id": pa.array(outcomes.ids, pa.string()),
            "label": outcomes.labels_N,
            "predicted": outcomes.predicted_N,
            "confidence": outcomes.confidence_N,
        }
    )
    about = {"classes": "\n".join(outcomes.classes), "made_of": mark, "content": _content(outcomes)}
    with files.replacing(path, durable=False) as temporary:  # lost in a power cut, it is made again
        pq.write_table(table.replace_schema_metadata(about), temporary, compression="zstd")


def _content(outcomes: Outcomes) -> str:
    """A digest of all that is kept: Parquet's own checksums leave out its footer, with the names of columns and classes."""
    digest = hashlib.sha256("\n".join([*outcomes.classes, "", *outcomes.ids]).encode())
    for values_N in (outcomes.labels_N, outcomes.predicted_N, outcomes.confidence_N):
        digest.update(values_N.tobytes())
    return digest.hexdigest()


def _read(path: Path, mark: bytes) -> Outcomes | None:
    """The outcomes that are kept; None where there are none, or none of these predictions, or no whole ones."""
    try:
        with pq.ParquetFile(path) as file:
            metadata = file.schema_arrow.metadata or {}
            if metadata.get(b"made_of") != mark:
                return None
            table = file.read(use_threads=False)
        kept = Outcomes(
            *(table[name].to_numpy() for name in ("id", "label", "predicted", "confidence")),
            classes=metadata[b"classes"].decode().split("\n"),
        )
        return kept if _content(kept).encode() == metadata[b"content"] else None
    except (OSError, pa.ArrowException, LookupError, ValueError, TypeError):  # not there or damaged: made again
        return None
