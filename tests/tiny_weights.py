"""Tiny checkpoints of five classes, as their libraries save them."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
from transformers import (
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    VideoMAEImageProcessor,
    VivitConfig,
    VivitForVideoClassification,
    VivitImageProcessor,
)

SIZES = {
    "image_size": 32,
    "num_frames": 4,
    "patch_size": 16,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def write_weights(folder: Path) -> Path:
    """Save a tiny VideoMAE with its preprocessor into `folder`."""
    torch.manual_seed(7)
    VideoMAEForVideoClassification(VideoMAEConfig(**SIZES, num_labels=5)).save_pretrained(folder)
    VideoMAEImageProcessor(image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6]).save_pretrained(folder)
    return folder


def write_vivit(folder: Path) -> Path:
    """Save a tiny ViViT of five classes with its preprocessor into `folder`."""
    torch.manual_seed(7)
    sizes = {"image_size": 32, "num_frames": 8, "tubelet_size": [2, 16, 16], "hidden_size": 32, "num_hidden_layers": 2}
    config = VivitConfig(**sizes, num_attention_heads=2, intermediate_size=64, num_labels=5)
    VivitForVideoClassification(config).save_pretrained(folder)
    VivitImageProcessor().save_pretrained(folder)
    return folder


def write_timm_vit(folder: Path) -> Path:
    """Save a tiny ViT of five classes into `folder`, as timm does for the hub."""
    torch.manual_seed(7)
    sizes = {"patch_size": 16, "embed_dim": 64, "depth": 1, "num_heads": 1, "mlp_ratio": 1.0}
    model = timm.create_model("vit_base_patch16_224", img_size=32, global_pool="avg", num_classes=5, **sizes)
    timm.models.save_for_hf(model, str(folder), safe_serialization=True)
    return folder
