"""Video models of Hugging Face transformers."""

from __future__ import annotations

import torch
from torch import nn
from transformers import VideoMAEConfig, VideoMAEForVideoClassification

from partway.schema import ModelOptions


class Logits(nn.Module):
    """A transformers model as a plain module: video_BTCHW in, logits_BK out."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        """Give logits_BK."""
        return self.model(pixel_values=video_BTCHW).logits


def _videomae(options: ModelOptions, num_classes: int) -> nn.Module:
    """VideoMAE (Tong et al. 2022): joint space-time attention, fixed sinusoid positions, mean pooling."""
    config = VideoMAEConfig(
        image_size=options.frame_size,
        num_frames=options.num_frames,
        patch_size=options.patch_size,
        tubelet_size=options.tubelet_size,
        hidden_size=options.hidden_size,
        num_hidden_layers=options.num_layers,
        num_attention_heads=options.num_heads,
        intermediate_size=round(options.hidden_size * options.mlp_ratio),
        hidden_dropout_prob=options.dropout,
        attention_probs_dropout_prob=options.dropout,
        initializer_range=options.initializer_range,
        num_labels=num_classes,
    )
    return Logits(VideoMAEForVideoClassification(config))


ARCHITECTURES = {"videomae": _videomae}


def build(architecture: str, options: ModelOptions, num_classes: int) -> nn.Module:
    """Build one of this family's architectures with fresh weights."""
    return ARCHITECTURES[architecture](options, num_classes)
