"""The moving parts of a training: model, optimizer, schedule, precision, random state; saved and resumed as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from partway.errors import some
from partway.models import create_model, load_pretrained
from partway.progress import Progress
from partway.training import checkpoints
from partway.training import device as devices
from partway.training.optim import create_optimizer, create_schedule
from partway.training.precision import Precision
from partway.training.spec import TrainingSpec
from partway.weights.start import Start


class Parts:
    """What an optimizer step moves.

    Args:
        spec: of the training.
        classes: of the data set, in the order of their indices.
        steps: optimizer steps of all epochs together.
        parent: folder of the previous stage's training, whose chosen checkpoint is the start.
        start: the weights of a first stage, which has no parent.

    Attributes:
        loaded: where the first weights came from, and which parameters were re-made or not used.
    """

    def __init__(
        self,
        spec: TrainingSpec,
        classes: list[str],
        steps: int,
        *,
        parent: Path | None,
        start: Start | None,
        progress: Progress,
    ):
        options = spec.training
        self.device = devices.choose()
        self.precision = Precision(options.precision, self.device, progress)
        self.to_device = devices.ToDevice(self.device, spec.model.normalisation)
        self.loaded: dict[str, Any] = {}
        self.model = self._first_model(spec, classes, parent, start, progress).to(self.device).train()
        self.optimizer = create_optimizer(self.model, options)
        self.schedule = create_schedule(self.optimizer, steps, options)
        self.clip_norm = options.clip_norm

    def _first_model(
        self, spec: TrainingSpec, classes: list[str], parent: Path | None, start: Start | None, progress: Progress
    ) -> nn.Module:
        """The model as it is before the first step: of the stage before, of pretrained weights, or fresh."""
        torch.manual_seed(spec.seed)
        if parent is not None:
            self.loaded = {"source": "previous stage"}
            model = create_model(spec.family, spec.architecture, spec.model, len(classes))
            model.load_state_dict(checkpoints.load_trained(parent, classes))
            return model
        self.loaded = dict(start.facts)
        for reason in start.passed_over:
            progress.line(f"warning: {reason}; the next of fallback is tried")
        if start.path is None:
            return create_model(spec.family, spec.architecture, spec.model, len(classes))
        keep_head = spec.training.epochs == 0
        sizes = (spec.family, spec.architecture, spec.model, classes)
        model, report = load_pretrained(*sizes, start.path, keep_head=keep_head)
        self.loaded |= report
        told = (f"{what}: {some(names) or 'none'}" for what, names in report.items())
        mean, std = spec.model.normalisation.mean, spec.model.normalisation.std
        progress.line(f"weights {start.path}: {'; '.join(told)}; pixels normalised by mean {mean}, std {std}")
        return model

    def step(self) -> float:
        """Take one optimizer step; return the learning rate it was taken with."""
        learning_rate = self.optimizer.param_groups[0]["lr"]
        self.precision.step(self.optimizer, self.model.parameters(), self.clip_norm)
        self.optimizer.zero_grad(set_to_none=True)
        self.schedule.step()
        return learning_rate

    def state_dict(self) -> dict[str, Any]:
        """What going on from here needs, as plain values and tensors."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.precision.scaler.state_dict(),
            "torch_rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what `state_dict` gave; from another kind of device without its random state and its loss scale."""
        self.model.load_state_dict(state["model"])
        fused = self.optimizer.param_groups[0]["fused"]  # of this device, not of the one that saved
        self.optimizer.load_state_dict(state["optimizer"])
        for group in self.optimizer.param_groups:
            group["fused"] = fused
        self.schedule.load_state_dict(state["schedule"])
        if state["scaler"]:  # empty where no scaling was needed: then this device begins with its own scale
            self.precision.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["torch_rng"])
        if self.device.type == "cuda" and state["cuda_rng"] is not None:
            torch.cuda.set_rng_state(state["cuda_rng"], self.device)

    def peak_memory_mb(self) -> int:
        """Peak GPU memory since the last call; 0 on the CPU."""
        if self.device.type != "cuda":
            return 0
        peak = torch.cuda.max_memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        return round(peak / 2**20)
