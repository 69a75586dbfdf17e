"""Clips for a model: which frames of which video, decoded, transformed and stacked into batches, by threads.

What a clip looks like depends on (seed, epoch, video id) alone, so neither the number of workers nor their order
changes a result. Threads in one process beat worker processes here: PyAV and OpenCV release the interpreter's lock,
and nothing is pickled.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from partway.data import sampling, transforms
from partway.data.manifest import UNLABELLED, Video
from partway.data.store import FrameReader
from partway.schema import Evaluation, ModelOptions, Sampling, Transforms

# Streams of randomness that must not meet, whatever the seed.
TRAIN_STREAM, ORDER_STREAM, RATIO_STREAM, MIXUP_STREAM = range(4)


def generator(stream: int, *parts: int | str) -> np.random.Generator:
    """A random generator for one purpose, seeded by whole numbers and names."""
    numbers = [part if isinstance(part, int) else _number(part) for part in parts]
    return np.random.default_rng([stream, *numbers])


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Batch:
    """Clips of one view each, stacked.

    Attributes:
        clips_BTHWC: uint8 RGB.
        labels_B: class indices.
        ids: video ids, one a clip.
    """

    clips_BTHWC: np.ndarray
    labels_B: np.ndarray
    ids: list[str]


@dataclass(frozen=True, kw_only=True)
class ClipMaker:
    """Makes the clips of one training or evaluation: window, frame choice, transforms.

    Attributes:
        ratio: observation ratio, or `random`: drawn for each sample, uniform over (0, 1].
        window: `prefix` or `middle`; the latter starts anywhere it may in training, and is centred at test time.
        seed: of the training.
        validation_seed: fixes the ratio of each validation video under `random`.
    """

    reader: FrameReader
    model: ModelOptions
    sampling: Sampling
    transforms: Transforms
    ratio: float | str
    window: str = "prefix"
    seed: int = 0
    validation_seed: int = 0

    def train_clip(self, video: Video, epoch: int) -> np.ndarray:
        """An augmented clip_THWC of a video in an epoch."""
        rng = generator(TRAIN_STREAM, self.seed, epoch, video.id)
        ratio = sampling.random_ratio(rng) if self.ratio == "random" else self.ratio
        frames = self._frames(video, ratio, self.sampling.train, rng)
        may_flip = video.label not in self.transforms.never_flip
        return transforms.train_view(frames, self.model.frame_size, self.transforms, rng, may_flip=may_flip)

    def test_clips(self, video: Video, evaluation: Evaluation) -> np.ndarray:
        """All views of a video as clips_VTHWC, without any randomness."""
        ratio = self.ratio
        if ratio == "random":
            ratio = sampling.random_ratio(generator(RATIO_STREAM, self.validation_seed, video.id))
        frames = self._frames(video, ratio, self.sampling.test)
        return np.stack(list(transforms.test_views(frames, self.model.frame_size, self.transforms, evaluation)))

    def observed(self, video: Video, ratio: float) -> int:
        """Frames of the video inside the observation window."""
        return sampling.observed_frames(video.frames, ratio, video.frame_times_sec)

    def _frames(self, video: Video, ratio: float, rule: str, rng: np.random.Generator | None = None) -> np.ndarray:
        observed = self.observed(video, ratio)
        start = sampling.window_start(video.frames, observed, ratio, self.window, rng)
        indices = sampling.frame_indices(
            observed,
            self.model.num_frames,
            rule,
            stride=self.sampling.stride,
            too_short=self.sampling.too_short,
            rng=rng,
        )
        return self.reader.read(video, [start + index for index in indices])


class ClipLoader:
    """Feeds batches of clips, made ahead by worker threads; use as a context manager."""

    def __init__(self, classes: Sequence[str], batch_size: int, workers: int):
        self.class_index = {None: UNLABELLED} | {label: index for index, label in enumerate(classes)}
        self.batch_size = batch_size
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="clips")
        self.ahead = workers + 2 * batch_size  # clips under way: enough to have the next batch ready

    def __enter__(self) -> ClipLoader:
        return self

    def __exit__(self, *_) -> None:
        self.pool.shutdown(cancel_futures=True)

    def batches(self, videos: Sequence[Video], make: Callable[[Video], np.ndarray]) -> Iterator[Batch]:
        """Yield batches in the order of `videos`; the last one may be smaller.

        Args:
            make: gives clip_THWC, or clips_VTHWC of several views, of one video. What it raises is raised here.
        """
        waiting: deque = deque()
        upcoming = iter(videos)
        ready: list[tuple[Video, np.ndarray]] = []

        def submit_next() -> None:
            if (video := next(upcoming, None)) is not None:
                waiting.append((video, self.pool.submit(make, video)))

        for _ in range(self.ahead):
            submit_next()
        while waiting:
            video, future = waiting.popleft()
            ready.append((video, future.result()))
            submit_next()
            if len(ready) == self.batch_size or not waiting:
                yield self._stack(ready)
                ready = []

    def _stack(self, made: list[tuple[Video, np.ndarray]]) -> Batch:
        labels = np.array([self.class_index[video.label] for video, _ in made], dtype=np.int64)
        return Batch(np.stack([clip for _, clip in made]), labels, [video.id for video, _ in made])


def epoch_order(videos: Sequence[Video], seed: int, epoch: int) -> list[Video]:
    """The videos in the random order of one epoch."""
    return [videos[i] for i in generator(ORDER_STREAM, seed, epoch).permutation(len(videos))]
