"""The number format of the arithmetic: fp32, or mixed precision by autocast, and by loss scaling under fp16."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import torch
from torch import nn

from partway.progress import Progress

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def effective(wanted: str, device: torch.device) -> str:
    """The precision that a device can honour: `wanted`, or fp32."""
    if device.type == "cuda":
        return "fp32" if wanted == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False) else wanted
    return "fp32" if wanted == "fp16" else wanted  # a CPU has no fast fp16, and would lose digits for nothing


class Precision:
    """Autocast, backward and optimizer step in one precision (Micikevicius et al. 2018).

    Attributes:
        name: the effective precision; what was wanted stands in the spec.
    """

    def __init__(self, wanted: str, device: torch.device, progress: Progress):
        self.device = device
        self.name = effective(wanted, device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.name == "fp16")
        if self.scaler.is_enabled():  # the schedule counts a step that overflowed too: its length is the study's
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step.. before `optimizer.step")
        if self.name != wanted:
            progress.line(
                f"warning: no {wanted} on this device ({device.type}); going on in {self.name}, and recorded so"
            )

    def autocast(self) -> torch.autocast:
        """The context that a forward pass and its loss run in."""
        mixed = self.name in DTYPES
        return torch.autocast(self.device.type, dtype=DTYPES.get(self.name, torch.bfloat16), enabled=mixed)

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradients of a loss; scaled under fp16, so that small ones do not vanish."""
        self.scaler.scale(loss).backward()

    def step(
        self, optimizer: torch.optim.Optimizer, parameters: Iterable[nn.Parameter], clip_norm: float | None
    ) -> None:
        """Take an optimizer step with clipped gradients; fp16 leaves it out where a gradient overflowed."""
        if clip_norm is not None:
            self.scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(parameters, clip_norm)
        self.scaler.step(optimizer)
        self.scaler.update()
