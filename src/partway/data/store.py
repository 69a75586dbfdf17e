"""Frames packed once for all trainings: `raw` holds every decoded frame as it came from the decoder.

`raw` gives the decoder's frames bit for bit, so a training may read it or the videos: it is in no key. One file of
uint8 RGB frames, video after video; `store-raw.index.csv` says where each video begins.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np

from partway import files, machine
from partway.data import reading
from partway.data.manifest import Manifest, Video
from partway.errors import DataError
from partway.progress import Progress, duration

INDEX_COLUMNS = ["id", "offset", "frames", "height", "width"]


class FrameReader(Protocol):
    """Gives chosen frames of a video."""

    def read(self, video: Video, indices: Sequence[int]) -> np.ndarray:
        """Return frames_THWC: uint8 RGB in native size, in the order of `indices`."""


class VideoFiles:
    """Decodes the videos themselves."""

    def __init__(self, root: Path | str):
        self.root = Path(root)

    def read(self, video_: Video, indices: Sequence[int]) -> np.ndarray:
        """Return frames_THWC: uint8 RGB in native size, in the order of `indices`."""
        return reading.read_frames(self.root / video_.path, indices, counted=video_.frames)


class RawFrames:
    """Reads frames out of a `raw` store.

    Raises:
        DataError: the packed file is gone or cut short.
    """

    def __init__(self, store: Path):
        self.path = store.with_suffix(".bin")
        self.index = {row["id"]: row for row in files.read_csv(store.with_suffix(".index.csv"))}
        expected = files.read_json(store)["bytes"]
        actual = self.path.stat().st_size if self.path.exists() else 0
        if actual != expected:
            raise DataError(
                f"{self.path}: {actual} bytes, expected {expected}; delete {store} and run again to pack anew"
            )
        self.file = self.path.open("rb", buffering=0)

    def read(self, video_: Video, indices: Sequence[int]) -> np.ndarray:
        """Return frames_THWC: uint8 RGB in native size, in the order of `indices`."""
        row = self.index.get(video_.id)
        if row is None:
            raise DataError(f"{self.path}: video {video_.id} is not in this store; delete the store and run again")
        height, width = int(row["height"]), int(row["width"])
        size = height * width * 3
        frames = np.empty((len(indices), height, width, 3), dtype=np.uint8)
        for place, index in enumerate(indices):  # preadv: no shared position, so threads need no lock
            if os.preadv(self.file.fileno(), [frames[place].reshape(-1)], int(row["offset"]) + index * size) != size:
                raise DataError(f"{self.path}: ends inside video {video_.id}; delete the store and run again")
        return frames


def open_reader(store: Path | str, root: Path | str, manifest: Manifest) -> FrameReader:
    """Open what a `store-<kind>.json` describes.

    Raises:
        DataError: the store was packed from other videos than the manifest's, or is not whole.
    """
    described = files.read_json(store)
    if described["store"] == "none":
        return VideoFiles(root)
    if described["fingerprint"] != manifest.fingerprint:
        raise DataError(f"{store}: was packed from other videos than manifest.csv lists; delete it and run again")
    return RawFrames(Path(store))


def pack(kind: str, manifest: Manifest, root: Path | str, output: Path, progress: Progress) -> None:
    """Write `store-<kind>.json`, last, and for `raw` the packed frames and their index beside it."""
    if kind == "none":
        files.write_json(output, {"store": "none", "note": "no store: videos are decoded when they are read"})
        return
    rows, offset, start = [], 0, time.monotonic()
    with (
        files.replacing(output.with_suffix(".bin")) as temporary,
        temporary.open("wb") as file,
        machine.pool(machine.workers(alone=True)) as pool,
    ):
        for number, (item, frames_THWC) in enumerate(_decode_ahead(pool, manifest, Path(root)), start=1):
            file.write(frames_THWC.data)
            frames, height, width, _ = frames_THWC.shape
            rows.append(dict(zip(INDEX_COLUMNS, (item.id, offset, frames, height, width), strict=True)))
            offset += frames_THWC.nbytes
            progress.update(f"packed {number} of {len(manifest.videos)} videos, {offset / 1e9:.2f} GB")
    files.write_csv(output.with_suffix(".index.csv"), rows, INDEX_COLUMNS)
    files.write_json(
        output, {"store": "raw", "bytes": offset, "videos": len(rows), "fingerprint": manifest.fingerprint}
    )
    progress.line(f"packed {len(rows)} videos, {offset / 1e6:.0f} MB, in {duration(time.monotonic() - start)}")


def _decode_ahead(pool: ThreadPoolExecutor, manifest: Manifest, root: Path):
    """Yield (video, all its frames) in manifest order, a few videos decoded ahead: memory stays small."""
    ahead = 2 * machine.workers(alone=True)
    waiting = []
    for item in manifest.videos:
        waiting.append((item, pool.submit(_all_frames, item, root)))
        if len(waiting) > ahead:
            first, future = waiting.pop(0)
            yield first, future.result()
    for item, future in waiting:
        yield item, future.result()


def _all_frames(item: Video, root: Path) -> np.ndarray:
    decoded = list(reading.read_all_frames(root / item.path))
    if len(decoded) != item.frames:
        raise DataError(
            f"{root / item.path}: {len(decoded)} frames decode, `prepare` counted {item.frames}; the file changed"
        )
    return np.stack(decoded)
