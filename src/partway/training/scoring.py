"""Logits of a model on videos; the one way predictions are made, in training and after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import nn

from partway.data.feeding import Batch
from partway.training.device import ToDevice
from partway.training.precision import Precision

SCORED_AT_ONCE = 4  # times the clips of a training step: without gradients nothing is kept for a way back


def clips_at_once(batch_size: int, device: torch.device) -> int:
    """Clips that are scored at once: more than in training on a GPU, where that is faster."""
    return batch_size if device.type == "cpu" else batch_size * SCORED_AT_ONCE


@torch.inference_mode()
def predict(
    model: nn.Module,
    batches: Iterable[Batch],
    to_device: ToDevice,
    precision: Precision,
    on_batch: Callable[[int], None] = lambda _: None,
    *,
    at_once: int | None = None,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Score clips of V views each, every video once.

    Args:
        model: left in test mode; whoever trains on sets the mode of training again.
        batches: whose clips are clips_BVTHWC.
        precision: of the forward pass; the same as in training.
        on_batch: told the number of videos after each batch.
        at_once: most clips of one forward pass, where a video has more views than that; None for whole batches.

    Returns:
        logits_NVK (float32), labels_N, ids of the N videos, in the order they came.
    """
    model.eval()
    logits, labels, ids = [], [], []  # logits stay on the device: no batch waits for the one before
    for batch in batches:
        views = batch.clips_BTHWC.shape[1]
        clips = batch.clips_BTHWC.reshape(-1, *batch.clips_BTHWC.shape[2:])
        scores = []
        for first in range(0, len(clips), at_once or len(clips)):
            with precision.autocast():
                scores.append(model(to_device.clips(clips[first : first + (at_once or len(clips))])).float())
        logits.append(torch.cat(scores).unflatten(0, (len(batch.ids), views)))
        labels.append(batch.labels_B)
        ids += batch.ids
        on_batch(len(batch.ids))
    return torch.cat(logits).cpu().numpy(), np.concatenate(labels), ids
