"""Logits of a model on videos; the one way predictions are made, in training and after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import nn

from partway.data.clips import Batch
from partway.training.device import ToDevice
from partway.training.precision import Precision


@torch.inference_mode()
def predict(
    model: nn.Module,
    batches: Iterable[Batch],
    to_device: ToDevice,
    precision: Precision,
    on_batch: Callable[[int], None] = lambda _: None,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Score clips of V views each, every video once.

    Args:
        model: left in the mode it was in.
        batches: whose clips are clips_BVTHWC.
        precision: of the forward pass; the same as in training.
        on_batch: told the number of videos after each batch.

    Returns:
        logits_NVK (float32), labels_N, ids of the N videos, in the order they came.
    """
    was_training = model.training
    model.eval()
    logits, labels, ids = [], [], []
    for batch in batches:
        views = batch.clips_BTHWC.shape[1]
        clips = batch.clips_BTHWC.reshape(-1, *batch.clips_BTHWC.shape[2:])
        with precision.autocast():
            scores = model(to_device.clips(clips))
        scores = scores.float().cpu().numpy()
        logits.append(scores.reshape(len(batch.ids), views, -1))
        labels.append(batch.labels_B)
        ids += batch.ids
        on_batch(len(batch.ids))
    model.train(was_training)
    return np.concatenate(logits), np.concatenate(labels), ids
