"""UCF-101, HMDB51 and label CSVs: the official lists read whole, and small trees of the real shape through prepare."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from conftest import REPOSITORY, Workplace, numbered_frames, one_run_study, write_video
from partway import dag, files, study
from partway.data import label_csv, official_lists
from partway.data import manifest as manifests
from partway.data.prepare import prepare
from partway.errors import DataError
from partway.progress import Progress
from partway.schema_data import SplitOff

OFFICIAL = REPOSITORY.parent / "shared" / "data" / "annotations"  # of this project's developers; nobody else has it
official = pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the official lists are not on this machine")


def touch(root: Path, names: list[str]) -> Path:
    """Empty files: listing needs names only."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


# --- the official lists, whole -------------------------------------------------------------------------


def ucf101_names() -> list[str]:
    lists = OFFICIAL / "ucfTrainTestlist"
    return [
        line.split()[0]
        for name in ("trainlist01.txt", "testlist01.txt")
        for line in (lists / name).read_text().splitlines()
    ]


@pytest.fixture(scope="module")
def ucf101(tmp_path_factory) -> Path:
    return touch(tmp_path_factory.mktemp("ucf101"), ucf101_names())


@official
@pytest.mark.parametrize(("split", "train", "test"), [(1, 9537, 3783), (2, 9586, 3734), (3, 9624, 3696)])
def test_ucf101_as_it_is(ucf101, split, train, test):
    listed = official_lists.read_ucf101({"split": split}, ucf101, OFFICIAL / "ucfTrainTestlist")
    assert Counter(video.split for video in listed.candidates) == {"train": train, "test": test}
    assert not listed.problems
    assert not listed.notes
    classes = [line.split()[1] for line in (OFFICIAL / "ucfTrainTestlist/classInd.txt").read_text().splitlines()]
    assert listed.classes == classes
    assert len(classes) == 101
    assert classes != sorted(classes)  # Hammering before HammerThrow, JumpingJack before JumpRope
    groups = {split: {v.group for v in listed.candidates if v.split == split} for split in ("train", "test")}
    assert not groups["train"] & groups["test"]
    assert len(groups["train"] | groups["test"]) == 101 * 25
    odd = [video for video in listed.candidates if "HandStandPushups" in video.path]
    assert {video.label for video in odd} == {"HandstandPushups"}
    assert all(video.group.startswith("HandstandPushups/g") for video in odd)


HMDB51 = OFFICIAL / "hmdb51_splits"


@pytest.fixture(scope="module")
def hmdb51(tmp_path_factory) -> Path:
    names = [
        f"{path.name.removesuffix('_test_split1.txt')}/{line.rpartition(' ')[0].strip() or line.split()[0]}"
        for path in HMDB51.glob("*_test_split1.txt")
        for line in map(str.strip, path.read_text().splitlines())
        if line
    ]
    return touch(tmp_path_factory.mktemp("hmdb51"), names)


@official
@pytest.mark.parametrize("split", [1, 2, 3])
def test_hmdb51_as_it_is(hmdb51, split):
    listed = official_lists.read_hmdb51({"split": split}, hmdb51, HMDB51)
    assert Counter(video.split for video in listed.candidates) == {"train": 3570, "test": 1530}
    assert not listed.problems
    assert listed.notes == ["1666 videos are not used in this split, as its lists say"]
    assert not listed.unlisted
    assert len(listed.classes) == 51
    assert listed.classes == sorted(listed.classes)
    assert all(Counter(v.label for v in listed.candidates if v.split == "test")[c] == 30 for c in listed.classes)
    odd = {v.path: v.group for v in listed.candidates if any(sign in v.path for sign in "!()&#[] ")}
    assert len(odd) > 100
    assert all(path.startswith(f"{group}_") for path, group in odd.items())


@official
def test_temprs_lists_are_ucf101s_first_split(ucf101):
    """Their val.csv is the official test list, which the study has to say."""
    lists = OFFICIAL / "tempr_format/UCF-101/split1"
    listed = label_csv.read({"val_csv": "test"}, ucf101, lists)
    by_lists = official_lists.read_ucf101({}, ucf101, OFFICIAL / "ucfTrainTestlist")
    assert {(v.path, v.label, v.split, v.group) for v in listed.candidates} == {
        (v.path, v.label, v.split, v.group) for v in by_lists.candidates
    }
    assert listed.classes == sorted(json.loads((lists / "dictionary.json").read_text()))
    assert listed.groups_known
    with pytest.raises(DataError, match=r"test\.csv: there is no such list"):
        label_csv.read({}, ucf101, lists)


# --- small trees of the real shape ---------------------------------------------------------------------

CLASSES = ("Hammering", "HammerThrow")  # in the order of the official list, which is not that of their names


def write_ucf101(folder: Path, groups: int = 6) -> tuple[Path, Path]:
    """Root and lists of a small UCF-101: two classes, two clips a group, the first two groups for test."""
    root, lists, rng = folder / "UCF-101", folder / "ucfTrainTestlist", np.random.default_rng(0)
    lists.mkdir(parents=True)
    train, test = [], []
    for index, label in enumerate(CLASSES, start=1):
        for group in range(1, groups + 1):
            for clip in (1, 2):
                name = f"{label}/v_{label}_g{group:02d}_c{clip:02d}.avi"
                noise = rng.integers(-30, 30, (8, 36, 48, 3))
                write_video(root / name, np.clip(60 * index + noise, 0, 255).astype(np.uint8))
                (test if group <= 2 else train).append(name if group <= 2 else f"{name} {index}")
    (lists / "classInd.txt").write_text("".join(f"{n} {label}\r\n" for n, label in enumerate(CLASSES, start=1)))
    (lists / "trainlist01.txt").write_text("\r\n".join(train) + "\r\n\r\n")
    (lists / "testlist01.txt").write_text("\n".join(test))
    return root, lists


def prepared(folder: Path, layout: str, root: Path, lists: Path, **options) -> manifests.Manifest:
    spec = {"layout": layout, "options": options}
    return prepare(spec, str(root), folder / "data", Progress("prepare"), lists=str(lists))


def test_a_small_ucf101_is_prepared(tmp_path):
    root, lists = write_ucf101(tmp_path)
    prepared(tmp_path, "ucf101", root, lists)
    manifest = manifests.read(tmp_path / "data" / "manifest.csv")
    assert manifest.classes == list(CLASSES)  # not sorted: an index is valid with its list only
    assert Counter((v.split, v.label) for v in manifest.videos) == {
        ("train", CLASSES[0]): 8, ("train", CLASSES[1]): 8, ("test", CLASSES[0]): 4, ("test", CLASSES[1]): 4,
    }  # fmt: skip
    assert {v.group for v in manifest.videos} == {f"{label}/g{n:02d}" for label in CLASSES for n in range(1, 7)}
    validation = manifest.split("validation", SplitOff(fraction=0.25))
    assert {v.group for v in validation}.isdisjoint(v.group for v in manifest.split("train", SplitOff(fraction=0.25)))


@pytest.mark.parametrize(
    ("list_name", "line", "says"),
    [
        (
            "classInd.txt",
            "Hammering 1",
            "classInd.txt:1: expected a number and a class, as 1 ApplyEyeMakeup, got 'Hamm",
        ),
        ("trainlist01.txt", "Hammering/v_Hammering_g03_c01.avi", "trainlist01.txt:1: expected <class>/<video>.avi and"),
        ("trainlist01.txt", "Hammering/v_Hammering_g03_c01.avi 2", "trainlist01.txt:1: expected number 1, as classInd"),
        ("trainlist01.txt", "Juggling/v_Juggling_g03_c01.avi 1", "of a class of classInd.txt, got 'Juggling/v_Jug"),
        ("testlist01.txt", "v_Hammering_g03_c01.avi", "testlist01.txt:1: expected <class>/<video>.avi, of a class"),
    ],
)
def test_a_wrong_line_is_told_with_its_place(tmp_path, list_name, line, says):
    root, lists = write_ucf101(tmp_path, groups=3)
    path = lists / list_name
    path.write_text(line + "\n" + path.read_text())
    with pytest.raises(DataError) as error:
        prepared(tmp_path, "ucf101", root, lists)
    assert says in str(error.value)


def test_ids_of_any_suffix_have_their_group(tmp_path):
    root, lists = tmp_path / "videos", tmp_path / "lists"
    lists.mkdir()
    names = [f"v_Wave_g{group:02}_c01" for group in range(1, 5)]
    touch(root, [f"wave/{name}.mp4" for name in names])
    for file, chosen in (("train.csv", names[:2]), ("test.csv", names[2:])):
        (lists / file).write_text("id,label\n" + "".join(f"{name}.mp4,wave\n" for name in chosen))
    listed = label_csv.read({}, root, lists)
    assert listed.groups_known
    assert [video.group for video in listed.candidates] == [f"wave/g0{number}" for number in range(1, 5)]


def test_what_lists_and_folders_disagree_about_is_told_by_kind(tmp_path):
    root, lists = write_ucf101(tmp_path)
    (root / "Hammering/v_Hammering_g01_c01.avi").unlink()
    (root / "Hammering/v_Hammering_g04_c01.avi").rename(root / "HammerThrow/v_Hammering_g04_c01.avi")
    shutil.copy(root / "HammerThrow/v_HammerThrow_g05_c01.avi", root / "HammerThrow/extra.avi")
    train = lists / "trainlist01.txt"
    train.write_text(train.read_text() + "HammerThrow/v_HammerThrow_g06_c01.avi 2\n")
    with pytest.raises(DataError) as error:
        prepared(tmp_path, "ucf101", root, lists)
    assert "3 bad videos (1 listed twice, 1 missing, 1 wrong class)" in str(error.value)
    rows = {row["path"]: (row["kind"], row["reason"]) for row in files.read_csv(tmp_path / "data/dataset_problems.csv")}
    assert rows["Hammering/v_Hammering_g01_c01.avi"] == (
        "missing", "listed in testlist01.txt:1, and there is no such video"
    )  # fmt: skip
    kind, reason = rows["Hammering/v_Hammering_g04_c01.avi"]
    assert kind == "wrong class"
    assert reason.endswith("says class Hammering, but the video is HammerThrow/v_Hammering_g04_c01.avi")
    assert rows["HammerThrow/v_HammerThrow_g06_c01.avi"][0] == "listed twice"
    prepared(tmp_path, "ucf101", root, lists, on_bad_video="skip")
    kept = manifests.read(tmp_path / "data" / "manifest.csv").videos
    assert len(kept) == 24 - 2  # the one that is listed twice stays, once
    described = json.loads((tmp_path / "data/dataset.json").read_text())
    assert (described["left_out"], described["unlisted"]) == (2, 2)
    unlisted = [
        row["path"] for row in files.read_csv(tmp_path / "data/dataset_problems.csv") if row["kind"] == "unlisted"
    ]
    assert unlisted == ["HammerThrow/extra.avi", "HammerThrow/v_Hammering_g04_c01.avi"]


def test_frame_folders_and_other_suffixes_are_found_where_lists_say_avi(tmp_path):
    root, lists = write_ucf101(tmp_path)
    first = root / "Hammering/v_Hammering_g03_c01.avi"
    first.unlink()
    write_video(first.with_suffix(".mp4"), numbered_frames(8, 36, 48))
    second = root / "Hammering/v_Hammering_g03_c02.avi"
    second.unlink()
    for number in range(6):
        _write_image(second.with_suffix("") / f"frame{number}.png", number)
    manifest = prepared(tmp_path, "ucf101", root, lists)
    paths = {video.path: video.frames for video in manifest.videos}
    assert paths["Hammering/v_Hammering_g03_c01.mp4"] == 8
    assert paths["Hammering/v_Hammering_g03_c02"] == 6
    write_video(first.with_suffix(".mkv"), numbered_frames(8, 36, 48))
    with pytest.raises(DataError, match=r"1 ambiguous"):
        prepared(tmp_path, "ucf101", root, lists)


def _write_image(path: Path, number: int) -> None:
    import cv2

    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), np.full((36, 48, 3), 20 * number, np.uint8))


def write_hmdb51(folder: Path) -> tuple[Path, Path]:
    """Two classes of the real kind of names, one of which shares its film with the other class."""
    root, lists = folder / "hmdb51", folder / "splits"
    lists.mkdir(parents=True)
    for label, level in (("brush_hair", 60), ("wave", 180)):
        lines = []
        for number in range(6):
            source = ("A_&_B_(1996)", "Film #2", "größer!", "Film [cut]")[number % 4]
            name = f"{source}_{label}_f_cm_np1_fr_med_{number}.avi"
            write_video(root / label / name, np.full((8, 36, 48, 3), level + number, np.uint8))
            lines.append(f"{name} {1 if number % 4 < 2 else 2 if number % 4 == 2 else 0} ")
        (lists / f"{label}_test_split1.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root, lists


def test_a_small_hmdb51_is_prepared(tmp_path, capsys):
    root, lists = write_hmdb51(tmp_path)
    manifest = prepared(tmp_path, "hmdb51", root, lists)
    assert Counter((v.split, v.label) for v in manifest.videos) == {
        ("train", "brush_hair"): 4, ("train", "wave"): 4, ("test", "brush_hair"): 1, ("test", "wave"): 1,
    }  # fmt: skip
    assert {v.group for v in manifest.videos if v.label == "wave"} == {
        "wave/A_&_B_(1996)",
        "wave/Film #2",
        "wave/größer!",
    }
    assert "2 videos are not used in this split, as its lists say" in capsys.readouterr().err
    assert files.read_csv(tmp_path / "data/dataset_problems.csv") == []


def test_a_source_on_both_sides_of_an_official_split_is_noted_and_kept(tmp_path, capsys):
    root, lists = write_hmdb51(tmp_path)
    path = lists / "wave_test_split1.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("_4.avi 1", "_4.avi 2"), encoding="utf-8")
    manifest = prepared(tmp_path, "hmdb51", root, lists)
    assert len(manifest.split("test", SplitOff())) == 3
    said = capsys.readouterr().err
    assert "are of one source, wave/A_&_B_(1996); the published splits have it so" in said


def test_hmdb51_without_lists_and_with_a_wrong_line(tmp_path):
    root, lists = write_hmdb51(tmp_path)
    with pytest.raises(DataError, match=r"holds no <class>_test_split2\.txt"):
        prepared(tmp_path, "hmdb51", root, lists, split=2)
    (lists / "wave_test_split1.txt").write_text("clip.avi 3\n")
    with pytest.raises(DataError, match=r"wave_test_split1.txt:1: expected a video, a blank, and 0, 1 or 2, got 'clip"):
        prepared(tmp_path, "hmdb51", root, lists)


# --- label CSVs ----------------------------------------------------------------------------------------


def write_label_csv(folder: Path, *, val: bool = False, dictionary: bool = True) -> tuple[Path, Path]:
    """Columns in another order, blanks around the fields, ids with and without suffix, in class folders and at the root."""
    root, lists = folder / "videos", folder / "lists"
    lists.mkdir(parents=True)
    rows: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for label, level in (("wave", 60), ("bow", 180)):
        for number in range(8):
            name = f"{label} {number}"
            split = ("train", "train", "train", "train", "train", "test", "test", "val" if val else "train")[number]
            place = root / label if number % 2 else root
            write_video(place / f"{name}.avi", np.full((8, 36, 48, 3), level + number, np.uint8))
            rows[split].append(f" {split}, {name}{'.avi' * (number % 3 == 0)} ,{label}\n")
    for split, lines in rows.items():
        if lines:
            (lists / f"{split}.csv").write_text("split, id ,label\n" + "".join(lines), encoding="utf-8-sig")
    if dictionary:
        (lists / "dictionary.json").write_text(json.dumps({"wave": 0, "bow": 1, "unused": 2}))
    return root, lists


def test_label_csvs_are_prepared(tmp_path):
    root, lists = write_label_csv(tmp_path)
    manifest = prepared(tmp_path, "label_csv", root, lists)
    assert manifest.classes == ["wave", "bow", "unused"]
    assert Counter((v.split, v.label) for v in manifest.videos) == {
        ("train", "wave"): 6, ("train", "bow"): 6, ("test", "wave"): 2, ("test", "bow"): 2,
    }  # fmt: skip
    assert {"wave 0.avi", "wave/wave 1.avi"} <= {v.path for v in manifest.videos}
    (lists / "dictionary.json").unlink()
    assert prepared(tmp_path, "label_csv", root, lists).classes == ["bow", "wave"]


def test_a_list_of_validation_videos_is_the_validation_split(tmp_path):
    root, lists = write_label_csv(tmp_path, val=True)
    prepared(tmp_path, "label_csv", root, lists)
    manifest = manifests.read(tmp_path / "data" / "manifest.csv")
    for fraction in (0.0, 0.5):
        assert {v.id for v in manifest.split("validation", SplitOff(fraction=fraction))} == {
            "wave/wave 7.avi",
            "bow/bow 7.avi",
        }
        assert len(manifest.split("train", SplitOff(fraction=fraction))) == 10
    assert json.loads((tmp_path / "data/dataset.json").read_text())["videos"] == {
        "train": 10, "validation": 2, "test": 4,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "train.csv",
            "name,label\nwave 0,wave\n",
            "train.csv:1: expected a header with id and label, got name, label; add id",
        ),
        ("train.csv", "id,label\nwave 0,\n", "train.csv:2: expected an id and a label, got 'wave 0' and ''"),
        ("train.csv", "id,label\nwave 0,wafe\n", "dictionary.json: knows no class wafe; did you mean wave?"),
        (
            "dictionary.json",
            '{"wave": 0, "bow": 2}',
            "expected each class with its index, 0 to the number of classes less",
        ),
        ("val.csv", "id,label\nwave 5,wave\n", "1 videos of val.csv are in test.csv, or of a source that is (wave 5)"),
    ],
)
def test_wrong_label_csvs_are_told_with_their_place(tmp_path, name, content, says):
    root, lists = write_label_csv(tmp_path)
    (lists / name).write_text(content)
    with pytest.raises(DataError) as error:
        prepared(tmp_path, "label_csv", root, lists)
    assert says in str(error.value)


# --- studies on them -----------------------------------------------------------------------------------


def listed_study(layout: str, root: Path, lists: Path, **options) -> dict:
    tree = one_run_study(epochs=1)
    tree["datasets"] = {
        "mine": {"layout": layout, "root": str(root), "lists": str(lists), "validation": {"fraction": 0.25}}
    }
    tree["datasets"]["mine"] |= options
    return tree


def loaded(folder: Path, tree: dict) -> study.Study:
    (folder / "study.yaml").write_text(yaml.safe_dump(tree))
    return study.load(str(folder / "study.yaml"))


def test_the_data_key_holds_the_lists_and_not_their_folder(tmp_path):
    root, lists = write_ucf101(tmp_path, groups=3)
    first = loaded(tmp_path, listed_study("ucf101", root, lists)).datasets["mine"].folder
    moved = shutil.move(lists, tmp_path / "elsewhere")
    assert loaded(tmp_path, listed_study("ucf101", root, moved)).datasets["mine"].folder == first
    train = Path(moved, "trainlist01.txt")
    text = train.read_text()
    train.write_text(text.rstrip().rpartition("\n")[0])
    assert loaded(tmp_path, listed_study("ucf101", root, moved)).datasets["mine"].folder != first


def test_lists_of_another_split_are_in_no_key(tmp_path):
    root, lists = write_ucf101(tmp_path, groups=3)
    first = loaded(tmp_path, listed_study("ucf101", root, lists)).datasets["mine"].folder
    (lists / "testlist02.txt").write_text("of another split")
    assert loaded(tmp_path, listed_study("ucf101", root, lists)).datasets["mine"].folder == first
    (lists / "trainlist02.txt").write_text("as well")
    assert loaded(tmp_path, listed_study("ucf101", root, lists, split=2)).datasets["mine"].folder != first


def test_a_listed_validation_split_needs_no_fraction_and_moves_no_key(tmp_path):
    root, lists = write_label_csv(tmp_path, val=True)
    trees = [listed_study("label_csv", root, lists, validation={"fraction": fraction}) for fraction in (0, 0.25)]
    none, quarter = (loaded(tmp_path, tree) for tree in trees)
    assert set(none.trainings) == set(quarter.trainings)
    assert all(run.validation for run in none.runs)


def test_what_is_not_there_is_told_with_what_to_do(tmp_path):
    root, lists = write_ucf101(tmp_path, groups=3)
    (lists / "testlist01.txt").unlink()
    (said,) = dag.missing_data(loaded(tmp_path, listed_study("ucf101", root, lists)))
    assert said.startswith(f"data set mine: lists: testlist01.txt not found in {lists}; unpack UCF101TrainTestSplits-")
    (both,) = dag.missing_data(loaded(tmp_path, listed_study("ucf101", tmp_path / "none", tmp_path / "nothing")))
    assert "no videos found under" in both
    assert "classInd.txt, trainlist01.txt, testlist01.txt not found" in both
    videos, csvs = write_label_csv(tmp_path / "csv", val=True)
    (csvs / "test.csv").unlink()
    (said,) = dag.missing_data(loaded(tmp_path, listed_study("label_csv", videos, csvs)))
    assert said.endswith("if val.csv is the test list, write val_csv: test")


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["ucf101", "label_csv"])
def test_the_whole_path_on_listed_videos(tmp_path, layout):
    write = {"ucf101": write_ucf101, "label_csv": write_label_csv}[layout]
    workplace = Workplace(tmp_path, listed_study(layout, *write(tmp_path / "source")))
    workplace.snakemake(cores=2)
    (table,) = workplace.results("one/tables/recipe.csv")
    (row,) = files.read_csv(table)
    assert row["test_videos"] == ("8" if layout == "ucf101" else "4")
    assert workplace.results("one/report.html")


@pytest.mark.parametrize("name", ["hmdb51", "ucf101"])
def test_a_shipped_study_without_its_downloads_says_what_to_fetch(tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    (said,) = dag.missing_data(study.load(str(REPOSITORY / "studies" / f"{name}.yaml")))
    assert "no videos found under ~/data/" in said
    assert "not found in" in said
    assert "unpack " in said


def test_the_shipped_studies_find_trees_of_the_real_shape(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_ucf101(tmp_path / "data")
    _, lists = write_hmdb51(tmp_path / "data")
    lists.rename(tmp_path / "data" / "hmdb51_splits")
    for name in ("ucf101", "hmdb51"):
        assert not dag.missing_data(study.load(str(REPOSITORY / "studies" / f"{name}.yaml")))
