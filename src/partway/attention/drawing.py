"""Frames with heat on them, as one picture with a strip for each video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from partway import files
from partway.results.figures.look import PLAIN, plt

COLUMNS = 8  # frames of a clip that are shown
CELL, GAP = 144, 4  # pixels
LEAST_SPAN = 0.1  # of the colours around an even share: no noise is blown up to a picture
OPACITY = 0.6  # of the heat on the frame
COLOURS = "inferno"
DPI = 100
WIDTH_INCHES, STRIP_INCHES, HEAD_INCHES = 12.4, 3.3, 0.75


@dataclass(frozen=True)
class Strip:
    """What is drawn of one video.

    Attributes:
        title: stands above its frames.
        frames_THWC: uint8 RGB as the model sees them, before they are normalised.
        heat_THW: one map a time step of tokens; 1 is an even share.
    """

    title: str
    frames_THWC: np.ndarray
    heat_THW: np.ndarray


def draw(strips: Sequence[Strip], title: str, path: Path) -> None:
    """Write a PNG: for each video a row of its frames, and below it the same frames with the heat on them."""
    with mpl.rc_context(PLAIN):
        height = STRIP_INCHES * len(strips) + HEAD_INCHES
        figure, axes = plt.subplots(len(strips), 1, squeeze=False, figsize=(WIDTH_INCHES, height), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", wrap=True)
        for axis, strip in zip(axes[:, 0], strips, strict=True):
            _draw_strip(axis, strip)
        with files.replacing(path) as temporary:
            figure.savefig(
                temporary, format="png", dpi=DPI, metadata={"Software": None}
            )  # equal pictures are equal bytes
        plt.close(figure)


def _draw_strip(axis: Axes, strip: Strip) -> None:
    scale = colour_scale(strip.heat_THW)
    shown = shown_frames(len(strip.frames_THWC))
    axis.imshow(mosaic(strip, scale), interpolation="none")
    axis.set_title(strip.title, loc="left", fontsize=11)
    places = [place * (CELL + GAP) + CELL / 2 for place in range(len(shown))]
    axis.set_xticks(places, [f"frame {index + 1}" for index in shown], fontsize=9)
    axis.set_yticks([])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    bar = axis.figure.colorbar(ScalarMappable(scale, COLOURS), ax=axis, fraction=0.02, pad=0.01, aspect=18)
    bar.set_label("attention, 1 = even", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)


def shown_frames(frames: int) -> list[int]:
    """Which frames of a clip are shown: at most `COLUMNS`, evenly from the first to the last."""
    return sorted(set(np.linspace(0, frames - 1, min(COLUMNS, frames)).round().astype(int).tolist()))


def colour_scale(heat_THW: np.ndarray) -> Normalize:
    """The colours of one video: from its least to its most attended token, with the even share always in between."""
    return Normalize(min(heat_THW.min(), 1 - LEAST_SPAN), max(heat_THW.max(), 1 + LEAST_SPAN))


def mosaic(strip: Strip, scale: Normalize) -> np.ndarray:
    """The two rows of a video side by side and below each other, uint8 RGB."""
    frames, heat = strip.frames_THWC, upsampled(strip.heat_THW, len(strip.frames_THWC))
    columns = []
    for index in shown_frames(len(frames)):
        frame = _resized(frames[index])
        colours = mpl.colormaps[COLOURS](scale(heat[index]))[..., :3]
        grey = frame.mean(axis=2, keepdims=True) / 255  # the frame's own colours would mix with those of the heat
        on_frame = ((1 - OPACITY) * grey + OPACITY * colours) * 255
        between = np.full((GAP, CELL, 3), 255, np.uint8)
        columns.append(np.concatenate([frame, between, on_frame.round().astype(np.uint8)]))
    gap = np.full((2 * CELL + GAP, GAP, 3), 255, np.uint8)
    return np.concatenate([part for column in columns for part in (column, gap)][:-1], axis=1)


def upsampled(heat_THW: np.ndarray, frames: int) -> np.ndarray:
    """The heat of each frame in the size of a cell: every frame of a tubelet has its map, linear between patches."""
    maps = [cv2.resize(heat, (CELL, CELL), interpolation=cv2.INTER_LINEAR) for heat in heat_THW.astype(np.float32)]
    return np.stack([maps[frame * len(maps) // frames] for frame in range(frames)])


def _resized(frame_HWC: np.ndarray) -> np.ndarray:
    shrinks = frame_HWC.shape[0] > CELL
    return cv2.resize(frame_HWC, (CELL, CELL), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
