"""From the features of a clip's frames to one vector: their mean, or a small network over time."""

from __future__ import annotations

import torch
from timm.models.vision_transformer import Block
from torch import nn

from partway.errors import TrainingError
from partway.schema import ModelOptions


class Mean(nn.Module):
    """The mean over the frames: their order changes nothing."""

    def forward(self, features_BTD: torch.Tensor) -> torch.Tensor:
        """Give features_BD."""
        return features_BTD.mean(dim=1)


class LSTM(nn.Module):
    """An LSTM as wide as the features; its state after the last frame."""

    def __init__(self, width: int, options: ModelOptions):
        super().__init__()
        layers = options.temporal_layers
        dropout = options.dropout if layers > 1 else 0.0  # it lies between layers
        self.lstm = nn.LSTM(width, width, layers, batch_first=True, dropout=dropout)

    def forward(self, features_BTD: torch.Tensor) -> torch.Tensor:
        """Give features_BD."""
        return self.lstm(features_BTD)[0][:, -1]


class Transformer(nn.Module):
    """Pre-norm transformer blocks over the frames, with learned positions; the mean of what they give.

    Raises:
        TrainingError: `temporal_heads` does not divide the features.
    """

    def __init__(self, width: int, options: ModelOptions):
        super().__init__()
        if width % options.temporal_heads:
            raise TrainingError(
                f"temporal_heads: {options.temporal_heads} does not divide the {width} features of a frame; write a divisor"
            )
        self.positions = nn.Parameter(torch.zeros(1, options.num_frames, width))
        nn.init.trunc_normal_(self.positions, std=0.02)
        drops = {"proj_drop": options.dropout, "attn_drop": options.dropout}
        self.blocks = nn.Sequential(
            *(Block(width, options.temporal_heads, qkv_bias=True, **drops) for _ in range(options.temporal_layers))
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, features_BTD: torch.Tensor) -> torch.Tensor:
        """Give features_BD."""
        return self.norm(self.blocks(features_BTD + self.positions)).mean(dim=1)


def over_time(width: int, options: ModelOptions) -> nn.Module:
    """What `options.temporal` names, for features of this width."""
    if options.temporal == "mean":
        return Mean()
    return {"lstm": LSTM, "transformer": Transformer}[options.temporal](width, options)
