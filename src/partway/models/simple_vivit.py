"""Our own video transformer: plain joint attention over tubelets, a fallback that rests on no published recipe."""

from __future__ import annotations

from pathlib import Path

import torch
from timm.models.vision_transformer import Block
from torch import nn

from partway.models.attended import Attended
from partway.models.layers import Parts
from partway.schema import ModelOptions
from partway.weights.loading import Report, into_module


class SimpleViViT(nn.Module):
    """Tubelets by one Conv3d, learned positions, pre-norm blocks, the mean of the tokens, LayerNorm, a linear layer."""

    def __init__(self, options: ModelOptions, num_classes: int):
        super().__init__()
        width, side = options.hidden_size, options.frame_size // options.patch_size
        tubelet = (options.tubelet_size, options.patch_size, options.patch_size)
        self.grid = (side, side)
        self.patches = nn.Conv3d(3, width, tubelet, stride=tubelet)
        self.positions = nn.Parameter(torch.zeros(1, options.num_frames // options.tubelet_size * side**2, width))
        self.dropout = nn.Dropout(options.dropout)
        drop_paths = torch.linspace(0, options.drop_path, options.num_layers, device="cpu").tolist()
        self.blocks = nn.Sequential(
            *(
                Block(
                    width,
                    options.num_heads,
                    options.mlp_ratio,
                    qkv_bias=True,
                    proj_drop=options.dropout,
                    attn_drop=options.dropout,
                    drop_path=drop_path,
                )
                for drop_path in drop_paths
            )
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)
        self._fresh(options.initializer_range)

    def _fresh(self, deviation: float) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv3d):
                nn.init.normal_(module.weight, std=deviation)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.positions, std=deviation)

    def forward(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        """Give logits_BK."""
        tokens_BND = self.patches(video_BTCHW.transpose(1, 2)).flatten(2).transpose(1, 2)
        tokens_BND = self.blocks(self.dropout(tokens_BND + self.positions))
        return self.head(self.norm(tokens_BND.mean(dim=1)))

    def depth(self) -> list[Parts]:
        """The model from input to output; see `layers`."""
        *blocks, last = self.blocks
        return [[self.patches, self.positions], *([block] for block in blocks), [last, self.norm], [self.head]]

    def first_block(self) -> nn.Module:
        """The block that is given the tokens."""
        return self.blocks[0]

    def attended(self) -> Attended:
        """Joint attention; the head reads the mean of all tokens."""
        return Attended(list(self.blocks), slice(None), self.grid)


ARCHITECTURES = {"simple_vivit": SimpleViViT}


def build(architecture: str, options: ModelOptions, num_classes: int) -> nn.Module:
    """Build one of this family's architectures with fresh weights."""
    return ARCHITECTURES[architecture](options, num_classes)


def load(
    architecture: str, options: ModelOptions, classes: list[str], path: Path, *, keep_head: bool
) -> tuple[nn.Module, Report]:
    """Build the model with the weights of a file, as partway's checkpoint.pt or a script wrote it.

    Returns:
        The model, and what became of its parameters; see `partway.weights.loading`.

    Raises:
        WeightsError: the backbone (or the head that is to be kept) did not load whole.
    """
    model = build(architecture, options, len(classes))
    return model, into_module(model, path, architecture, keep=classes if keep_head else None)
