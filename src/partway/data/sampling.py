"""Which frames are observed, and which of those a model is given: pure functions on frame indices, no decoding.

A frame's index is its place in the decoder's output. All fractions are exact: a ratio is read as the decimal
that was written (0.7 is 7/10, not the nearest binary number), so that 0.7 of 10 frames is 7 and never 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

import numpy as np


def exact(ratio: float) -> Fraction:
    """The decimal fraction that `ratio` was written as."""
    return Fraction(str(ratio))


def observed_frames(frames: int, ratio: float, times_sec: Sequence[float] | None = None) -> int:
    """Number of frames in the prefix window of a video: frames 0 .. n-1 are observed.

    Args:
        frames: decoded frames of the whole video, at least 1.
        ratio: observation ratio in (0, 1].
        times_sec: true, rising times of every frame where the rate varies: then the frames before
            ratio x duration are observed, the duration being last - first + mean interval.

    Returns:
        n in [1, frames]: max(1, ceil(ratio * frames)) at a constant frame rate.
    """
    if frames < 1:
        raise ValueError(f"a video of {frames} frames has no window")
    if not 0 < ratio <= 1:
        raise ValueError(f"observation_ratio {ratio} is not in (0, 1]")
    if times_sec is not None and frames > 1:
        return _observed_by_time(times_sec, ratio)
    return min(frames, max(1, ceil(exact(ratio) * frames)))


def _observed_by_time(times_sec: Sequence[float], ratio: float) -> int:
    if ratio == 1:
        return len(times_sec)
    first, last = times_sec[0], times_sec[-1]
    duration = (last - first) * len(times_sec) / (len(times_sec) - 1)
    return max(1, sum(time - first < ratio * duration for time in times_sec))


def window_start(frames: int, observed: int, ratio: float, window: str, rng: np.random.Generator | None = None) -> int:
    """First frame of the observation window (SPEC 4c).

    Args:
        frames: of the whole video.
        observed: frames in the window, see `observed_frames`.
        ratio: observation ratio in (0, 1].
        window: `prefix` begins at frame 0. `middle` lies within the middle 60 % of the video, and anywhere in it where
            that does not fit (a ratio of 0.6 or more, a very short video).
        rng: draws the start of a `middle` window, in training; without it the window is centred.

    Returns:
        A frame index in [0, frames - observed].
    """
    if window == "prefix":
        return 0
    if window != "middle":
        raise ValueError(f"window {window!r} is neither prefix nor middle")
    if rng is None:
        return (frames - observed) // 2
    first, last = ceil(Fraction(2, 10) * frames), floor(Fraction(8, 10) * frames) - observed
    if exact(ratio) >= Fraction(6, 10) or last < first:
        first, last = 0, frames - observed
    return int(rng.integers(first, last + 1))


def frame_indices(
    observed: int,
    num_frames: int,
    rule: str = "uniform",
    *,
    stride: int = 2,
    too_short: str = "stretch",
    rng: np.random.Generator | None = None,
) -> list[int]:
    """Choose `num_frames` of the observed frames 0 .. observed-1, in rising order but for `loop`.

    Args:
        observed: frames in the window, at least 1.
        num_frames: frames of the clip.
        rule: `uniform` = floored linspace(0, observed-1, num_frames); `strided` = floored
            linspace(0, observed-1, num_frames*stride)[::stride]; `jittered` = one random frame in each of
            num_frames equal segments (needs `rng`).
        stride: of `strided`.
        too_short: where observed < num_frames: `stretch` repeats frames by the floored linspace, `loop`
            starts again at frame 0, `repeat_last` holds the last frame.
        rng: source of randomness for `jittered`.

    Returns:
        `num_frames` indices, each in [0, observed-1].
    """
    if rule == "jittered" and observed >= num_frames:
        return _one_of_each_segment(observed, num_frames, rng)
    return clip_indices(observed, num_frames, rule, stride=stride, too_short=too_short)[0]


def clip_indices(
    observed: int,
    num_frames: int,
    rule: str = "uniform",
    *,
    clips: int = 1,
    stride: int = 2,
    too_short: str = "stretch",
) -> list[list[int]]:
    """Choose the frames of `clips` clips of one window, without randomness; see `frame_indices` for one of them.

    The clips interleave: the frames of one clip of `clips` times as many frames are dealt to them in turn, so that
    each spans the window. Where the window has fewer frames than one clip, `loop` and `repeat_last` give the same
    clip each time.

    Returns:
        For each clip `num_frames` indices, each in [0, observed-1].
    """
    if observed < num_frames and too_short == "loop":
        return [[i % observed for i in range(num_frames)]] * clips
    if observed < num_frames and too_short == "repeat_last":
        return [[min(i, observed - 1) for i in range(num_frames)]] * clips
    step = stride if rule == "strided" and observed >= num_frames else 1
    places = _floored_linspace(observed, num_frames * step * clips)
    return [places[clip * step :: step * clips] for clip in range(clips)]


def _floored_linspace(observed: int, count: int) -> list[int]:
    """floor(linspace(0, observed-1, count)) in integers: floating point would floor 2.9999999 to 2."""
    if count == 1:
        return [0]
    return [i * (observed - 1) // (count - 1) for i in range(count)]


def _one_of_each_segment(observed: int, num_frames: int, rng: np.random.Generator | None) -> list[int]:
    if rng is None:
        raise ValueError("jittered sampling needs a random generator")
    edges = [i * observed // num_frames for i in range(num_frames + 1)]
    return [int(rng.integers(low, high)) for low, high in pairwise(edges)]


def random_ratio(rng: np.random.Generator) -> float:
    """Draw an observation ratio uniformly from (0, 1]."""
    return 1.0 - rng.random()
