"""A trained model in the form of the library that it comes from, so that the library itself loads it."""

from __future__ import annotations

import copy
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from timm.models import VisionTransformer, save_for_hf
from torch import nn
from transformers import PreTrainedModel, VideoMAEImageProcessor, VivitImageProcessor, VJEPA2VideoProcessor

from partway import files
from partway.data.transforms import SHORT_SIDE_RATIO
from partway.schema import ModelOptions
from partway.training.spec import TrainingSpec

PROCESSORS = {"vivit": VivitImageProcessor, "vjepa2": VJEPA2VideoProcessor}
OTHER_OPTIONS = {"vivit": {"offset": False}}  # partway's mean and std are of pixels in [0, 1]


def save(model: nn.Module, spec: TrainingSpec, classes: list[str], folder: Path) -> str:
    """Write weights, config and preprocessing into a folder; say how to load it, with `{folder}` for its path.

    A model that no library builds (a head over time, one of our own) is written as tensors that partway reads.
    """
    files.write_json(folder / "classes.json", classes)
    inner = getattr(model, "model", None)
    if isinstance(inner, PreTrainedModel):
        return _as_transformers(inner, spec, classes, folder)
    plain = spec.family == "timm" and {name.partition(".")[0] for name in model.state_dict()} == {"backbone", "head"}
    if plain and _takes_a_linear_head(model.backbone):
        return _as_timm(model.backbone, model.head, spec.model, classes, folder)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    return "no library builds this model; partway reads its tensors, by weights: {folder}/model.safetensors"


def _as_transformers(model: PreTrainedModel, spec: TrainingSpec, classes: list[str], folder: Path) -> str:
    model.config.id2label = dict(enumerate(classes))
    model.config.label2id = {name: index for index, name in enumerate(classes)}
    model.save_pretrained(folder)
    size, square = spec.model.frame_size, spec.transforms.test_resize == "square"
    processor = PROCESSORS.get(spec.architecture, VideoMAEImageProcessor)(
        size={"height": size, "width": size} if square else {"shortest_edge": round(size * SHORT_SIDE_RATIO)},
        crop_size={"height": size, "width": size},
        do_center_crop=not square,
        rescale_factor=1 / 255,
        image_mean=list(spec.model.normalisation.mean),
        image_std=list(spec.model.normalisation.std),
        **OTHER_OPTIONS.get(spec.architecture, {}),
    )
    processor.save_pretrained(folder)
    return "load it with transformers: AutoModelForVideoClassification.from_pretrained('{folder}')"


def _takes_a_linear_head(backbone: nn.Module) -> bool:
    """Whether timm's own form of this model ends in one linear layer, as ours does; some have several, or a convolution."""
    whole = copy.deepcopy(backbone)
    whole.reset_classifier(1)
    return isinstance(whole.get_classifier(), nn.Linear)


def _as_timm(backbone: nn.Module, head: nn.Linear, options: ModelOptions, classes: list[str], folder: Path) -> str:
    """The image model with the head on its features: a clip's logits are the mean over its frames' logits."""
    whole = copy.deepcopy(backbone) if hasattr(backbone, "pretrained_cfg") else _vit_of_timm(backbone, options)
    whole.reset_classifier(len(classes))
    whole.get_classifier().load_state_dict(head.state_dict())
    mean, std = options.normalisation.mean, options.normalisation.std
    size = (3, options.frame_size, options.frame_size)
    save_for_hf(
        whole,
        str(folder),
        model_config={"label_names": classes},
        safe_serialization=True,
        data_config={"mean": mean, "std": std, "input_size": size},
    )
    return (
        "load it with timm: create_model('local-dir:{folder}', pretrained=True); the mean of its logits over the frames of "
        "a clip are the clip's"
    )


def _vit_of_timm(backbone: VisionTransformer, options: ModelOptions) -> nn.Module:
    """A ViT of own sizes, as timm's factory builds it, so that timm knows how to build it again."""
    whole = timm.create_model(
        "vit_base_patch16_224",
        img_size=options.frame_size,
        patch_size=options.patch_size,
        embed_dim=options.hidden_size,
        depth=options.num_layers,
        num_heads=options.num_heads,
        mlp_ratio=options.mlp_ratio,
        global_pool="avg",
        num_classes=0,
    )
    with torch.no_grad():
        whole.load_state_dict(backbone.state_dict())
    return whole
