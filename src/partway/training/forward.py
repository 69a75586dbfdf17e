"""The forward pass of a training step: as it is, or through torch.compile where that works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from partway.progress import Progress
from partway.training.attention import Watch


class Forward:
    """Runs the model in training steps; scoring runs the model itself, so that nothing is compiled twice.

    The first batch tries a compiled model out, forward and backward, since torch.compile fails as late as that. Where it
    fails, there or at a later shape, the training goes on without it.

    Attributes:
        compiled: the effective mode of torch.compile, `off` for none.
        attention: see `Watch.backends`; None before the first batch too.
    """

    def __init__(self, model: nn.Module, mode: str, progress: Progress):
        self.model, self.progress = model, progress
        self.compiled, self.attention = mode, None
        self._run = model if mode == "off" else torch.compile(model, mode=mode)
        self._began = False

    def __call__(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        """Give logits_BK."""
        if not self._began:
            self._began = True
            return self._first(video_BTCHW)
        return self._guarded(video_BTCHW)

    def _first(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        if self.compiled == "off":
            return self._watched(video_BTCHW)
        with _unchanged(self.model):
            self._watched(video_BTCHW)
        with _unchanged(self.model):
            try:
                self._run(video_BTCHW).float().sum().backward()
            except torch.OutOfMemoryError:
                raise
            except Exception as error:  # whatever dynamo, the compiler of this machine or a kernel says
                self._fall_back(error)
        return self._guarded(video_BTCHW)

    def _watched(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        with Watch() as watch:
            logits_BK = self.model(video_BTCHW)
        self.attention = watch.backends
        if video_BTCHW.device.type == "cuda" and "math" in (self.attention or ""):
            self.progress.line(
                "warning: attention runs on torch's math backend, which is slow and takes much memory; precision: bf16, or "
                "a width of heads (hidden_size / num_heads) divisible by 8, lets it run on a fused one"
            )
        return logits_BK

    def _guarded(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        if self.compiled == "off":
            return self._run(video_BTCHW)
        try:
            return self._run(video_BTCHW)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # another shape or another set of frozen parameters is compiled anew
            self._fall_back(error)
            return self._run(video_BTCHW)

    def _fall_back(self, error: Exception) -> None:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        self.progress.line(
            f"warning: compile: {self.compiled} does not work here; going on without it, and recorded so. {reason}"
        )
        self.compiled, self._run = "off", self.model


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Whatever is run inside leaves no gradient, no statistics and no drawn random number behind."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
    for name, buffer in model.named_buffers():
        buffer.data.copy_(buffers[name])
    for parameter in model.parameters():
        parameter.grad = None
