"""The recipe of one training as a study writes it: `training:` and what stands below it (SPEC 6)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from partway.errors import did_you_mean, short
from partway.schema_types import Count, CountOrNone, Fraction, Positive, Probability, Section

PART = re.compile(r"all|head|last_[1-9][0-9]*")


class Mixup(Section):
    """Mixup on clips (Zhang et al. 2018): one lambda ~ Beta(alpha, alpha) a micro-batch."""

    alpha: Positive = Field(0.8, description="of the Beta distribution; larger mixes more evenly")
    prob: Probability = Field(1.0, description="share of the micro-batches that are mixed")


class Cutmix(Section):
    """CutMix on clips (Yun et al. 2019): a box of another clip, the same in all frames, one a micro-batch."""

    alpha: Positive = Field(1.0, description="of the Beta distribution of the share that is kept")
    prob: Probability = Field(1.0, description="share of the micro-batches that are mixed")
    switch: Probability = Field(0.5, description="beside mixup: share of the micro-batches that CutMix takes from it")


class EarlyStopping(Section):
    """The training ends where val_top1 has stopped rising; the schedule's length stays that of `epochs`."""

    patience: Count = Field(5, description="epochs in a row without a higher val_top1, after which it ends")
    min_delta: Fraction = Field(0.0, description="what a rise must exceed to count, a share of the videos")


def _as_part(value: Any) -> Any:
    if isinstance(value, str) and PART.fullmatch(value):
        return value
    close = did_you_mean(value, ["all", "head", "last_1"])
    raise ValueError(f"expected all, head or last_N, as last_3, got {short(value)}{close}")


Part = Annotated[
    str, BeforeValidator(_as_part, json_schema_input_type=Annotated[str, Field(pattern=f"^({PART.pattern})$")])
]


class TrainableFrom(Section):
    """What of the model is trained from an epoch on; the rest is frozen, and computes as at test time."""

    from_epoch: Count = Field(description="the first epoch is 1")
    part: Part = Field(description="all, head, or last_N: the head and the last N blocks")


def _as_trainable(value: Any) -> Any:
    if isinstance(value, list):
        return value
    return [{"from_epoch": 1, "part": _as_part(value)}]


Trainable = Annotated[
    list[TrainableFrom],
    Field(min_length=1),
    BeforeValidator(_as_trainable, json_schema_input_type=Part | Annotated[list[TrainableFrom], Field(min_length=1)]),
]
ALL = [TrainableFrom(from_epoch=1, part="all")]


class Training(Section):
    """The recipe of one training (SPEC 6)."""

    epochs: CountOrNone = Field(
        20, description="passes over the train split; 0 only evaluates pretrained weights, with their own head"
    )
    batch_size: Count = Field(8, description="clips of one micro-batch")
    accumulation: Count = Field(1, description="micro-batches of one optimizer step")
    learning_rate: Positive = Field(5e-5, description="highest one, after warmup")
    head_learning_rate: Positive | None = Field(None, description="highest one of the head; null for the same")
    layer_decay: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="factor on the learning rate for each layer further from the head"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.05, description="of AdamW")
    decay_norm_and_bias: bool = Field(
        True, description="false: no weight decay of norms, biases, and tables of positions and class tokens"
    )
    schedule: Literal["cosine", "cosine_per_epoch", "constant"] = Field(
        "cosine", description="cosine: per optimizer step; cosine_per_epoch: one rate in all steps of an epoch"
    )
    warmup: Fraction = Field(
        0.1,
        description="share of the optimizer steps (of cosine_per_epoch: of the epochs) with a rising learning rate",
    )
    min_learning_rate: Annotated[float, Field(ge=0)] = Field(
        0.0, description="where the cosine of learning_rate ends; other rates end at the same share of themselves"
    )
    clip_norm: Positive | None = Field(1.0, description="largest norm of the gradient; null for no clipping")
    trainable: Trainable = Field(
        ALL,
        description="all, head, last_N (the head and the last N blocks), or a schedule by epoch; the rest is frozen",
    )
    mixup: Mixup | None = Field(None, description="null for none")
    cutmix: Cutmix | None = Field(None, description="null for none; with mixup too, each micro-batch gets one of them")
    label_smoothing: Fraction = Field(0.0, description="share of a target spread over all classes")
    ema: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="decay of the moving average of the weights, which is then scored and kept; null for none"
    )
    early_stopping: EarlyStopping | None = Field(None, description="null: all epochs run")
    select: Literal["best", "last"] = Field("best", description="best: highest val_top1, the earliest of equals")
    train_eval: bool = Field(True, description="a pass over train without augmentation after each epoch")
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32", description="mixed by autocast, fp16 with loss scaling; where the device cannot: fp32, recorded so"
    )

    @model_validator(mode="after")
    def _rising_epochs(self) -> Self:
        epochs = [step.from_epoch for step in self.trainable]
        if epochs[0] != 1 or sorted(set(epochs)) != epochs:
            raise ValueError(f"trainable: expected from_epoch 1 first, and rising, got {epochs}")
        return self
