"""Pretrained weights as the study sees them: what a checkpoint folder's own files say, and its digest; no torch.

A folder as `save_pretrained` wrote it: config.json, the weights, and preprocessor_config.json where there is one.
The digest of these files is in the training key, the folder's path is not.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from partway import files
from partway.errors import PartwayError

SCRATCH = "scratch"
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json")
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
        digest: `sha256:...` over the names and contents of its files.
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
    for wanted in (("config.json",), WEIGHT_FILES):
        if not any((path / name).is_file() for name in wanted):
            raise WeightsError(f"{path}: holds no {' or '.join(wanted)}; expected a folder that save_pretrained wrote")
    config = files.read_json(path / "config.json")
    if config.get("model_type") != architecture:
        raise WeightsError(f"{path}: holds a {config.get('model_type')}, the study says architecture {architecture}")
    for name, assumed in ASSUMED.items():
        if config.get(name, assumed) != assumed:
            raise WeightsError(
                f"{path}: its config.json has {name} {config[name]}; partway builds {name} {assumed} only"
            )
    options = {ours: config[theirs] for theirs, ours in (FREE | FIXED).items() if theirs in config}
    if {"intermediate_size", "hidden_size"} <= set(config):
        options["mlp_ratio"] = config["intermediate_size"] / config["hidden_size"]
    return Pretrained(
        str(path), folder_digest(path), options | _normalisation(path), frozenset(FIXED.values()) | {"mlp_ratio"}
    )


def _normalisation(path: Path) -> dict[str, Any]:
    """What the checkpoint's preprocessor does to pixel values in [0, 1]."""
    if not (path / "preprocessor_config.json").is_file():
        return {}
    processor = files.read_json(path / "preprocessor_config.json")
    if not processor.get("do_normalize", True) or not {"image_mean", "image_std"} <= set(processor):
        return {}
    return {"normalisation": {"mean": processor["image_mean"], "std": processor["image_std"]}}


def folder_digest(path: Path) -> str:
    """Digest over the files that decide what a checkpoint computes; known ones are not read again."""
    names = ("config.json", "preprocessor_config.json", *WEIGHT_FILES)
    chosen = sorted({*names, *(file.name for file in path.glob("model-*-of-*.safetensors"))})
    known = _known_digests()
    lines = [f"{name} {_file_digest(path / name, known)}" for name in chosen if (path / name).is_file()]
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()[:24]


def _file_digest(path: Path, known: dict[str, str]) -> str:
    """Digest of a file, remembered by (path, size, mtime): a checkpoint of a gigabyte is read once."""
    stat = path.stat()
    key = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    if key not in known:
        known[key] = files.digest(path)
        with suppress(PartwayError):  # where the memory cannot be written, the file is read again next time
            files.write_json(_memory(), known)
    return known[key]


def _memory() -> Path:
    return platformdirs.user_cache_path("partway") / "digests.json"


def _known_digests() -> dict[str, str]:
    try:
        return files.read_json(_memory())
    except (FileNotFoundError, PartwayError):
        return {}
