"""An exponential moving average of a model's weights, which is scored and kept in their place."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MovingAverage:
    """average = decay * average + (1 - decay) * weights after each optimizer step, from the first weights on.

    As in timm's ModelEma. Buffers, such as the statistics of BatchNorm, are copied and not averaged.

    Attributes:
        model: with the averaged weights.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.model = deepcopy(model).requires_grad_(requires_grad=False)
        self._blend = get_ema_multi_avg_fn(decay)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights of a model after an optimizer step."""
        self._blend(list(self.model.parameters()), list(model.parameters()), None)
        for own, present in zip(self.model.buffers(), model.buffers(), strict=True):
            own.copy_(present)
