"""The tensors of a checkpoint, whatever wrote it: safetensors, save_pretrained folders, and the dicts of old scripts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from partway import files
from partway.weights.digests import read_mapping, weight_files
from partway.weights.names import WeightsError

# What others call the weights in their dict: lightning and the ViViT script, the ViViT script, the ViT baseline,
# pytorchvideo's model zoo, partway itself.
WRAPPED_AS = ("state_dict", "model_state_dict", "model", "model_state", "weights")
WRAPPERS = (
    "module.",
    "_orig_mod.",
    "model.",
    "backbone.",
)  # of DataParallel, torch.compile, and modules around a model


@dataclass(frozen=True)
class Stored:
    """A checkpoint as it lies on the disk.

    Attributes:
        tensors: by name.
        classes: names in the order of their indices; None where it stores none.
    """

    tensors: dict[str, torch.Tensor]
    classes: list[str] | None

    def without_wrappers(self, known: Collection[str]) -> dict[str, torch.Tensor]:
        """The tensors with the prefixes of modules around the model taken off, but where the model has that name."""
        return {_unwrapped(name, known): tensor for name, tensor in self.tensors.items()}


def read(path: Path) -> Stored:
    """Read a checkpoint's folder or file, on the CPU.

    Raises:
        WeightsError: damaged, or it holds no tensors by name.
    """
    tensors: dict[str, torch.Tensor] = {}
    classes = _classes_beside(path)
    for file in weight_files(path):
        content = _load(file)
        if not isinstance(content, dict):
            raise WeightsError(f"{file}: holds a {type(content).__name__}; expected a dict of tensors by name")
        classes = _class_list(content.get("classes")) or classes
        tensors |= _tensors(file, content)
    return Stored(tensors, classes)


def _load(file: Path) -> Any:
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise WeightsError(f"{file}: cannot be loaded: {_first_line(error)}; download or save it again") from error
    except Exception as error:  # pickle's own errors, of which torch gives long advice to load unsafely
        raise WeightsError(
            f"{file}: cannot be loaded: {_first_line(error)}. It may hold more than tensors: load it where it was made, "
            "and save {'state_dict': model.state_dict(), 'classes': [names in order]} instead"
        ) from error


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:160] if str(error).strip() else ''}"


def _tensors(file: Path, content: dict[str, Any]) -> dict[str, torch.Tensor]:
    for name in WRAPPED_AS:
        if isinstance(content.get(name), dict):
            content = content[name]
            break
    tensors = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise WeightsError(
            f"{file}: holds no tensors by name, but {', '.join(map(repr, list(content)[:5]))}; expected a state dict, or "
            f"one under {', '.join(WRAPPED_AS)}"
        )
    return tensors


def _unwrapped(name: str, known: Collection[str]) -> str:
    while name not in known and name.startswith(WRAPPERS):
        name = name.partition(".")[2]
    return name


def _classes_beside(path: Path) -> list[str] | None:
    """The class list of a folder's config.json, or of a classes.json in the folder or beside the file."""
    if (found := (path if path.is_dir() else path.parent) / "classes.json").is_file():
        return _class_list(files.read_json(found))
    if path.is_file():
        return None
    config = read_mapping(path / "config.json") or {}
    if names := config.get("label_names"):  # timm
        return _class_list(names)
    labels = _class_list({int(index): name for index, name in (config.get("id2label") or {}).items()})
    unnamed = labels is not None and labels == [f"LABEL_{index}" for index, _ in enumerate(labels)]
    return None if unnamed else labels  # transformers' own filling where nobody named them


def _class_list(value: Any) -> list[str] | None:
    """Names in the order of their indices, from a list, from {index: name} or from {name: index}."""
    if isinstance(value, dict) and value:
        by_index = value if all(isinstance(key, int) for key in value) else {v: k for k, v in value.items()}
        if sorted(by_index) != list(range(len(by_index))):
            raise WeightsError(f"a class list with indices {sorted(by_index)[:5]}...; expected 0, 1, 2, ...")
        value = [by_index[index] for index in range(len(by_index))]
    return [str(name) for name in value] if isinstance(value, list | tuple) and value else None


def check_classes(path: Path, stored: list[str] | None, classes: Iterable[str]) -> None:
    """Refuse a head whose indices mean other classes than here.

    Raises:
        WeightsError: another list, another order, or none.
    """
    classes = list(classes)
    if stored == classes:
        return
    if stored is None:
        raise WeightsError(
            f"{path}: stores no class list, so that nobody knows what its indices mean; epochs: 0 evaluates its own head. "
            "Write the names, in the order of its indices, as a JSON list into a classes.json beside it"
        )
    differ = next(
        (i for i, (a, b) in enumerate(zip(stored, classes, strict=False)) if a != b), min(len(stored), len(classes))
    )
    at = [names[differ] if differ < len(names) else "nothing" for names in (stored, classes)]
    raise WeightsError(
        f"{path}: its head has another class list ({len(stored)} classes, here {len(classes)}; index {differ} is {at[0]} "
        f"there and {at[1]} here); epochs: 0 evaluates the head as it is, so both must be equal"
    )
