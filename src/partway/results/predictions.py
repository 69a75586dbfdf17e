"""Reading the predictions of an evaluation, with the scores of its views averaged as it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from partway import files, metrics
from partway.errors import DataError, VanishedError

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
        VanishedError: the files are gone. DataError: the videos have no labels.
    """
    try:
        spec = files.read_json(folder / "metrics.json")["spec"]
        predictions = pq.read_table(folder / "predictions.parquet", columns=COLUMNS, use_threads=False)
    except FileNotFoundError as error:
        raise VanishedError(f"{error.filename or folder} is gone; delete the folder and run again") from None
    if predictions["label_index"].null_count:
        raise DataError(f"{folder}: its videos have no labels, so nobody knows which predictions are right")
    ids, view_N = (predictions[name].to_numpy() for name in ("id", "view"))
    views = int(view_N.max()) + 1
    order = np.lexsort((view_N, ids))
    logits = predictions["logits"].combine_chunks().flatten().to_numpy().reshape(len(ids), -1)[order]
    return Predictions(
        ids=ids[order][::views],
        logits_NK=metrics.average_views(
            logits.reshape(-1, views, logits.shape[1]), spec.get("views", {}).get("aggregation", "logits")
        ),
        labels_N=predictions["label_index"].to_numpy()[order][::views],
        classes=predictions.schema.metadata[b"classes"].decode().split("\n"),
    )


def read_correct(folder: Path) -> pd.Series:
    """Whether each video of an evaluation is right, by video id, in the order of ids.

    Raises:
        VanishedError: the files are gone. DataError: the videos have no labels.
    """
    found = read_predictions(folder)
    return pd.Series(metrics.correct_in_top(found.logits_NK, found.labels_N, 1), index=found.ids)


def read_calibration_error(folder: Path) -> float:
    """The expected calibration error of an evaluation, for those that were scored before it was measured.

    Raises:
        VanishedError: the files are gone. DataError: the videos have no labels.
    """
    found = read_predictions(folder)
    return metrics.calibration_error(found.logits_NK, found.labels_N)
