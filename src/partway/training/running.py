"""What a training has come to: over its epochs, and over the batches of one, on the device so that no step waits."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch

from partway.errors import TrainingError
from partway.progress import Progress


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
class SoFar:
    """What a training has come to after its whole epochs; saved after each.

    Attributes:
        rows: of the log, one an epoch.
        best_epoch: whose weights are kept; None where the last epoch's are taken.
        devices, precisions, compiles, attentions: what it ran on; more than one where it went on elsewhere.
    """

    epoch: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int | None = None
    elapsed_sec: float = 0.0
    devices: list[str] = field(default_factory=list)
    precisions: list[str] = field(default_factory=list)
    compiles: list[str] = field(default_factory=list)
    attentions: list[str] = field(default_factory=list)

    @property
    def chosen(self) -> dict[str, Any]:
        """The log row of the epoch whose weights are the result."""
        return self.rows[(self.best_epoch or self.epoch) - 1]

    def keep(self, row: dict[str, Any], *, select_best: bool) -> bool:
        """Add a finished epoch; say whether it is the best so far, the earliest of equals."""
        is_best = select_best and (self.best_epoch is None or row["val_top1"] > self.chosen["val_top1"])
        self.epoch += 1
        self.rows.append(row)
        self.elapsed_sec += row["epoch_sec"]
        if is_best:
            self.best_epoch = self.epoch
        return is_best

    def ran_on(self, progress: Progress, **present: str | None) -> None:
        """Note what the training runs on now, and say so where that is not what it ran on before."""
        for what, name in present.items():
            before = getattr(self, what)
            if name is None or name in before:
                continue
            before.append(name)
            if len(before) > 1:
                progress.line(f"warning: this training runs with several {what}: {', '.join(before)}; recorded so")


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
