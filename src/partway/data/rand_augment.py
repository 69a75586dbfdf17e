"""RandAugment (Cubuk et al. 2020) on uint8 clips: a few of fourteen operations, all of about the same strength.

The operations and their ranges are those of torchvision's `RandAugment`, which draws from the one global generator that
all worker threads would share; here the sample's own generator draws. They are OpenCV's: the same pixels as
torchvision's but for rounding (tested), in a fraction of the time, on the worker's own core alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from partway.schema_clips import RandAugment, Transforms

MOST = 30  # the magnitude of full strength: torchvision's 31 steps
LEVELS = np.arange(256, dtype=np.float32)
GREY = (0.2989, 0.587, 0.114)  # weights of R, G, B in the brightness that is seen (ITU-R BT.601)
BLUR = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], dtype=np.float32) / 13  # PIL's SMOOTH


@dataclass(frozen=True)
class Operation:
    """One way to change a frame_HWC.

    Attributes:
        apply: takes frame and strength in [0, 1], or in [-1, 1] where `signed`.
    """

    apply: Callable[[np.ndarray, float], np.ndarray]
    signed: bool = False


Drawn = list[tuple[Operation, float]]  # operations and their strengths


def rand_augmented(clip_THWC: np.ndarray, transforms: Transforms, rng: np.random.Generator) -> np.ndarray:
    """Apply operations that are drawn once for the clip where `consistent`, else once for each frame.

    Args:
        clip_THWC: uint8 RGB; left as it is.
        transforms: with `rand_augment`.
        rng: the sample's own source of randomness.

    Returns:
        clip_THWC: uint8 RGB of the same size; where nothing of the frame is left, it is black.
    """
    augmented = np.empty_like(clip_THWC)
    drawn: Drawn = []
    for place, frame in enumerate(clip_THWC):
        if place == 0 or not transforms.consistent:
            drawn = draw(transforms.rand_augment, rng)
        for operation, strength in drawn:
            frame = operation.apply(frame, strength)
        augmented[place] = frame
    return augmented


def draw(options: RandAugment, rng: np.random.Generator) -> Drawn:
    """Draw operations with their strengths; none with probability 1 - `prob`."""
    if rng.random() >= options.prob:
        return []
    drawn = []
    for place in rng.integers(len(OPERATIONS), size=options.num_ops):
        operation = list(OPERATIONS.values())[place]
        strength = np.clip(rng.normal(options.magnitude, options.magnitude_std), 0, MOST) / MOST
        drawn.append((operation, float(-strength if operation.signed and rng.random() < 0.5 else strength)))
    return drawn


# --- where a pixel comes from --------------------------------------------------------------------------


def _warped(frame: np.ndarray, source_of: np.ndarray | list) -> np.ndarray:
    """Give each place (x, y) the nearest pixel to `source_of` @ (x, y, 1); black where there is none."""
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(frame, np.asarray(source_of, dtype=np.float64), frame.shape[1::-1], flags=flags)


def _shear_x(frame: np.ndarray, strength: float) -> np.ndarray:
    return _warped(frame, [[1, 0.3 * strength, 0.15 * strength], [0, 1, 0]])


def _shear_y(frame: np.ndarray, strength: float) -> np.ndarray:
    return _warped(frame, [[1, 0, 0], [0.3 * strength, 1, 0.15 * strength]])


def _translate_x(frame: np.ndarray, strength: float) -> np.ndarray:
    return _warped(frame, [[1, 0, -int(150 / 331 * frame.shape[1] * strength)], [0, 1, 0]])


def _translate_y(frame: np.ndarray, strength: float) -> np.ndarray:
    return _warped(frame, [[1, 0, 0], [0, 1, -int(150 / 331 * frame.shape[0] * strength)]])


def _rotate(frame: np.ndarray, strength: float) -> np.ndarray:
    height, width = frame.shape[:2]
    return _warped(frame, cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -30 * strength, 1))


# --- which value it has --------------------------------------------------------------------------------


def _looked_up(frame: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Replace each value by that of a table_256, or of one table_256C for each channel."""
    values = np.clip(table, 0, 255).astype(np.uint8)  # cut off, not rounded, as torchvision's
    return cv2.LUT(frame, values.reshape(256, 1, -1) if table.ndim == 2 else values)


def _brightness(frame: np.ndarray, strength: float) -> np.ndarray:
    return _looked_up(frame, LEVELS * (1 + 0.9 * strength))


def _colour(frame: np.ndarray, strength: float) -> np.ndarray:
    factor = 1 + 0.9 * strength
    return cv2.transform(frame, factor * np.eye(3) + (1 - factor) * np.array([GREY] * 3))


def _contrast(frame: np.ndarray, strength: float) -> np.ndarray:
    factor = 1 + 0.9 * strength
    return _looked_up(frame, LEVELS * factor + np.dot(cv2.mean(frame)[:3], GREY) * (1 - factor))


def _sharpness(frame: np.ndarray, strength: float) -> np.ndarray:
    factor = 1 + 0.9 * strength
    sharp = cv2.addWeighted(frame, factor, cv2.filter2D(frame, -1, BLUR), 1 - factor, 0)
    for border in (np.s_[:1], np.s_[-1:], np.s_[:, :1], np.s_[:, -1:]):  # has no neighbours to blend with
        sharp[border] = frame[border]
    return sharp


def _posterize(frame: np.ndarray, strength: float) -> np.ndarray:
    return frame & np.uint8(0xFF << round(4 * strength) & 0xFF)


def _solarize(frame: np.ndarray, strength: float) -> np.ndarray:
    return _looked_up(frame, np.where(255 * (1 - strength) > LEVELS, LEVELS, 255 - LEVELS))


def _by_channel(frame: np.ndarray, table_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return _looked_up(frame, np.stack([table_of(channel_HW) for channel_HW in cv2.split(frame)], axis=1))


def _autocontrast(frame: np.ndarray, _: float) -> np.ndarray:
    return _by_channel(frame, _stretching)


def _stretching(channel_HW: np.ndarray) -> np.ndarray:
    """The table_256 that spreads the values of a channel over all of [0, 255]."""
    low, high = np.float32(channel_HW.min()), np.float32(channel_HW.max())
    return LEVELS if low == high else (LEVELS - low) / ((high - low) * np.float32(1 / 255))


def _equalize(frame: np.ndarray, _: float) -> np.ndarray:
    return _by_channel(frame, _equalizing)


def _equalizing(channel_HW: np.ndarray) -> np.ndarray:
    """The table_256 that makes all values of a channel about equally frequent, as PIL's."""
    counts = cv2.calcHist([channel_HW], [0], None, [256], [0, 256]).reshape(-1).astype(np.int64)
    step = (channel_HW.size - counts[counts.nonzero()[0][-1]]) // 255
    if step == 0:
        return LEVELS
    below = np.concatenate([[0], counts.cumsum()[:-1]])
    return (below + step // 2) // step


OPERATIONS = {
    "identity": Operation(lambda frame, _: frame),
    "shear_x": Operation(_shear_x, signed=True),
    "shear_y": Operation(_shear_y, signed=True),
    "translate_x": Operation(_translate_x, signed=True),
    "translate_y": Operation(_translate_y, signed=True),
    "rotate": Operation(_rotate, signed=True),
    "brightness": Operation(_brightness, signed=True),
    "colour": Operation(_colour, signed=True),
    "contrast": Operation(_contrast, signed=True),
    "sharpness": Operation(_sharpness, signed=True),
    "posterize": Operation(_posterize),
    "solarize": Operation(_solarize),
    "autocontrast": Operation(_autocontrast),
    "equalize": Operation(_equalize),
}
