"""Pack the frames of a data set once for all trainings: `store-<name>.json`, last, and beside it `store-<name>/`.

All frames lie in one file, video after video: one descriptor and one `pread` a frame, whatever the number of videos.
While it is packed, the folder is called `store-<name>.partial`. Whatever ends the call (Ctrl-C, SIGKILL, a full disk, a
power cut), the next one goes on behind the last video that is whole: the line of a video is appended to the index
after its frames, both are brought to the disk every `SYNC_BYTES`, and what is younger is compared with its checksums
before it is taken. One set of videos, kind and options gives the same bytes, interrupted or not.
"""

from __future__ import annotations

import os
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from io import FileIO
from pathlib import Path

import numpy as np

from partway import files, machine
from partway.data import store_frames, store_index
from partway.data.ahead import Ahead
from partway.data.manifest import Manifest, Video
from partway.data.store_index import FRAMES, INDEX, PackedVideo
from partway.errors import StorageError
from partway.progress import Progress, duration
from partway.schema_store import FrameStore

SYNC_BYTES = 2**28
PIECE_BYTES = 2**23  # that a worker hands over at once; more where a single frame is larger
AHEAD_BYTES = 2**28  # decoded and not yet written, over all workers
INDEX_BYTES = {"raw": (200, 0), "jpeg": (200, 20), "packed-frames": (200, 20)}  # at most: a video, a frame of it


@dataclass
class _Piece:
    """Some frames of a video on their way to the disk; `crcs` as in the index, of `raw` the one so far."""

    buffers: list[bytes | memoryview] = field(default_factory=list)
    crcs: list[int] = field(default_factory=list)
    nbytes: int = 0


def pack(store: FrameStore, manifest: Manifest, root: Path | str, output: Path, progress: Progress) -> None:
    """Write a store and, last, `output`, which says what it holds.

    Raises:
        DataError: a video is not what `prepare` read, or `packed-frames` of video files.
        StorageError: the disk cannot hold it, or became full; the next call goes on where this one stopped.
    """
    if store.kind == "none":
        files.write_json(output, {"store": "none", "note": "no store: videos are decoded when they are read"})
        return
    output.unlink(missing_ok=True)
    folder = output.with_suffix("")
    needed = store_frames.bytes_needed(manifest, Path(root), store)
    with files.explained(folder):
        packing = _Packing(folder, store, manifest, progress)
        try:
            packing.announce(needed)
            packing.write_all(Path(root))
        finally:
            packing.close()
        packing.finish()
    facts = {"bytes": packing.end, "frames": packing.frames, "videos": packing.videos}
    described = store_index.header(store, manifest) | facts | {"index_digest": files.digest(folder / INDEX)}
    files.write_json(output, described)


class _Packing:
    """A store on its way; what an earlier call left of it is taken up."""

    def __init__(self, folder: Path, store: FrameStore, manifest: Manifest, progress: Progress):
        self.folder, self.store, self.manifest, self.progress = folder, store, manifest, progress
        self.partial = folder.with_name(f"{folder.name}.partial")
        began = self._take_up()
        self.videos, self.frames = len(began), sum(packed.frames for packed in began)
        self.end = began[-1].end if began else 0
        self._sync()  # what a killed call left may be in memory alone

    def _take_up(self) -> list[PackedVideo]:
        """Open the two files, cut behind the last whole video; new ones where there is nothing to go on with."""
        was_whole = self.folder.is_dir() and not self.partial.is_dir()
        if was_whole:  # its .json is gone: nobody vouches for what lies there
            self.folder.rename(self.partial)
        elif self.folder.is_dir():
            shutil.rmtree(self.folder)
        head = store_index.header_line(store_index.header(self.store, self.manifest))
        index = self.partial / INDEX
        if self.partial.is_dir() and not _begins_with(index, head):
            self.progress.line(f"{self.partial}: of other videos, options or versions: packed anew")
            shutil.rmtree(self.partial)
        self.partial.mkdir(parents=True, exist_ok=True)
        self.data = (self.partial / FRAMES).open("ab+", buffering=0)
        self.index = index.open("ab", buffering=0)
        if not index.stat().st_size:
            _write(self.index, head)
        last_bytes = None if was_whole else SYNC_BYTES
        began = store_index.whole_videos(index, self.data.fileno(), self.manifest.videos, last_bytes=last_bytes)
        self.data.truncate(began[-1].end if began else 0)
        self.index.truncate(len(head) + sum(len(packed.line()) for packed in began))
        return began

    def announce(self, needed: int) -> None:
        """Say how large it becomes; refuse what does not fit."""
        videos = self.manifest.videos
        a_video, a_frame = INDEX_BYTES[self.store.kind]
        index = a_video * len(videos) + a_frame * sum(video.frames for video in videos)
        about = "about " if self.store.kind == "jpeg" else ""
        free = shutil.disk_usage(self.partial).free
        there = f", {size(self.end)} of it are there from an earlier call" if self.end else ""
        self.progress.line(
            f"{about}{size(needed)} for {len(videos)} videos{there}; {size(free)} are free in {self.folder.parent}"
        )
        if needed + index - self.end > free:
            smaller = {
                "raw": "store: jpeg, or raw or jpeg with a short_side",
                "jpeg": "a short_side or a lower quality",
            }
            raise StorageError(
                f"{self.folder}: a store `{self.store.name}` of these {len(videos)} videos takes {about}"
                f"{size(needed + index)}{there}, and {size(free)} are free in {self.folder.parent}. Make room, put "
                f"results_dir on another disk, or choose {smaller.get(self.store.kind, 'store: none')}"
            )

    def write_all(self, root: Path) -> None:
        """Append the videos that are not there yet."""
        before, self.began = (self.frames, self.end), time.monotonic()
        ahead = Ahead(partial(_pieces, root=root, store=self.store), AHEAD_BYTES)
        left = self.manifest.videos[self.videos :]
        with closing(ahead.in_order(left, machine.workers(alone=True))) as made:
            for video, pieces in made:
                self._append(video, pieces, before)
        seconds = time.monotonic() - self.began
        self.progress.line(
            f"packed {len(left)} videos, {size(self.end - before[1])}, in {duration(seconds)}"
            + (f"; {len(self.manifest.videos)} are there" if before[1] else "")
        )

    def _append(self, video: Video, pieces: Iterator[_Piece], before: tuple[int, int]) -> None:
        offset, sizes, crcs = self.end, [], []
        for piece in pieces:
            for buffer in piece.buffers:
                _write(self.data, buffer)
            sizes += map(len, piece.buffers)
            crcs += piece.crcs
            self.end += piece.nbytes
            self.progress.update(partial(self._so_far, before))
        if self.store.kind == "raw":
            sizes, crcs = [sum(sizes)], crcs[-1:]
        height, width = store_frames.kept_size(video, self.store)
        parts = (np.array(sizes, dtype=np.int64), np.array(crcs, dtype=np.uint32))
        _write(self.index, PackedVideo(video.id, offset, video.frames, height, width, *parts).line())
        self.videos, self.frames = self.videos + 1, self.frames + video.frames
        if self.end - self.synced >= SYNC_BYTES:
            self._sync()

    def _so_far(self, before: tuple[int, int]) -> str:
        seconds = max(time.monotonic() - self.began, 1e-6)
        frames, nbytes = self.frames - before[0], self.end - before[1]
        to_come = sum(video.frames for video in self.manifest.videos[self.videos :])
        left = f", {duration(seconds / frames * to_come)} left" if frames else ""
        return (
            f"packed {self.videos} of {len(self.manifest.videos)} videos, {size(self.end)}, "
            f"{nbytes / 1e6 / seconds:.0f} MB/s{left}"
        )

    def _sync(self) -> None:
        os.fsync(self.data.fileno())  # first: the index must not promise what is not there
        os.fsync(self.index.fileno())
        self.synced = self.end

    def finish(self) -> None:
        """Give the folder its name."""
        files.sync_folder(self.partial)
        self.partial.rename(self.folder)
        files.sync_folder(self.folder.parent)

    def close(self) -> None:
        """Bring all of it to the disk, also after an error, and close the files."""
        try:
            self._sync()
        finally:
            self.data.close()
            self.index.close()


def _pieces(video: Video, root: Path, store: FrameStore) -> Iterator[_Piece]:
    """The frames of a video as the store keeps them, a few at a time."""
    piece, crc = _Piece(), 0
    for data in store_frames.encoded(video, root, store):
        crc = zlib.crc32(data, crc if store.kind == "raw" else 0)
        piece.buffers.append(data)
        piece.crcs.append(crc)
        piece.nbytes += len(data)
        if piece.nbytes >= PIECE_BYTES:
            yield piece
            piece = _Piece()
    yield piece


def _begins_with(path: Path, line: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(line)) == line
    except FileNotFoundError:
        return False


def _write(file: FileIO, data: bytes | memoryview) -> None:
    """Write all of it: a disk that becomes full, or a signal, may take a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def size(nbytes: int) -> str:
    """Write a size as people do: 12 MB, 1.4 GB."""
    return f"{nbytes / 1e9:.1f} GB" if nbytes >= 1e9 else f"{nbytes / 1e6:.1f} MB"
