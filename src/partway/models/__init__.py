"""Models by family. A model takes a normalised video_BTCHW (float) and gives logits_BK; adding one is
one function in the module of its family, and its row in `partway.families`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from partway import weights
from partway.schema import ModelOptions

if TYPE_CHECKING:
    from torch import nn


def _module(family: str) -> ModuleType:
    """The module of a family, with `build` and `load`; imported on use, for these imports take seconds."""
    return import_module(f"{__name__}.{family}")


def create_model(family: str, architecture: str, options: ModelOptions, num_classes: int) -> nn.Module:
    """Build a model with fresh weights, drawn from torch's global random state.

    Returns:
        A module from video_BTCHW, normalised, to logits_BK.
    """
    return _module(family).build(architecture, options, num_classes)


def load_pretrained(
    family: str, architecture: str, options: ModelOptions, num_classes: int, folder: Path, digest: str
) -> tuple[nn.Module, dict[str, Any]]:
    """Build a model from a checkpoint folder; its head is re-made for `num_classes`, fresh.

    Args:
        folder: as `save_pretrained` wrote it.
        digest: what the training's key was made of.

    Returns:
        The model, and a report: names of re-made parameters and of those in the checkpoint that were not used.

    Raises:
        WeightsError: the folder changed since the key was made, or the backbone did not load whole.
    """
    if weights.folder_digest(folder) != digest:
        raise weights.WeightsError(f"{folder}: its files have changed since this study was read; start the study again")
    return _module(family).load(architecture, options, num_classes, folder)


def parameter_count(model: nn.Module) -> int:
    """Number of parameters, trainable or not."""
    return sum(parameter.numel() for parameter in model.parameters())
