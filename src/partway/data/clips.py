"""Clips for a model: which frames of which video, decoded and transformed.

What a clip looks like depends on (seed, epoch, video id) alone, so neither the number of workers that make clips nor
their order changes a result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from partway.data import sampling, transforms
from partway.data.manifest import Video
from partway.data.store import FrameReader
from partway.schema import ModelOptions
from partway.schema_clips import Evaluation, Sampling, Transforms

# Streams of randomness that must not meet, whatever the seed.
TRAIN_STREAM, ORDER_STREAM, RATIO_STREAM, MIXUP_STREAM, JITTER_STREAM = range(5)


def generator(stream: int, *parts: int | str) -> np.random.Generator:
    """A random generator for one purpose, seeded by whole numbers and names."""
    numbers = [part if isinstance(part, int) else _number(part) for part in parts]
    return np.random.default_rng([stream, *numbers])


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


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
        """An augmented clip_THWC of a video in an epoch; its colours are jittered on the device, see `jitter`."""
        rng = generator(TRAIN_STREAM, self.seed, epoch, video.id)
        ratio = sampling.random_ratio(rng) if self.ratio == "random" else self.ratio
        frames_THWC, places_KT = self._frames(video, ratio, rng=rng)
        frames = _placed(frames_THWC[None], places_KT)[0]
        may_flip = video.label not in self.transforms.never_flip
        return transforms.train_view(frames, self.model.frame_size, self.transforms, rng, may_flip=may_flip)

    def test_clips(self, video: Video, evaluation: Evaluation) -> np.ndarray:
        """All views of a video as clips_VTHWC, in the order of `Evaluation.views`, without any randomness."""
        ratio = self.ratio
        if ratio == "random":
            ratio = sampling.random_ratio(generator(RATIO_STREAM, self.validation_seed, video.id))
        frames_THWC, places_KT = self._frames(video, ratio, clips=evaluation.clips)
        views_VTHWC = transforms.test_views(frames_THWC, self.model.frame_size, self.transforms, evaluation)
        return _placed(views_VTHWC, places_KT)

    def jitter(self, ids: Sequence[str], epoch: int) -> np.ndarray | None:
        """Draw the colour factors_BT4 of clips of an epoch, to be applied on the device; None where there are none.

        T is 1 where all frames of a clip share them. They have a stream of their own: whoever knows the ids of a batch
        can draw them, so that they need not travel with it.
        """
        options = self.transforms.colour_jitter
        if options is None:
            return None
        count = 1 if self.transforms.consistent else self.model.num_frames
        draws = (generator(JITTER_STREAM, self.seed, epoch, name) for name in ids)
        return np.stack([transforms.colour_factors(count, options, rng) for rng in draws])

    def observed(self, video: Video, ratio: float) -> int:
        """Frames of the video inside the observation window."""
        return sampling.observed_frames(video.frames, ratio, video.frame_times_sec)

    def _frames(
        self, video: Video, ratio: float, *, clips: int = 1, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The frames of K clips, each read once (a short window repeats some): of training where there is `rng`.

        Returns:
            The distinct frames_THWC in the order of the video, and places_KT: which of them each clip has where.
        """
        observed, size = self.observed(video, ratio), self.model.num_frames
        start = sampling.window_start(video.frames, observed, ratio, self.window, rng)
        rules = {"stride": self.sampling.stride, "too_short": self.sampling.too_short}
        if rng is not None:
            chosen = [sampling.frame_indices(observed, size, self.sampling.train, rng=rng, **rules)]
        else:
            chosen = sampling.clip_indices(observed, size, self.sampling.test, clips=clips, **rules)
        distinct, places = np.unique([start + index for clip in chosen for index in clip], return_inverse=True)
        return self.reader.read(video, distinct.tolist()), places.reshape(len(chosen), size)


def _placed(views_VTHWC: np.ndarray, places_KT: np.ndarray) -> np.ndarray:
    """Each view of each of K clips, clip by clip, made of views of the distinct frames."""
    if len(places_KT) == 1 and np.array_equal(places_KT[0], np.arange(views_VTHWC.shape[1])):
        return views_VTHWC  # one clip without repeats, as most are: no copy
    return np.concatenate([views_VTHWC[:, places_T] for places_T in places_KT])


def epoch_order(videos: Sequence[Video], seed: int, epoch: int) -> list[Video]:
    """The videos in the random order of one epoch."""
    return [videos[i] for i in generator(ORDER_STREAM, seed, epoch).permutation(len(videos))]
