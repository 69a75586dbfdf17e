"""What each kind of frame store keeps of a frame, and how large that is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from partway.data import frame_folders, reading
from partway.data.manifest import Manifest, Video
from partway.errors import DataError
from partway.schema_store import FrameStore

cv2.setNumThreads(0)  # one core a worker, as in transforms.py

SAMPLED_VIDEOS, SAMPLED_FRAMES, SAMPLED_STEP = 8, 8, 8  # that say how large a store of JPEGs becomes


def kept_size(video: Video, store: FrameStore) -> tuple[int, int]:
    """Height and width of a video's frames in a store; shrunk to `short_side`, never enlarged."""
    height, width = video.height, video.width
    short = min(height, width)
    if store.short_side is None or short <= store.short_side:
        return height, width
    return tuple(max(1, round(side * store.short_side / short)) for side in (height, width))


def encoded(video: Video, root: Path, store: FrameStore) -> Iterator[bytes | memoryview]:
    """Yield what the store keeps of each frame of a video, in the order of the frames.

    Raises:
        DataError: the video is not what `prepare` read.
    """
    path = root / video.path
    if reading.digest(path) != video.digest:
        raise DataError(
            f"{path}: is not what `prepare` read: its content changed; put it back, or delete manifest.csv to read it anew"
        )
    count = 0
    for data in _folder_bytes(path) if store.kind == "packed-frames" else _encoded_frames(path, video, store):
        count += 1
        yield data
    if count != video.frames:
        raise DataError(f"{path}: {count} frames decode, `prepare` counted {video.frames}; the decoder changed")


def bytes_needed(manifest: Manifest, root: Path, store: FrameStore) -> int:
    """Bytes that the frames of a data set take in a store: exact, but for `jpeg`, which is judged by a few videos.

    Raises:
        DataError: `packed-frames` of video files.
    """
    if store.kind == "packed-frames":
        return _bytes_of_folders(manifest, root)
    areas = {video.id: np.prod(kept_size(video, store), dtype=int) * video.frames for video in manifest.videos}
    values = 3 * sum(areas.values())  # a byte for each of red, green, blue
    return values if store.kind == "raw" else round(values * _share_of_raw(manifest, root, store))


def _folder_bytes(folder: Path) -> Iterator[bytes]:
    for name in frame_folders.frame_names(folder):
        yield (folder / name).read_bytes()


def _encoded_frames(path: Path, video: Video, store: FrameStore) -> Iterator[bytes | memoryview]:
    height, width = kept_size(video, store)
    for frame_HWC in reading.read_all_frames(path):
        if frame_HWC.shape[:2] != (video.height, video.width):
            raise DataError(
                f"{path}: frames of {frame_HWC.shape[1]}x{frame_HWC.shape[0]}, `prepare` read {video.width}x{video.height}"
            )
        if frame_HWC.shape[:2] != (height, width):
            frame_HWC = cv2.resize(frame_HWC, (width, height), interpolation=cv2.INTER_AREA)
        yield (
            _jpeg(frame_HWC, store.quality) if store.kind == "jpeg" else np.ascontiguousarray(frame_HWC).data.cast("B")
        )


def _jpeg(frame_HWC: np.ndarray, quality: int) -> bytes:
    done, data = cv2.imencode(".jpg", cv2.cvtColor(frame_HWC, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise DataError(f"a frame of {frame_HWC.shape[1]}x{frame_HWC.shape[0]} pixels cannot be written as JPEG")
    return data.tobytes()


def _bytes_of_folders(manifest: Manifest, root: Path) -> int:
    files = [video.path for video in manifest.videos if not (root / video.path).is_dir()]
    if files:
        raise DataError(
            f"store: packed-frames is for frame folders, and {len(files)} of {len(manifest.videos)} videos are files, "
            f"the first {files[0]}; write store: raw or store: jpeg"
        )
    folders = (root / video.path for video in manifest.videos)
    return sum((folder / name).stat().st_size for folder in folders for name in frame_folders.frame_names(folder))


def _share_of_raw(manifest: Manifest, root: Path, store: FrameStore) -> float:
    """Bytes of JPEG for a byte of raw frames, over a few frames of a few videos from all over the manifest."""
    videos = manifest.videos[:: max(1, len(manifest.videos) // SAMPLED_VIDEOS)][:SAMPLED_VIDEOS]
    jpeg = raw = 0
    for video in videos:
        kept = islice(_encoded_frames(root / video.path, video, store), 0, SAMPLED_FRAMES * SAMPLED_STEP, SAMPLED_STEP)
        for data in kept:
            jpeg += len(data)
            raw += 3 * int(np.prod(kept_size(video, store)))
    return jpeg / raw
