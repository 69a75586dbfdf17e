"""Models by family. A model takes a normalised video_BTCHW (float) and gives logits_BK; adding one is one function."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from partway.schema import ModelOptions

if TYPE_CHECKING:
    from torch import nn

# family -> module with `build(architecture, options, num_classes)`; imported on use, for these imports take seconds
FAMILIES = {"transformers": "partway.models.transformers"}


def create_model(family: str, architecture: str, options: ModelOptions, num_classes: int) -> nn.Module:
    """Build a model with fresh weights, drawn from torch's global random state.

    Returns:
        A module from video_BTCHW, normalised, to logits_BK.
    """
    build: Callable[..., nn.Module] = import_module(FAMILIES[family]).build
    return build(architecture, options, num_classes)


def parameter_count(model: nn.Module) -> int:
    """Number of parameters, trainable or not."""
    return sum(parameter.numel() for parameter in model.parameters())
