"""Reading the predictions of an evaluation, with the scores of its views averaged as it says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from partway import files, metrics
from partway.errors import DataError, VanishedError

NAME = "predictions.parquet"
COLUMNS = ["id", "label_index", "view", "logits"]


@dataclass(frozen=True)
class Predictions:
    """What a model says of N videos, in the order of their ids.

    Attributes:
        logits_NK: averaged over the views.
        labels_N: class indices.
        classes: names, by index.
    """

    ids: np.ndarray
    logits_NK: np.ndarray
    labels_N: np.ndarray
    classes: list[str]


def read_predictions(folder: Path) -> Predictions:
    """Read the predictions of an evaluation.

    Raises:
        VanishedError: the files are gone. DataError: the videos have no labels, or the file is damaged or not the one
        that metrics.json tells of.
    """
    record = read_record(folder)
    predictions = _read_table(folder, record["predictions_digest"])
    if predictions["label_index"].null_count:
        raise DataError(f"{folder}: its videos have no labels, so nobody knows which predictions are right")
    ids, view_N = (predictions[name].to_numpy() for name in ("id", "view"))
    views = int(view_N.max()) + 1
    order = np.lexsort((view_N, ids))
    logits = predictions["logits"].combine_chunks().flatten().to_numpy().reshape(len(ids), -1)[order]
    return Predictions(
        ids=ids[order][::views],
        logits_NK=metrics.average_views(
            logits.reshape(-1, views, logits.shape[1]), record["spec"].get("views", {}).get("aggregation", "logits")
        ),
        labels_N=predictions["label_index"].to_numpy()[order][::views],
        classes=predictions.schema.metadata[b"classes"].decode().split("\n"),
    )


def read_record(folder: Path) -> dict[str, Any]:
    """The metrics.json of an evaluation.

    Raises:
        VanishedError: it is gone.
    """
    try:
        return files.read_json(folder / "metrics.json")
    except FileNotFoundError:
        raise vanished(folder / "metrics.json") from None


def vanished(path: Path) -> VanishedError:
    """The error for a file of an evaluation that was there when its study was collected."""
    return VanishedError(f"{path} is gone; delete the folder and run again")


def _read_table(folder: Path, digest: str) -> pa.Table:
    """The columns of a predictions.parquet that its metrics.json tells of: it is read once, and checked on the way."""
    try:
        content = (folder / NAME).read_bytes()
    except FileNotFoundError:
        raise vanished(folder / NAME) from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError(
            f"{folder / NAME}: damaged, or not the predictions that metrics.json beside it was made of: put them back, "
            "or delete the folder and run again"
        )
    return pq.ParquetFile(pa.BufferReader(content)).read(columns=COLUMNS, use_threads=False)
