"""Where in a model the attention is that can be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Attended:
    """What a model says of its tokens; they stand time step by time step, row by row, behind any class tokens.

    Attributes:
        blocks: from input to output, each with one attention among all tokens: of a clip, or of one frame of it.
        read: the tokens that the head reads after the last block: the class token, or those that it averages.
        grid: rows and columns of the patches of a frame.
    """

    blocks: Sequence[nn.Module]
    read: slice
    grid: tuple[int, int]


CLASS_TOKEN = slice(0, 1)
