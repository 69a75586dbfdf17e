"""The attention of the very model that is scored, seen while it runs: nothing in it is exchanged or computed otherwise.

Fused attention gives no attention weights. Instead of a second model with a slow attention, queries and keys are taken
where the model hands them to torch's scaled_dot_product_attention, which then goes on as ever: so logits are the same
to the last bit, whatever library the model comes from.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Self

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from partway.errors import PartwayError
from partway.models.attended import Attended


class AttentionError(PartwayError):
    """A model whose attention cannot be drawn, or a request that fits no run."""


class Recorder(TorchFunctionMode):
    """Looks on while its block runs a model.

    Attributes:
        layers: attention_BNN of each block, the mean over its heads; its rows sum to 1.
    """

    def __init__(self, blocks: list[nn.Module]):
        super().__init__()
        self.layers: list[torch.Tensor] = []
        self._blocks, self._inside, self._hooks = blocks, False, ExitStack()

    def __enter__(self) -> Self:
        for block in self._blocks:
            for register, inside in ((block.register_forward_pre_hook, True), (block.register_forward_hook, False)):
                self._hooks.callback(register(lambda *_, inside=inside: self._set(inside)).remove)
        return super().__enter__()

    def __exit__(self, *error) -> None:
        super().__exit__(*error)
        self._hooks.close()

    def _set(self, inside: bool) -> None:
        self._inside = inside

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Note what a block attends to."""
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention and self._inside:
            self.layers.append(attention_weights(*args, **kwargs))
        return func(*args, **kwargs)


def attention_weights(
    query_BHND: torch.Tensor,
    key_BHND: torch.Tensor,
    _value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """The weights that scaled_dot_product_attention computes and does not give: attention_BNN in float32, mean of heads.

    Raises:
        AttentionError: some tokens are hidden from others, as no image or video model of ours does.
    """
    if attn_mask is not None or is_causal or enable_gqa or dropout_p:
        raise AttentionError("this model's attention has a mask, grouped heads or dropout; it cannot be drawn")
    scale = query_BHND.shape[-1] ** -0.5 if scale is None else scale
    with torch.autocast(query_BHND.device.type, enabled=False):
        scores_BHNN = query_BHND.float() @ key_BHND.float().transpose(-2, -1) * scale
    return scores_BHNN.softmax(dim=-1).mean(dim=1)


def record(model: nn.Module, attended: Attended, video_BTCHW: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Run a model in test mode on one clip, and look on.

    Returns:
        logits_BK, as without looking, and attention_BNN of each block.

    Raises:
        AttentionError: not one attention a block.
    """
    with Recorder(list(attended.blocks)) as recorder:
        logits_BK = model(video_BTCHW)
    if len(recorder.layers) != len(attended.blocks):
        raise AttentionError(
            f"{len(recorder.layers)} attentions were seen in {len(attended.blocks)} blocks, expected one in each; this "
            "model cannot be drawn, or TIMM_FUSED_ATTN=0 keeps timm from torch's scaled_dot_product_attention"
        )
    return logits_BK, recorder.layers
