"""Packing: killed at any moment it goes on and ends the same; what does not fit is refused; memory stays small."""

import io
import os
import shutil
import signal
import threading
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import numbered_frames, sweep, write_video
from partway.data import packing, store, store_frames
from partway.data.ahead import Ahead
from partway.data.manifest import Manifest
from partway.errors import DataError, StorageError
from partway.progress import Progress
from partway.schema_store import FrameStore
from test_data import QUIET
from test_storage import no_file_beyond
from test_store import JPEG, RAW, manifest_of

Usage = namedtuple("Usage", "total used free")


class Told(Progress):
    """Keeps the lines."""

    def __init__(self):
        super().__init__("test", stream=io.StringIO())
        self.said: list[str] = []

    def line(self, text: str) -> None:
        """Keep a line."""
        self.said.append(text)


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> tuple[Path, Manifest]:
    """Eight short clips; 46,656 bytes of raw frames at 6 frames each."""
    root = tmp_path_factory.mktemp("videos")
    paths = [f"{number}.avi" for number in range(8)]
    for number, path in enumerate(paths):
        write_video(root / path, np.roll(numbered_frames(6, 36, 72), number, axis=0))
    return root, manifest_of(root, *paths)


def pack(kind: FrameStore, videos: tuple[Path, Manifest], folder: Path, progress: Progress = QUIET) -> Path:
    root, manifest = videos
    output = folder / f"store-{kind.name}.json"
    packing.pack(kind, manifest, root, output, progress)
    return output


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(videos, tmp_path_factory) -> dict[str, dict[str, bytes]]:
    """What a call that nobody interrupts leaves, by kind."""
    made = {}
    for kind in (RAW, JPEG):
        folder = tmp_path_factory.mktemp(kind.name)
        pack(kind, videos, folder)
        made[kind.name] = content(folder)
    return made


def killed(kind: FrameStore, videos: tuple[Path, Manifest], folder: Path, *, at_write: int) -> bool:
    """Pack in a process of its own that SIGKILL ends in the middle of a write; whether it came so far."""
    child = os.fork()
    if not child:
        real, left = packing._write, [at_write]

        def write(file, data) -> None:
            left[0] -= 1
            if not left[0]:
                file.write(memoryview(data)[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            real(file, data)

        packing._write = write
        pack(kind, videos, folder)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("kind", sweep([RAW, JPEG], quick=(RAW,)), ids=lambda kind: kind.name)
def test_killed_at_any_write_it_ends_as_if_undisturbed(videos, undisturbed, tmp_path, kind):
    for at_write in (*range(1, 10), 24, 40, 56, 57):  # a header, then six frames and a line a video
        folder = tmp_path / str(at_write)
        assert killed(kind, videos, folder, at_write=at_write)
        assert not list(folder.glob("*.json"))
        told = Told()
        pack(kind, videos, folder, told)
        whole = (at_write - 2) // 7
        assert f"packed {8 - max(0, whole)} videos" in told.said[-1]
        assert content(folder) == undisturbed[kind.name]
    assert not killed(kind, videos, tmp_path / "end", at_write=58)


def test_killed_again_and_again_it_still_ends(videos, undisturbed, tmp_path):
    kills = 0
    while killed(JPEG, videos, tmp_path, at_write=16):
        kills += 1
    assert kills >= 3
    assert content(tmp_path) == undisturbed["jpeg-q95"]


@pytest.mark.parametrize("lost", ["the end of the frames", "zeros in the frames", "half a line", "a line of another"])
def test_what_a_power_cut_leaves_is_not_trusted(videos, undisturbed, tmp_path, lost):
    pack(RAW, videos, tmp_path)
    (tmp_path / "store-raw.json").unlink()
    partial = tmp_path / "store-raw.partial"
    (tmp_path / "store-raw").rename(partial)
    frames, index = partial / "frames.bin", partial / "index.jsonl"
    lines = index.read_bytes().splitlines(keepends=True)
    if lost == "the end of the frames":
        os.truncate(frames, frames.stat().st_size - 50_000)
    elif lost == "zeros in the frames":
        frames.write_bytes(frames.read_bytes()[:-120_000] + bytes(120_000))
    elif lost == "half a line":
        index.write_bytes(b"".join(lines[:-1]) + lines[-1][:-1])
    else:
        index.write_bytes(b"".join([*lines[:3], lines[5]]))
    told = Told()
    pack(RAW, videos, tmp_path, told)
    assert content(tmp_path) == undisturbed["raw"]
    assert 1 <= int(told.said[-1].split()[1]) <= 6


def test_what_is_of_other_videos_or_options_is_packed_anew(videos, undisturbed, tmp_path):
    root, manifest = videos
    fewer = (root, Manifest(manifest.videos[:5], manifest.classes))
    assert killed(RAW, fewer, tmp_path, at_write=30)
    told = Told()
    pack(RAW, videos, tmp_path, told)
    assert "of other videos, options or versions: packed anew" in told.said[0]
    assert content(tmp_path) == undisturbed["raw"]


def test_a_store_whose_json_is_lost_is_checked_not_packed_again(videos, undisturbed, tmp_path):
    pack(RAW, videos, tmp_path).unlink()
    told = Told()
    pack(RAW, videos, tmp_path, told)
    assert "packed 0 videos" in told.said[-1]
    assert content(tmp_path) == undisturbed["raw"]


def test_ctrl_c_ends_it_soon_and_it_goes_on(videos, undisturbed, tmp_path, monkeypatch):
    real = packing._write

    def interrupted(file, data) -> None:
        if file.name.endswith("frames.bin") and file.tell() > 3 * 46_656:
            raise KeyboardInterrupt
        real(file, data)

    monkeypatch.setattr(packing, "AHEAD_BYTES", 40_000)  # workers wait for room
    with monkeypatch.context() as patched:
        patched.setattr(packing, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pack(RAW, videos, tmp_path)
    assert not [thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name]
    told = Told()
    pack(RAW, videos, tmp_path, told)
    assert "packed 5 videos" in told.said[-1]
    assert content(tmp_path) == undisturbed["raw"]


# --- room ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["raw", "raw-24", "jpeg-q95"])
def test_its_size_is_announced(videos, tmp_path, name):
    told = Told()
    kind = FrameStore.from_name(name)
    written = pack(kind, videos, tmp_path, told)
    actual = (written.with_suffix("") / "frames.bin").stat().st_size
    needed = store_frames.bytes_needed(videos[1], videos[0], kind)
    assert needed == pytest.approx(actual, rel=0.05) if kind.kind == "jpeg" else needed == actual
    about = "about " if kind.kind == "jpeg" else ""
    assert told.said[0].startswith(f"{about}{packing.size(needed)} for 8 videos; ")


def test_a_disk_that_is_too_small_is_refused_before_anything_is_decoded(videos, tmp_path, monkeypatch):
    room = 8 * 46_656
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, room))
    with pytest.raises(StorageError) as refused:
        pack(RAW, videos, tmp_path)
    said = str(refused.value)
    assert f"{tmp_path}/store-raw: a store `raw` of these 8 videos takes 0.4 MB, and 0.4 MB are free in" in said
    assert "store: jpeg, or raw or jpeg with a short_side" in said
    assert (tmp_path / "store-raw.partial/frames.bin").stat().st_size == 0


def test_what_an_interrupted_call_holds_counts(videos, undisturbed, tmp_path, monkeypatch):
    killed(RAW, videos, tmp_path, at_write=24)  # three videos are whole
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 5 * 46_656 + 8 * 200 - 1))
    with pytest.raises(StorageError, match=r"takes 0\.4 MB, 0\.1 MB of it are there from an earlier call, and 0\.2 MB"):
        pack(RAW, videos, tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 5 * 46_656 + 8 * 200))
    pack(RAW, videos, tmp_path)
    assert content(tmp_path) == undisturbed["raw"]


def test_a_disk_that_fills_up_in_the_middle_keeps_what_is_there(videos, undisturbed, tmp_path):
    with no_file_beyond(200_000), pytest.raises(StorageError, match=r"store-raw: cannot be written: File too large"):
        pack(RAW, videos, tmp_path)
    told = Told()
    pack(RAW, videos, tmp_path, told)
    assert "packed 4 videos" in told.said[-1]
    assert content(tmp_path) == undisturbed["raw"]


# --- videos that are not what they were ----------------------------------------------------------------


def test_a_clip_replaced_since_prepare_is_refused(videos, tmp_path):
    root, manifest = videos
    shutil.copytree(root, tmp_path / "clips")
    shutil.copy(root / "1.avi", tmp_path / "clips/5.avi")
    with pytest.raises(DataError, match=r"5\.avi: is not what `prepare` read: its content changed"):
        pack(RAW, (tmp_path / "clips", manifest), tmp_path)
    shutil.copy(root / "5.avi", tmp_path / "clips/5.avi")
    told = Told()
    pack(RAW, (tmp_path / "clips", manifest), tmp_path, told)
    assert "packed 3 videos" in told.said[-1]
    assert store.verify(tmp_path / "store-raw.json")


# --- work ahead ----------------------------------------------------------------------------------------


@dataclass
class Piece:
    """Some bytes of an item."""

    of: int
    number: int
    nbytes: int


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.lists(st.integers(0, 60), max_size=8), max_size=12),
    workers=st.integers(1, 5),
    most_bytes=st.integers(0, 100),
)
def test_pieces_come_in_order_and_few_bytes_wait(sizes, workers, most_bytes):
    def make(item: int):
        for number, nbytes in enumerate(sizes[item]):
            yield Piece(item, number, nbytes)

    ahead, seen = Ahead(make, most_bytes), []
    for item, pieces in ahead.in_order(range(len(sizes)), workers):
        for piece in pieces:
            assert ahead.held <= most_bytes + max(sizes[item])
            seen.append((piece.of, piece.number))
    assert seen == [(item, number) for item, found in enumerate(sizes) for number in range(len(found))]
    assert ahead.held == 0


def test_an_error_of_a_worker_comes_when_its_item_does_and_ends_all():
    def make(item: int):
        yield Piece(item, 0, 10)
        if item == 2:
            raise DataError("item 2 is broken")

    seen, before = [], threading.active_count()
    with pytest.raises(DataError, match="item 2 is broken"):
        for item, pieces in Ahead(make, 10).in_order(range(50), 4):
            seen += [(item, piece.number) for piece in pieces]
    assert seen == [(0, 0), (1, 0), (2, 0)][: len(seen)]
    assert len(seen) >= 2
    assert threading.active_count() == before
