"""Where in a model the attention is that can be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Attended:
    """What a model says of its tokens; the patches stand time step by time step and row by row.

    Attributes:
        blocks: from input to output, each with one attention among all tokens: of a clip, or of one frame of it.
        read: the tokens that the head reads after the last block: the class token, or those that it averages.
        grid: rows and columns of the patches of a frame.
        first: place of the first patch; class and register tokens stand before it.
    """

    blocks: Sequence[nn.Module]
    read: slice
    grid: tuple[int, int]
    first: int = 0


CLASS_TOKEN = slice(0, 1)
