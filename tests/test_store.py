"""Frame stores: what they give is what decoding gives, and one that is not whole or not ours is noticed."""

import gc
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import REPOSITORY, numbered_frames, write_video
from partway import cli, files
from partway.data import packing, store
from partway.data.manifest import Manifest, Video
from partway.data.reading import digest, inspect
from partway.data.store import FrameReader
from partway.errors import DataError
from partway.schema_store import FrameStore
from test_containers import write_varying
from test_data import QUIET
from test_frame_folders import with_orientation, write_frames

RAW, SMALL, JPEG, PACKED = (FrameStore.from_name(name) for name in ("raw", "raw-24", "jpeg-q95", "packed-frames"))
SMALL_JPEG = FrameStore(kind="jpeg", short_side=24, quality=90)


def manifest_of(root: Path, *paths: str) -> Manifest:
    """A manifest of videos as they are, in this order."""
    videos = []
    for path in paths:
        facts = inspect(root / path)
        known = {name: getattr(facts, name) for name in ("frames", "frame_rate", "width", "height", "codec")}
        rest = {"label": "wave", "split": "train", "group": path, "digest": digest(root / path)}
        videos.append(Video(id=path, path=path, **known, **rest))
    return Manifest(videos, ["wave"])


def packed(kind: FrameStore, manifest: Manifest, root: Path, folder: Path) -> Path:
    output = folder / f"store-{kind.name}.json"
    packing.pack(kind, manifest, root, output, QUIET)
    return output


def reader_of(kind: FrameStore, manifest: Manifest, root: Path, folder: Path) -> FrameReader:
    return store.open_reader(packed(kind, manifest, root, folder), "nowhere", manifest, in_key=kind.in_key)


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> tuple[Path, Manifest]:
    """B-frames in AVI, h264 with one key frame, a variable rate, upright and tiny, and a frame folder."""
    root = tmp_path_factory.mktemp("videos")
    write_video(root / "b.avi", numbered_frames(29), codec="mpeg4", bf="2", g="300")
    write_video(root / "long.mp4", numbered_frames(40), codec="libx264", bf="3", g="250")
    write_varying(root / "varying.mkv", [0, 40, 80, 200, 1000, 1100])
    write_video(root / "upright.avi", numbered_frames(7, 64, 36))
    write_video(root / "tiny.avi", numbered_frames(5, 16, 16))
    write_frames(root / "frames", numbered_frames(9), "{}.jpg")
    return root, manifest_of(root, "b.avi", "long.mp4", "varying.mkv", "upright.avi", "tiny.avi", "frames")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Manifest]:
    """Frame folders of every odd kind of picture: turned by EXIF, CMYK, grey, progressive, 16 bits, transparent."""
    root = tmp_path_factory.mktemp("folders")
    noise = np.random.default_rng(0).integers(0, 255, (12, 36, 48, 3), dtype=np.uint8)
    write_frames(root / "jpeg", noise, "{}.jpg")
    (root / "turned").mkdir()
    for number, frame in enumerate(noise[:5]):
        plain = cv2.imencode(".jpg", frame)[1].tobytes()
        (root / "turned" / f"{number}.jpg").write_bytes(with_orientation(plain, 6))
    (root / "odd").mkdir()
    Image.fromarray(noise[0]).convert("CMYK").save(root / "odd" / "1.jpg")
    Image.fromarray(noise[1]).convert("L").save(root / "odd" / "2.jpg")
    Image.fromarray(noise[2]).save(root / "odd" / "3.jpeg", progressive=True)
    deep = np.arange(36 * 48, dtype=np.uint16).reshape(36, 48) * 30
    (root / "odd" / "4.png").write_bytes(cv2.imencode(".png", deep)[1].tobytes())
    Image.fromarray(np.dstack([noise[3], noise[4][..., :1]])).save(root / "odd" / "5.png")
    return root, manifest_of(root, "jpeg", "turned", "odd")


@pytest.fixture(scope="module")
def readers(videos, folders, tmp_path_factory) -> dict[str, tuple[FrameReader, FrameReader, Manifest]]:
    """By name: the reader of a store, one of the videos themselves, and their manifest."""
    made = {}
    for kind, (root, manifest) in ((RAW, videos), (PACKED, folders), (SMALL, videos), (SMALL_JPEG, videos)):
        reader = reader_of(kind, manifest, root, tmp_path_factory.mktemp(kind.name))
        made[kind.name] = (reader, Decoder(root, kind), manifest)
    return made


@dataclass
class Decoder:
    """Decodes the videos, then does to each frame what the store says."""

    root: Path
    kind: FrameStore

    def read(self, video: Video, indices: list[int]) -> np.ndarray:
        return np.stack([self._kept(frame) for frame in store.VideoFiles(self.root).read(video, indices)])

    def _kept(self, frame: np.ndarray) -> np.ndarray:
        height, width = frame.shape[:2]
        if (size := self.kind.short_side) and size < min(height, width):
            factor = size / min(height, width)
            frame = cv2.resize(frame, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)
        if self.kind.kind == "jpeg":
            data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.kind.quality])[1]
            frame = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
        return frame


@pytest.mark.parametrize("name", ["raw", "packed-frames", "raw-24", "jpeg-24-q90"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_frames_of_a_store_are_those_of_decoding(readers, name, data):
    reader, decoder, manifest = readers[name]
    video = data.draw(st.sampled_from(manifest.videos))
    indices = data.draw(st.lists(st.integers(0, video.frames - 1), min_size=1, max_size=20))
    frames = reader.read(video, indices)
    np.testing.assert_array_equal(frames, decoder.read(video, indices))
    assert frames.flags.c_contiguous


def test_raw_frame_folders_are_packed_bit_for_bit_too(folders, tmp_path):
    root, manifest = folders
    reader = reader_of(RAW, manifest, root, tmp_path)
    for video in manifest.videos:
        everything = range(video.frames)
        np.testing.assert_array_equal(reader.read(video, everything), store.VideoFiles(root).read(video, everything))


def test_packed_frames_are_the_bytes_of_the_pictures(folders, tmp_path):
    root, manifest = folders
    written = packed(PACKED, manifest, root, tmp_path)
    names = [f"jpeg/{n}.jpg" for n in range(1, 13)] + [f"turned/{n}.jpg" for n in range(5)]
    names += ["odd/1.jpg", "odd/2.jpg", "odd/3.jpeg", "odd/4.png", "odd/5.png"]
    whole = (written.with_suffix("") / "frames.bin").read_bytes()
    assert whole == b"".join((root / name).read_bytes() for name in names)
    assert files.read_json(written)["bytes"] == len(whole)


def test_packed_frames_of_video_files_are_refused_before_anything_is_written(videos, tmp_path):
    root, manifest = videos
    with pytest.raises(DataError, match=r"5 of 6 videos are files, the first b\.avi; write store: raw or store: jpeg"):
        packed(PACKED, manifest, root, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_short_side_shrinks_by_area_and_never_enlarges(videos, tmp_path):
    root, manifest = videos
    reader = reader_of(SMALL, manifest, root, tmp_path)
    shapes = {video.id: reader.read(video, [0]).shape[1:3] for video in manifest.videos}
    wide, upright = (24, 32), (43, 24)  # 48x64 and 64x36: 64 * 24 / 36 = 42.7
    assert shapes == dict.fromkeys(("b.avi", "long.mp4", "varying.mkv", "frames"), wide) | {
        "upright.avi": upright,
        "tiny.avi": (16, 16),
    }
    video = manifest.videos[1]
    native = store.VideoFiles(root).read(video, [3])[0].astype(float)
    area = native.reshape(24, 2, 32, 2, 3).mean(axis=(1, 3))  # exactly half: the mean of four pixels
    assert np.abs(reader.read(video, [3])[0] - area).max() <= 0.5


def test_jpeg_is_near_and_the_same_every_time(videos, tmp_path):
    root, manifest = videos
    stores = [packed(kind, manifest, root, tmp_path / str(n)) for n, kind in enumerate((JPEG, JPEG))]
    contents = [(path.with_suffix("") / "frames.bin").read_bytes() for path in stores]
    assert contents[0] == contents[1]
    assert stores[0].read_bytes() == stores[1].read_bytes()
    decoder = store.VideoFiles(root)

    def error(kind: FrameStore) -> float:
        reader = reader_of(kind, manifest, root, tmp_path / kind.name)
        pairs = [(reader.read(v, range(v.frames)), decoder.read(v, range(v.frames))) for v in manifest.videos]
        return float(np.mean([np.abs(one.astype(int) - other).mean() for one, other in pairs]))

    best, plain, low = (error(FrameStore(kind="jpeg", quality=quality)) for quality in (100, 95, 30))
    assert best < plain < 0.5 < low < 2  # of 255, on average


def test_threads_read_at_once_and_the_descriptor_is_closed(readers, videos, tmp_path):
    root, manifest = videos
    reader, decoder = reader_of(RAW, manifest, root, tmp_path), store.VideoFiles(root)
    video = manifest.videos[1]
    wanted = decoder.read(video, range(video.frames))
    with ThreadPoolExecutor(8) as pool:
        chosen = [[index] for index in range(video.frames)] * 5
        for (index,), frames in zip(chosen, pool.map(reader.read, [video] * len(chosen), chosen), strict=True):
            np.testing.assert_array_equal(frames[0], wanted[index])
    descriptor = reader.descriptor
    os.fstat(descriptor)
    del reader
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


# --- what is noticed -----------------------------------------------------------------------------------


def flip(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 4]))


@pytest.mark.parametrize("kind", [RAW, JPEG], ids=lambda kind: kind.name)
def test_a_cut_store_is_noticed_and_mended_from_where_it_was_cut(videos, tmp_path, kind):
    root, manifest = videos
    written = packed(kind, manifest, root, tmp_path)
    frames = written.with_suffix("") / "frames.bin"
    whole, described = frames.read_bytes(), written.read_bytes()
    reader = store.open_reader(written, root, manifest, in_key=kind.in_key)
    os.truncate(frames, len(whole) // 2)
    with pytest.raises(DataError, match=rf"frames.bin: {len(whole) // 2} bytes, expected {len(whole)}; delete .*json"):
        store.open_reader(written, root, manifest, in_key=kind.in_key)
    with pytest.raises(DataError, match="ends inside video frames"):
        reader.read(manifest.videos[-1], [0])
    written.unlink()
    packed(kind, manifest, root, tmp_path)
    assert (frames.read_bytes(), written.read_bytes()) == (whole, described)


def test_a_flipped_bit_is_noticed_by_reading_or_verify_and_mended(videos, tmp_path, capsys):
    root, manifest = videos
    for kind in (RAW, JPEG):
        written = packed(kind, manifest, root, tmp_path)
        frames = written.with_suffix("") / "frames.bin"
        whole = frames.read_bytes()
        assert cli.main(["store", "--verify", str(written)]) == 0
        assert "6 videos, 96 frames" in capsys.readouterr().out
        flip(frames, 20)
        assert cli.main(["store", "--verify", str(written)]) == 1
        assert "1 of 6 videos are damaged: b.avi; delete" in capsys.readouterr().err
        reader = store.open_reader(written, root, manifest, in_key=kind.in_key)
        if kind == JPEG:
            with pytest.raises(DataError, match=r"frame 0 of video b\.avi is damaged"):
                reader.read(manifest.videos[0], [3, 0])
        written.unlink()
        packed(kind, manifest, root, tmp_path)
        assert frames.read_bytes() == whole


def test_a_damaged_index_is_noticed(videos, tmp_path):
    root, manifest = videos
    written = packed(RAW, manifest, root, tmp_path)
    flip(written.with_suffix("") / "index.jsonl", 300)
    with pytest.raises(DataError, match=r"index\.jsonl: is gone, or not the one that was written; delete"):
        store.open_reader(written, root, manifest)


def test_foreign_stores_are_refused(videos, folders, tmp_path):
    root, manifest = videos
    written = packed(RAW, manifest, root, tmp_path)
    with pytest.raises(DataError, match=r"packed from other videos than manifest\.csv lists"):
        store.open_reader(written, root, folders[1])
    with pytest.raises(DataError, match=r"frames of `raw` are not those that this training's spec asks for .*jpeg"):
        store.open_reader(written, root, manifest, in_key=JPEG.in_key)
    with pytest.raises(DataError, match=r"frames of `jpeg-q95` are not those .*no loss"):
        store.open_reader(packed(JPEG, manifest, root, tmp_path), root, manifest)
    for content in ({"store": "raw", "bytes": 9}, {"store": "zip"}, [], {"store": "raw-5"}):  # the first is of format 1
        files.write_json(written, content)
        with pytest.raises(DataError, match="no frame store of this version; delete it"):
            store.open_reader(written, root, manifest)


def test_frames_that_are_not_there_are_refused(readers):
    reader, _, manifest = readers["raw"]
    with pytest.raises(DataError, match=r"b\.avi has 29 frames, none of 29"):
        reader.read(manifest.videos[0], [29])


# --- names ---------------------------------------------------------------------------------------------


@given(
    st.builds(FrameStore, kind=st.just("raw"), short_side=st.none() | st.integers(16, 4320))
    | st.builds(
        FrameStore, kind=st.just("jpeg"), short_side=st.none() | st.integers(16, 4320), quality=st.integers(1, 100)
    )
)
def test_a_name_says_all_of_a_store(kind):
    assert FrameStore.from_name(kind.name) == kind


@pytest.mark.parametrize(
    "name", ["", "zip", "raw-0", "raw-q95", "jpeg", "jpeg-95", "jpeg-q101", "none-256", "raw-256 "]
)
def test_names_that_no_store_has_are_refused(name):
    with pytest.raises(ValueError, match=r"expected none, raw"):
        FrameStore.from_name(name)


def test_the_rule_knows_every_name():
    text = (REPOSITORY / "workflow/rules/common.smk").read_text()
    (pattern,) = re.findall(r'^    store=r"(.*)",$', text, re.MULTILINE)
    for name in ("none", "raw", "raw-256", "jpeg-q95", "jpeg-256-q95", "packed-frames"):
        assert FrameStore.from_name(name).name == name
        assert re.fullmatch(pattern, name)


def test_the_verb_says_what_it_needs(tmp_path, capsys):
    assert cli.main(["store", "--kind", "raw"]) == 1
    assert "expected --manifest and --root and --output, or --verify STORE alone" in capsys.readouterr().err
    arguments = ["--manifest", "m", "--root", "r", "--output", str(tmp_path / "o")]
    assert cli.main(["store", "--kind", "zip", *arguments]) == 1
    assert "--kind zip: expected none, raw" in capsys.readouterr().err
