"""From decoded frames to the picture a model sees: random crops and flips in training, fixed views at test time.

Everything stays uint8 and channels-last; the device normalises. A crop is cut from the decoded frame and resized
once: its box is drawn on the frame as if the short side were 256/224 of the model's size (SPEC 4d), then mapped back.
torch resizes linearly and, along a side that shrinks, with a filter that widens with the shrinking (no aliasing): the
same pixels as torchvision's, and within 1 of PIL's.
"""

from __future__ import annotations

import math
from itertools import product

import cv2
import numpy as np
import torch
from torch.nn.functional import interpolate

from partway.data.rand_augment import rand_augmented
from partway.schema_clips import ColourJitter, Evaluation, Transforms

cv2.setNumThreads(0)  # one core a worker; OpenCV's own pool would fight the training for cores

Box = tuple[int, int, int, int]  # top, left, height, width in pixels of the decoded frame
SHORT_SIDE_RATIO = 256 / 224  # of the field's protocol: resize to 256, crop 224
CROP_ATTEMPTS = 10  # as torchvision's RandomResizedCrop; then a centre crop


def resized(frames: np.ndarray, box: Box, size: int) -> np.ndarray:
    """Cut `box` out of uint8 frame_HWC, or out of each of frames_THWC, and resize it to size x size.

    The box is copied first: of a view torch would make the copy itself, more slowly and by a pool of threads for each
    worker. What follows runs on the worker's own core.
    """
    top, left, height, width = box
    cut = np.ascontiguousarray(frames[..., top : top + height, left : left + width, :])
    cut_TCHW = torch.from_numpy(cut.reshape(-1, height, width, 3)).permute(0, 3, 1, 2)  # channels-last: the quick path
    shown_TCHW = interpolate(cut_TCHW, (size, size), mode="bilinear", antialias=True)
    return shown_TCHW.permute(0, 2, 3, 1).numpy().reshape(*frames.shape[:-3], size, size, 3)


def mirrored(clip_THWC: np.ndarray) -> np.ndarray:
    """Turn left and right of every frame round; by OpenCV, for NumPy's own copy takes tens of times as long."""
    return cv2.flip(clip_THWC.reshape(-1, *clip_THWC.shape[2:]), 1).reshape(clip_THWC.shape)


def train_view(
    frames_THWC: np.ndarray, size: int, options: Transforms, rng: np.random.Generator, *, may_flip: bool = True
) -> np.ndarray:
    """Augment one clip for training.

    Args:
        frames_THWC: uint8 RGB in native size.
        size: height and width of the result in pixels.
        options: `consistent` draws one crop and flip for the clip, else one for each frame.
        rng: the sample's own source of randomness.
        may_flip: false for a class whose direction matters.

    Returns:
        clip_THWC: uint8, size x size.
    """
    if options.drop_frames > 0:
        frames_THWC = frames_THWC[kept_frames(len(frames_THWC), options.drop_frames, rng)]
    height, width = frames_THWC.shape[1:3]
    together = len(frames_THWC) if options.consistent else 1  # frames that share one draw
    clip = np.empty((len(frames_THWC), size, size, 3), dtype=np.uint8)
    for first in range(0, len(frames_THWC), together):
        box = _train_box(height, width, size, options, rng)
        flipped = rng.random() < options.flip and may_flip
        shown = resized(frames_THWC[first : first + together], box, size)
        clip[first : first + together] = mirrored(shown) if flipped else shown
    return rand_augmented(clip, options, rng) if options.rand_augment else clip


def kept_frames(count: int, drop: float, rng: np.random.Generator) -> list[int]:
    """Which frame stands at each place when each but the first is replaced by its predecessor with probability `drop`.

    A predecessor may itself have been replaced: then the same frame stands three times.
    """
    kept = [0]
    for index in range(1, count):
        kept.append(kept[-1] if rng.random() < drop else index)
    return kept


def colour_factors(count: int, options: ColourJitter, rng: np.random.Generator) -> np.ndarray:
    """Draw factors_T4 of brightness, contrast, saturation, and a turn of the hue, for `count` frames or one clip."""
    factors_T4 = np.zeros((count, 4), dtype=np.float32)
    factors_T4[:, :3] = 1 + np.array(options.ranges) * rng.uniform(-1, 1, (count, 3))
    factors_T4[:, 3] = rng.uniform(-options.hue, options.hue, count)
    factors_T4[rng.random(count) >= options.prob] = (1, 1, 1, 0)
    return factors_T4


def _train_box(height: int, width: int, size: int, options: Transforms, rng: np.random.Generator) -> Box:
    """The box that a training view is cut from; without random crops that of test time."""
    if options.crop == "random_resized":
        return _random_box(height, width, options, rng)
    if options.crop == "random_scale":
        return _scaled_box(height, width, size, options, rng)
    return test_boxes(height, width, options, crops=1)[0]


def _scaled_box(height: int, width: int, size: int, options: Transforms, rng: np.random.Generator) -> Box:
    """A crop of at most size x size of the frame with both sides scaled by a factor of `scale`, on the frame itself.

    The ViT baseline's `random_scale_crop` (SPEC 4d): where a scaled side is shorter than `size`, all of it is taken, and
    the crop is resized to a square in any case.
    """
    factor = rng.uniform(*options.scale)
    box_height, box_width = (min(side, max(1, round(min(size, factor * side) / factor))) for side in (height, width))
    top = int(rng.integers(0, height - box_height + 1))
    left = int(rng.integers(0, width - box_width + 1))
    return top, left, box_height, box_width


def _random_box(height: int, width: int, options: Transforms, rng: np.random.Generator) -> Box:
    """A box of `scale` of the frame's area and `aspect` width over height, uniform in place (Szegedy et al. 2015)."""
    for _ in range(CROP_ATTEMPTS):
        area = height * width * rng.uniform(*options.scale)
        aspect = math.exp(rng.uniform(math.log(options.aspect[0]), math.log(options.aspect[1])))
        box_height, box_width = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
        if 0 < box_height <= height and 0 < box_width <= width:
            top = int(rng.integers(0, height - box_height + 1))
            left = int(rng.integers(0, width - box_width + 1))
            return top, left, box_height, box_width
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side, side


def test_boxes(height: int, width: int, options: Transforms, crops: int, scale: float = 1.0) -> list[Box]:
    """The crops of the test views, as boxes of the decoded frame.

    The short side is resized to 256/224 of the model's size, times `scale`, then square crops of that size are cut:
    centre, and with three crops left and right (top and bottom in portrait), which start at row 0 (column 0), as the
    source's do. With one crop, `test_resize: square` resizes both sides to the model's size, times `scale`, instead:
    at 1 that is the whole frame, with other proportions.
    """
    if crops == 1 and options.test_resize == "square":
        rows, columns = round(height / scale), round(width / scale)
        return [((height - rows) // 2, (width - columns) // 2, rows, columns)]
    side = round(min(height, width) / (SHORT_SIDE_RATIO * scale))
    centre = ((height - side) // 2, (width - side) // 2, side, side)
    if crops == 1:
        return [centre]
    last = (0, width - side, side, side) if width >= height else (height - side, 0, side, side)
    return [centre, (0, 0, side, side), last]


def view_columns(evaluation: Evaluation) -> dict[str, list]:
    """What each view of a video is, clip by clip as `test_views` has them: clip, scale, crop and whether it is mirrored."""
    crops = ("centre", "first", "last")[: evaluation.crops]  # first: left or top; last: right or bottom
    views = product(range(evaluation.clips), evaluation.scales, crops, (False, True)[: evaluation.flips])
    return dict(zip(("clip", "scale", "crop", "mirrored"), map(list, zip(*views, strict=True)), strict=True))


def test_views(frames_THWC: np.ndarray, size: int, options: Transforms, evaluation: Evaluation) -> np.ndarray:
    """Give clips_VTHWC of the views of one clip: scale by scale, crop by crop, as it is and then mirrored."""
    height, width = frames_THWC.shape[1:3]
    boxes = [box for scale in evaluation.scales for box in test_boxes(height, width, options, evaluation.crops, scale)]
    flips = evaluation.flips
    if len(boxes) == flips == 1:
        return resized(frames_THWC, boxes[0], size)[None]  # what most evaluations ask for, without a copy of it
    views = np.empty((len(boxes) * flips, len(frames_THWC), size, size, 3), dtype=np.uint8)
    for number, box in enumerate(boxes):
        views[number * flips] = resized(frames_THWC, box, size)
        if flips == 2:
            views[number * 2 + 1] = mirrored(views[number * 2])
    return views
