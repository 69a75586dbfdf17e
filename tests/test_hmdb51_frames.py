"""Frame folders with a test split that has no labels: what is read, what is refused, and the path to submission.csv."""

import re
import shutil
from collections import Counter
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from conftest import REPOSITORY, Workplace, one_run_study
from partway import cli, files, json_schema, study, submission
from partway.data import hmdb51_frames
from partway.data import manifest as manifests
from partway.data.prepare import prepare
from partway.errors import DataError, StudyError
from partway.schema_data import SplitOff
from tiny_trainings import QUIET, Lines

CLASSES = ("brush_hair", "wave ü")
TEST_IDS = ("10", "9", "007", "clip 2", "clip 10", "B")  # as folders are named
SORTED_IDS = ["007", "9", "10", "B", "clip 2", "clip 10"]


def write_frames(folder: Path, frames: int, level: int, size: tuple[int, int], rng: np.random.Generator) -> None:
    """JPEGs of noise around a brightness, as `image_1.jpg`, `image_2.jpg`, ..."""
    folder.mkdir(parents=True)
    for number in range(1, frames + 1):
        noise = level + rng.integers(-30, 30, (*size, 3))
        encoded = cv2.imencode(".jpg", np.clip(noise, 0, 255).astype(np.uint8))[1]
        (folder / f"image_{number}.jpg").write_bytes(encoded.tobytes())


def write_tree(root: Path, *, sources: bool = True, videos: int = 8) -> Path:
    """A small tree of the real shape: 5 to 20 frames a video, of sizes and names that differ from video to video."""
    rng = np.random.default_rng(0)
    for place, label in enumerate(CLASSES):
        for number in range(videos):
            named = f"#20 Film's & (No {number // 2})_{label}_u_cm_np1_fr_med_{number}"
            folder = root / "data_train" / label / (named if sources else f"v{number}")
            write_frames(folder, 5 + (3 * number) % 16, 40 + 170 * place, (36 + 4 * (number % 3), 48), rng)
    for place, name in enumerate(TEST_IDS):
        write_frames(root / "test" / name, 5 + 3 * place, 40 + 170 * (place % 2), (48, 36 + 6 * place), rng)
    return root


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return write_tree(tmp_path_factory.mktemp("frames") / "hmdb")


@pytest.fixture
def copied(tree, tmp_path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(tree, tmp_path / "hmdb")


def prepared(root: Path, folder: Path, progress=QUIET, **options) -> manifests.Manifest:
    prepare({"layout": "hmdb51_frames", "options": options}, str(root), folder, progress)
    return manifests.read(folder / "manifest.csv")


def test_what_a_tree_comes_to(tree, tmp_path):
    manifest = prepared(tree, tmp_path)
    assert manifest.classes == list(CLASSES)
    assert Counter((video.split, video.label) for video in manifest.videos) == {
        ("train", "brush_hair"): 8, ("train", "wave ü"): 8, ("test", None): 6,
    }  # fmt: skip
    tested = manifest.split("test", SplitOff())
    assert [video.id for video in tested] == SORTED_IDS
    assert [video.path for video in tested] == [f"test/{name}" for name in SORTED_IDS]
    train = manifest.split("train", SplitOff(fraction=0.25))
    assert {video.group for video in manifest.videos if video.split == "train"} == {
        f"{label}/#20 Film's & (No {number})" for label in CLASSES for number in range(4)
    }
    validation = manifest.split("validation", SplitOff(fraction=0.25))
    assert {video.group for video in train}.isdisjoint(video.group for video in validation)
    assert Counter(video.label for video in validation) == {"brush_hair": 2, "wave ü": 2}
    record = files.read_json(tmp_path / "dataset.json")
    assert record["videos"] == {"train": 16, "test": 6}
    assert record["groups"] == 8  # of the train videos; nobody knows those of test
    rows = files.read_csv(tmp_path / "manifest.csv")
    assert {row["label"] for row in rows if row["split"] == "test"} == {""}
    assert {(row["width"], row["height"]) for row in rows if row["split"] == "train"} == {
        ("48", "36"), ("48", "40"), ("48", "44"),
    }  # fmt: skip


def test_names_without_sources_have_unknown_groups(tmp_path):
    root = write_tree(tmp_path / "hmdb", sources=False, videos=2)
    manifest = prepared(root, tmp_path / "data")
    assert files.read_json(tmp_path / "data" / "dataset.json")["groups"] == "unknown"
    assert all(video.group == video.id for video in manifest.videos)
    (root / "data_train" / "wave ü" / "v0").rename(root / "data_train" / "wave ü" / "Film_wave ü_1")
    listed = hmdb51_frames.read({}, root)  # one source alone does not make groups known, but is one
    assert not listed.groups_known
    assert "wave ü/Film" in {candidate.group for candidate in listed.candidates}


def test_a_doubled_folder_is_read_as_if_it_were_not_there(copied, tmp_path):
    plain = prepared(copied, tmp_path / "plain")
    for name in ("data_train", "test"):
        (copied / name).rename(copied / "inner")
        (copied / name).mkdir()
        (copied / "inner").rename(copied / name / name)
    doubled = prepared(copied, tmp_path / "doubled")
    assert doubled.fingerprint == plain.fingerprint  # the same ids, groups and contents
    assert doubled.videos[-1].path == "test/test/clip 10"
    (copied / "data_train" / "cover.jpg").touch()  # no longer exactly that
    with pytest.raises(DataError, match="data_train: 1 image directly in this folder; expected data_train/<class>"):
        hmdb51_frames.read({}, copied)


def test_a_test_video_called_test_is_no_doubled_folder(copied):
    for name in TEST_IDS:
        if name != "9":
            shutil.rmtree(copied / "test" / name)
    (copied / "test" / "9").rename(copied / "test" / "test")
    assert [c.id for c in hmdb51_frames.read({}, copied).candidates if c.split == "test"] == ["test"]


def an_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def classes_in_test(root: Path) -> None:
    shutil.copytree(root / "data_train" / "brush_hair", root / "test" / "brush_hair")


WRONG = {
    "no test": (lambda root: shutil.rmtree(root / "test"), r"^test not found in .*; download the data of the comp"),
    "no data_train": (lambda root: shutil.rmtree(root / "data_train"), "^data_train not found in .*"),
    "empty test": (
        lambda root: [shutil.rmtree(path) for path in (root / "test").iterdir()],
        "test: holds no folder; expected test/<id>/<image>",
    ),
    "loose test image": (lambda root: an_image(root / "test/1.jpg"), "test: 1 image directly in this folder"),
    "loose train image": (
        lambda root: an_image(root / "data_train/brush_hair/1.jpg"),
        "data_train/brush_hair: 1 image directly in this folder; expected data_train/<class>/<video>/<image>; move",
    ),
    "too deep": (lambda root: an_image(root / "test/9/more/1.jpg"), "test/9/more: 1 image too deep in this folder"),
    "a video file": (
        lambda root: an_image(root / "data_train/brush_hair/clip.avi"),
        "data_train/brush_hair/clip.avi: a video file; this layout has folders of frames, data_train/<class>",
    ),
    "empty class": (
        lambda root: (root / "data_train/sit").mkdir(),
        "data_train/sit: class folders without a video; add frame folders, or start its name with a dot",
    ),
    "class of empty folders": (
        lambda root: (root / "data_train/sit/v1").mkdir(parents=True),
        "data_train/sit: class folders without a video",
    ),
    "labels": (classes_in_test, r"test: holds folders named as classes \(brush_hair\), so the test split has labels"),
    "name of two lines": (lambda root: (root / "test/a\nb").mkdir(), r"test/a\\nb: not readable text; rename it"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_told(name, copied):
    change, message = WRONG[name]
    change(copied)
    with pytest.raises(DataError, match=message):
        hmdb51_frames.read({}, copied)


def test_everything_wrong_is_told_at_once(copied):
    for name in ("empty class", "loose test image", "a video file"):
        WRONG[name][0](copied)
    with pytest.raises(DataError) as error:
        hmdb51_frames.read({}, copied)
    assert len(str(error.value).splitlines()) == 4


def test_bad_videos_are_told_by_kind_and_skipped_on_request(copied, tmp_path):
    (copied / "data_train" / "brush_hair" / "nothing").mkdir()
    (copied / "test" / "9" / "image_2.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"2 bad videos \(1 empty, 1 unreadable\)"):
        prepared(copied, tmp_path)
    manifest = prepared(copied, tmp_path, on_bad_video="skip")
    assert [video.id for video in manifest.split("test", SplitOff())] == [i for i in SORTED_IDS if i != "9"]


def test_one_picture_content_on_both_sides_is_told(copied, tmp_path):
    shutil.rmtree(copied / "test" / "9")
    first = sorted((copied / "data_train" / "wave ü").iterdir())[0]
    shutil.copytree(first, copied / "test" / "9")
    (copied / "elsewhere").mkdir()
    log = Lines()
    prepared(copied, tmp_path, log)
    assert f"note: wave ü/{first.name} (train) and 9 (test) have the same content; the published" in "\n".join(log.said)
    assert "elsewhere: neither data_train nor test, and left out" in log.said


# --- the study file --------------------------------------------------------------------------------------


def frames_study(root: str = "hmdb") -> dict:
    tree = one_run_study()
    tree["datasets"] = {"frames": {"layout": "hmdb51_frames", "root": root, "validation": {"fraction": 0.25}}}
    tree["ladders"] = {"recipe": ["vanilla", "six_views"]}
    tree["ablations"] = {"vanilla": {}, "six_views": {"extends": "vanilla", "evaluation": {"crops": 3, "flips": 2}}}
    tree["grid"][0] |= {"dataset": "frames", "ablations": ["vanilla", "six_views"]}
    return tree


def loaded(folder: Path, tree: dict) -> study.Study:
    files.write_json(folder / "study.yaml", tree)
    return study.load(str(folder / "study.yaml"))


def test_without_validation_there_is_no_number_and_the_study_is_refused(tmp_path):
    tree = frames_study()
    tree["datasets"]["frames"]["validation"]["fraction"] = 0
    with pytest.raises(StudyError, match=r"datasets\.frames\.validation: .*the test split of hmdb51_frames has no lab"):
        loaded(tmp_path, tree)
    editor = jsonschema.Draft202012Validator(json_schema.study_schema())
    assert not editor.is_valid(tree)
    assert editor.is_valid(frames_study())


def test_check_says_what_to_download(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    files.write_json(tmp_path / "study.yaml", frames_study())
    assert cli.main(["check", "study.yaml"]) == 0
    told = capsys.readouterr()
    assert "data_train, test not found in hmdb; download the data of the competition" in told.err
    assert "NOT found in hmdb; no labels for test: validation accuracy is shown" in told.out
    an_image(tmp_path / "hmdb/unpacked/data_train/a/b/1.jpg")
    an_image(tmp_path / "hmdb/unpacked/test/1/1.jpg")
    assert cli.main(["check", "study.yaml"]) == 0
    assert "perhaps hmdb/unpacked is the folder for `root:`" in capsys.readouterr().err


def test_what_lies_beside_the_two_folders_is_in_no_key(copied, tmp_path):
    before = loaded(tmp_path, frames_study(str(copied))).datasets["frames"]
    shutil.copytree(copied / "test", copied / "test_again")
    after = loaded(tmp_path, frames_study(str(copied))).datasets["frames"]
    assert (before.folder, before.missing) == (after.folder, "")
    assert after.scored_on == "validation"
    (copied / "test" / "9" / "image_1.jpg").unlink()
    assert loaded(tmp_path, frames_study(str(copied))).datasets["frames"].folder != before.folder


def test_the_shipped_study_switches_to_frames_as_its_comment_says(tmp_path):
    text = (REPOSITORY / "studies" / "hmdb51.yaml").read_text()
    (block,) = re.findall(r"^  # (hmdb51: \{layout: hmdb51_frames, .*\})$", text, re.MULTILINE)
    switched = re.sub(r"^  hmdb51: \{.*\}$", f"  {block}", text, flags=re.MULTILINE)
    switched = switched.replace("select: last", "select: best")
    switched = re.sub(r"weights: ~/[^,}]+", "weights: scratch", switched)  # they are not on this machine
    (tmp_path / "study.yaml").write_text(switched)
    resolved = study.load(str(tmp_path / "study.yaml"))
    assert {source.scored_on for source in resolved.datasets.values()} == {"validation"}
    assert all(run.validation for run in resolved.runs)
    assert {training.spec["training"].get("select", "best") for training in resolved.trainings.values()} == {"best"}


# --- the whole path --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_frames_run_to_tables_figures_report_and_a_checked_submission(tree, tmp_path):
    """The real snakemake, from JPEGs to the page: validation accuracy everywhere, and never a test score."""
    shutil.copytree(tree, tmp_path / "work" / "hmdb")
    workplace = Workplace(tmp_path / "work", frames_study())
    workplace.snakemake(cores=2)
    runs = pd.read_csv(workplace.results("one/runs.csv")[0])
    assert runs.status.tolist() == ["complete"] * 2
    assert set(runs.scored_on) == {"validation"}
    assert runs.filter(regex="^test_").isna().all(axis=None)
    assert runs.val_videos.tolist() == [4, 4]
    assert runs["views"].tolist() == [1, 6]
    for evaluation, path in zip(runs.evaluation, runs.submission, strict=True):
        folder = workplace.folder / "results" / "evaluations" / evaluation
        assert workplace.folder / path == folder / "submission.csv"
        submission.check(folder / "submission.csv", SORTED_IDS, CLASSES)
        rows = files.read_csv(folder / "submission.csv")
        assert [row["id"] for row in rows] == SORTED_IDS
        predictions = pq.read_table(folder / "predictions.parquet").to_pandas()
        assert predictions.label.isna().all()
        assert predictions.label_index.isna().all()
        for row in rows:  # the highest mean logit, worked out again
            logits = np.mean(predictions[predictions["id"] == row["id"]].logits.tolist(), axis=0)
            assert row["class"] == CLASSES[int(np.argmax(logits))]
        metrics = files.read_json(folder / "metrics.json")
        assert [metrics[name] for name in ("loss", "top1", "top5", "mean_class_accuracy")] == [None] * 4
        assert metrics["videos"] == 6
    linked = workplace.results("one/runs/frames/small/*/train_matched/prefix/*/seed_0/evaluation_test/submission.csv")
    assert len(linked) == 2
    summary = files.read_json(workplace.results("one/summary.json")[0])
    assert summary["datasets"]["frames"]["test_labelled"] is False
    assert [run["submission"] for run in summary["runs"]] == runs.submission.tolist()
    table = workplace.results("one/tables/recipe.md")[0].read_text()
    assert "n = 4 validation videos, since the test split has no labels" in table
    assert "| validation %" in table
    assert "test %" not in table
    assert "The same videos chose the epoch (select: best), so it is optimistic" in table
    rows = pd.read_csv(workplace.results("one/tables/recipe.csv")[0])
    assert rows.val_top1.tolist() == pytest.approx(runs.val_top1.tolist())
    assert rows.difference_to_previous[1] == pytest.approx(runs.val_top1[1] - runs.val_top1[0])
    drawn = workplace.results("one/figures/accuracy_against_ratio.svg")[0].read_text()
    assert "validation accuracy, top1 (%)" in drawn
    assert "its test split has no labels" in drawn
    page = workplace.results("one/report.html")[0].read_text()
    text = " ".join(re.sub("<[^>]+>", "", page).split())
    for words in (
        f"no labels, classes in {runs.submission[0]}",
        "6 test without labels",
        "validation videos of 2 classes",
        "Some validation videos",
    ):
        assert words in text
    assert 'alt="Frames across the whole video' in page
    verdict = workplace.results("one/verdict.md")[0].read_text()
    assert f"- frames, vanilla, trained on matched ratios, ratio 1, seed 0: {runs.submission[0]}" in verdict
    assert workplace.jobs() == {}
