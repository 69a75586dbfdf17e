"""A tiny VideoMAE checkpoint of five classes with its preprocessor, as the library saves it."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import VideoMAEConfig, VideoMAEForVideoClassification, VideoMAEImageProcessor

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
    """Save it into `folder`."""
    torch.manual_seed(7)
    VideoMAEForVideoClassification(VideoMAEConfig(**SIZES, num_labels=5)).save_pretrained(folder)
    VideoMAEImageProcessor(image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6]).save_pretrained(folder)
    return folder
