"""What to do where the GPU's memory does not suffice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from partway.errors import TrainingError
from partway.training.spec import TrainingSpec

ELSEWHERE = (
    "let a larger GPU do it, or the CPU (PARTWAY_DEVICE=cpu); batch_size, num_frames and frame_size are the training's, and "
    "others would train it again"
)


@contextmanager
def explained(spec: TrainingSpec, doing: str) -> Iterator[None]:
    """Say what to lower, where the block runs out of GPU memory.

    Raises:
        TrainingError: with batch, frames and size, instead of torch.OutOfMemoryError.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        model, training = spec.model, spec.training
        raise TrainingError(
            f"out of GPU memory in {doing} with batch_size {training.batch_size}, {model.num_frames} frames of "
            f"{model.frame_size} x {model.frame_size} and precision {training.precision}: "
            + (_advice(spec) if doing.startswith("epoch") else ELSEWHERE)
        ) from error


def _advice(spec: TrainingSpec) -> str:
    training = spec.training
    smaller = "lower num_frames or frame_size" + (", or write precision: bf16" if training.precision == "fp32" else "")
    if training.batch_size == 1:
        return smaller
    fewest = 2 if training.mixup or training.cutmix else 1  # a single clip has nothing to be mixed with
    smaller_ones = range(training.batch_size // 2, fewest - 1, -1)
    batch = next((n for n in smaller_ones if training.batch_size % n == 0), None)
    if batch is None:
        return smaller
    groups = training.accumulation * training.batch_size // batch
    return (
        f"write batch_size: {batch} and accumulation: {groups}, which keeps {batch * groups} clips an optimizer step; "
        f"or {smaller}"
    )
