"""Pretrained weights as the study sees them: what a checkpoint folder's own files say, and its digest; no torch.

A folder as `save_pretrained` wrote it: config.json, the weights, and preprocessor_config.json where there is one.
The digest of the weights is in the training key, and so are sizes and normalisation; the folder's path is not.
"""

from __future__ import annotations

import hashlib
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import ValidationError

from partway import files
from partway.errors import PartwayError
from partway.schema import ModelOptions

SCRATCH = "scratch"
WEIGHT_FILES = (  # in the order in which transformers looks for them
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
# Fields of transformers' configs -> ModelOptions; those the study may change, and those the weights fix.
FREE = {"num_frames": "num_frames", "hidden_dropout_prob": "dropout"}
FIXED = {
    "image_size": "frame_size",
    "patch_size": "patch_size",
    "tubelet_size": "tubelet_size",
    "hidden_size": "hidden_size",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
}
# What partway builds without asking; a checkpoint that says otherwise would compute something else here.
ASSUMED = {"hidden_act": "gelu", "qv_bias": True, "qkv_bias": True, "layer_norm_eps": 1e-12, "num_channels": 3}


class WeightsError(PartwayError):
    """A checkpoint that cannot be used."""


@dataclass(frozen=True)
class Pretrained:
    """A checkpoint folder.

    Attributes:
        path: of the folder.
        digest: `sha256:...` of its weights.
        options: fields of ModelOptions that the checkpoint states.
        fixed: those of them that the study must not change.
    """

    path: str
    digest: str
    options: dict[str, Any]
    fixed: frozenset[str]


def describe(path: Path, architecture: str) -> Pretrained:
    """Read what a checkpoint folder says about itself.

    Args:
        path: the folder.
        architecture: that the study names, as transformers' `model_type`.

    Raises:
        WeightsError: no such folder, a file is missing, another architecture, or a variant that partway does not build.
    """
    if not path.is_dir():
        raise WeightsError(
            f"no folder {str(path)!r}; expected {SCRATCH}, or the folder of a checkpoint that save_pretrained wrote "
            "(from a hub: download the whole repository into a folder, and name that)"
        )
    config = _read(path / "config.json")
    if config is None:
        raise WeightsError(f"{path}: holds no config.json; expected a folder that save_pretrained wrote")
    digest = folder_digest(path)
    _refuse_variants(path, config, architecture)
    try:
        options = _sizes(path, config) | _normalisation(path)
        typed = ModelOptions.model_validate(options)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}, got {e['input']!r}" for e in error.errors())
        raise WeightsError(f"{path}: its config says what no model of partway can be: {wrong}") from None
    except (TypeError, ZeroDivisionError) as error:
        raise WeightsError(f"{path}: its config holds a size that is no number above 0: {error}") from None
    return Pretrained(
        str(path), digest, typed.model_dump(exclude_unset=True), frozenset(FIXED.values()) | {"mlp_ratio"}
    )


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    content = files.read_json(path)
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: expected a mapping, as save_pretrained writes it")
    return content


def _refuse_variants(path: Path, config: dict[str, Any], architecture: str) -> None:
    if config.get("model_type") != architecture:
        raise WeightsError(f"{path}: holds a {config.get('model_type')}, the study says architecture {architecture}")
    for name, assumed in ASSUMED.items():
        if config.get(name, assumed) != assumed:
            raise WeightsError(
                f"{path}: its config.json has {name} {config[name]}; partway builds {name} {assumed} only"
            )
    fine_tuned = any("Classification" in name for name in config.get("architectures") or ())
    if fine_tuned and not config.get("use_mean_pooling", True):
        raise WeightsError(f"{path}: was fine-tuned without mean pooling; partway builds use_mean_pooling true only")


def _sizes(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    options = {ours: config[theirs] for theirs, ours in (FREE | FIXED).items() if theirs in config}
    for name in ("frame_size", "patch_size"):
        if isinstance(options.get(name), list) and len(set(options[name])) == 1:
            options[name] = options[name][0]  # some write height and width
    if {"intermediate_size", "hidden_size"} <= set(config):
        options["mlp_ratio"] = config["intermediate_size"] / config["hidden_size"]
    if config.get("attention_probs_dropout_prob", 0.0) != config.get("hidden_dropout_prob", 0.0):
        raise WeightsError(f"{path}: its config.json has two dropouts; partway has one, make them equal there")
    return options


def _normalisation(path: Path) -> dict[str, Any]:
    """What the checkpoint's preprocessor does, as mean and std of pixel values in [0, 1]; nothing where it has none.

    It computes (value * rescale_factor - mean) / std on values in 0 .. 255, each step only if its `do_` says so.
    """
    processor = _read(path / "preprocessor_config.json") or _read(path / "video_preprocessor_config.json")
    if processor is None:
        return {}
    factor = processor.get("rescale_factor", 1 / 255) if processor.get("do_rescale", True) else 1.0
    scale = 1.0 if math.isclose(255 * factor, 1.0) else 255 * factor
    mean, std = [0.0] * 3, [1.0] * 3
    if processor.get("do_normalize", True):
        if not {"image_mean", "image_std"} <= set(processor):
            raise WeightsError(f"{path}: its preprocessor normalises and does not say image_mean and image_std")
        mean, std = processor["image_mean"], processor["image_std"]
    if not all(isinstance(channels, list) and len(channels) == 3 for channels in (mean, std)):
        raise WeightsError(f"{path}: its preprocessor's image_mean and image_std must have three numbers each")
    return {"normalisation": {"mean": [m / scale for m in mean], "std": [s / scale for s in std]}}


def folder_digest(path: Path) -> str:
    """Digest of the weights that a folder would load; sizes and normalisation stand in the key themselves.

    Raises:
        WeightsError: the folder holds no weights.
    """
    known = _known_digests()
    digests = [_file_digest(path / name, known) for name in _weight_files(path)]
    return "sha256:" + hashlib.sha256("\n".join(digests).encode()).hexdigest()[:24]


def _weight_files(path: Path) -> list[str]:
    """The files that transformers loads: the first kind that is there."""
    for name in WEIGHT_FILES:
        if not (path / name).is_file():
            continue
        if not name.endswith(".index.json"):
            return [name]
        shards = sorted(set((_read(path / name) or {}).get("weight_map", {}).values()))
        if lacking := [shard for shard in shards if not (path / shard).is_file()]:
            raise WeightsError(f"{path}: {name} names {lacking[0]}, which is not there; download the whole repository")
        return shards
    raise WeightsError(f"{path}: holds no {' or '.join(WEIGHT_FILES)}; expected a folder that save_pretrained wrote")


def _file_digest(path: Path, known: dict[str, str]) -> str:
    """Digest of a file, remembered by (path, size, mtime): a checkpoint of a gigabyte is read once."""
    stat = path.stat()
    key = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    if key not in known:
        known[key] = files.digest(path)
        with suppress(PartwayError, OSError):  # where the memory cannot be written, the file is read again next time
            files.write_json(_memory(), known)
    return known[key]


def _memory() -> Path:
    return platformdirs.user_cache_path("partway") / "digests.json"


def _known_digests() -> dict[str, str]:
    try:
        known = files.read_json(_memory())
    except (OSError, PartwayError):
        return {}
    return known if isinstance(known, dict) else {}
