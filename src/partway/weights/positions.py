"""Tables of positions for another number of frames than the checkpoint's; those of timm are resampled by timm itself.

VideoMAE's is a sinusoid that is computed from the sizes, and V-JEPA 2 turns its vectors: neither has anything stored.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F
from transformers import PreTrainedConfig

from partway.weights.names import WeightsError

Tensors = dict[str, torch.Tensor]


def over_space_and_time(table_1NC: torch.Tensor, frames: int, rows: int, columns: int) -> torch.Tensor:
    """A learned table of one CLS and T x H x W tokens, its T interpolated to `frames` tokens, its CLS kept.

    Trilinear on T x H x W with `align_corners` False: T cells and `frames` cells cover the same time.

    Raises:
        WeightsError: its tokens are no whole number of frames of rows x columns.
    """
    cls_11C, grid_1NC = table_1NC[:, :1], table_1NC[:, 1:]
    of_table, left = divmod(grid_1NC.shape[1], rows * columns)
    if left or not of_table:
        raise WeightsError(
            f"its {grid_1NC.shape[1]} positions are no whole number of frames of {rows} x {columns} tokens"
        )
    grid_1CTHW = grid_1NC.transpose(1, 2).unflatten(2, (of_table, rows, columns))
    grid_1CTHW = F.interpolate(grid_1CTHW, size=(frames, rows, columns), mode="trilinear", align_corners=False)
    return torch.cat([cls_11C, grid_1CTHW.flatten(2).transpose(1, 2)], dim=1)


def over_time(table_1TC: torch.Tensor, frames: int) -> torch.Tensor:
    """A learned table of T frames for another number: the nearest frame's, as TimeSformer itself does in `forward`."""
    return F.interpolate(table_1TC.transpose(1, 2), size=frames, mode="nearest").transpose(1, 2)


def _vivit(tensors: Tensors, config: PreTrainedConfig) -> Tensors:
    frames, height, width = config.tubelet_size
    grid = (config.num_frames // frames, config.image_size // height, config.image_size // width)
    return {
        name: over_space_and_time(table.float(), *grid)
        for name, table in tensors.items()
        if name.endswith("embeddings.position_embeddings") and table.shape[1] != 1 + grid[0] * grid[1] * grid[2]
    }


def _timesformer(tensors: Tensors, config: PreTrainedConfig) -> Tensors:
    return {
        name: over_time(table.float(), config.num_frames)
        for name, table in tensors.items()
        if name.endswith("embeddings.time_embeddings") and table.shape[1] != config.num_frames
    }


TABLES = {"vivit": _vivit, "timesformer": _timesformer}


def resized(tensors: Tensors, config: PreTrainedConfig) -> Tensors:
    """The tables that another number of frames asks for, by name; empty where the checkpoint's fit."""
    return TABLES[config.model_type](tensors, config) if config.model_type in TABLES else {}
