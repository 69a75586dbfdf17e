"""What a model costs: parameters, FLOPs of a clip, tokens, size of its input. No number of it is read off a paper."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from partway.schema import ModelOptions


def measure(model: nn.Module, options: ModelOptions) -> dict[str, Any]:
    """Count what one clip costs in a forward pass, on a twin of the model that holds shapes and no numbers.

    FLOPs are those that torch.utils.flop_counter counts: matrix products, convolutions and attention, a
    multiply-add as two. Papers mostly print multiply-adds as "GFLOPs": half of this.

    Returns:
        `parameters`, trainable or not; `flops_per_clip`; `tokens`, those of a clip in the first block of a transformer,
        class tokens included, None where there is none; `input`, the clip as [frames, channels, height, width].
    """
    shape = (options.num_frames, 3, options.frame_size, options.frame_size)
    twin = on_meta(model).eval()
    tokens: list[int] = []
    block = twin.first_block()
    if block is not None:
        block.register_forward_pre_hook(lambda _, inputs: tokens.append(inputs[0].shape[:-1].numel()))
    with FlopCounterMode(display=False) as counter:
        twin(torch.empty(1, *shape, device="meta"))
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "flops_per_clip": counter.get_total_flops(),
        "tokens": tokens[0] if tokens else None,
        "input": list(shape),
    }


def on_meta(model: nn.Module) -> nn.Module:
    """A copy of a model on torch's meta device; its weights are not copied, so that it takes no memory."""
    twins = {id(parameter): nn.Parameter(parameter.to("meta")) for parameter in model.parameters()}
    twins |= {id(buffer): buffer.to("meta") for buffer in model.buffers()}
    return copy.deepcopy(model, twins)
