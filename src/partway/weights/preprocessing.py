"""How a checkpoint wants its pixels: mean and standard deviation of values in [0, 1], from the files beside it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from partway.weights.digests import read_mapping
from partway.weights.names import WeightsError

MINUS_ONE_TO_ONE = {"mean": [0.5] * 3, "std": [0.5] * 3}


def of_transformers(path: Path, architecture: str) -> dict[str, Any]:
    """What the checkpoint's preprocessor does; nothing where it has none.

    It computes (value * rescale_factor - offset - mean) / std on values in 0 .. 255, each step only if its `do_` says
    so. ViViT alone has an offset, of 1: its pixels are in [-1, 1] after it, which is what it was trained on, and the
    normalisation that the library does then, to [-3, 1], is left out.
    """
    processor = read_mapping(path / "preprocessor_config.json") or read_mapping(path / "video_preprocessor_config.json")
    if processor is None:
        return {"normalisation": MINUS_ONE_TO_ONE} if architecture == "vivit" else {}
    factor = processor.get("rescale_factor", 1 / 255) if processor.get("do_rescale", True) else 1.0
    if architecture == "vivit" and processor.get("offset", True):
        if not math.isclose(255 * factor, 2.0):
            raise WeightsError(
                f"{path}: its preprocessor has an offset and rescale_factor {factor}; expected 1 / 127.5"
            )
        return {"normalisation": MINUS_ONE_TO_ONE}
    scale = 1.0 if math.isclose(255 * factor, 1.0) else 255 * factor
    mean, std = [0.0] * 3, [1.0] * 3
    if processor.get("do_normalize", True):
        if not {"image_mean", "image_std"} <= set(processor):
            raise WeightsError(f"{path}: its preprocessor normalises and does not say image_mean and image_std")
        mean, std = processor["image_mean"], processor["image_std"]
    if not all(isinstance(channels, list) and len(channels) == 3 for channels in (mean, std)):
        raise WeightsError(f"{path}: its preprocessor's image_mean and image_std must have three numbers each")
    return {"normalisation": {"mean": [m / scale for m in mean], "std": [s / scale for s in std]}}


def of_timm(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Mean and std of timm's `pretrained_cfg`; nothing where it has none.

    Raises:
        WeightsError: they are not three numbers each.
    """
    stated = config.get("pretrained_cfg") or {}
    if not {"mean", "std"} <= set(stated):
        return {}
    channels = stated["mean"], stated["std"]
    if not all(isinstance(values, list) and len(values) == 3 for values in channels):
        raise WeightsError(f"{path}: mean and std of its pretrained_cfg must have three numbers each")
    return {"normalisation": {"mean": channels[0], "std": channels[1]}}
