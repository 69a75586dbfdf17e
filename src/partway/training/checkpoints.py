"""Checkpoints: the weights of a finished training with what is needed to use them rightly."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import torch

from partway import files, keys
from partway.data.manifest import class_list_digest
from partway.errors import StorageError, TrainingError
from partway.training import device as devices


def save(
    path: Path,
    weights: dict[str, torch.Tensor],
    spec: dict[str, Any],
    classes: list[str],
    chosen: dict[str, Any],
) -> None:
    """Write weights, spec, class list, and epoch and validation top1 of the chosen epoch."""
    content = {
        "weights": weights,
        "spec": keys.canonical_json(spec),
        "classes": classes,
        "epoch": chosen["epoch"],
        "val_top1": chosen["val_top1"],
    }
    save_tensors(path, content)


def save_tensors(path: Path, content: Any) -> None:
    """Write with torch.save, atomically.

    Raises:
        StorageError: a full disk (torch itself says no more than "unexpected pos").
    """
    with files.replacing(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load_tensors(path: Path) -> Any:
    """Read what `save_tensors` wrote, on the CPU.

    Raises:
        StorageError: no file, or one that is damaged or was written by something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():  # torch itself compares no checksum
                raise ValueError(f"the checksum of {damaged} is wrong")
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds for a damaged file; all mean the same here
        reason = f"{type(error).__name__}: {str(error).splitlines()[0][:80] if str(error) else ''}"
        raise StorageError(f"{path}: cannot be read ({reason}); delete it and run the same command again") from error


def read_record(folder: Path) -> dict[str, Any]:
    """The training.json of a finished training.

    Raises:
        StorageError: damaged, or something else under this name.
    """
    path = folder / "training.json"
    record = files.read_json(path)
    if not isinstance(record, dict) or not {"checkpoint_digest", "data_fingerprint", "spec"} <= set(record):
        raise StorageError(f"{path}: not the record of a training; delete it and run the same command again")
    return record


def load_trained(folder: Path, classes: list[str]) -> dict[str, torch.Tensor]:
    """Weights of a finished training, and sure to be those that its training.json describes.

    Args:
        folder: of the training.
        classes: what its class indices must mean.

    Raises:
        StorageError: checkpoint.pt is damaged or another one. TrainingError: it was trained on another class list.
    """
    path = folder / "checkpoint.pt"
    checkpoint = load_tensors(path)
    if not isinstance(checkpoint, dict) or not {"classes", "weights"} <= set(checkpoint):
        raise StorageError(f"{path}: not a checkpoint of partway; delete it and run the same command again")
    if checkpoint["classes"] != classes:
        raise TrainingError(
            f"{path}: was trained on another class list ({len(checkpoint['classes'])} classes, digest "
            f"{class_list_digest(checkpoint['classes'])}; here {len(classes)}, {class_list_digest(classes)}); "
            "an index would mean another class"
        )
    if weights_digest(checkpoint["weights"]) != read_record(folder)["checkpoint_digest"]:
        raise StorageError(f"{path}: not the weights that training.json beside it describes; delete both and run again")
    return checkpoint["weights"]


def weights_digest(weights: dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of the weights: equal for equal weights, however they are packed."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def provenance(folder: Path, weights: dict[str, torch.Tensor], parent_digest: str | None) -> dict[str, Any]:
    """Where a checkpoint comes from: digests, code, versions, host."""
    return {
        "checkpoint_digest": weights_digest(weights),
        "parent_digest": parent_digest,
        "weights_mb": round((folder / "checkpoint.pt").stat().st_size / 2**20, 3),
        "host": socket.gethostname(),
        "git_commit": _git_commit(),
        "versions": devices.versions(),
        "numerics": keys.NUMERICS,
    }


@cache
def _git_commit() -> str | None:
    """Commit of the code that runs; `-dirty` where tracked files differ from it; None outside a clone."""
    command = [
        "git",
        "-C",
        str(Path(__file__).parent),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
