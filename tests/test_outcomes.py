"""What was answered of each video: kept once, the same as reading the predictions anew, never of other predictions."""

import os
import re
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from conftest import REPOSITORY
from known import HOME, write_predictions
from partway import files, metrics
from partway.errors import DataError, VanishedError
from partway.results.collect import collect, collect_partial
from partway.results.outcomes import NAME, OutcomesReader, alike, read_outcomes
from partway.results.report.run_videos import Answers
from partway.results.tables import write_tables

PAGE = REPOSITORY / "docs" / "predictions.md"
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


def test_of_equal_scores_the_lower_class_is_predicted(tmp_path):
    write(tmp_path, SOME, [0, 2, 1])
    found = read_outcomes(tmp_path, "e")
    assert found.predicted_N.tolist() == [0, 2, 0]
    assert found.correct_N.tolist() == [True, True, False]
    assert found.confidence_N == pytest.approx(
        [np.e**2 / (np.e**2 + np.e + 1), np.e / (np.e + 2), np.e / (2 * np.e + 1)]
    )


def blank(path: Path) -> None:
    """Make a file unreadable that keeps its size and time of change: a mark of the file cannot tell, a reader must."""
    state = path.stat()
    path.write_bytes(bytes(state.st_size))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_kept_outcomes_are_read_without_the_predictions(tmp_path):
    folder = write(tmp_path, SOME, [0, 2, 1])
    made = read_outcomes(tmp_path, "e")
    blank(folder / "predictions.parquet")
    assert same(read_outcomes(tmp_path, "e"), made)
    (folder / NAME).unlink()
    with pytest.raises(DataError, match=r"predictions\.parquet: damaged, or not the predictions that metrics\.json"):
        read_outcomes(tmp_path, "e")


def test_an_evaluation_made_again_is_read_again(tmp_path):
    write(tmp_path, SOME, [0, 2, 1])
    assert read_outcomes(tmp_path, "e").predicted_N.tolist() == [0, 2, 0]
    write(tmp_path, SOME[:, :, ::-1], [0, 2, 1])
    assert read_outcomes(tmp_path, "e").predicted_N.tolist() == [2, 0, 1]


@pytest.mark.parametrize("same_time", [False, True])
def test_predictions_that_were_replaced_by_hand_are_refused(tmp_path, same_time):
    """By others of another size, or of another time of change; metrics.json tells of those that are gone."""
    folder, other = write(tmp_path, SOME, [0, 2, 1]), write(tmp_path, SOME[:2], [0, 1], name="other")
    read_outcomes(tmp_path, "e")
    state = (folder / "predictions.parquet").stat()
    (other / "predictions.parquet").replace(folder / "predictions.parquet")
    os.utime(folder / "predictions.parquet", ns=(0, state.st_mtime_ns if same_time else 0))
    with pytest.raises(DataError, match="put them back, or delete the folder and run again"):
        read_outcomes(tmp_path, "e")


@pytest.mark.parametrize("byte", [0, 100, -1])
def test_damaged_outcomes_are_made_again(tmp_path, byte):
    folder = write(tmp_path, SOME, [0, 2, 1])
    made = read_outcomes(tmp_path, "e")
    content = bytearray((folder / NAME).read_bytes())
    for cut in (len(content), 30, 0):
        content[byte % len(content)] ^= 255
        (folder / NAME).write_bytes(content[:cut])
        assert same(read_outcomes(tmp_path, "e"), made)
        assert pq.read_table(folder / NAME).num_rows == 3


def test_outcomes_whose_names_are_damaged_are_made_again(tmp_path):
    """Those of classes and columns stand in the footer, of which Parquet keeps no checksum."""
    folder = write(tmp_path, SOME, [0, 2, 1])
    made = read_outcomes(tmp_path, "e")
    (folder / NAME).write_bytes((folder / NAME).read_bytes().replace(b"predicted", b"predictad"))
    assert same(read_outcomes(tmp_path, "e"), made)
    kept = pq.read_table(folder / NAME)
    damaged = kept.schema.metadata | {b"classes": b"bow\nrave\n<sit>"}
    pq.write_table(kept.replace_schema_metadata(damaged), folder / NAME)
    assert same(read_outcomes(tmp_path, "e"), made)


def test_two_who_read_at_once_find_the_same_and_leave_one_whole_file(tmp_path):
    folder = write(tmp_path, np.repeat(SOME, 200, axis=0), [0, 2, 1] * 200)
    expected = read_outcomes(tmp_path, "e")
    found: list[bool] = []

    def read_often() -> None:
        for _ in range(20):
            (folder / NAME).unlink(missing_ok=True)
            found.append(same(read_outcomes(tmp_path, "e"), expected))

    threads = [threading.Thread(target=read_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 80
    assert {path.name for path in folder.iterdir()} <= {"metrics.json", "predictions.parquet", NAME}


def test_videos_without_labels_have_no_outcomes(tmp_path):
    write(tmp_path, SOME, [None] * 3)
    with pytest.raises(DataError, match="its videos have no labels"):
        read_outcomes(tmp_path, "e")


@pytest.mark.parametrize("name", ["metrics.json", "predictions.parquet"])
def test_what_is_gone_is_named(tmp_path, name):
    folder = write(tmp_path, SOME, [0, 2, 1])
    read_outcomes(tmp_path, "e")
    (folder / name).unlink()
    with pytest.raises(VanishedError, match=rf"{name} is gone; delete the folder and run again"):
        read_outcomes(tmp_path, "e")


def test_evaluations_of_the_same_videos_share_what_names_them(tmp_path):
    for name, logits, labels in (("a", SOME, [0, 2, 1]), ("b", SOME * 2, [0, 2, 1]), ("c", SOME, [1, 2, 1])):
        write(tmp_path, logits, labels, name=name)
    outcomes = OutcomesReader(tmp_path)
    first, second, third = (outcomes.read(name) for name in "abc")
    assert first.ids is second.ids
    assert first.ids is not third.ids
    assert outcomes.read("a") is first
    assert third.labels_N.tolist() == [1, 2, 1]


# --- a study ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [{"id": ["v0", "v1", "v7"]}, {"label_index": [0, 1, 2]}, {"fewer": []}])
def test_evaluations_of_other_videos_are_not_stacked(tmp_path, other):
    write(tmp_path, SOME, [0, 1, 1], name="a")
    folder = write(tmp_path, SOME, [0, 1, 1], name="b")
    assert [len(found.ids) for found in alike(["a", "b"], OutcomesReader(tmp_path).read)] == [3, 3]
    table = pq.read_table(folder / "predictions.parquet").sort_by("id")
    for name, values in other.items():
        place = table.column_names.index(name) if name in table.column_names else None
        table = table.slice(1) if place is None else table.set_column(place, name, pa.array(values))
    write_predictions(folder, table)
    with pytest.raises(DataError, match="evaluations a and b answered other videos"):
        alike(["a", "b"], OutcomesReader(tmp_path).read)
    with pytest.raises(DataError, match="evaluations a and b answered other videos"):
        Answers(str(tmp_path), ["a", "b"])


def test_collecting_after_one_new_run_reads_no_other_predictions(resolved):
    """Those of all others are unreadable by then; the collected files are what reading everything anew gives."""
    new = next(run for run in resolved.runs if run.ablation == "six_views" and run.seed == 1)
    before = replace(resolved, runs=[run for run in resolved.runs if run is not new])
    collect(before, HOME)
    write_tables(HOME, {"decimals": 1})
    mine = {new.evaluation, new.validation} - {
        folder for run in before.runs for folder in (run.evaluation, run.validation)
    }
    others = [
        path for path in Path("results/evaluations").glob("*/predictions.parquet") if path.parent.name not in mine
    ]
    kept = {path: path.read_bytes() for path in others}
    times = {path: path.stat().st_mtime_ns for path in others}
    for path in others:
        blank(path)
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": 1})
    names = ["runs.csv", "per_class.csv", "confusion.csv", "summary.json", "tables/recipe.csv"]
    found = {name: (HOME / name).read_bytes() for name in names}
    for path, content in kept.items():
        path.write_bytes(content)
        os.utime(path, ns=(0, times[path]))
    for path in Path("results/evaluations").glob(f"*/{NAME}"):
        path.unlink()
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": 1})
    assert found == {name: (HOME / name).read_bytes() for name in names}


def test_a_run_whose_predictions_were_damaged_is_missing_and_says_so(resolved):
    run = resolved.runs[0]
    blank(Path("results/evaluations", run.evaluation, "predictions.parquet"))
    collect_partial(resolved, HOME)
    told = f"predictions of evaluation {run.evaluation} that its metrics.json tells of (damaged or replaced): delete"
    assert told in (HOME / "partial" / "summary.json").read_text()
    with pytest.raises(DataError, match="2 of 10 runs are not complete, first: predictions of evaluation"):
        collect(resolved, HOME)


@pytest.fixture(scope="module")
def evaluated(data, tmp_path_factory) -> Path:
    """A real evaluation of a tiny training in six views."""
    from partway.evaluation import evaluate
    from tiny_trainings import QUIET, train

    training, folder = tmp_path_factory.mktemp("training"), tmp_path_factory.mktemp("results") / "evaluations" / "e"
    train(data, training, training={"epochs": 1})
    asked = {"training": "t", "split": "test", "observation_ratio": 1, "views": {"crops": 3, "flips": 2}}
    evaluate(asked, training=training, **data, folder=folder, progress=QUIET)
    return folder


def test_the_example_of_the_documentation_gives_the_numbers_of_metrics_json(evaluated):
    (example,) = re.findall(r"```python example\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(example.split("\n\n")[1].strip().splitlines()) <= 10
    found = {"folder": evaluated}
    exec(compile(example, PAGE.name, "exec"), found)
    record = files.read_json(evaluated / "metrics.json")
    assert found["top1"] == record["top1"]
    assert found["mean_class_accuracy"] == pytest.approx(record["mean_class_accuracy"])
    assert found["confusion"].to_numpy().sum() == record["videos"]
    assert (
        np.trace(found["confusion"].reindex(index=[0, 1], columns=[0, 1], fill_value=0)) / record["videos"]
        == record["top1"]
    )


def test_the_documentation_names_every_column_with_its_type(evaluated):
    read_outcomes(evaluated.parents[1], evaluated.name)
    for name in ("predictions.parquet", NAME):
        for field in pq.read_schema(evaluated / name):
            kind = "list of float32" if field.name == "logits" else str(field.type)
            assert f"| `{field.name}` | {kind}" in PAGE.read_text()


def test_a_real_evaluation_has_outcomes_that_give_its_scores(evaluated):
    found, record = read_outcomes(evaluated.parents[1], evaluated.name), files.read_json(evaluated / "metrics.json")
    assert found.correct_N.mean() == record["top1"]
    assert metrics.calibration_error(found.confidence_N, found.correct_N) == record["ece"]
