"""Video models of Hugging Face transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.ops import StochasticDepth
from transformers import (
    AutoModelForVideoClassification,
    PreTrainedModel,
    TimesformerConfig,
    TimesformerForVideoClassification,
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    VivitConfig,
    VivitForVideoClassification,
    VJEPA2Config,
    VJEPA2ForVideoClassification,
)

from partway.models.attended import CLASS_TOKEN, Attended
from partway.models.layers import Parts
from partway.schema import ModelOptions
from partway.weights.loading import Report, into_transformers

CLASSIFIER = "classifier"


class Logits(nn.Module):
    """A transformers model as a plain module: video_BTCHW in, logits_BK out."""

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        if hasattr(model.base_model, "predictor"):
            model.base_model.predictor = None  # of V-JEPA 2: it serves pretraining alone
        self.model = model

    def forward(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        """Give logits_BK."""
        return self.model(**{self.model.main_input_name: video_BTCHW}).logits

    def depth(self) -> list[Parts]:
        """The model from input to output; see `layers`."""
        backbone = self.model.base_model
        embeddings = next(module for name, module in backbone.named_modules() if name.endswith("embeddings"))
        *blocks, last = self._blocks()
        deeper = {id(p) for part in (embeddings, last, *blocks) for p in part.parameters()}
        norms: Parts = [p for p in backbone.parameters() if id(p) not in deeper]
        others = {name: part for name, part in self.model.named_children() if part is not backbone}
        norms += [part for name, part in others.items() if name == "fc_norm"]
        head = [part for name, part in others.items() if name != "fc_norm"]
        return [[embeddings], *([block] for block in blocks), [last, *norms], head]

    def first_block(self) -> nn.Module:
        """The block that is given the tokens."""
        return self._blocks()[0]

    def attended(self) -> Attended | None:
        """Joint attention: VideoMAE's head reads the mean of all tokens, ViViT's the class token; None for the others."""
        tokens = {VideoMAEForVideoClassification: (slice(None), 0), VivitForVideoClassification: (CLASS_TOKEN, 1)}
        if type(self.model) not in tokens:
            return None
        read, first = tokens[type(self.model)]
        config = self.model.config
        patch = config.patch_size if hasattr(config, "patch_size") else config.tubelet_size[-1]
        side = config.image_size // patch
        return Attended(list(self._blocks()), read, (side, side), first)

    def _blocks(self) -> nn.ModuleList:
        return next(part for part in self.model.base_model.modules() if isinstance(part, nn.ModuleList))


def _sizes(options: ModelOptions, num_classes: int) -> dict[str, Any]:
    """What all configs call alike."""
    return {
        "hidden_size": options.hidden_size,
        "num_hidden_layers": options.num_layers,
        "num_attention_heads": options.num_heads,
        "attention_probs_dropout_prob": options.dropout,
        "initializer_range": options.initializer_range,
        "num_labels": num_classes,
    }


def _common(options: ModelOptions, num_classes: int) -> dict[str, Any]:
    """What all configs but V-JEPA 2's call alike."""
    return _sizes(options, num_classes) | {
        "image_size": options.frame_size,
        "num_frames": options.num_frames,
        "intermediate_size": round(options.hidden_size * options.mlp_ratio),
        "hidden_dropout_prob": options.dropout,
    }


def _videomae(options: ModelOptions, num_classes: int) -> VideoMAEConfig:
    """VideoMAE (Tong et al. 2022): joint space-time attention, fixed sinusoid positions, mean pooling."""
    return VideoMAEConfig(
        patch_size=options.patch_size, tubelet_size=options.tubelet_size, **_common(options, num_classes)
    )


def _vivit(options: ModelOptions, num_classes: int) -> VivitConfig:
    """ViViT (Arnab et al. 2021), model 1: joint space-time attention, one learned table of positions, a class token."""
    tubelet = [options.tubelet_size, options.patch_size, options.patch_size]
    return VivitConfig(tubelet_size=tubelet, **_common(options, num_classes))


def _timesformer(options: ModelOptions, num_classes: int) -> TimesformerConfig:
    """TimeSformer (Bertasius et al. 2021): attention over time, then over space."""
    return TimesformerConfig(patch_size=options.patch_size, **_common(options, num_classes))


def _vjepa2(options: ModelOptions, num_classes: int) -> VJEPA2Config:
    """V-JEPA 2 (Assran et al. 2025): joint space-time attention with rotary positions, an attentive pooler of 4 layers."""
    return VJEPA2Config(
        crop_size=options.frame_size,
        frames_per_clip=options.num_frames,
        patch_size=options.patch_size,
        tubelet_size=options.tubelet_size,
        mlp_ratio=options.mlp_ratio,
        attention_dropout=options.dropout,
        drop_path_rate=options.drop_path,
        **_sizes(options, num_classes),
    )


ARCHITECTURES = {
    "videomae": (_videomae, VideoMAEForVideoClassification),
    "vivit": (_vivit, VivitForVideoClassification),
    "timesformer": (_timesformer, TimesformerForVideoClassification),
    "vjepa2": (_vjepa2, VJEPA2ForVideoClassification),
}


def build(
    architecture: str, options: ModelOptions, num_classes: int, *, attn_implementation: str | None = None
) -> nn.Module:
    """Build one of this family's architectures with fresh weights.

    Args:
        attn_implementation: as transformers calls it; None for `sdpa` where the architecture has it (TimeSformer has only
            an attention of its own), `eager` for attention maps, which `sdpa` does not give.
    """
    config = ARCHITECTURES[architecture][0](options, num_classes)
    asked = {"attn_implementation": attn_implementation} if attn_implementation else {}
    model = AutoModelForVideoClassification.from_config(config, **asked)
    return _finished(model, options)


def _finished(model: PreTrainedModel, options: ModelOptions) -> Logits:
    """The model under our interface, with what its config cannot say."""
    if isinstance(model, TimesformerForVideoClassification):
        _drop_paths(model, options.drop_path)
    return Logits(model)


def _drop_paths(model: TimesformerForVideoClassification, rate: float) -> None:
    """Stochastic depth, linear in depth as the library has it; its config takes whole numbers only (5.23)."""
    layers = model.timesformer.encoder.layer
    for layer, drop_path in zip(layers, torch.linspace(0, rate, len(layers), device="cpu").tolist(), strict=True):
        layer.drop_path = StochasticDepth(drop_path, mode="row") if drop_path else nn.Identity()


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
    return _finished(model, options), report
