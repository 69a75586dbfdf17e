"""The moving parts of a training: model, optimizer, schedule, precision, random state; saved and resumed as one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from partway import machine
from partway.errors import some
from partway.models import create_model, load_pretrained
from partway.models.layers import layers
from partway.progress import Progress
from partway.training import checkpoints
from partway.training import device as devices
from partway.training.ema import MovingAverage
from partway.training.forward import Forward
from partway.training.freezing import freeze, names_of, part_in
from partway.training.optim import create_optimizer, learning_rate_factor
from partway.training.precision import Precision
from partway.training.spec import TrainingSpec
from partway.weights.start import Start


class Parts:
    """What an optimizer step moves.

    Args:
        spec: of the training.
        classes: of the data set, in the order of their indices.
        steps_an_epoch: optimizer steps of one epoch.
        parent: folder of the previous stage's training, whose chosen checkpoint is the start.
        start: the weights of a first stage, which has no parent.

    Attributes:
        loaded: where the first weights came from, and which parameters were re-made or not used.
        model: what is trained.
        moving: names of its parameters that a training moves: all but those that the model itself keeps fixed.
        forward: the model as a training step runs it.
        average: the moving average of its weights, where the recipe has one.
    """

    def __init__(
        self,
        spec: TrainingSpec,
        classes: list[str],
        steps_an_epoch: int,
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
        self.moving = {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        for step in options.trainable:  # now, not when its epoch begins
            if step.part != "all":
                names_of(step.part, layers(self.model))
        self.forward = Forward(self.model, machine.compile_mode(), progress)
        self.average = MovingAverage(self.model, options.ema) if options.ema is not None else None
        self.optimizer = create_optimizer(self.model, options)
        self.factor = partial(learning_rate_factor, steps_an_epoch=steps_an_epoch, options=options)
        self.schedule = LambdaLR(self.optimizer, self.factor)
        self.options = options

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

    @property
    def scored(self) -> nn.Module:
        """The model that is scored and kept: with averaged weights, where there is an average."""
        return self.average.model if self.average else self.model

    def begin(self, epoch: int) -> str:
        """Put the model in the mode of training, for an epoch; return the part of it that this epoch trains."""
        part = part_in(epoch, self.options.trainable)
        names = self.moving if part == "all" else self.moving & names_of(part, layers(self.model))
        freeze(self.model, self.optimizer, names)
        return part

    def step(self) -> float:
        """Take one optimizer step; return the learning rate it was taken with: that of the whole, not of its head."""
        learning_rate = self.options.learning_rate * self.factor(self.schedule.last_epoch)
        self.precision.step(self.optimizer, self.model.parameters(), self.options.clip_norm)
        self.optimizer.zero_grad(set_to_none=True)
        self.schedule.step()
        if self.average:
            self.average.update(self.model)
        return learning_rate

    def state_dict(self) -> dict[str, Any]:
        """What going on from here needs, as plain values and tensors."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict() if self.average else None,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.precision.scaler.state_dict(),
            "torch_rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what `state_dict` gave; from another kind of device without its random state and its loss scale."""
        self.model.load_state_dict(state["model"])
        if self.average:
            self.average.model.load_state_dict(state["average"])
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
