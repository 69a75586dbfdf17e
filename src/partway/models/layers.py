"""The parameters of a model by depth: what layer-wise decay, freezing and a learning rate of the head go by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

Parts = list[nn.Module | nn.Parameter]


@dataclass(frozen=True)
class Layers:
    """Names of all parameters of a model, each once.

    Attributes:
        blocks: of the backbone from input to output: embeddings (or stem), then block after block. A final norm is in
            the last one, with which it is trained and frozen.
        head: what is made for the classes at hand, behind the backbone.
    """

    blocks: list[list[str]]
    head: list[str]


def layers(model: nn.Module) -> Layers:
    """Ask a model for its parameters by depth.

    Its method `depth` gives the parts of it (modules or parameters) from input to output, a list for each depth, the
    head last.

    Raises:
        ValueError: a parameter stands at no depth or at two, so that some optimizer group would lack it or have it twice.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    depths = [[names[id(parameter)] for part in parts for parameter in _parameters(part)] for parts in model.depth()]
    listed = [name for depth in depths for name in depth]
    if odd := sorted({name for name in listed if listed.count(name) > 1} | set(names.values()) - set(listed)):
        raise ValueError(f"depth() of {type(model).__name__} must name each parameter once; look at {odd[0]}")
    *blocks, head = depths
    return Layers([block for block in blocks if block], head)


def _parameters(part: nn.Module | nn.Parameter) -> Iterable[nn.Parameter]:
    return [part] if isinstance(part, nn.Parameter) else part.parameters()
