"""Image models of timm, frame by frame: features of each frame, one vector of them over time, one linear layer."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
from timm.models import VisionTransformer, group_parameters
from torch import nn

from partway.errors import TrainingError
from partway.models.attended import CLASS_TOKEN, Attended
from partway.models.cost import on_meta
from partway.models.layers import Parts
from partway.models.temporal import over_time
from partway.schema import ModelOptions
from partway.timm_models import image_models
from partway.weights.loading import Report, into_module


class FrameModel(nn.Module):
    """A clip's logits from the features of its frames; under `temporal: mean` their order changes nothing.

    Args:
        backbone: gives features_ND of images_NCHW.
        width: of these features.
        dropout: of the clip's features; a backbone that drops out inside needs none.
    """

    def __init__(self, backbone: nn.Module, width: int, options: ModelOptions, num_classes: int, dropout: float = 0.0):
        super().__init__()
        self.backbone = backbone
        self.temporal = over_time(width, options)
        self.head = nn.Linear(width, num_classes)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()  # of the head: trained with it, see freezing
        nn.init.normal_(self.head.weight, std=options.initializer_range)
        nn.init.zeros_(self.head.bias)

    def forward(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        """Give logits_BK."""
        features_ND = self.backbone(video_BTCHW.flatten(0, 1))
        features_BD = self.temporal(features_ND.unflatten(0, video_BTCHW.shape[:2]))
        return self.head(self.dropout(features_BD))

    def depth(self) -> list[Parts]:
        """The model from input to output, as timm groups the backbone for layer-wise decay; see `layers`."""
        if hasattr(self.backbone, "group_matcher"):
            groups = group_parameters(self.backbone, self.backbone.group_matcher(), return_values=True)
            blocks: list[Parts] = [groups[depth] for depth in sorted(groups)]
        else:
            blocks = [[part] for part in self.backbone.children()]
        norm = getattr(self.backbone, "fc_norm", None)
        if norm is not None and list(norm.parameters()):  # timm counts it to its head, which is not there
            own = {id(parameter) for parameter in norm.parameters()}
            blocks = [kept for block in blocks if (kept := [part for part in block if id(part) not in own])]
            blocks[-1].append(norm)
        return [*blocks, [self.temporal, self.head]]

    def first_block(self) -> nn.Module | None:
        """The block that is given the tokens of each frame; None where there are none."""
        blocks = getattr(self.backbone, "blocks", None)
        return blocks[0] if isinstance(blocks, nn.Sequential | nn.ModuleList) else None

    def attended(self) -> Attended | None:
        """The attention of a plain ViT, frame by frame; None for other backbones."""
        vit = self.backbone
        read = {"token": CLASS_TOKEN, "avg": slice(getattr(vit, "num_prefix_tokens", 0), None)}
        if not isinstance(vit, VisionTransformer) or vit.global_pool not in read:
            return None
        return Attended(list(vit.blocks), read[vit.global_pool], vit.patch_embed.grid_size, vit.num_prefix_tokens)


def _vit(options: ModelOptions) -> nn.Module:
    """ViT (Dosovitskiy et al. 2021) of the given sizes, its patches averaged; fresh weights as in VideoMAE."""
    vit = VisionTransformer(
        img_size=options.frame_size,
        patch_size=options.patch_size,
        embed_dim=options.hidden_size,
        depth=options.num_layers,
        num_heads=options.num_heads,
        mlp_ratio=options.mlp_ratio,
        drop_rate=options.dropout,
        pos_drop_rate=options.dropout,
        proj_drop_rate=options.dropout,
        attn_drop_rate=options.dropout,
        drop_path_rate=options.drop_path,
        global_pool="avg",
        num_classes=0,
    )
    for module in vit.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.normal_(module.weight, std=options.initializer_range)
    return vit


def _named(name: str, options: ModelOptions) -> tuple[nn.Module, int]:
    """A model by timm's own name, and the width of its features; fresh weights as timm draws them."""
    about = image_models()[name]
    given = {"img_size": options.frame_size} if about.sized else {}
    if options.drop_path:
        given["drop_path_rate"] = options.drop_path
    size = options.frame_size
    try:
        backbone = timm.create_model(name, num_classes=0, **given)
        features_ND = on_meta(backbone).eval()(torch.empty(1, 3, size, size, device="meta"))
    except Exception as error:  # each of timm's models has its own words for a size that it cannot take
        raise TrainingError(f"timm's {name} cannot be built for frames of {size} x {size} pixels: {error}") from error
    if features_ND.ndim != 2:
        raise TrainingError(f"timm's {name} gives no features of a whole frame; choose one that classifies images")
    return backbone, features_ND.shape[1]


def build(architecture: str, options: ModelOptions, num_classes: int) -> nn.Module:
    """Build `vit` of any sizes, or a model by timm's own name, with fresh weights."""
    if architecture == "vit":
        backbone = _vit(options)
        return FrameModel(backbone, backbone.num_features, options, num_classes)
    return FrameModel(*_named(architecture, options), options, num_classes, dropout=options.dropout)


def load(
    architecture: str, options: ModelOptions, classes: list[str], path: Path, *, keep_head: bool
) -> tuple[nn.Module, Report]:
    """Build an architecture with the weights of a checkpoint of timm, or of a whole model of this family.

    Returns:
        The model, and what became of its parameters; see `partway.weights.loading`.

    Raises:
        WeightsError: the backbone (or the head that is to be kept) did not load whole.
    """
    model = build(architecture, options, len(classes))
    keep = classes if keep_head else None
    return model, into_module(model, path, architecture, keep=keep, backbone="backbone")
