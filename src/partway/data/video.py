"""Decode videos by decoder order: a frame's index is its place in the decoder's output, never a time.

An AVI with B-frames has no presentation times and FFmpeg's guesses run backwards, so a seek to a time gives other
frames. One pass in order costs what the window's length costs, and only the chosen frames become RGB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from partway.errors import DataError

av.logging.set_level(av.logging.PANIC)  # what is wrong with a file is said once, by our own error


@dataclass(frozen=True)
class VideoFacts:
    """What a full decode of a video shows.

    Attributes:
        frames: decoded frames; the header's count is often wrong.
        frame_rate: frames a second, as the container says; None where nothing says it.
        width, height: of the decoded picture, in pixels.
        header_frames: what the container claims to show; 0 where it does not say.
        times_sec: time of every frame where the rate varies and the times rise; else None.
    """

    frames: int
    header_frames: int
    frame_rate: float | None
    width: int
    height: int
    codec: str
    times_sec: list[float] | None


def read_frames(path: Path | str, indices: Sequence[int]) -> np.ndarray:
    """Decode the chosen frames of a video.

    Args:
        path: the video file.
        indices: places in the decoder's output, in any order, repeats allowed.

    Returns:
        frames_THWC: uint8 RGB in native size, in the order of `indices`.

    Raises:
        DataError: the file cannot be read, or ends before the last chosen frame; names the file.
    """
    wanted = set(indices)
    last = max(wanted)
    found: dict[int, np.ndarray] = {}
    with _decoding(path) as frames:
        for index, frame in enumerate(frames):
            if index in wanted:
                found[index] = frames.rgb(frame)
            if index == last:
                break
    if last not in found:
        raise DataError(f"{path}: ends before frame {last}; the file changed or broke since `prepare` read it")
    return np.stack([found[index] for index in indices])


def read_all_frames(path: Path | str) -> Iterator[np.ndarray]:
    """Yield every frame_HWC of a video, uint8 RGB in native size, in decoder order."""
    with _decoding(path) as frames:
        for frame in frames:
            yield frames.rgb(frame)


def inspect(path: Path | str) -> VideoFacts:
    """Decode a whole video and say what is in it.

    Raises:
        DataError: the file cannot be decoded to its end, or holds no frame; names the file and the reason.
    """
    count, times, size = 0, [], (0, 0)
    with _decoding(path) as frames:
        for frame in frames:
            count += 1
            times.append(frame.time if frame.pts is not None else None)
            if count > 1 and size != (frame.width, frame.height):
                raise DataError(
                    f"{path}: the frame size changes from {size} to {(frame.width, frame.height)} in frame {count - 1}"
                )
            size = (frame.width, frame.height)
        stream = frames.stream
        rate = float(stream.average_rate or stream.base_rate or 0) or None
        tick_sec = float(stream.time_base or 0)
        codec = stream.codec_context.name
        header_frames = _frames_in_header(frames.container, stream)
    if count == 0:
        raise DataError(f"{path}: no frame could be decoded")
    return VideoFacts(count, header_frames, rate, *size, codec, _varying_times(times, tick_sec))


def _frames_in_header(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> int:
    """Frames that the header says are shown: a trimmed mp4 or mov counts in it what its edit list cuts away."""
    index = getattr(stream, "index_entries", ())  # older PyAV has none
    if not container.format.name.startswith("mov") or not index:
        return stream.frames
    return min(stream.frames, sum(not entry.is_discard for entry in index))


def _varying_times(times_sec: list[float | None], tick_sec: float) -> list[float] | None:
    """The times of a variable rate; None where they are missing, do not rise, or are equally spaced to a tick."""
    if len(times_sec) < 3 or any(time is None for time in times_sec):
        return None
    intervals = np.diff(np.asarray(times_sec, dtype=np.float64))
    if (intervals <= 0).any() or np.ptp(intervals) <= 2 * max(tick_sec, 1e-4):
        return None
    return [round(float(time), 6) for time in times_sec]


class _Frames:
    """Frames of one video stream in decoder order."""

    def __init__(self, container: av.container.InputContainer, stream: av.video.stream.VideoStream):
        self.container, self.stream = container, stream
        self.converter = VideoReformatter()

    def __iter__(self) -> Iterator[av.VideoFrame]:
        return self.container.decode(self.stream)

    def rgb(self, frame: av.VideoFrame) -> np.ndarray:
        """frame_HWC: uint8 RGB, native size.

        One converter on one thread for all frames: by itself PyAV sets up one anew for each, with a thread a core, which
        takes longer than decoding a frame of a small video. The result is the same, bit by bit.
        """
        return self.converter.reformat(frame, format="rgb24", threads=1).to_ndarray()


@contextmanager
def _decoding(path: Path | str) -> Iterator[_Frames]:
    if Path(path).is_file() and Path(path).stat().st_size == 0:
        raise DataError(f"{path}: cannot be decoded: the file is empty (0 bytes)")
    try:
        # Real clips carry metadata that is not UTF-8 (HMDB51); it says nothing about the frames.
        # Without file: FFmpeg takes what stands before a colon in a relative path for a protocol.
        with av.open(f"file:{path}", metadata_errors="replace") as container:
            if not container.streams.video:
                raise DataError(f"{path}: holds no video stream")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1  # one core a worker: more workers beat more decoder threads
            yield _Frames(container, stream)
    except (OSError, av.error.FFmpegError) as error:
        raise DataError(f"{path}: cannot be decoded: {error.strerror or error}") from None
