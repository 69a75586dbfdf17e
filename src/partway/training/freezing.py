"""Which parameters are trained in an epoch; the rest is frozen: no gradient, no step, no decay, and as at test time.

A frozen parameter has no gradient, so that AdamW passes it by and holds no state for it. One that is freed enters with
fresh state and at the schedule's present rate, for its group has been in the schedule from the start.
"""

from __future__ import annotations

import torch
from torch import nn

from partway.errors import TrainingError
from partway.models.layers import Layers
from partway.schema_training import TrainableFrom

LAST = "last_"


def part_in(epoch: int, trainable: list[TrainableFrom]) -> str:
    """The part that is trained in an epoch (1, 2, ..)."""
    return [step.part for step in trainable if step.from_epoch <= epoch][-1]


def names_of(part: str, layers: Layers) -> set[str]:
    """Names of the parameters of a part: head, or last_N, which is the head and the last N blocks.

    Raises:
        TrainingError: the model has fewer blocks; its embeddings are none.
    """
    last = int(part.removeprefix(LAST)) if part.startswith(LAST) else 0
    if last >= len(layers.blocks):
        raise TrainingError(
            f"trainable: {part}, but the model has {len(layers.blocks) - 1} blocks; write all, or fewer"
        )
    return {name for block in [*layers.blocks[len(layers.blocks) - last :], layers.head] for name in block}


def freeze(model: nn.Module, optimizer: torch.optim.Optimizer, names: set[str]) -> None:
    """Train the named parameters and no others.

    Modules that hold frozen parameters only are put in the mode of test time: no dropout and no drop_path there, and
    BatchNorm keeps its statistics. State of the optimizer for what is frozen is dropped.
    """
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)
        if not parameter.requires_grad:
            parameter.grad = None
            optimizer.state.pop(parameter, None)
    model.train()
    _as_at_test_time(model)


def _as_at_test_time(module: nn.Module) -> None:
    if list(module.parameters()) and not _is_trained(module):
        module.eval()
        return
    trained = True
    for child in module.children():  # dropout beside frozen parts is of what comes before it
        if list(child.parameters()):
            trained = _is_trained(child)
            _as_at_test_time(child)
        elif not trained:
            child.eval()


def _is_trained(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())
