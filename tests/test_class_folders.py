"""Anybody's tree of clips: what is accepted, and what is said in plain words where it does not fit."""

import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from conftest import Workplace, make_class_folders, numbered_frames, one_run_study, write_video
from partway import dag, files, sources, study
from partway.data import class_folders as layout
from partway.errors import DataError, some
from test_data import prepared
from test_frame_folders import make_frame_folders, write_frames


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder in which the tests lay out their trees."""
    (tmp_path / "clips").mkdir()
    return tmp_path / "clips"


def splits(root: Path, train: tuple[str, ...] = ("a", "b"), test: tuple[str, ...] = ("a", "b"), **names: str) -> None:
    """Official split folders, two clips a class."""
    make_class_folders(root / names.get("train_name", "train"), train, clips=2)
    make_class_folders(root / names.get("test_name", "test"), test, clips=2, seed=1)


def files_in(root: Path, *paths: str) -> None:
    """Files whose content nobody gets to read."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")


def error_of(root: Path, **options) -> str:
    """What `prepare` says."""
    with pytest.raises(DataError) as caught:
        prepared(root, root.parent / "data", **options)
    return str(caught.value)


def test_an_empty_class_folder_is_named(root):
    make_class_folders(root)
    for name in ("empty", "only_empty_folders/one", "other"):
        (root / name).mkdir(parents=True)
    files_in(root, "other/a.wmv", "other/b.wmv", "other/notes.txt")
    message = error_of(root)
    assert "empty, only_empty_folders, other (3 other files: .wmv, .txt): class folders without a video" in message
    assert ".avi" in message
    for name in ("empty", "only_empty_folders", "other"):
        (root / name).rename(root / f".{name}")
    assert prepared(root, root.parent / "data").classes == ["dark", "light"]


def test_an_empty_class_of_one_split_and_an_empty_split(root):
    splits(root)
    (root / "test" / "c").mkdir()
    assert "test/c: class folders without a video" in error_of(root)
    (root / "test").rename(root.parent / "away")
    (root / "test").mkdir()
    assert "test: this split holds no class folder; add <class>/<video>" in error_of(root)


def test_images_directly_in_a_class_folder(root):
    make_frame_folders(root)
    write_frames(root / "loose", numbered_frames(5))
    message = error_of(root)
    assert "loose: 5 images lie directly in this class folder, where videos are expected" in message
    assert "into a folder of its own, loose/<video>/" in message


def test_thumbnails_beside_videos_are_left_out_and_noted(root):
    make_class_folders(root)
    before = prepared(root, root.parent / "data")
    write_frames(root / "dark", numbered_frames(2))
    write_frames(root, numbered_frames(1))
    assert prepared(root, root.parent / "data") == before
    assert sorted(layout.read({}, root).notes) == [
        "1 images directly in the root are no frames of a video and are left out",
        "2 images directly in dark are no frames of a video and are left out",
    ]


@pytest.mark.parametrize(
    ("paths", "named"),
    [
        (["a.avi"], "a.avi: expected <class>/<video>"),
        (["dark/deep/a.avi"], "dark/deep/a.avi: expected <class>/<video>"),
        (["dark/deep/deeper/1.jpg"], "dark/deep/deeper/1.jpg: expected <class>/<video>"),
        ([f"dark/deep/{n:02d}.mp4" for n in range(13)], "dark/deep/09.mp4 and 3 more: expected <class>/<video>"),
    ],
)
def test_a_depth_that_does_not_fit(root, paths, named):
    make_class_folders(root)
    files_in(root, *paths)
    message = error_of(root)
    assert named in message
    assert "a video being a file or a folder of images; move it, or start its name with a dot" in message


def test_a_video_directly_in_a_split_and_a_class_of_images_in_it(root):
    splits(root)
    files_in(root, "train/a.avi", "test/c/1.jpg")
    message = error_of(root)
    assert "train/a.avi: expected <train|test>/<class>/<video>" in message
    assert "test/c: 1 images lie directly in this class folder" in message


def test_a_folder_too_many_is_guessed(root):
    make_class_folders(root / "UCF-101")
    assert f"perhaps {root / 'UCF-101'} is the folder for `root:`" in error_of(root)


def test_a_link_to_its_own_folder_ends(root):
    make_class_folders(root)
    (root / "dark" / "again").symlink_to(root / "dark")
    assert "dark/again/clip_0.avi" in error_of(root)


def test_a_video_and_its_own_frames_in_one_class(root):
    make_class_folders(root)
    write_frames(root / "dark" / "clip_3", numbered_frames(5))
    assert "dark/clip_3.avi: beside it lies a frame folder of the same name; keep one of the two" in error_of(root)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["Train", "TEST"], ["TEST: rename it to test", "Train: rename it to train"]),
        (["training", "testing"], ["testing: rename it to test", "training: rename it to train"]),
        (["train", "test", "val"], ["val: partway takes the validation split from train"]),
        (
            ["train", "validation"],
            ["validation: partway takes", "rename it to test if", "test: there is no such folder"],
        ),
        (["train"], ["test: there is no such folder"]),
        (["train", "test", "notes", "more"], ["more, notes: neither train nor test; move it out"]),
    ],
)
def test_folders_that_look_like_official_splits(root, names, said):
    for seed, name in enumerate(names):
        make_class_folders(root / name, clips=2, seed=seed)
    message = error_of(root)
    assert "these look like official splits, which are exactly two folders, train and test" in message
    for words in said:
        assert words in message
    for name in set(names) & {"train", "test"}:
        assert f"\n  {name}: rename" not in message


def test_frame_folders_of_classes_called_train_and_val_are_not_taken_for_videos(root):
    for split in ("train", "val"):
        for label in ("a", "b", "c", "d"):
            write_frames(root / split / label, numbered_frames(4))
    assert "these look like official splits" in error_of(root)


def test_a_class_called_train_is_a_class(root):
    make_class_folders(root, ("bus", "train"))
    assert prepared(root, root.parent / "data").classes == ["bus", "train"]


def test_split_folders_that_are_links(root, tmp_path):
    splits(tmp_path / "elsewhere", train_name="kinetics_train", test_name="kinetics_val")
    (root / "train").symlink_to(tmp_path / "elsewhere" / "kinetics_train")
    (root / "test").symlink_to(tmp_path / "elsewhere" / "kinetics_val")
    assert {video.split for video in prepared(root, tmp_path / "data").videos} == {"train", "test"}


def test_all_classes_that_cannot_be_split_are_named_at_once(root):
    make_class_folders(root, tuple(f"class_{n:02d}" for n in range(13)), clips=1)
    write_video(root / "whole" / "a_1.avi", numbered_frames(5))
    write_video(root / "whole" / "a_2.avi", numbered_frames(6))
    message = error_of(root)
    names = ", ".join(f"class_{n:02d}" for n in range(10))
    assert f"each of 13 classes ({names} and 3 more) has no test video: it is of one video, which cannot be" in message
    message = error_of(root, group_pattern="^(clip|a)_")
    assert "class whole has no test video: add videos of another source (groups are never cut)" in message


def test_classes_of_one_split_only_are_told_together(root):
    splits(root, train=("a", "b", "only"), test=("a", "b", "new"))
    message = error_of(root)
    assert "class new is in test only; a model cannot learn it" in message
    assert "class only has no test video: add some to test, or take it out of train" in message


def test_splits_are_checked_before_hours_of_decoding(root, monkeypatch):
    make_class_folders(root, clips=1)
    monkeypatch.setattr("partway.data.reading.inspect", lambda path: pytest.fail(f"{path} was decoded"))
    assert "has no test video" in error_of(root)


def test_a_single_class(root):
    make_class_folders(root, ("only",))
    assert "1 class found (only); a study needs at least two" in error_of(root)


def test_a_class_of_which_nothing_can_be_read_does_not_vanish(root):
    make_class_folders(root, ("a", "b", "c"))
    for path in (root / "c").iterdir():
        path.write_bytes(b"")
    message = error_of(root, on_bad_video="skip")
    assert "cannot be used without the 8 bad videos" in message
    assert "c: no video of this class can be read" in message


def test_a_zero_byte_video_and_a_link_to_nowhere(root):
    make_class_folders(root)
    (root / "dark" / "zero.mp4").touch()
    (root / "dark" / "gone.avi").symlink_to(root / "nowhere.avi")
    message = error_of(root)
    assert "dark/zero.mp4: unreadable: cannot be decoded: the file is empty (0 bytes)" in message
    assert "dark/gone.avi: unreadable: cannot be decoded: No such file or directory" in message


def test_names_that_are_no_text(root):
    make_class_folders(root)
    (root / "dark" / "clip_0.avi").rename(root / "dark" / "caf\udce9.avi")
    (root / "dark" / "clip_1.avi").rename(root / "dark" / "two\nlines.avi")
    write_frames(root / "light" / "caf\udce9", numbered_frames(3))
    message = error_of(root)
    names = r"dark/caf\udce9.avi, dark/two\nlines.avi, light/caf\udce9"
    assert f"{names}: not readable text; rename it (UTF-8, no control characters)" in message
    message.encode()  # and can be printed


def test_blanks_that_are_no_spaces_are_text(root):
    """Screen recordings of a Mac have a narrow no-break space in their names."""
    make_class_folders(root)
    (root / "dark" / "clip_0.avi").rename(root / "dark" / "Recording at 1.00.00\u202fPM.avi")
    assert "dark/Recording at 1.00.00\u202fPM.avi" in {v.id for v in prepared(root, root.parent / "data").videos}


def resolved(tmp_path: Path, root: str) -> study.Study:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(one_run_study() | {"datasets": one_root(root)}))
    return study.load(str(tmp_path / "study.yaml"))


def one_root(root: str) -> dict:
    return {"mine": {"layout": "class_folders", "root": root, "validation": {"fraction": 0.25}}}


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (lambda _: None, "nowhere", "there is no such folder; mount or download the videos, or correct `root:`"),
        (lambda _: None, "$NOT_SET/clips", "there is no such folder (is its $VARIABLE set?)"),
        (lambda root: (root / "file").touch(), "file", "this is a file; `root:` names the folder that holds the class"),
        (lambda _: None, "", "the folder is empty (is its disk mounted?)"),
        (lambda root: files_in(root, "a/1.wmv", "a/2"), "", "it holds 2 other files (.wmv, no suffix)"),
        (lambda root: files_in(root, "a/1.jpg", "b/1.jpg"), "", "images lie directly in"),
    ],
)
def test_a_root_without_videos_says_why(root, tmp_path, make, name, said):
    make(root)
    (line,) = dag.missing_data(resolved(tmp_path, f"{root}/{name}"))
    assert line.startswith("data set mine: no videos found under ")
    assert said in line
    message = error_of(Path(sources.expand(f"{root}/{name}")))
    assert said in message or "$" in name


@pytest.mark.parametrize("locked", ["", "dark"])
def test_a_folder_that_cannot_be_listed_is_named(root, tmp_path, monkeypatch, locked):
    """Rights do not bind root, who runs these tests in containers: the refusal is played."""
    make_class_folders(root)
    scandir = os.scandir

    def refusing(folder):
        if Path(folder) == root / locked:
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    where = str(root / locked).rstrip("/")
    with pytest.raises(DataError, match=rf"{where}/?: cannot be listed: Permission denied; .*chmod u\+rx"):
        resolved(tmp_path, str(root))
    assert "cannot be listed" in error_of(root)


def test_upper_case_suffixes_and_other_files(root):
    make_class_folders(root)
    (root / "dark" / "clip_0.avi").rename(root / "dark" / "CLIP.AVI")
    files_in(root, "dark/clip.txt", "dark/.clip.avi", "Thumbs.db")
    assert sources.listing(root)[0][0] == "dark/CLIP.AVI"
    assert len(prepared(root, root.parent / "data").videos) == 16


def test_some_names():
    assert some(["a", "b"]) == "a, b"
    assert some(list("abcd"), most=2) == "a, b and 2 more"


AWKWARD = ["-wave", "grün & [b] #1 {x} %03d 'q' \"d\" $HOME; ls *", "null"]


def state_of(root: Path) -> dict[str, tuple]:
    """Everything a write into a folder would change."""
    return {
        str(path.relative_to(root)): ((stat := path.lstat()).st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_mode)
        for path in [root, *root.rglob("*")]
    }


@pytest.mark.slow
def test_awkward_names_run_to_their_table_and_nothing_is_written_beside_them(tmp_path):
    """The real snakemake on files and frame folders with names that shells, YAML, FFmpeg and CSV stumble over."""
    root = tmp_path / "work" / "Anna's Clips (ä ö ü) & mehr #2"
    make_class_folders(root, tuple(AWKWARD), clips=5)
    for number, label in enumerate(AWKWARD):
        for place, path in enumerate(sorted((root / label).iterdir())):
            path.rename(path.with_name(f"{'-' * (place % 2)}take [{place}] ü, 'a' \"b\" #{place} & 100% {{y}}.avi"))
        write_frames(root / label / "--frames of one; ü", numbered_frames(7 + number, 36, 48), "bild #{}.png")
    for path in sorted(root.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    root.chmod(0o555)
    before = state_of(root)
    workplace = Workplace(tmp_path / "work", one_run_study())
    workplace.study["datasets"] = one_root(root.name)
    workplace.snakemake(cores=2)
    assert state_of(root) == before
    (data,) = workplace.results("data/*/manifest.csv")
    rows = files.read_csv(data)
    assert {row["label"] for row in rows} == set(AWKWARD)
    assert sum(row["codec"] == "png" and row["frame_rate"] == "" for row in rows) == 3
    runs = pd.read_csv(workplace.results("one/runs.csv")[0])
    assert runs.status.tolist() == ["complete"]
    assert runs.classes.tolist() == [3]
    assert "test %" in workplace.results("one/tables/recipe.md")[0].read_text()
    assert workplace.jobs() == {}
    workplace.study["datasets"]["mine"] |= {"root": str(root), "store": "raw"}
    assert workplace.jobs() == {}
