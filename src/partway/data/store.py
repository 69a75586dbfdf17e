"""Where the frames of a data set come from: the videos themselves, or a store that `packing.py` made of them.

A store is noticed to be cut, of other videos, or of another kind than a training's key says when it is opened: by
sizes, fingerprint, and the digest of its index. A flipped bit in a frame is noticed by its checksum: in `jpeg` and
`packed-frames` whenever a frame is read (2 % of decoding it), in `raw` by `verify`, since there it would cost as much
as reading.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import numpy as np

from partway import files
from partway.data import frame_folders, reading, store_index
from partway.data.manifest import Manifest, Video
from partway.data.store_index import FRAMES, INDEX, PackedVideo
from partway.errors import DataError, some
from partway.schema_store import FrameStore

AGAIN = "delete {} and run again: what is whole is kept, the rest packed anew"


class FrameReader(Protocol):
    """Gives chosen frames of a video; many threads may read at once."""

    def read(self, video: Video, indices: Sequence[int]) -> np.ndarray:
        """Return frames_THWC: uint8 RGB, in the order of `indices`."""


class VideoFiles:
    """Decodes the videos themselves."""

    def __init__(self, root: Path | str):
        self.root = Path(root)

    def read(self, video_: Video, indices: Sequence[int]) -> np.ndarray:
        """Return frames_THWC: uint8 RGB in native size, in the order of `indices`."""
        return reading.read_frames(self.root / video_.path, indices, counted=video_.frames)


class _Packed:
    """What the kinds of store share; the file is closed when the reader goes, or by `close`.

    Raises:
        DataError: the store is cut short, or its index is not the one that was written.
    """

    def __init__(self, store: Path, described: dict[str, Any]):
        self.store, folder = store, store.with_suffix("")
        self.path, index = folder / FRAMES, folder / INDEX
        actual = self.path.stat().st_size if self.path.exists() else 0
        if actual != described["bytes"]:
            raise DataError(f"{self.path}: {actual} bytes, expected {described['bytes']}; {AGAIN.format(store)}")
        if not index.exists() or files.digest(index) != described["index_digest"]:
            raise DataError(f"{index}: is gone, or not the one that was written; {AGAIN.format(store)}")
        self.index = {packed.id: packed for packed in store_index.read(index)}
        self.descriptor = os.open(self.path, os.O_RDONLY)
        self.close = weakref.finalize(self, os.close, self.descriptor)

    def _place(self, video: Video, indices: Sequence[int]) -> PackedVideo:
        packed = self.index.get(video.id)
        if packed is None:
            raise DataError(f"{self.path}: video {video.id} is not in this store; {AGAIN.format(self.store)}")
        if not 0 <= min(indices) <= max(indices) < packed.frames:
            raise DataError(f"{self.path}: video {video.id} has {packed.frames} frames, none of {max(indices)}")
        return packed

    def _cut(self, video: Video) -> DataError:
        return DataError(f"{self.path}: ends inside video {video.id}; {AGAIN.format(self.store)}")


class RawFrames(_Packed):
    """Reads frames out of a `raw` store; neighbours at once."""

    def read(self, video: Video, indices: Sequence[int]) -> np.ndarray:
        """Return frames_THWC: uint8 RGB in the size of the store, in the order of `indices`."""
        packed = self._place(video, indices)
        frame_bytes = packed.height * packed.width * 3
        chosen = sorted(set(indices))
        frames_THWC = np.empty((len(chosen), packed.height, packed.width, 3), dtype=np.uint8)
        first = 0
        for place in range(1, len(chosen) + 1):
            if place == len(chosen) or chosen[place] != chosen[place - 1] + 1:
                self._fill(frames_THWC[first:place], packed.offset + chosen[first] * frame_bytes, video)
                first = place
        if len(chosen) == len(indices) and chosen == list(indices):
            return frames_THWC
        return frames_THWC[np.searchsorted(chosen, indices)]

    def _fill(self, frames_THWC: np.ndarray, offset: int, video: Video) -> None:
        rest = memoryview(frames_THWC.reshape(-1))
        while rest:  # preadv: no shared position, so threads need no lock; it gives at most 2 GB at once
            count = os.preadv(self.descriptor, [rest], offset)
            if not count:
                raise self._cut(video)
            rest, offset = rest[count:], offset + count


class EncodedFrames(_Packed):
    """Decodes frames out of a store of pictures: `jpeg` and `packed-frames`."""

    def read(self, video: Video, indices: Sequence[int]) -> np.ndarray:
        """Return frames_THWC: uint8 RGB in the size of the store, in the order of `indices`."""
        packed = self._place(video, indices)
        frames_THWC = np.empty((len(indices), packed.height, packed.width, 3), dtype=np.uint8)
        ends = packed.offset + packed.sizes.cumsum()
        places: dict[int, int] = {}
        for place, index in enumerate(indices):
            if index in places:  # frames repeat where a window is shorter than a clip
                frames_THWC[place] = frames_THWC[places[index]]
            else:
                frames_THWC[place] = self._frame(packed, index, int(ends[index]), video)
                places[index] = place
        return frames_THWC

    def _frame(self, packed: PackedVideo, index: int, end: int, video: Video) -> np.ndarray:
        size = int(packed.sizes[index])
        data = os.pread(self.descriptor, size, end - size)
        if len(data) != size:
            raise self._cut(video)
        if crc32(data) != packed.crcs[index]:
            raise DataError(
                f"{self.path}: frame {index} of video {video.id} is damaged (its checksum is another); "
                f"{AGAIN.format(self.store)}"
            )
        return frame_folders.decoded(data, f"{self.path}: frame {index} of video {video.id}")


def open_reader(
    store: Path | str, root: Path | str, manifest: Manifest, *, in_key: dict[str, Any] | None = None
) -> FrameReader:
    """Open what a `store-<name>.json` describes.

    Args:
        in_key: what of the store is in the key of the training that reads it; see `FrameStore.in_key`.

    Raises:
        DataError: the store was packed from other videos than the manifest's or by another version, is not whole, or
            gives frames that the training's key does not say.
    """
    described, kind = _described(Path(store))
    if kind.in_key != (in_key or {}):
        raise DataError(
            f"{store}: frames of `{kind.name}` are not those that this training's spec asks for ({in_key or 'no loss'})"
        )
    if kind.kind == "none":
        return VideoFiles(root)
    if described["fingerprint"] != manifest.fingerprint:
        raise DataError(f"{store}: was packed from other videos than manifest.csv lists; delete it and run again")
    return (RawFrames if kind.kind == "raw" else EncodedFrames)(Path(store), described)


def _described(store: Path) -> tuple[dict[str, Any], FrameStore]:
    described = files.read_json(store)
    try:
        kind = FrameStore.from_name(described["store"])
        known = kind.kind == "none" or described["format"] == store_index.FORMAT
    except (KeyError, TypeError, ValueError):
        known = False
    if not known:
        files_of_before = f"{store.stem}.bin and {store.stem}.index.csv, where they are there"
        raise DataError(f"{store}: no frame store of this version; delete it ({files_of_before}) and run again")
    return described, kind


def verify(store: Path) -> str:
    """Compare all of a packed store with its checksums; say how much was right.

    Raises:
        DataError: it is cut, or videos are damaged; names them.
    """
    described, kind = _described(store)
    if kind.kind == "none":
        return f"{store}: no store, nothing to compare"
    packed = _Packed(store, described)
    damaged = [video.id for video in packed.index.values() if not video.is_whole(packed.descriptor)]
    if damaged or len(packed.index) != described["videos"]:
        count = f"{len(damaged)} of {described['videos']} videos are damaged: {some(damaged)}"
        raise DataError(f"{packed.path}: {count}; {AGAIN.format(store)}")
    return f"{store}: {described['videos']} videos, {described['frames']} frames, {described['bytes']} bytes, all as packed"
