"""Which files of a checkpoint are loaded, and the digest of their content, which stands in the training's key."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from partway import files
from partway.errors import PartwayError
from partway.weights.names import WeightsError

WEIGHT_FILES = (  # of a folder, in the order in which transformers and timm look for them
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
SUFFIXES = (".safetensors", ".pth", ".pyth", ".pt", ".bin", ".ckpt")  # of a single file


def digest_of(path: Path) -> str:
    """Digest of the weights that a folder or file would load; equal for equal content, wherever it lies.

    Raises:
        WeightsError: no weights are there.
    """
    known = _known_digests()
    digests = [_file_digest(file, known) for file in weight_files(path)]
    return "sha256:" + hashlib.sha256("\n".join(digests).encode()).hexdigest()[:24]


def weight_files(path: Path) -> list[Path]:
    """The file itself, or of a folder the first kind that is there, all its shards.

    Raises:
        WeightsError: a file of another kind, a folder without weights, or a shard that is not there.
    """
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise WeightsError(f"{path}: not a file of weights; expected one of {', '.join(SUFFIXES)}")
        return [path]
    for name in WEIGHT_FILES:
        if not (path / name).is_file():
            continue
        if not name.endswith(".index.json"):
            return [path / name]
        shards = sorted(set((read_mapping(path / name) or {}).get("weight_map", {}).values()))
        if lacking := [shard for shard in shards if not (path / shard).is_file()]:
            raise WeightsError(f"{path}: {name} names {lacking[0]}, which is not there; download the whole repository")
        return [path / shard for shard in shards]
    raise WeightsError(f"{path}: holds no {' or '.join(WEIGHT_FILES)}; expected a folder that save_pretrained wrote")


def read_mapping(path: Path) -> dict[str, Any] | None:
    """A JSON mapping; None where there is no such file.

    Raises:
        WeightsError: it holds something else.
    """
    if not path.is_file():
        return None
    content = files.read_json(path)
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: expected a mapping, as save_pretrained writes it")
    return content


def _file_digest(path: Path, known: dict[str, str]) -> str:
    """Digest of a file, remembered by (path, size, mtime): a checkpoint of a gigabyte is read once."""
    stat = path.stat()
    key = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    if key not in known:
        known[key] = files.digest(path)
        with suppress(PartwayError, OSError):  # where the memory cannot be written, the file is read again next time
            files.write_json(memory(), known)
    return known[key]


def memory() -> Path:
    """Where digests of files are remembered."""
    return platformdirs.user_cache_path("partway") / "digests.json"


def _known_digests() -> dict[str, str]:
    try:
        known = files.read_json(memory())
    except (OSError, PartwayError):
        return {}
    return known if isinstance(known, dict) else {}
