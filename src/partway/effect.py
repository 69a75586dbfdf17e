"""Settings of a recipe that change nothing are put back to their default, so that they leave the key."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from partway.schema import ModelOptions
from partway.schema_clips import Evaluation, Sampling, Transforms
from partway.schema_training import TrainableFrom, Training

WITHOUT_EPOCHS = {"epochs", "batch_size", "precision", "train_eval"}  # what of a recipe then still has an effect
UNUSED_OVER_TIME = {"mean": ("temporal_layers", "temporal_heads"), "lstm": ("temporal_heads",), "transformer": ()}


def of_stage(stage: dict[str, Any]) -> dict[str, Any]:
    """The sections of one training, `sampling`, `transforms` and `training`, without what has no effect in them."""
    sampling, transforms, training = stage["sampling"], _of_transforms(stage["transforms"]), stage["training"]
    if "strided" not in (sampling.train, sampling.test):
        sampling = _reset(sampling, "stride")
    if training.epochs == 0:
        training = _reset(training, *(set(type(training).model_fields) - WITHOUT_EPOCHS))
        transforms = _reset(transforms, *(set(Transforms.model_fields) - {"test_resize"}))
        sampling = _of_test(sampling)
    return {"sampling": sampling, "transforms": transforms, "training": _of_training(training)}


def of_model(options: ModelOptions) -> ModelOptions:
    """A model's options without those that its way over time does not use."""
    return _reset(options, *UNUSED_OVER_TIME[options.temporal])


def written_of_model(options: ModelOptions) -> dict[str, Any]:
    """What a study writes of a model's options, at a default or not, without what has no effect."""
    return options.model_dump(exclude_unset=True, exclude=set(UNUSED_OVER_TIME[options.temporal]))


def of_evaluation(evaluation: Evaluation) -> Evaluation:
    """Views in one order, which their average does not know, and without a way to average them where there is one."""
    evaluation = evaluation.model_copy(update={"scales": sorted(evaluation.scales)})
    return _reset(evaluation, "aggregation") if evaluation.views == 1 else evaluation


def _reset(section: BaseModel, *names: str) -> BaseModel:
    return section.model_copy(update={name: type(section).model_fields[name].default for name in names})


def _of_test(sampling: Sampling) -> Sampling:
    return _reset(sampling, "train", *(["stride"] if sampling.test != "strided" else []))


def _of_transforms(transforms: Transforms) -> Transforms:
    if (colours := transforms.colour_jitter) and not (colours.prob and any((*colours.ranges, colours.hue))):
        transforms = _reset(transforms, "colour_jitter")
    if transforms.rand_augment and transforms.rand_augment.prob == 0:
        transforms = _reset(transforms, "rand_augment")
    without_effect = ["aspect"] if transforms.crop != "random_resized" else []
    if transforms.crop == "none":
        without_effect.append("scale")
        if transforms.flip == 0 and transforms.rand_augment is None and transforms.colour_jitter is None:
            without_effect.append("consistent")
    if transforms.flip == 0:
        without_effect.append("never_flip")
    in_order = transforms.model_copy(update={"never_flip": sorted(set(transforms.never_flip))})
    return _reset(in_order, *without_effect)


def _of_training(training: Training) -> Training:
    steps = training.trainable
    changing = [step for step, before in zip(steps, [None, *steps[:-1]], strict=True) if not _same_part(step, before)]
    training = training.model_copy(update={"trainable": changing})
    early, without_effect = training.early_stopping, []
    if training.schedule == "constant":
        without_effect.append("min_learning_rate")
    if training.head_learning_rate == training.learning_rate:
        without_effect.append("head_learning_rate")
    if [step.part for step in changing] == ["head"]:
        without_effect.append("layer_decay")
    if training.weight_decay == 0:
        without_effect.append("decay_norm_and_bias")
    if early is not None and early.patience >= training.epochs - 1:  # the first epoch always counts as a rise
        without_effect.append("early_stopping")
    return _of_mixing(_reset(training, *without_effect))


def _same_part(step: TrainableFrom, before: TrainableFrom | None) -> bool:
    return before is not None and step.part == before.part


def _of_mixing(training: Training) -> Training:
    """Mixup and CutMix as far as they ever mix; `switch` only where both do."""
    mixup, cutmix = (mix if mix is not None and mix.prob > 0 else None for mix in (training.mixup, training.cutmix))
    if mixup is not None and cutmix is not None:
        mixup, cutmix = (mixup if cutmix.switch < 1 else None), (cutmix if cutmix.switch > 0 else None)
    if mixup is None and cutmix is not None:
        cutmix = _reset(cutmix, "switch")
    return training.model_copy(update={"mixup": mixup, "cutmix": cutmix})
