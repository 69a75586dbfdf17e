"""Film strips: videos that runs got right or wrong, as pictures that all runs of a page share.

A strip holds frames across the whole video; what of it lay outside a run's observation window, the page dims, since runs
of other ratios share the picture. Frames come from the videos themselves, by the project's own readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from partway.data import sampling
from partway.data.manifest import Video
from partway.errors import DataError, some

FRAMES = 8  # of a strip
HEIGHT = 72  # pixels; smaller videos are not enlarged
MOST_BYTES = 12_000  # of one picture; as base64 a third more
LEAST, MOST, A_RUN = 1_500_000, 6_000_000, 6_000  # bytes of all pictures of a page, by its runs
MOST_NAMED = 5  # videos that could not be read


def budget(runs: int) -> int:
    """Bytes that the pictures of a page of so many runs may take."""
    return min(MOST, max(LEAST, A_RUN * runs))


def frames_of(video: Video) -> list[int]:
    """The frames that its strip shows: across the whole video, the first and the last among them."""
    return sampling.frame_indices(video.frames, FRAMES)


def seen(video: Video, ratio: float, window: str) -> tuple[int, int]:
    """Which of the strip's frames lie in the observation window: from the first up to, and without, the second place.

    It is the window of an evaluation. Between two frames of the strip it may hold none of them; then both are equal.
    """
    observed = sampling.observed_frames(video.frames, ratio, video.frame_times_sec)
    start = sampling.window_start(video.frames, observed, ratio, window)
    first, end = np.searchsorted(frames_of(video), [start, start + observed])
    return int(first), int(end)


def side_by_side(frames_THWC: np.ndarray) -> np.ndarray:
    """Make one picture_HWC of the frames of a strip, at most HEIGHT high; uint8 RGB as they are."""
    import cv2

    height, width = frames_THWC.shape[1:3]
    scale = min(1.0, HEIGHT / height)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    return np.concatenate([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames_THWC], axis=1)


class Pool:
    """The pictures of one data set's videos that a page holds: as many as fit, in the order in which they are asked for.

    Attributes:
        pictures: video id -> address of a JPEG.
        broken: ids of videos that could not be read.
    """

    def __init__(self, videos: dict[str, Video], root: Path, most_bytes: int):
        self.videos, self.root, self.left = videos, root, most_bytes
        self.pictures: dict[str, str] = {}
        self.broken: list[str] = []

    def fill(self, ids: Iterator[str]) -> None:
        """Take the pictures of these videos, until the page has no room for another one."""
        from partway.data.store import VideoFiles
        from partway.results.sheet import jpeg_uri

        reader = VideoFiles(self.root)
        for id_ in ids:
            try:
                frames_THWC = reader.read(self.videos[id_], frames_of(self.videos[id_]))
            except DataError:
                self.broken.append(id_)
                continue
            picture = jpeg_uri(side_by_side(frames_THWC)[..., ::-1], MOST_BYTES)
            if len(picture) > self.left:
                return
            self.left -= len(picture)
            self.pictures[id_] = picture

    def said(self) -> str:
        """What a reader must know of pictures that are not there; empty where nothing is wrong."""
        if not self.broken:
            return ""
        return f"Left out, since they could not be read: {some(self.broken, MOST_NAMED)}."
