"""Optimizer and learning-rate schedule of a recipe."""

from __future__ import annotations

import math

import torch
from torch import nn

from partway.schema import Training


def create_optimizer(model: nn.Module, options: Training) -> torch.optim.AdamW:
    """AdamW with weight decay on all parameters, as in the sources (SPEC 7)."""
    fused = next(model.parameters()).device.type == "cuda"
    return torch.optim.AdamW(
        model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, fused=fused
    )


def optimizer_steps(clips: int, options: Training) -> int:
    """Optimizer steps of one epoch; an incomplete last group of micro-batches steps too."""
    return math.ceil(math.ceil(clips / options.batch_size) / options.accumulation)


def learning_rate_factor(step: int, steps: int, options: Training) -> float:
    """Factor on the learning rate in optimizer step `step` (0, 1, ..) of `steps`.

    Rises linearly over the first `warmup` share of the steps, from 1/w to 1 over w steps, then stays (constant) or
    falls as half a cosine towards min_learning_rate, which the step after the last would reach (SGDR, Loshchilov &
    Hutter 2017).
    """
    rising = math.floor(options.warmup * steps)
    if step < rising:
        return (step + 1) / rising
    if options.schedule == "constant":
        return 1.0
    lowest = options.min_learning_rate / options.learning_rate
    return lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def create_schedule(
    optimizer: torch.optim.Optimizer, steps: int, options: Training
) -> torch.optim.lr_scheduler.LambdaLR:
    """The schedule over all `steps` optimizer steps of a training."""
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_factor(step, steps, options))
