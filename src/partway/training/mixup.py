"""Mixup on clips (Zhang et al. 2018) with soft targets; one lambda a micro-batch."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from partway.data.clips import MIXUP_STREAM, generator
from partway.schema import Mixup


def mix(
    video_BTCHW: torch.Tensor,
    labels_B: torch.Tensor,
    classes: int,
    options: Mixup | None,
    *,
    at: tuple[int, int, int],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Blend each clip with another of its micro-batch: lambda * own + (1 - lambda) * other, targets alike.

    Args:
        video_BTCHW: normalised clips.
        labels_B: class indices.
        options: None for no mixing.
        at: (seed, epoch, batch), which alone decide lambda and the permutation.

    Returns:
        The mixed video_BTCHW, and targets_BK: rows of probabilities that sum to 1.
    """
    targets_BK = F.one_hot(labels_B, classes).float()
    if options is None:
        return video_BTCHW, targets_BK
    rng = generator(MIXUP_STREAM, *at)
    if rng.random() >= options.prob:
        return video_BTCHW, targets_BK
    own = float(rng.beta(options.alpha, options.alpha))
    other = torch.from_numpy(rng.permutation(len(labels_B))).to(labels_B.device)
    mixed = video_BTCHW.mul(own).add_(video_BTCHW[other], alpha=1 - own)
    return mixed, targets_BK.mul(own).add_(targets_BK[other], alpha=1 - own)
