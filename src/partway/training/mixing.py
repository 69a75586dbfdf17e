"""Mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019) on clips, with soft targets; one lambda a micro-batch."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional as F

from partway.data.clips import MIXUP_STREAM, generator
from partway.schema_training import Cutmix, Mixup, Training
from partway.training.device import moved

Box = tuple[slice, slice]


def mix(
    video_BTCHW: torch.Tensor,
    labels_B: torch.Tensor,
    classes: int,
    options: Training,
    *,
    at: tuple[int, int, int],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix each clip with another of its micro-batch; the target says which share of the clip is whose.

    Args:
        video_BTCHW: normalised clips; left as they are.
        labels_B: class indices.
        options: of which `mixup` and `cutmix` are read; where both are given, `switch` says how often CutMix has it,
            as in timm's Mixup.
        at: (seed, epoch, batch), which alone decide the method, lambda, the box and the permutation.

    Returns:
        The mixed video_BTCHW, and targets_BK: rows of probabilities that sum to 1.
    """
    targets_BK = F.one_hot(labels_B, classes).float()
    if options.mixup is None and options.cutmix is None:
        return video_BTCHW, targets_BK
    rng = generator(MIXUP_STREAM, *at)
    method = _method(options, rng)
    if rng.random() >= method.prob:
        return video_BTCHW, targets_BK
    own = float(rng.beta(method.alpha, method.alpha))
    other = moved(torch.from_numpy(rng.permutation(len(labels_B))), labels_B.device)
    if isinstance(method, Cutmix):
        box, own = cut_box(*video_BTCHW.shape[-2:], own, rng)
        mixed = video_BTCHW.clone()
        mixed[..., *box] = video_BTCHW[..., *box][other]
    else:
        mixed = video_BTCHW.mul(own).add_(video_BTCHW[other], alpha=1 - own)
    return mixed, targets_BK.mul(own).add_(targets_BK[other], alpha=1 - own)


def _method(options: Training, rng: np.random.Generator) -> Mixup | Cutmix:
    """CutMix or mixup, whichever is given; drawn where both are."""
    if options.mixup is None or options.cutmix is None:
        return options.mixup or options.cutmix
    return options.cutmix if rng.random() < options.cutmix.switch else options.mixup


def cut_box(height: int, width: int, own: float, rng: np.random.Generator) -> tuple[Box, float]:
    """Draw the box of CutMix: both sides a share sqrt(1 - own) of the frame's, its centre anywhere, cut at the edges.

    Returns:
        Rows and columns of the box, and the share of the frame outside it: lambda, corrected to the exact area.
    """
    rows, columns = (_cut(size, round(size * math.sqrt(1 - own)), int(rng.integers(size))) for size in (height, width))
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    return (rows, columns), 1 - area / (height * width)


def _cut(size: int, length: int, centre: int) -> slice:
    start = centre - length // 2
    return slice(max(0, start), min(size, start + length))
