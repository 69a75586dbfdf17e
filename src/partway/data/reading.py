"""The frames of a video, be it a file or a folder of pictures: whoever reads a data set reads it through here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from partway import files
from partway.data import frame_folders, video
from partway.data.video import VideoFacts


def inspect(path: Path | str) -> VideoFacts:
    """Decode a whole video and say what is in it.

    Raises:
        DataError: it cannot be decoded to its end, or holds no frame; names the video and the reason.
    """
    return frame_folders.inspect(path) if Path(path).is_dir() else video.inspect(path)


def read_frames(path: Path | str, indices: Sequence[int], *, counted: int | None = None) -> np.ndarray:
    """Decode the chosen frames of a video.

    Args:
        path: a video file or a frame folder.
        indices: places in the decoder's output or in natural order of the names, in any order, repeats allowed.
        counted: frames that `prepare` counted; a frame folder that now holds another number is refused.

    Returns:
        frames_THWC: uint8 RGB in native size, in the order of `indices`.

    Raises:
        DataError: a chosen frame cannot be read; names the video.
    """
    if Path(path).is_dir():
        return frame_folders.read_frames(path, indices, counted=counted)
    return video.read_frames(path, indices)


def read_all_frames(path: Path | str) -> Iterator[np.ndarray]:
    """Yield every frame_HWC of a video, uint8 RGB in native size."""
    return frame_folders.read_all_frames(path) if Path(path).is_dir() else video.read_all_frames(path)


def digest(path: Path | str) -> str:
    """SHA-256 of a video's content, in hexadecimal: of the file, or of all frames in their order."""
    return frame_folders.digest(path) if Path(path).is_dir() else files.digest(path)
