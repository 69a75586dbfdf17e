"""Video models of Hugging Face transformers."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel, VideoMAEConfig, VideoMAEForVideoClassification

from partway.schema import ModelOptions
from partway.weights.loading import Report, into_transformers

CLASSIFIER = "classifier"


class Logits(nn.Module):
    """A transformers model as a plain module: video_BTCHW in, logits_BK out."""

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        self.model = model

    def forward(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        """Give logits_BK."""
        return self.model(pixel_values=video_BTCHW).logits


def _videomae(options: ModelOptions, num_classes: int) -> VideoMAEConfig:
    """VideoMAE (Tong et al. 2022): joint space-time attention, fixed sinusoid positions, mean pooling."""
    return VideoMAEConfig(
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


ARCHITECTURES = {"videomae": (_videomae, VideoMAEForVideoClassification)}


def build(architecture: str, options: ModelOptions, num_classes: int) -> nn.Module:
    """Build one of this family's architectures with fresh weights."""
    configure, model_class = ARCHITECTURES[architecture]
    return Logits(model_class(configure(options, num_classes)))


def load(
    architecture: str, options: ModelOptions, classes: list[str], path: Path, *, keep_head: bool
) -> tuple[nn.Module, Report]:
    """Build an architecture with the weights of a checkpoint and, unless `keep_head`, a fresh head.

    The head is re-made also where the checkpoint's has as many classes: its classes are others.

    Returns:
        The model, and what became of its parameters; see `partway.weights.loading`.

    Raises:
        WeightsError: the backbone (or the head that is to be kept) did not load whole.
    """
    configure, model_class = ARCHITECTURES[architecture]
    keep = classes if keep_head else None
    config = configure(options, len(classes))
    model, report = into_transformers(model_class, config, path, head=CLASSIFIER, keep=keep)
    return Logits(model), report
