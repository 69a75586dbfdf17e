"""The index of a frame store: what it holds, then a line of JSON a video, in the order of the frames' file.

A part is what one checksum covers: a frame of `jpeg` and `packed-frames`, all frames of a video of `raw`.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from partway.data.manifest import Manifest, Video
from partway.schema_store import FrameStore

FRAMES, INDEX = "frames.bin", "index.jsonl"
FORMAT = 2  # of the files; 1 had an index.csv
READ_BYTES = 2**24  # at once, to check


@dataclass(frozen=True)
class PackedVideo:
    """Where a video's frames lie: `sizes` and `crcs` (CRC-32) of its parts, one behind the other from `offset` on."""

    id: str
    offset: int
    frames: int
    height: int
    width: int
    sizes: np.ndarray
    crcs: np.ndarray

    @property
    def end(self) -> int:
        """The byte behind its last one."""
        return self.offset + int(self.sizes.sum())

    def line(self) -> bytes:
        """Its line in the index."""
        facts = vars(self) | {"sizes": self.sizes.tolist(), "crcs": self.crcs.tolist()}
        return json.dumps(facts, separators=(",", ":")).encode() + b"\n"

    def is_whole(self, descriptor: int) -> bool:
        """Whether every part has its checksum; reads all of it."""
        offset = self.offset
        for size, crc in zip(self.sizes.tolist(), self.crcs.tolist(), strict=True):
            found, left = 0, size
            while left and (data := os.pread(descriptor, min(left, READ_BYTES), offset)):
                found, left, offset = zlib.crc32(data, found), left - len(data), offset + len(data)
            if left or found != crc:
                return False
        return True


def header(store: FrameStore, manifest: Manifest) -> dict[str, Any]:
    """What a store's bytes depend on; the first line of its index."""
    made_with = {"av": av.__version__, "opencv": cv2.__version__}
    return {"format": FORMAT, "store": store.name, "fingerprint": manifest.fingerprint, "made_with": made_with}


def header_line(told: dict[str, Any]) -> bytes:
    """The first line of an index."""
    return json.dumps(told).encode() + b"\n"


def read(path: Path) -> Iterator[PackedVideo]:
    """Yield the videos of an index, up to the first line that a crash cut off."""
    with path.open("rb") as file:
        next(file, None)
        for line in file:
            try:
                if not line.endswith(b"\n"):
                    return
                yield _packed(json.loads(line))
            except (ValueError, KeyError, TypeError):
                return


def whole_videos(index: Path, descriptor: int, videos: list[Video], *, last_bytes: int | None) -> list[PackedVideo]:
    """The videos at the beginning of a store that lie there as they were packed.

    Args:
        videos: what must be packed, in order.
        last_bytes: how much from the end may not have reached the disk and is compared with its checksums; None for all.
    """
    size, found, end = os.fstat(descriptor).st_size, [], 0
    for packed, video in zip(read(index), videos, strict=False):
        if packed.id != video.id or packed.offset != end or packed.end > size:
            break
        found.append(packed)
        end = packed.end
    safe = 0 if last_bytes is None or not found else found[-1].offset - last_bytes
    for place, packed in enumerate(found):
        if packed.end > safe and not packed.is_whole(descriptor):
            return found[:place]
    return found


def _packed(facts: dict[str, Any]) -> PackedVideo:
    parts = {
        "sizes": np.array(facts.pop("sizes"), dtype=np.int64),
        "crcs": np.array(facts.pop("crcs"), dtype=np.uint32),
    }
    return PackedVideo(**facts, **parts)
