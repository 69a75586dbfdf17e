"""Reading the predictions of an evaluation: which videos were right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from partway import files, metrics
from partway.errors import DataError, VanishedError


def read_correct(folder: Path) -> pd.Series:
    """Whether each video of an evaluation is right, by video id, in the order of ids.

    Raises:
        VanishedError: the files are gone. DataError: the videos have no labels.
    """
    try:
        spec = files.read_json(folder / "metrics.json")["spec"]
        predictions = pq.read_table(folder / "predictions.parquet")
    except FileNotFoundError as error:
        raise VanishedError(f"{error.filename or folder} is gone; delete the folder and run again") from None
    if predictions["label_index"].null_count:
        raise DataError(f"{folder}: its videos have no labels, so nobody knows which predictions are right")
    table = predictions.to_pandas().sort_values(["id", "view"], kind="stable")
    views = int(table["view"].max()) + 1
    logits_NVK = np.stack(table.logits.to_list()).reshape(-1, views, len(table.logits.iloc[0]))
    scores_NK = metrics.average_views(logits_NVK, spec.get("views", {}).get("aggregation", "logits"))
    correct_N = metrics.correct_in_top(scores_NK, table.label_index.to_numpy()[::views], 1)
    return pd.Series(correct_N, index=table["id"].to_numpy()[::views])
