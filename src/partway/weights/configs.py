"""What the config.json of a checkpoint folder says: sizes and variants, in the words of ModelOptions; no torch.

One row for each architecture of transformers; one function for the folders of timm.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partway.weights.digests import weight_files
from partway.weights.names import WeightsError

USUAL_SIZES = {
    "image_size": "frame_size",
    "patch_size": "patch_size",
    "tubelet_size": "tubelet_size",
    "hidden_size": "hidden_size",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
}


@dataclass(frozen=True)
class Config:
    """How an architecture's config.json is read.

    Attributes:
        sizes: its fields -> ModelOptions that the weights fix.
        frames: its field for the number of frames, which the study may change.
        assumed: what partway builds without asking; a checkpoint that says otherwise would compute something else here.
        dropouts: its fields of dropout; partway has one, so they must be equal.
    """

    sizes: dict[str, str]
    assumed: dict[str, Any]
    frames: str = "num_frames"
    dropouts: tuple[str, ...] = ("hidden_dropout_prob", "attention_probs_dropout_prob")


_TUBELETS = {theirs: ours for theirs, ours in USUAL_SIZES.items() if theirs != "patch_size"}
_FRAMES = {theirs: ours for theirs, ours in USUAL_SIZES.items() if theirs != "tubelet_size"}
CONFIGS = {
    "videomae": Config(
        USUAL_SIZES,
        {"hidden_act": "gelu", "qv_bias": True, "qkv_bias": True, "layer_norm_eps": 1e-12, "num_channels": 3},
    ),
    "vivit": Config(
        _TUBELETS, {"hidden_act": "gelu_fast", "qkv_bias": True, "layer_norm_eps": 1e-6, "num_channels": 3}
    ),
    "timesformer": Config(
        _FRAMES,
        {
            "hidden_act": "gelu",
            "qkv_bias": True,
            "layer_norm_eps": 1e-6,
            "num_channels": 3,
            "attention_type": "divided_space_time",
        },
    ),
    "vjepa2": Config(
        {
            **{k: v for k, v in USUAL_SIZES.items() if k != "image_size"},
            "crop_size": "frame_size",
            "mlp_ratio": "mlp_ratio",
        },
        {"hidden_act": "gelu", "qkv_bias": True, "layer_norm_eps": 1e-6, "in_chans": 3},
        frames="frames_per_clip",
        dropouts=("attention_probs_dropout_prob",),
    ),
}


@dataclass(frozen=True)
class Stated:
    """What a config states, as ModelOptions, and which of it the study must not change."""

    options: dict[str, Any] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()


def of_transformers(path: Path, config: dict[str, Any], architecture: str) -> Stated:
    """Read a config.json of transformers.

    Raises:
        WeightsError: another architecture, or a variant that partway does not build.
    """
    if config.get("model_type") != architecture:
        raise WeightsError(f"{path}: holds a {config.get('model_type')}, the study says architecture {architecture}")
    if architecture not in CONFIGS:
        raise WeightsError(f"{path}: partway reads config.json of {', '.join(CONFIGS)}, not of {architecture}")
    row = CONFIGS[architecture]
    for name, assumed in row.assumed.items():
        if config.get(name, assumed) != assumed:
            raise WeightsError(
                f"{path}: its config.json has {name} {config[name]}; partway builds {name} {assumed} only"
            )
    fine_tuned = any("Classification" in name for name in config.get("architectures") or ())
    if fine_tuned and not config.get("use_mean_pooling", True):
        raise WeightsError(f"{path}: was fine-tuned without mean pooling; partway builds use_mean_pooling true only")
    return Stated(_sizes(path, config, row), frozenset(row.sizes.values()) | {"mlp_ratio"})


def _sizes(path: Path, config: dict[str, Any], row: Config) -> dict[str, Any]:
    fields = row.sizes | {row.frames: "num_frames"}
    options = {ours: config[theirs] for theirs, ours in fields.items() if theirs in config}
    tubelet = options.get("tubelet_size")
    if isinstance(tubelet, list) and len(tubelet) == 3:  # frames, height, width of one token
        options |= {"tubelet_size": tubelet[0], "patch_size": tubelet[1:]}
    for name in ("frame_size", "patch_size"):
        if isinstance(options.get(name), list) and len(set(options[name])) == 1:
            options[name] = options[name][0]  # some write height and width
    if {"intermediate_size", "hidden_size"} <= set(config):
        options["mlp_ratio"] = config["intermediate_size"] / config["hidden_size"]
    dropouts = {config.get(name, 0.0) for name in row.dropouts}
    if len(dropouts) > 1:
        raise WeightsError(f"{path}: its config.json has two dropouts; partway has one, make them equal there")
    if set(row.dropouts) & set(config):
        options["dropout"] = dropouts.pop()
    return options


def of_timm(path: Path, config: dict[str, Any], architecture: str) -> Stated:
    """Read a folder of timm, with what its weights show of a `vit`, whose sizes are the study's own otherwise.

    The frame size is free: timm resamples the table of positions.

    Raises:
        WeightsError: not a config of timm.
    """
    if "architecture" not in config:
        raise WeightsError(f"{path}: its config.json names no architecture of timm")
    if architecture not in ("vit", config["architecture"]):
        raise WeightsError(f"{path}: holds a {config['architecture']}, the study says architecture {architecture}")
    pretrained = config.get("pretrained_cfg") or {}
    size = pretrained.get("input_size")
    options = {"frame_size": size[-1]} if isinstance(size, list) and size else {}
    shapes = _shapes(path) if architecture == "vit" else {}
    if "patch_embed.proj.weight" not in shapes:
        return Stated(options)
    width, _, patch, _ = shapes["patch_embed.proj.weight"]
    sizes = {
        "hidden_size": width,
        "patch_size": patch,
        "num_layers": 1 + max(int(name.split(".")[1]) for name in shapes if name.startswith("blocks.")),
        "mlp_ratio": shapes["blocks.0.mlp.fc1.weight"][0] / width,
    }
    # The number of heads is in no shape: exports of partway state it, the ViTs of timm up to large have 64 wide heads.
    heads = (config.get("model_args") or {}).get("num_heads", max(1, width // 64))
    return Stated(options | sizes | {"num_heads": heads}, frozenset(sizes))


def _shapes(path: Path) -> dict[str, list[int]]:
    """Names and shapes in a safetensors file, from its header alone; nothing for other kinds of files."""
    files = weight_files(path)
    if len(files) != 1 or files[0].suffix != ".safetensors":
        return {}
    try:
        with files[0].open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 100_000_000)))
    except (struct.error, ValueError) as error:
        raise WeightsError(f"{files[0]}: damaged, its header cannot be read ({error}); download it again") from None
    return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}
