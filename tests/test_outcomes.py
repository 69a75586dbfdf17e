"""What was answered of each video: kept once, the same as reading the predictions anew, never of other predictions."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from known import write_predictions
from partway import files, metrics
from partway.results.outcomes import NAME, read_outcomes

CLASSES = ["bow", "wave", "<sit>"]


def write(results: Path, logits_NVK: np.ndarray, labels: list, aggregation: str = "logits", name: str = "e") -> Path:
    """An evaluation with these logits, its videos in no order."""
    videos, views, _ = logits_NVK.shape
    rows = [
        {"id": f"v{video}", "label_index": labels[video], "view": view, "logits": logits_NVK[video, view].tolist()}
        for view in range(views)
        for video in reversed(range(videos))
    ]
    folder = results / "evaluations" / name
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / "metrics.json", {"spec": {"views": {"aggregation": aggregation}}})
    schema = pa.schema([("id", pa.string()), ("label_index", pa.int64()), ("view", pa.int64()), LOGITS])
    table = pa.Table.from_pylist(rows, schema).replace_schema_metadata({"classes": "\n".join(CLASSES)})
    write_predictions(folder, table)
    return folder


LOGITS = ("logits", pa.list_(pa.float32()))
SOME = np.array([[[2, 1, 0]], [[0, 0, 1]], [[1, 1, 0]]], dtype=np.float32)


def same(one, other) -> bool:
    arrays_same = all(
        np.array_equal(getattr(one, name), getattr(other, name))
        and getattr(one, name).dtype == getattr(other, name).dtype
        for name in ("ids", "labels_N", "predicted_N", "confidence_N")
    )
    return arrays_same and one.classes == other.classes


@given(
    logits=arrays(
        np.float32, st.tuples(st.integers(1, 6), st.integers(1, 3), st.just(3)), elements=st.floats(-9, 9, width=32)
    ),
    aggregation=st.sampled_from(["logits", "softmax"]),
    data=st.data(),
)
def test_outcomes_are_those_of_the_predictions_and_the_same_when_kept(tmp_path_factory, logits, aggregation, data):
    results = tmp_path_factory.mktemp("results")
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(logits), max_size=len(logits)))
    folder = write(results, logits, labels, aggregation)
    made = read_outcomes(results, "e")
    logits_NK = metrics.average_views(logits, aggregation)
    assert made.ids.tolist() == [f"v{video}" for video in range(len(logits))]
    assert made.labels_N.tolist() == labels
    assert made.correct_N.tolist() == metrics.correct_in_top(logits_NK, np.array(labels), 1).tolist()
    assert made.confidence_N == pytest.approx(softmax(logits_NK.astype(float), axis=1).max(axis=1))
    assert made.classes == CLASSES
    kept = (folder / NAME).stat().st_mtime_ns
    assert same(read_outcomes(results, "e"), made)
    assert (folder / NAME).stat().st_mtime_ns == kept
