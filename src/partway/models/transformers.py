"""Video models of Hugging Face transformers."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel, VideoMAEConfig, VideoMAEForVideoClassification
from transformers.utils import logging as transformers_logging

from partway.models.layers import Parts
from partway.schema import ModelOptions
from partway.weights import WeightsError

# What a fine-tuned model has and a pretrained one may lack; everything else must come from the checkpoint.
HEAD = ("classifier.", "fc_norm.")
CLASSIFIER = "classifier"


class Logits(nn.Module):
    """A transformers model as a plain module: video_BTCHW in, logits_BK out."""

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        self.model = model

    def forward(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        """Give logits_BK."""
        return self.model(pixel_values=video_BTCHW).logits

    def depth(self) -> list[Parts]:
        """The model from input to output; see `layers`."""
        return DEPTH[self.model.config.model_type](self.model)


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


def _videomae_depth(model: VideoMAEForVideoClassification) -> list[Parts]:
    *blocks, last = model.videomae.encoder.layer
    norms = [norm for norm in (model.videomae.layernorm, model.fc_norm) if norm is not None]
    return [[model.videomae.embeddings], *([block] for block in blocks), [last, *norms], [model.classifier]]


ARCHITECTURES = {"videomae": (_videomae, VideoMAEForVideoClassification)}
DEPTH = {"videomae": _videomae_depth}


def build(architecture: str, options: ModelOptions, num_classes: int) -> nn.Module:
    """Build one of this family's architectures with fresh weights."""
    configure, model_class = ARCHITECTURES[architecture]
    return Logits(model_class(configure(options, num_classes)))


def load(
    architecture: str, options: ModelOptions, num_classes: int, folder: Path
) -> tuple[nn.Module, dict[str, list[str]]]:
    """Build an architecture with the backbone of a `save_pretrained` folder and a fresh head.

    The head is always re-made, also where the checkpoint's has as many classes: its classes are others. Positions are
    computed from the sizes, so that a model of 8 frames has the first half of a 16-frame model's.

    Returns:
        The model, and names of parameters: `remade` (not from the checkpoint), `unused` (in the checkpoint only).

    Raises:
        WeightsError: a parameter of the backbone is missing in the checkpoint, or has another shape.
    """
    configure, model_class = ARCHITECTURES[architecture]
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # its report of missing keys is ours to give
    transformers_logging.disable_progress_bar()
    try:
        model, loaded = model_class.from_pretrained(
            folder,
            config=configure(options, num_classes),
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            local_files_only=True,
        )
    except Exception as error:  # safetensors, pickle, zip and json have each their own for a damaged file
        raise WeightsError(f"{folder}: cannot be loaded: {error}") from error
    finally:
        transformers_logging.set_verbosity(verbosity)
        transformers_logging.enable_progress_bar()
    mismatched = {name for name, *_ in loaded["mismatched_keys"]}
    remade = sorted(set(loaded["missing_keys"]) | mismatched)
    if lost := [name for name in remade if not name.startswith(HEAD)]:
        raise WeightsError(
            f"{folder}: the backbone did not load: {len(lost)} of its parameters are missing or of another shape, "
            f"first {lost[0]}; this is no checkpoint of a {architecture} of these sizes"
        )
    head = getattr(model, CLASSIFIER)
    nn.init.normal_(head.weight, std=options.initializer_range)
    nn.init.zeros_(head.bias)
    remade = sorted({*remade, *(f"{CLASSIFIER}.{name}" for name, _ in head.named_parameters())})
    return Logits(model), {"remade": remade, "unused": sorted(loaded["unexpected_keys"])}
