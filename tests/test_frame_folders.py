"""Videos that are folders of pictures: their order, their frames bit for bit, and the ones that cannot be used."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import make_class_folders, numbered_frames, write_video
from partway import files, keys, sources
from partway.data import manifest, packing, reading, store
from partway.data.clips import ClipMaker
from partway.data.frame_folders import frame_names, natural_key
from partway.errors import DataError
from partway.schema import ModelOptions
from partway.schema_clips import Evaluation, Sampling, Transforms
from partway.schema_store import FrameStore
from test_data import QUIET, clip, prepared


def write_frames(folder: Path, frames_THWC: np.ndarray, name: str = "frame{}.png", first: int = 1) -> Path:
    """Write one picture a frame, numbered without leading zeros; png keeps every value."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames_THWC, start=first):
        path = folder / name.format(number)
        path.write_bytes(cv2.imencode(path.suffix, frame[..., ::-1])[1].tobytes())
    return folder


def make_frame_folders(root: Path, clips: int = 8, name: str = "frame{}.png", seed: int = 0) -> Path:
    """Write `<class>/<clip>/frame1.png ..`: noise around a brightness of its own for each class."""
    rng = np.random.default_rng(seed)
    for label, level in (("dark", 40), ("light", 210)):
        for number in range(clips):
            noise = level + rng.integers(-30, 30, (10 + number % 3, 36, 48, 3))
            write_frames(root / label / f"clip_{number}", noise.astype(np.uint8), name)
    return root


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["frame10.jpg", "frame2.jpg", "frame1.jpg"], ["frame1.jpg", "frame2.jpg", "frame10.jpg"]),
        (["0010.png", "0009.png", "0100.png"], ["0009.png", "0010.png", "0100.png"]),
        (["clip2_1.jpg", "clip1_10.jpg", "clip1_2.jpg"], ["clip1_2.jpg", "clip1_10.jpg", "clip2_1.jpg"]),
        (["IMG_10.JPG", "img_9.jpeg", "Img_8.png"], ["Img_8.png", "img_9.jpeg", "IMG_10.JPG"]),
        (["b.jpg", "a.jpg", "7.jpg"], ["7.jpg", "a.jpg", "b.jpg"]),
        (["frame-2.jpg", "frame-1.jpg", "frame.jpg"], ["frame.jpg", "frame-1.jpg", "frame-2.jpg"]),
    ],
)
def test_frames_are_in_natural_order(tmp_path, names, expected):
    for name in [*names, ".frame3.jpg", "._frame1.jpg", "Thumbs.db", "frame4.txt"]:
        (tmp_path / name).touch()
    assert frame_names(tmp_path) == expected


@given(st.lists(st.text("aB0129_. ", min_size=1, max_size=8), min_size=2, max_size=8))
def test_any_two_names_can_be_compared(names):
    keys_of_names = [natural_key(f"{name}.jpg") for name in names]
    assert sorted(keys_of_names) == sorted(keys_of_names, reverse=True)[::-1]


@given(numbers=st.lists(st.integers(0, 10**9), unique=True, min_size=1), width=st.integers(1, 6))
def test_numbered_names_are_in_the_order_of_their_numbers(numbers, width):
    names = [f"frame{number:0{width}d}.jpg" for number in numbers]
    assert sorted(names, key=natural_key) == [f"frame{number:0{width}d}.jpg" for number in sorted(numbers)]


@pytest.mark.parametrize(
    ("one", "other"), [("frame1.jpg", "frame01.jpg"), ("a.jpg", "a.png"), ("Frame1.jpg", "frame1.jpg")]
)
def test_names_that_tie_are_refused(tmp_path, one, other):
    (tmp_path / one).touch()
    (tmp_path / other).touch()
    with pytest.raises(DataError, match="same place in the order of frames; rename or remove one") as caught:
        frame_names(tmp_path)
    assert one in str(caught.value)
    assert other in str(caught.value)


def test_chosen_frames_in_any_order_and_nothing_else_is_opened(tmp_path):
    frames = numbered_frames(12)
    folder = write_frames(tmp_path / "video", frames)
    (folder / "frame4.png").write_bytes(b"broken")
    np.testing.assert_array_equal(reading.read_frames(folder, [11, 0, 9, 0]), frames[[11, 0, 9, 0]])
    with pytest.raises(DataError, match=r"video: frame frame4\.png cannot be decoded"):
        reading.read_frames(folder, [0, 3])
    with pytest.raises(DataError, match=r"video: ends before frame 12"):
        reading.read_frames(folder, [12])


def test_facts_of_png_and_jpeg(tmp_path):
    facts = reading.inspect(write_frames(tmp_path / "png", numbered_frames(11)))
    assert (facts.frames, facts.header_frames, facts.width, facts.height, facts.codec) == (11, 11, 64, 48, "png")
    assert facts.frame_rate is None
    assert facts.times_sec is None
    jpegs = write_frames(tmp_path / "jpeg", numbered_frames(11), "{:05d}.JPG")
    assert reading.inspect(jpegs).codec == "jpeg"
    write_frames(jpegs, numbered_frames(1), "z{}.png")
    assert reading.inspect(jpegs).codec == "jpeg+png"


def test_all_frames_are_those_that_opencv_reads_as_rgb(tmp_path):
    folder = write_frames(tmp_path / "jpeg", numbered_frames(11), "{}.jpeg")
    expected = [cv2.imread(str(folder / f"{n}.jpeg"))[..., ::-1] for n in range(1, 12)]
    np.testing.assert_array_equal(list(reading.read_all_frames(folder)), expected)


def with_orientation(jpeg: bytes, value: int) -> bytes:
    """A JPEG with an EXIF block that holds nothing but the orientation."""
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, value, 0, 0)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def test_grey_deep_transparent_and_turned_pictures(tmp_path):
    grey = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20
    pictures = {
        "grey.png": (grey // 256).astype(np.uint8),
        "deep.png": grey,
        "clear.png": np.dstack([np.full((48, 64, 3), (10, 20, 30), np.uint8), np.zeros((48, 64, 1), np.uint8)]),
    }
    for name, picture in pictures.items():
        (tmp_path / name).write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    clear, deep, plain = reading.read_frames(tmp_path, [0, 1, 2])
    assert (clear == (30, 20, 10)).all()
    assert (deep == plain).all()
    assert (plain == (grey // 256)[..., None]).all()
    turned = tmp_path / "turned"
    turned.mkdir()
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32] = 255  # orientation 6: to be shown turned clockwise, so that left becomes top
    (turned / "1.jpg").write_bytes(with_orientation(cv2.imencode(".jpg", picture)[1].tobytes(), 6))
    (frame,) = reading.read_frames(turned, [0])
    assert frame.shape == (64, 48, 3)
    assert frame[:24].min() > 200
    assert frame[40:].max() < 50


def spoil(folder: Path, how: str) -> None:
    picture = folder / "frame5.png"
    if how == "text":
        picture.write_text("no picture")
    elif how == "zero":
        picture.write_bytes(b"")
    elif how == "cut":
        picture.write_bytes(picture.read_bytes()[: picture.stat().st_size // 2])
    elif how == "cut jpeg":
        data = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (36, 48, 3), np.uint8))[1].tobytes()
        picture.write_bytes(data[: len(data) // 2])
    elif how == "size":
        write_frames(folder, numbered_frames(1, 36, 50), first=5)
    elif how == "link":
        picture.unlink()
        picture.symlink_to(folder / "nowhere.png")
    elif how == "tie":
        write_frames(folder, numbered_frames(1, 36, 48), "frame05.png")
    elif how == "none":
        for path in folder.iterdir():
            path.unlink()
        (folder / "list.txt").touch()


BAD = {
    "text": "frame frame5.png cannot be decoded: broken or no picture",
    "zero": "frame frame5.png is empty (0 bytes)",
    "cut": "frame frame5.png cannot be decoded: broken or no picture",
    "cut jpeg": "frame frame5.png cannot be decoded: broken or no picture",
    "size": "the frame size changes from (48, 36) to (50, 36) in frame5.png; all frames of a video need one size",
    "link": "frame frame5.png cannot be read: No such file or directory",
    "tie": "frame05.png and frame5.png are the same place in the order of frames; rename or remove one",
    "none": "this folder holds .txt, expected .jpeg, .jpg, .png frames; or start its name with a dot to leave it out",
}


def test_bad_frame_folders_are_bad_videos_with_their_reasons(tmp_path):
    root = make_frame_folders(tmp_path / "clips", clips=12)
    for number, how in enumerate(BAD):
        spoil(root / "dark" / f"clip_{number}", how)
    with pytest.raises(DataError, match=r"8 bad videos \(7 unreadable, 1 empty\)"):
        prepared(root, tmp_path / "data")
    listed = files.read_csv(tmp_path / "data" / "dataset_problems.csv")
    assert {row["path"]: row["reason"] for row in listed} == {
        f"dark/clip_{number}": reason for number, reason in enumerate(BAD.values())
    }
    (root / "dark" / "nothing").mkdir()
    data = prepared(root, tmp_path / "data", on_bad_video="skip")
    assert sorted(v.id for v in data.videos if v.label == "dark") == [f"dark/clip_{n}" for n in (10, 11, 8, 9)]
    assert files.read_json(tmp_path / "data" / "dataset.json")["left_out"] == 9


def test_folders_and_files_stand_in_one_tree_and_one_manifest(tmp_path):
    root = make_class_folders(tmp_path / "clips", clips=3)
    for path in make_frame_folders(tmp_path / "frames", clips=5).glob("*/*"):
        path.rename(root / path.parent.name / f"frames_{path.name}")
    data = prepared(root, tmp_path / "data")
    assert data == manifest.read(tmp_path / "data" / "manifest.csv")
    assert len(data.videos) == 16
    folders = {v.id: v for v in data.videos if v.codec == "png"}
    assert sorted(folders) == [f"{label}/frames_clip_{n}" for label in ("dark", "light") for n in range(5)]
    video = folders["light/frames_clip_1"]
    assert (video.frames, video.frame_rate, video.width, video.height, video.label) == (11, None, 48, 36, "light")
    assert {v.frame_rate for v in data.videos if v.codec == "mpeg4"} == {12.0}


def test_frame_folders_below_official_splits(tmp_path):
    make_frame_folders(tmp_path / "clips" / "train", clips=3)
    make_frame_folders(tmp_path / "clips" / "test", clips=2, seed=1)
    data = prepared(tmp_path / "clips", tmp_path / "data")
    assert [video.id for video in data.videos if video.split == "test"] == [
        f"test/{label}/clip_{number}" for label in ("dark", "light") for number in (0, 1)
    ]
    assert data.classes == ["dark", "light"]


def test_group_pattern_reads_the_name_of_the_folder(tmp_path):
    data = prepared(make_frame_folders(tmp_path / "clips"), tmp_path / "data", group_pattern="clip_([0-9])")
    assert {video.id: video.group for video in data.videos}["light/clip_3"] == "3"
    assert len({(video.group, video.split) for video in data.videos}) == 8  # dark and light on one side each


def test_the_data_key_knows_every_frame(tmp_path):
    def key() -> str:
        return keys.data_key("class_folders", {}, sources.listing(root))

    root = make_frame_folders(tmp_path / "clips", clips=2)
    listed = sources.listing(root)
    assert len(listed) == 2 * (10 + 11)
    assert listed[0] == ("dark/clip_0/frame1.png", (root / "dark/clip_0/frame1.png").stat().st_size)
    before = key()
    for path in (root / "cover.jpg", root / "dark/cover.jpg", root / "dark/clip_0/.frame99.png"):
        path.write_bytes(b"no frame of a video")
    (root / "dark/empty").mkdir()
    assert key() == before
    (root / "dark/clip_0/frame3.png").write_bytes(b"another size")
    changed = key()
    (root / "dark/clip_0/frame3.png").unlink()
    assert len({before, changed, key()}) == 3


def test_the_fingerprint_knows_the_bytes_and_order_of_frames_and_not_their_names(tmp_path):
    root = make_frame_folders(tmp_path / "clips")
    before = prepared(root, tmp_path / "data").fingerprint
    folder = root / "dark/clip_0"
    for path in list(folder.iterdir()):
        path.rename(path.with_name(path.name.replace("frame", "picture")))
    assert prepared(root, tmp_path / "data").fingerprint == before
    (folder / "picture1.png").rename(folder / "a.png")
    (folder / "picture2.png").rename(folder / "picture1.png")
    (folder / "a.png").rename(folder / "picture2.png")
    assert prepared(root, tmp_path / "data").fingerprint != before


def test_one_folder_twice_on_both_sides_is_refused(tmp_path):
    for split, seed in (("train", 0), ("test", 1)):
        make_frame_folders(tmp_path / "clips" / split, clips=2, seed=seed)
    source = tmp_path / "clips/train/dark/clip_0"
    for path in source.iterdir():
        copy = tmp_path / "clips/test/dark/copy" / path.name.replace("frame", "")
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    with pytest.raises(
        DataError, match=r"test/dark/copy \(test\) and train/dark/clip_0 \(train\) have the same content"
    ):
        prepared(tmp_path / "clips", tmp_path / "data")


def test_raw_store_holds_the_frames_bit_for_bit(tmp_path):
    root = make_frame_folders(tmp_path / "clips", clips=3, name="{:04d}.jpg")
    data = prepared(root, tmp_path / "data")
    packed = tmp_path / "data" / "store-raw.json"
    packing.pack(FrameStore(kind="raw"), data, root, packed, QUIET)
    raw, decoded = store.open_reader(packed, "nowhere", data), store.VideoFiles(root)
    for video in data.videos:
        chosen = [video.frames - 1, 0, 5, 0]
        frames = raw.read(video, chosen)
        np.testing.assert_array_equal(frames, decoded.read(video, chosen))
        expected = cv2.imread(str(root / video.path / f"{video.frames:04d}.jpg"))[..., ::-1]
        np.testing.assert_array_equal(frames[0], expected)


def test_a_folder_that_lost_a_frame_since_prepare_is_refused(tmp_path):
    root = make_frame_folders(tmp_path / "clips", clips=2)
    data = prepared(root, tmp_path / "data")
    (root / "dark/clip_0/frame2.png").unlink()
    with pytest.raises(DataError, match=r"dark/clip_0: holds 9 frames, `prepare` counted 10; the folder changed"):
        store.VideoFiles(root).read(data.videos[0], [0])
    with pytest.raises(DataError, match="clip_0: is not what `prepare` read: its content changed"):
        packing.pack(FrameStore(kind="raw"), data, root, tmp_path / "data" / "store-raw.json", QUIET)


def test_frames_whose_names_are_not_utf8_are_read(tmp_path):
    folder = write_frames(tmp_path / "video", numbered_frames(3))
    (folder / "frame2.png").rename(folder / "frame2\udce9.png")
    np.testing.assert_array_equal(reading.read_frames(folder, [1]), numbered_frames(3)[[1]])
    (folder / "frame2\udce9.png").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"frame frame2\\udce9\.png cannot be decoded"):
        reading.inspect(folder)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("repeat_last", [0, 1, 2, 2, 2, 2, 2, 2]),
        ("loop", [0, 1, 2, 0, 1, 2, 0, 1]),
        ("stretch", [0, 0, 0, 0, 1, 1, 1, 2]),  # linspace(0, 2, 8) = 0, .29, .57, .86, 1.14, 1.43, 1.71, 2
    ],
)
@pytest.mark.parametrize("sampled", ["uniform", "strided", "jittered"])
@pytest.mark.parametrize("kind", ["frame folder", "video"])
def test_a_clip_of_a_video_that_is_too_short(tmp_path, rule, expected, sampled, kind):
    """Three frames for a model of eight: at the size of the frames, a view is the frames themselves."""
    if kind == "video":
        path = write_video(tmp_path / "wave/short.avi", numbered_frames(3, 48, 48))
    else:
        path = write_frames(tmp_path / "wave/short", numbered_frames(3, 48, 48))
    frames = np.stack(list(reading.read_all_frames(path)))
    assert len({frame.tobytes() for frame in frames}) == 3
    video = clip(1, frames=3, path=path.relative_to(tmp_path).as_posix())
    clips = ClipMaker(
        reader=store.VideoFiles(tmp_path),
        model=ModelOptions(num_frames=8, frame_size=48),
        sampling=Sampling(train=sampled, test="strided" if sampled == "strided" else "uniform", too_short=rule),
        transforms=Transforms(crop="none", flip=0.0, test_resize="square"),
        ratio=1.0,
    )
    np.testing.assert_array_equal(clips.test_clips(video, Evaluation())[0], frames[expected])
    np.testing.assert_array_equal(clips.train_clip(video, 1), frames[expected])


def test_too_short_begins_with_the_window_and_not_with_the_video(tmp_path):
    """Half of six frames is a window of three: the rules fill up from these alone."""
    path = write_frames(tmp_path / "wave/six", numbered_frames(6, 48, 48))
    clips = ClipMaker(
        reader=store.VideoFiles(tmp_path),
        model=ModelOptions(num_frames=5, frame_size=48),
        sampling=Sampling(too_short="loop"),
        transforms=Transforms(test_resize="square"),
        ratio=0.5,
    )
    expected = np.stack(list(reading.read_all_frames(path)))[[0, 1, 2, 0, 1]]
    np.testing.assert_array_equal(clips.test_clips(clip(1, frames=6, path="wave/six"), Evaluation())[0], expected)
