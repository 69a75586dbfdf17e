"""Optimizer and learning-rate schedule of a recipe."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from partway.models.layers import Layers, layers
from partway.schema_training import Training

# What `decay_norm_and_bias: false` exempts beside norms and biases: tables of positions and class tokens, as timm does.
TABLES = (
    *("pos_embed", "position_embeddings", "positions", "time_embeddings", "position_bias_table", "rel_pos"),
    *("cls_token", "class_token", "query_tokens"),
)


def create_optimizer(model: nn.Module, options: Training) -> torch.optim.AdamW:
    """AdamW over all parameters, frozen ones too: what has no gradient is passed by.

    Weight decay is on all parameters, as in the sources (SPEC 7), unless `decay_norm_and_bias` exempts some.
    """
    fused = next(model.parameters()).device.type == "cuda"
    return torch.optim.AdamW(
        parameter_groups(model, options), lr=options.learning_rate, weight_decay=options.weight_decay, fused=fused
    )


def parameter_groups(model: nn.Module, options: Training) -> list[dict]:
    """The parameters by learning rate (highest) and weight decay, in the order of the model."""
    rate_of = _rates(model, options)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        exempt = not options.decay_norm_and_bias and is_norm_bias_or_table(name, parameter)
        groups.setdefault((rate_of(name), 0.0 if exempt else options.weight_decay), []).append(parameter)
    return [{"params": params, "lr": lr, "weight_decay": decay} for (lr, decay), params in groups.items()]


def is_norm_bias_or_table(name: str, parameter: nn.Parameter) -> bool:
    """Whether a parameter is a vector (norms, biases, scales), or a table of positions or class tokens."""
    return parameter.ndim <= 1 or name.endswith(".bias") or any(table in name for table in TABLES)


def _rates(model: nn.Module, options: Training) -> Callable[[str], float]:
    """The highest learning rate of each parameter, by its name."""
    head_rate = options.head_learning_rate or options.learning_rate
    if options.layer_decay == 1 and head_rate == options.learning_rate:
        return lambda _: options.learning_rate
    by_name = layer_rates(layers(model), options) | dict.fromkeys(layers(model).head, head_rate)
    return by_name.__getitem__


def layer_rates(parts: Layers, options: Training) -> dict[str, float]:
    """Learning rates of the backbone: `layer_decay` to the power of the distance from the head, which is 1 for the
    last block and largest for the embeddings (BEiT, Bao et al. 2022; timm's `param_groups_layer_decay`).
    """
    depth = len(parts.blocks)
    return {
        name: options.learning_rate * options.layer_decay ** (depth - place)
        for place, block in enumerate(parts.blocks)
        for name in block
    }


def optimizer_steps(clips: int, options: Training) -> int:
    """Optimizer steps of one epoch; an incomplete last group of micro-batches steps too."""
    return math.ceil(math.ceil(clips / options.batch_size) / options.accumulation)


def learning_rate_factor(step: int, steps_an_epoch: int, options: Training) -> float:
    """Factor on the learning rates in optimizer step `step` (0, 1, ..), of `epochs` times `steps_an_epoch`.

    Rises linearly over the first `warmup` share of the steps, from 1/w to 1 over w steps, then stays (constant) or
    falls as half a cosine towards min_learning_rate, which the step after the last would reach (SGDR, Loshchilov &
    Hutter 2017). Under cosine_per_epoch epochs take the place of steps: warmup is that share of the epochs, rounded
    down, and all steps of an epoch have one rate, as with torch's CosineAnnealingLR over the epochs.
    """
    at, length = step, options.epochs * steps_an_epoch
    if options.schedule == "cosine_per_epoch":
        at, length = step // steps_an_epoch, options.epochs
    rising = math.floor(options.warmup * length)
    if at < rising:
        return (at + 1) / rising
    if options.schedule == "constant":
        return 1.0
    lowest = options.min_learning_rate / options.learning_rate
    return lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * (at - rising) / max(1, length - rising)))
