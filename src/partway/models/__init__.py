"""Models by family. A model takes a normalised video_BTCHW (float) and gives logits_BK; adding one is
one function in the module of its family, and its row in `partway.families`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

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
    family: str, architecture: str, options: ModelOptions, classes: list[str], path: Path, *, keep_head: bool
) -> tuple[nn.Module, dict[str, list[str]]]:
    """Build a model from a checkpoint; its head is re-made for the classes, fresh, or kept where it is for them already.

    Args:
        path: a folder as `save_pretrained` or timm wrote it, or a file.
        keep_head: for an evaluation of the checkpoint as it is.

    Returns:
        The model, and a report: names of resized, re-made, unused and missing parameters.

    Raises:
        WeightsError: the backbone did not load whole, or the head that is to be kept is for other classes.
    """
    return _module(family).load(architecture, options, classes, path, keep_head=keep_head)


def parameter_count(model: nn.Module) -> int:
    """Number of parameters, trainable or not."""
    return sum(parameter.numel() for parameter in model.parameters())
