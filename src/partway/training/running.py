"""What is kept over the batches of an epoch, on the device, so that no step waits for it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from partway.errors import TrainingError


@dataclass
class RunningSums:
    """Sums over the clips of an epoch, so that batches of unequal size weigh what they hold."""

    clips: int = 0
    loss: torch.Tensor | float = 0.0
    top1: torch.Tensor | float = 0.0
    top5: torch.Tensor | float = 0.0

    def add(self, loss: torch.Tensor, logits_BK: torch.Tensor, dominant_B: torch.Tensor) -> None:
        """Add a batch: its mean loss, its logits, and the class each clip counts as."""
        count = len(dominant_B)
        top5_B5 = logits_BK.topk(min(5, logits_BK.shape[1]), dim=1).indices
        hits_B5 = top5_B5 == dominant_B[:, None]
        self.clips += count
        self.loss = self.loss + loss.detach() * count
        self.top1 = self.top1 + hits_B5[:, 0].sum()
        self.top5 = self.top5 + hits_B5.any(dim=1).sum()

    def means(self) -> dict[str, float]:
        """Mean loss, top1 and top5 (of min(5, classes)) so far; waits for the device."""
        return {name: float(getattr(self, name)) / self.clips for name in ("loss", "top1", "top5")}


@dataclass
class EpochUnderWay:
    """How far an epoch has come, as of its last optimizer step: what going on inside it needs.

    Attributes:
        batches: micro-batches trained on.
        learning_rate: of the last optimizer step.
        train_sec: time spent, also by processes before this one.
    """

    batches: int = 0
    learning_rate: float = 0.0
    train_sec: float = 0.0
    sums: RunningSums = field(default_factory=RunningSums)

    def to_dict(self) -> dict[str, object]:
        """Plain values and tensors, for the state file."""
        return vars(self) | {"sums": vars(self.sums)}

    @classmethod
    def from_dict(cls, saved: dict, device: torch.device) -> EpochUnderWay:
        """Inverse of `to_dict`, with the sums on `device`."""
        sums = {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in saved["sums"].items()}
        return cls(**saved | {"sums": RunningSums(**sums)})


class RecentLosses:
    """Finds a loss that is not finite, a few steps late: asking for each one would stop the GPU at every step."""

    def __init__(self) -> None:
        self.recent: list[tuple[torch.Tensor, str]] = []

    def add(self, loss: torch.Tensor, where: str) -> None:
        """Remember a loss and where it arose; look at the last ones now and then."""
        self.recent.append((loss.detach(), where))
        if len(self.recent) == 16:
            self.check()

    def check(self) -> None:
        """Raise TrainingError for the first of the remembered losses that is not finite."""
        values = torch.stack([loss for loss, _ in self.recent]).tolist() if self.recent else []
        for value, (_, where) in zip(values, self.recent, strict=True):
            if not math.isfinite(value):
                raise TrainingError(f"the loss is {value} in {where}; lower learning_rate, or set clip_norm")
        self.recent.clear()
