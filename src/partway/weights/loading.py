"""Put a checkpoint's tensors into a model: backbone whole or not at all, head re-made or kept, and a report of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from partway.weights import positions, tensors
from partway.weights.digests import read_mapping
from partway.weights.names import WeightsError

Report = dict[str, list[str]]
# What a fine-tuned model has and a pretrained one may lack; everything else must come from the checkpoint.
MAY_BE_REMADE = ("classifier.", "fc_norm.", "pooler.")
NORM_BEFORE_HEAD = "head.norm."  # of timm's ConvNeXt and its like; pretraining without labels has neither it nor a head
# Fields of transformers' configs that change no weight and no output of an evaluated model, or that the study decides.
FREE = (
    "num_frames",
    "frames_per_clip",
    "dropout",
    "drop_path",
    "initializer_range",
    "use_mean_pooling",
    "norm_pix_loss",
)
PREDICTOR = ".predictor."  # of V-JEPA 2: it serves pretraining alone, and classifiers are often stored without
OF_DECODERS = ("decoder_", "pred_")


def report(resized: Iterable[str], remade: Iterable[str], unused: Iterable[str], missing: Iterable[str]) -> Report:
    """What became of the parameters, for log and training.json.

    Args:
        resized: with their shapes; interpolated from the checkpoint's.
        remade: drawn anew, the head's above all.
        unused: in the checkpoint only.
        missing: in the model only; a part of those re-made.
    """
    return {"resized": sorted(resized), "remade": sorted(remade), "unused": sorted(unused), "missing": sorted(missing)}


def into_transformers(
    model_class: type[PreTrainedModel], config: PreTrainedConfig, path: Path, *, head: str, keep: list[str] | None
) -> tuple[PreTrainedModel, Report]:
    """Build a model of transformers with the weights of a checkpoint, which the library's own renamings go over.

    Args:
        model_class, config: of what is built; the config's sizes hold.
        path: folder or file of the checkpoint.
        head: name of the classifier, which is drawn anew.
        keep: classes that the checkpoint's own head must be for; it is kept then. None for a fresh one.

    Raises:
        WeightsError: a parameter of the backbone is missing or has another shape, or the checkpoint computes otherwise.
    """
    _refuse_other_computation(path, config)
    stored = tensors.read(path)
    if keep is not None:
        tensors.check_classes(path, stored.classes, keep)
    found = stored.without_wrappers(())
    found, resized = _with_positions(path, found, config)
    with _quiet():
        try:
            model, loaded = model_class.from_pretrained(
                None,
                config=config,
                state_dict=found,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
        except Exception as error:  # whatever the library raises means that this checkpoint does not fit it
            raise WeightsError(f"{path}: cannot be loaded: {error}") from error
    missing = {name for name in loaded["missing_keys"] if PREDICTOR not in name}
    remade = missing | {name for name, *_ in loaded["mismatched_keys"]}
    refuse_lost(path, config.model_type, remade, kept=keep is not None)
    if keep is None:
        classifier = model.get_submodule(head)
        nn.init.normal_(classifier.weight, std=config.initializer_range)
        nn.init.zeros_(classifier.bias)
        remade |= {f"{head}.{name}" for name, _ in classifier.named_parameters()}
    return model, report(resized, remade, loaded["unexpected_keys"], missing)


def _with_positions(path: Path, found: dict[str, torch.Tensor], config: PreTrainedConfig) -> tuple[dict, list[str]]:
    try:
        tables = positions.resized(found, config)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}; is it for another frame_size?") from None
    return found | tables, [_change(name, found[name], table) for name, table in tables.items()]


def _change(name: str, before: torch.Tensor, after: torch.Tensor) -> str:
    return f"{name} {list(before.shape)} -> {list(after.shape)}"


def refuse_lost(path: Path, architecture: str, names: Iterable[str], *, kept: bool) -> None:
    """Refuse a backbone that did not load whole, and, where the head is kept, a head that did not.

    Raises:
        WeightsError: names the first parameters.
    """
    if lost := sorted(name for name in names if kept or not name.startswith(MAY_BE_REMADE)):
        what = "model" if kept else "backbone"
        raise WeightsError(
            f"{path}: the {what} did not load: {len(lost)} of its parameters are missing or of another shape, "
            f"first {', '.join(lost[:3])}; this is no checkpoint of a {architecture} of these sizes"
            + (" that was trained already, which epochs: 0 needs" if kept else "")
        )


def _refuse_other_computation(path: Path, config: PreTrainedConfig) -> None:
    """Refuse a folder whose config differs from ours in a field of its own architecture that changes what is computed."""
    theirs = read_mapping(path / "config.json") if path.is_dir() else None
    if theirs is None:
        return
    ours, usual = config.to_dict(), type(config)().to_dict()
    for name in type(config).__annotations__:
        if name not in ours or name.startswith(OF_DECODERS) or any(free in name for free in FREE):
            continue
        if _plain(theirs.get(name, usual[name])) != _plain(ours[name]):
            raise WeightsError(
                f"{path}: its config.json has {name} {theirs.get(name, usual[name])}; partway builds {name} {ours[name]} only"
            )


def _plain(value: Any) -> Any:
    """Height and width as one number where they are equal; tuples as lists."""
    values = list(value) if isinstance(value, list | tuple) else value
    return values[0] if isinstance(values, list) and len(values) == 2 and len(set(values)) == 1 else values


@contextmanager
def _quiet():
    """Its report of missing keys is ours to give."""
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        transformers_logging.enable_progress_bar()


def into_module(
    model: nn.Module, path: Path, architecture: str, *, keep: list[str] | None, backbone: str = "", head: str = "head"
) -> Report:
    """Put a checkpoint into a model that was just built with fresh weights, in place.

    Args:
        model: its parameters outside of `backbone` are its head and what joins frames.
        path: folder or file; of the whole model, or of the backbone alone with a head of its own.
        backbone: name of the module that a library's checkpoint fits, whose own `checkpoint_filter_fn` is used where
            it is one of timm's; empty for the model itself.
        head: name of the model's classifier.
        keep: as for `into_transformers`.

    Raises:
        WeightsError: a parameter of the backbone is missing or has another shape.
    """
    stored = tensors.read(path)
    if keep is not None:
        tensors.check_classes(path, stored.classes, keep)
    own = model.state_dict()
    inner = model.get_submodule(backbone)
    prefix = f"{backbone}." if backbone else ""
    outer = {name for name in own if backbone and not name.startswith(prefix)}
    found = stored.without_wrappers({name.removeprefix(prefix) for name in own})
    found = _head_renamed(found, inner, head)
    fitted = _filtered(path, {name: tensor for name, tensor in found.items() if name not in outer}, inner)
    resized = [
        _change(name, found[name], new)
        for name, new in fitted.items()
        if name in found and found[name].shape != new.shape
    ]
    fitted = {prefix + name: tensor for name, tensor in fitted.items()} | {n: found[n] for n in outer & set(found)}
    fresh = {f"{head}.{name}" for name in ("weight", "bias")} if keep is None else set()
    fits = {n: t for n, t in fitted.items() if n in own and own[n].shape == t.shape and n not in fresh}
    remade = set(own) - set(fits)
    pretrained_only = f"{head}.weight" not in found
    may_lack = {name for name in remade if pretrained_only and name.startswith(prefix + NORM_BEFORE_HEAD)}
    must_load = remade if keep is not None else remade - outer - fresh - may_lack
    refuse_lost(path, architecture, (name.removeprefix(prefix) for name in must_load), kept=keep is not None)
    model.load_state_dict(fits, strict=False)
    unused = {name.removeprefix(prefix) for name in fitted if name not in own}
    return report(resized, remade, unused, set(own) - set(fitted))


def _head_renamed(found: dict[str, torch.Tensor], inner: nn.Module, head: str) -> dict[str, torch.Tensor]:
    """The classifier of a library's own checkpoint, under the name that ours has: timm says what it calls it."""
    theirs = (getattr(inner, "pretrained_cfg", None) or {}).get("classifier")
    if not isinstance(theirs, str) or theirs == head:
        return found
    return {head + name.removeprefix(theirs) if name.startswith(f"{theirs}.") else name: t for name, t in found.items()}


def _filtered(path: Path, found: dict[str, torch.Tensor], inner: nn.Module) -> dict[str, torch.Tensor]:
    """What timm makes of a checkpoint of one of its models: positions and patches for this size, names of old versions."""
    adapt = getattr(sys.modules[type(inner).__module__], "checkpoint_filter_fn", None)
    if adapt is None:
        return found
    try:
        return adapt(found, inner)
    except (RuntimeError, ValueError, KeyError, AttributeError) as error:
        raise WeightsError(f"{path}: timm cannot adapt it to this model: {error}") from error
