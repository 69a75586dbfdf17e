"""Manifests, splits, prepare and packed frames on real files that the tests write."""

import dataclasses
import io
import os
import time
from collections import Counter, defaultdict

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import make_class_folders, numbered_frames, write_video
from partway import files, machine, sources
from partway.data import manifest, reading
from partway.data.manifest import Manifest, Video, subset
from partway.data.prepare import prepare
from partway.data.splits import split_off
from partway.data.video import inspect
from partway.errors import DataError
from partway.progress import Progress
from partway.schema_data import SplitOff
from test_containers import write_varying

QUIET = Progress("test", stream=io.StringIO())


def clip(number: int, label: str = "wave", group: str | None = None, **other) -> Video:
    facts = {"split": "train", "frames": 30, "frame_rate": 12.0, "width": 64, "height": 48, "codec": "mpeg4"}
    name = f"{label}/{number}.avi"
    return Video(**facts | {"id": name, "path": name, "label": label, "group": group or name, "digest": "0"} | other)


@given(
    videos=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=1, max_size=60),
    fraction=st.floats(0.05, 0.9),
    seed=st.integers(0, 5),
)
def test_groups_are_never_cut_and_no_class_is_emptied(videos, fraction, seed):
    clips = [clip(n, label, f"group_{group}") for n, (label, group) in enumerate(videos)]
    apart = split_off(clips, SplitOff(fraction=fraction, seed=seed), "validation")
    sides = defaultdict(set)
    for video in clips:
        sides[video.group].add(video.id in apart)
    assert all(len(both) == 1 for both in sides.values())
    assert {video.label for video in clips if video.id not in apart} == {video.label for video in clips}
    assert apart == split_off(clips[::-1], SplitOff(fraction=fraction, seed=seed), "validation")


def test_split_comes_near_its_share_in_each_class():
    clips = [clip(n, label) for label in ("wave", "clap") for n in range(20)]
    apart = split_off(clips, SplitOff(fraction=0.25), "test")
    assert Counter(name.split("/")[0] for name in apart) == {"wave": 5, "clap": 5}
    assert apart != split_off(clips, SplitOff(fraction=0.25, seed=1), "test")
    assert apart != split_off(clips, SplitOff(fraction=0.25), "validation")


def test_performers_in_every_class_are_split_as_a_whole():
    clips = [clip(10 * p + n, label, f"p{p}") for p in range(10) for n, label in enumerate("abcd")]
    apart = split_off(clips, SplitOff(fraction=0.2), "validation")
    assert len(apart) == 8
    assert len({video.group for video in clips if video.id in apart}) == 2


def test_random_cuts_groups():
    clips = [clip(n, "a", f"g{n % 2}") for n in range(40)]
    assert len(split_off(clips, SplitOff(fraction=0.25, by="random"), "validation")) == 10


def test_validation_that_comes_out_empty_is_refused():
    data = Manifest([clip(1, "a"), clip(2, "b")], ["a", "b"])
    with pytest.raises(DataError, match="leaves no validation video"):
        data.split("train", SplitOff(fraction=0.2))


def test_splits_part_the_videos():
    data = Manifest([clip(n, "a") for n in range(10)] + [clip(n, "b", split="test") for n in range(3)], ["a", "b"])
    options = SplitOff(fraction=0.3)
    parts = [{video.id for video in data.split(name, options)} for name in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [7, 3, 3]
    assert len(set.union(*parts)) == 13


def test_a_smaller_share_is_part_of_a_larger_one():
    clips = [clip(n, label) for label in "ab" for n in range(10)]
    ids = {share: {video.id for video in subset(clips, share)} for share in (0.1, 0.5, 1)}
    assert ids[0.1] < ids[0.5] < ids[1]
    assert [len(ids[share]) for share in (0.1, 0.5, 1)] == [2, 10, 20]


def test_manifest_survives_its_file(tmp_path):
    videos = [clip(1), clip(2, decided_at=0.25, frame_times_sec=(0.0, 0.1, 0.5))]
    manifest.write(Manifest(videos, ["wave"]), tmp_path)
    assert manifest.read(tmp_path / "manifest.csv") == Manifest(videos, ["wave"])


def test_fingerprint_knows_content_and_split():
    one = Manifest([clip(1), clip(2)], ["wave"])
    assert one.fingerprint == Manifest([clip(2), clip(1)], ["wave"]).fingerprint
    for change in ({"digest": "1"}, {"split": "test"}, {"group": "g"}, {"frames": 31}):
        other = Manifest([dataclasses.replace(clip(1), **change), clip(2)], ["wave"])
        assert other.fingerprint != one.fingerprint


def prepared(root, folder, **options) -> Manifest:
    return prepare({"layout": "class_folders", "options": options}, str(root), folder, QUIET)


def test_prepare_reads_class_folders(class_folders, tmp_path):
    data = prepared(class_folders, tmp_path / "data")
    assert data == manifest.read(tmp_path / "data" / "manifest.csv")
    assert data.classes == ["dark", "light"]
    assert Counter((video.label, video.split) for video in data.videos) == {
        ("dark", "train"): 6,
        ("dark", "test"): 2,
        ("light", "train"): 6,
        ("light", "test"): 2,
    }
    assert [video.frames for video in data.videos if video.label == "dark"] == [6, 7, 8, 9, 10, 6, 7, 8]
    described = files.read_json(tmp_path / "data" / "dataset.json")
    assert described["groups"] == "unknown"
    assert described["videos"] == {"train": 12, "test": 4}
    assert files.read_csv(tmp_path / "data" / "dataset_problems.csv") == []


def test_prepare_reads_official_split_folders(tmp_path):
    make_class_folders(tmp_path / "clips" / "train", clips=3)
    make_class_folders(tmp_path / "clips" / "test", clips=2, seed=1)
    data = prepared(tmp_path / "clips", tmp_path / "data")
    assert Counter(video.split for video in data.videos) == {"train": 6, "test": 4}


def test_group_pattern_keeps_sources_together(tmp_path):
    for person in range(4):
        for label in ("wave", "clap"):
            frames = numbered_frames(6 + person + 5 * (label == "wave"))
            write_video(tmp_path / "clips" / label / f"person{person}_take.avi", frames)
    data = prepared(tmp_path / "clips", tmp_path / "data", group_pattern="(person[0-9])")
    sides = defaultdict(set)
    for video in data.videos:
        sides[video.group].add(video.split)
    assert sorted(sides) == ["person0", "person1", "person2", "person3"]
    assert all(len(split) == 1 for split in sides.values())
    with pytest.raises(DataError, match="does not match this file name"):
        prepared(tmp_path / "clips", tmp_path / "data", group_pattern="actor([0-9])")


def break_videos(root) -> None:
    (root / "dark" / "empty.avi").write_bytes(b"")
    (root / "dark" / "text.mp4").write_text("not a video")
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), dtype=np.uint8)
    long = write_video(root / "light" / "long.avi", noise)
    long.write_bytes(long.read_bytes()[: long.stat().st_size // 2])


def test_bad_videos_stop_with_one_message_that_counts_them(class_folders, tmp_path):
    break_videos(class_folders)
    with pytest.raises(DataError, match=r"3 bad videos \(2 unreadable, 1 truncated\)") as caught:
        prepared(class_folders, tmp_path / "data")
    assert "dark/empty.avi" in str(caught.value)
    assert "on_bad_video: skip" in str(caught.value)
    listed = {row["path"]: row["kind"] for row in files.read_csv(tmp_path / "data" / "dataset_problems.csv")}
    assert listed == {"dark/empty.avi": "unreadable", "dark/text.mp4": "unreadable", "light/long.avi": "truncated"}
    assert not (tmp_path / "data" / "manifest.csv").exists()


def test_bad_videos_may_be_left_out(class_folders, tmp_path):
    break_videos(class_folders)
    data = prepared(class_folders, tmp_path / "data", on_bad_video="skip")
    assert len(data.videos) == 16
    assert files.read_json(tmp_path / "data" / "dataset.json")["left_out"] == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "no videos found"),
        (lambda root: write_video(root / "a.avi", numbered_frames(3)), r"expected <class>/<video>"),
        (lambda root: make_class_folders(root, ("only",)), "at least two"),
        (lambda root: make_class_folders(root, clips=1), "has no test video"),
        (
            lambda root: (
                make_class_folders(root / "train", ("a", "b")),
                make_class_folders(root / "test", ("a", "b", "c"), seed=1),
            ),
            "class c is in test only",
        ),
    ],
)
def test_folders_that_cannot_be_trained_on(tmp_path, make, message):
    (tmp_path / "clips").mkdir()
    make(tmp_path / "clips")
    with pytest.raises(DataError, match=message):
        prepared(tmp_path / "clips", tmp_path / "data")


def test_one_recording_or_file_on_both_sides_is_refused(tmp_path):
    for split, seed in (("train", 0), ("test", 1)):
        make_class_folders(tmp_path / "clips" / split, clips=2, seed=seed)
    with pytest.raises(DataError, match=r"clip_0.avi \(test\) and .*clip_0.avi \(train\) are of one source"):
        prepared(tmp_path / "clips", tmp_path / "data", group_pattern="(clip_[0-9])")
    (tmp_path / "clips/test/dark/copy.avi").write_bytes((tmp_path / "clips/train/dark/clip_1.avi").read_bytes())
    with pytest.raises(DataError, match="have the same content; put both into one split"):
        prepared(tmp_path / "clips", tmp_path / "data")


def test_a_group_that_is_not_found_and_a_name_that_is_no_text_are_named(class_folders, tmp_path):
    with pytest.raises(DataError, match="does not match this file name"):
        prepared(class_folders, tmp_path / "data", group_pattern="clip(_x)?")
    (class_folders / "dark" / "clip_0.avi").rename(class_folders / "dark" / "caf\udce9.avi")
    with pytest.raises(DataError, match="not readable text; rename"):
        prepared(class_folders, tmp_path / "data")


def test_the_list_of_bad_videos_outlives_a_failed_job(class_folders, tmp_path):
    break_videos(class_folders)
    refused = tmp_path / "logs" / "clips.problems.csv"
    with pytest.raises(DataError, match=r"clips\.problems\.csv"):
        prepare({"layout": "class_folders", "options": {}}, str(class_folders), tmp_path / "data", QUIET, refused)
    assert len(files.read_csv(refused)) == 3


def test_a_frame_size_that_changes_is_a_bad_video(tmp_path):
    joined = tmp_path / "joined.mjpeg"  # pictures one after the other: a stream may change its size
    sizes = [(48, 64)] * 5 + [(72, 96)] * 5
    joined.write_bytes(b"".join(cv2.imencode(".jpg", numbered_frames(1, *size)[0])[1].tobytes() for size in sizes))
    with pytest.raises(DataError, match=r"frame size changes from \(64, 48\) to \(96, 72\) in frame 5"):
        inspect(joined)


def test_listing_sees_videos_alone(class_folders):
    before = sources.listing(str(class_folders))
    (class_folders / "notes.txt").write_text("x")
    (class_folders / "dark" / ".hidden.avi").write_text("x")
    (class_folders / "dark" / "clip_0.avi").touch()
    assert sources.listing(str(class_folders)) == before
    assert len(before) == 16
    assert sources.listing(str(class_folders / "nowhere")) == []


class Killed(BaseException):
    """What a signal does in the middle of a call."""


class KilledAfter(Progress):
    """A call that is killed when so many videos have been read."""

    def __init__(self, videos: int):
        super().__init__("prepare")
        self.left = videos

    def update(self, line) -> None:  # noqa: ARG002 (the signature of its parent)
        self.left -= 1
        if not self.left:
            raise Killed


def test_prepare_goes_on_where_it_was_interrupted(class_folders, tmp_path, monkeypatch):
    write_varying(class_folders / "dark" / "varying.mkv", [0, 40, 95, 130, 190])
    spec, folder = {"layout": "class_folders", "options": {}}, tmp_path / "data"
    undisturbed = prepare(spec, str(class_folders), tmp_path / "other", Progress("prepare"))
    with pytest.raises(Killed):
        prepare(spec, str(class_folders), folder, KilledAfter(10))
    torn = folder / "opened.jsonl"
    assert len(torn.read_text().splitlines()) == 10
    torn.write_text(torn.read_text()[:-20])  # the last line was cut by a crash
    (changed,) = (path for path in class_folders.rglob("clip_1.avi") if path.parent.name == "dark")
    os.utime(changed, (1, 1))
    looked_at, look = [], reading.inspect
    monkeypatch.setattr(reading, "inspect", lambda path: looked_at.append(path) or look(path))
    manifest = prepare(spec, str(class_folders), folder, Progress("prepare"))
    assert manifest == undisturbed
    assert changed in looked_at
    assert len(looked_at) == len(manifest.videos) - 9 + 1  # all but nine, and the one that was touched
    assert not torn.exists()


def test_an_interrupted_prepare_does_not_open_the_rest_first(class_folders, tmp_path, monkeypatch):
    monkeypatch.setenv("PARTWAY_WORKERS", "1")
    machine.settings.cache_clear()
    looked_at, look = [], reading.inspect

    def slowly(path):
        time.sleep(0.02)
        looked_at.append(path)
        return look(path)

    monkeypatch.setattr(reading, "inspect", slowly)
    with pytest.raises(Killed):
        prepare({"layout": "class_folders", "options": {}}, str(class_folders), tmp_path, KilledAfter(5))
    assert 5 <= len(looked_at) <= 8  # of 16


def test_bad_videos_are_opened_again_once_they_are_repaired(class_folders, tmp_path):
    spec, folder = {"layout": "class_folders", "options": {}}, tmp_path / "data"
    broken = class_folders / "dark" / "clip_3.avi"
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="1 bad video"):
        prepare(spec, str(class_folders), folder, Progress("prepare"))
    broken.write_bytes(content)
    assert len(prepare(spec, str(class_folders), folder, Progress("prepare")).videos) == 16
