"""Batches of clips, made ahead by threads, in the order of their videos.

Threads in one process beat worker processes here: PyAV, OpenCV and torch release the interpreter's lock, and nothing is
pickled. A worker writes its clip into its place of a uint8 batch from a small ring: the thread that trains copies
nothing, and the memory is that of the ring, however many videos there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from threading import Lock

import numpy as np

from partway.data.manifest import UNLABELLED, Video

MakeClip = Callable[[Video], np.ndarray]
READY_BATCHES = 2  # made ahead of the one in use, beyond what keeps every worker busy


@dataclass(frozen=True)
class Batch:
    """Clips, stacked.

    Attributes:
        clips_BTHWC: uint8 RGB; clips_BVTHWC where a video has several views. Valid until the next batch is asked for.
        labels_B: class indices.
        ids: video ids, one a clip.
    """

    clips_BTHWC: np.ndarray
    labels_B: np.ndarray
    ids: list[str]


class ClipLoader:
    """Feeds batches of clips; use as a context manager, whose end waits for no clip that is not begun.

    Args:
        classes: of the data set, in the order of their indices.
        batch_size: clips of a batch; of several views fewer videos, but at least one.
        workers: threads, the same ones for all epochs; 0 makes each clip where it is asked for.
    """

    def __init__(self, classes: Sequence[str], batch_size: int, workers: int):
        self.class_index = {None: UNLABELLED} | {label: index for index, label in enumerate(classes)}
        self.batch_size, self.workers = batch_size, workers
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="clips") if workers else None

    def __enter__(self) -> ClipLoader:
        return self

    def __exit__(self, *_) -> None:
        if self.pool:
            self.pool.shutdown(cancel_futures=True)

    def batches(self, videos: Sequence[Video], make: MakeClip, *, views: int = 1) -> Iterator[Batch]:
        """Yield batches in the order of `videos`; the last one may be smaller.

        Args:
            make: gives clip_THWC, or clips_VTHWC of several views, of one video. What it raises is raised here.
            views: clips that `make` gives of one video, which bounds the videos of a batch.
        """
        size = max(1, self.batch_size // views)
        groups = (videos[first : first + size] for first in range(0, len(videos), size))
        free: list[np.ndarray] = []  # batches of the ring that nobody uses
        under_way: deque[_Filling] = deque()
        try:
            for group in groups:
                under_way.append(self._begin(group, size, make, free))
                if len(under_way) > self._ahead(size):
                    yield from self._finish(under_way[0], free)
                    under_way.popleft()
            while under_way:
                yield from self._finish(under_way[0], free)
                under_way.popleft()
        finally:
            for filling in under_way:
                filling.cancel()

    def _ahead(self, size: int) -> int:
        """Batches under way beside the one in use."""
        return READY_BATCHES + ceil(self.workers / size) - 1 if self.workers else 0

    def _begin(self, group: Sequence[Video], size: int, make: MakeClip, free: list[np.ndarray]) -> _Filling:
        filling = _Filling(group, size, free.pop() if free else None)
        for place, video in enumerate(group):
            filling.places.append(self._submit(filling.put, place, video, make))
        return filling

    def _submit(self, put: Callable, place: int, video: Video, make: MakeClip) -> Future:
        if self.pool:
            return self.pool.submit(put, place, video, make)
        done: Future = Future()
        done.set_result(put(place, video, make))
        return done

    def _finish(self, filling: _Filling, free: list[np.ndarray]) -> Iterator[Batch]:
        clips = filling.clips()
        labels = np.array([self.class_index[video.label] for video in filling.videos], dtype=np.int64)
        yield Batch(clips, labels, [video.id for video in filling.videos])
        free.append(filling.buffer)


class _Filling:
    """A batch that workers write their clips into."""

    def __init__(self, videos: Sequence[Video], size: int, buffer: np.ndarray | None):
        self.videos, self.size, self.buffer = videos, size, buffer
        self.places: list[Future] = []
        self.lock = Lock()

    def put(self, place: int, video: Video, make: MakeClip) -> None:
        try:
            clip = make(video)
        except Exception as error:
            error.add_note(f"while making a clip of video {video.id}")
            raise
        with self.lock:
            if self.buffer is None:  # the first clip of all says how large they are
                self.buffer = np.empty((self.size, *clip.shape), dtype=clip.dtype)
        self.buffer[place] = clip

    def clips(self) -> np.ndarray:
        """The clips, once all are there; raises what the first of them to fail raised."""
        for future in self.places:
            future.result()
        return self.buffer[: len(self.videos)]

    def cancel(self) -> None:
        """Begin none of the clips that are still to come."""
        for future in self.places:
            future.cancel()
