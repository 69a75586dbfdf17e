"""Twenty kinds of odd and broken videos, each as a real file, through `prepare`: what it says, and what is read."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from conftest import make_class_folders, numbered_frames, write_video
from partway import files
from partway.data import manifest as manifests
from partway.data import reading
from partway.data.prepare import prepare
from partway.errors import DataError
from partway.progress import Progress
from test_containers import sequential, shown_frames, write_varying
from test_frame_folders import with_orientation

COUNT = 20


def plain(path: Path, count: int = COUNT, **options: str) -> bytes:
    return write_video(path, numbered_frames(count), qmin="2", qmax="2", **options).read_bytes()


def write_with(
    path: Path, pix_fmt: str, *, size: tuple[int, int] = (48, 64), codec: str = "ffv1", first_pts: int = 0
) -> None:
    """Encode numbered frames in another pixel format, size, or from another time on."""
    height, width = size
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream(codec, rate=12)
        stream.height, stream.width, stream.pix_fmt = height, width, pix_fmt
        for number, picture in enumerate(numbered_frames(COUNT, height, width)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = first_pts + number, Fraction(1, 12)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_two_streams(path: Path) -> None:
    """Two video streams; the second one shows the frames backwards."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("ffv1", rate=12) for _ in range(2)]
        for stream in streams:
            stream.height, stream.width, stream.pix_fmt = 48, 64, "bgr0"
        frames = numbered_frames(COUNT)
        for stream, pictures in zip(streams, (frames, frames[::-1]), strict=True):
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))


def rotate(path: Path) -> None:
    """Turn the display matrix of an mp4 by 90 degrees, as a phone does that is held upright."""
    data = bytearray(plain(path, codec="libx264"))
    matrix = data.index(b"tkhd") + 44
    struct.pack_into(">9i", data, matrix, 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    path.write_bytes(data)


def without_index(path: Path) -> None:
    data = plain(path)
    path.write_bytes(data[: data.rindex(b"idx1")])


def with_header_count(path: Path, more: int) -> None:
    """An AVI whose headers promise more frames than there are."""
    data = bytearray(plain(path))
    for chunk, offset in ((b"avih", 24), (b"strh", 40)):
        place = data.index(chunk) + offset
        struct.pack_into("<I", data, place, struct.unpack_from("<I", data, place)[0] + more)
    path.write_bytes(data)


def audio_only(path: Path) -> None:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
        file.writeframes(bytes(16000))
    path.write_bytes(sound.getvalue())


def folder_of(path: Path, picture: Callable[[int], bytes], count: int = 6, suffix: str = ".jpg") -> None:
    path.mkdir()
    for number in range(count):
        (path / f"frame{number}{suffix}").write_bytes(picture(number))


def jpeg(number: int, height: int = 48, width: int = 64) -> bytes:
    picture = np.full((height, width, 3), 20 + 30 * number, np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def cmyk(number: int) -> bytes:
    """A JPEG of four colour channels, as printers and some sites make them."""
    file = io.BytesIO()
    Image.new("CMYK", (64, 48), (0, 0, 0, 255 - (20 + 30 * number))).save(file, "JPEG", quality=95)
    return file.getvalue()


# name -> how it is made; each is read whole, in the order of its frames
READ: dict[str, Callable[[Path], None]] = {
    "plain.avi": plain,
    "one frame.avi": lambda path: plain(path, 1),
    "no index.avi": without_index,
    "header says one more.avi": lambda path: with_header_count(path, 1),
    "two streams.mkv": write_two_streams,
    "rotated.mp4": rotate,
    "odd size.mkv": lambda path: write_with(path, "bgr0", size=(47, 63)),
    "grey.mkv": lambda path: write_with(path, "gray"),
    "ten bit.mkv": lambda path: write_with(path, "yuv420p10le"),
    "variable rate.mkv": lambda path: write_varying(path, [40 * n + 7 * (n % 3) for n in range(COUNT)]),
    "negative first time.mkv": lambda path: write_with(path, "bgr0", first_pts=-5),
    "exif": lambda path: folder_of(path, lambda number: with_orientation(jpeg(number), 6)),
    "cmyk": lambda path: folder_of(path, cmyk),
}
# name -> how it is made, the kind, and words of the reason
BAD: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "truncated.avi": (
        lambda path: path.write_bytes(plain(path)[:-4000]),
        "truncated",
        "frames decode, the header says 20",
    ),
    "header says many more.avi": (
        lambda path: with_header_count(path, 30),
        "truncated",
        "20 frames decode, the header",
    ),
    "zero bytes.avi": (lambda path: path.touch(), "unreadable", "the file is empty (0 bytes)"),
    "audio only.avi": (audio_only, "unreadable", "holds no video stream"),
    "text.avi": (lambda path: path.write_text("no video\n" * 99), "unreadable", "Invalid data"),
    "broken link.avi": (lambda path: path.symlink_to("nowhere.avi"), "unreadable", "No such file"),
    "folder.avi": (lambda path: path.mkdir(), "empty", "this folder holds nothing"),
    "corrupt jpeg": (
        lambda path: folder_of(path, lambda number: jpeg(number)[: 200 if number == 3 else None]),
        "unreadable",
        "frame frame3.jpg cannot be decoded",
    ),
    "mixed sizes": (
        lambda path: folder_of(path, lambda number: jpeg(number, 48, 64 if number < 4 else 66)),
        "unreadable",
        "the frame size changes from (64, 48) to (66, 48) in frame4.jpg",
    ),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A tree of two classes with one video of each kind in one of them."""
    root = make_class_folders(tmp_path_factory.mktemp("odd") / "clips")
    for name, make in READ.items():
        make(root / "dark" / name)
    for name, (make, *_) in BAD.items():
        make(root / "light" / name)
    return root


def test_each_bad_kind_is_told_and_each_odd_kind_is_read(tree, tmp_path):
    spec = {"layout": "class_folders", "options": {"on_bad_video": "skip"}}
    with pytest.raises(DataError, match=rf"{len(BAD)} bad videos \(6 unreadable, 2 truncated, 1 empty\)"):
        prepare(spec | {"options": {}}, str(tree), tmp_path, Progress("prepare"))
    prepare(spec, str(tree), tmp_path, Progress("prepare"))
    told = {Path(row["path"]).name: row for row in files.read_csv(tmp_path / "dataset_problems.csv")}
    assert set(told) == set(BAD)
    for name, (_, kind, reason) in BAD.items():
        assert told[name]["kind"] == kind, name
        assert reason in told[name]["reason"], name
    videos = {Path(video.path).stem: video for video in manifests.read(tmp_path / "manifest.csv").videos}
    assert {Path(name).stem for name in READ} <= set(videos)


EXPECTED = {"one frame": 1, "exif": 6, "cmyk": 6}


@pytest.mark.parametrize("name", [Path(name).stem for name in READ])
def test_the_frames_of_each_odd_kind_are_those_of_a_sequential_decode(tree, name):
    (path,) = (path for path in (tree / "dark").iterdir() if path.stem == name)
    count = EXPECTED.get(name, COUNT)
    assert reading.inspect(path).frames == count
    chosen = [count - 1, 0, count // 2, 0]
    frames = reading.read_frames(path, chosen)
    if path.is_dir():
        levels = np.median(frames, axis=(1, 2, 3))
        assert np.abs(levels - [20 + 30 * number for number in chosen]).max() < 4
    else:
        np.testing.assert_array_equal(frames, sequential(path)[chosen])
        assert shown_frames(frames, count) == chosen


def test_turned_pictures_are_shown_as_they_are_meant_and_videos_as_they_are_stored(tree):
    assert reading.read_frames(tree / "dark" / "exif", [0]).shape[1:3] == (64, 48)
    assert reading.read_frames(tree / "dark" / "rotated.mp4", [0]).shape[1:3] == (48, 64)
