"""Videos that are folders of pictures, one a frame: `<video>/frame1.jpg, frame2.jpg, ...` (jpg, jpeg or png).

The frames are in natural order of their names without suffix: runs of digits compare as whole numbers, the rest as
text without regard to case, so that `frame2` comes before `frame10`, and `clip1_2` before `clip2_1`. Names that tie
(`frame1` and `frame01`, `a.jpg` and `a.png`) are refused. Names that begin with a dot and other files are left out.

Pictures become RGB uint8 in the orientation that their EXIF asks for, as every viewer shows them; grey ones get three
equal channels, 16 bits become 8, transparency is dropped.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from partway.data.video import VideoFacts
from partway.errors import DataError
from partway.sources import FRAME_SUFFIXES, natural_order, shown, suffix


def natural_key(name: str) -> tuple[str | int, ...]:
    """What a frame's name is ordered by: text and whole numbers in turn, beginning with text; the suffix is dropped."""
    return natural_order(name[: len(name) - len(suffix(name))])


def frame_names(folder: Path | str) -> list[str]:
    """Names of the pictures in a folder, in the order of the frames.

    Raises:
        DataError: the folder cannot be listed, holds no picture, or two names tie; names the folder.
    """
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if suffix(e.name) in FRAME_SUFFIXES and not e.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}") from None
    if not names:
        raise DataError(f"{folder}: holds no {', '.join(sorted(FRAME_SUFFIXES))} frame")
    ordered = sorted((natural_key(name), name) for name in names)
    for (key, name), (next_key, next_name) in pairwise(ordered):
        if key == next_key:
            raise DataError(
                f"{folder}: {shown(name)} and {shown(next_name)} are the same place in the order of frames; "
                "rename or remove one"
            )
    return [name for _, name in ordered]


def read_frames(folder: Path | str, indices: Sequence[int], *, counted: int | None = None) -> np.ndarray:
    """Decode the chosen frames of a frame folder, and no other.

    Args:
        folder: holds one picture a frame.
        indices: places in natural order, in any order, repeats allowed.
        counted: frames that `prepare` counted; with another number now, every place may mean another picture.

    Returns:
        frames_THWC: uint8 RGB in native size, in the order of `indices`.

    Raises:
        DataError: a frame cannot be read, or the folder changed; names the folder.
    """
    names = frame_names(folder)
    if len(names) != (counted or len(names)):
        raise DataError(f"{folder}: holds {len(names)} frames, `prepare` counted {counted}; the folder changed")
    if max(indices) >= len(names):
        raise DataError(f"{folder}: ends before frame {max(indices)}; the folder changed since `prepare` read it")
    frames = {index: _picture(folder, names[index]) for index in set(indices)}
    if len(sizes := {frame.shape for frame in frames.values()}) > 1:
        raise DataError(f"{folder}: frames of {len(sizes)} sizes; the folder changed since `prepare` read it")
    return np.stack([frames[index] for index in indices])


def read_all_frames(folder: Path | str) -> Iterator[np.ndarray]:
    """Yield every frame_HWC of a frame folder, uint8 RGB in native size, in natural order of the names.

    Raises:
        DataError: a picture cannot be decoded or has another size than the first; names the folder and the picture.
    """
    size = None
    for name in frame_names(folder):
        frame = _picture(folder, name)
        size, previous = frame.shape[1::-1], size
        if previous not in (None, size):
            raise DataError(
                f"{folder}: the frame size changes from {previous} to {size} in {shown(name)}; all frames of a video "
                "need one size"
            )
        yield frame


def inspect(folder: Path | str) -> VideoFacts:
    """Decode all pictures of a frame folder and say what is in it; the frame rate is unknown.

    Raises:
        DataError: no picture, names that tie, or what `read_all_frames` refuses; names the folder and the reason.
    """
    kinds = {"png" if suffix(name) == ".png" else "jpeg" for name in frame_names(folder)}
    shapes = [frame.shape for frame in read_all_frames(folder)]
    return VideoFacts(len(shapes), len(shapes), None, *shapes[0][1::-1], "+".join(sorted(kinds)), None)


def digest(folder: Path | str) -> str:
    """SHA-256 of all frames in their order, in hexadecimal; the names themselves are not part of it."""
    whole = hashlib.sha256()
    for name in frame_names(folder):
        whole.update(hashlib.sha256((Path(folder) / name).read_bytes()).digest())
    return whole.hexdigest()


def _picture(folder: Path | str, name: str) -> np.ndarray:
    """One frame_HWC; read as bytes, since OpenCV opens no file whose name is not UTF-8."""
    try:
        data = (Path(folder) / name).read_bytes()
    except OSError as error:
        raise DataError(f"{folder}: frame {shown(name)} cannot be read: {error.strerror}") from None
    return decoded(data, f"{folder}: frame {shown(name)}")


def decoded(data: bytes, where: str) -> np.ndarray:
    """Turn the bytes of a picture into a frame_HWC, uint8 RGB.

    Raises:
        DataError: they are no picture; begins with `where`.
    """
    frame = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR) if data else None
    if frame is None:
        raise DataError(f"{where} {'cannot be decoded: broken or no picture' if data else 'is empty (0 bytes)'}")
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
