"""Image models of timm, frame by frame: features of each frame, their mean over time, one linear layer."""

from __future__ import annotations

from pathlib import Path

import torch
from timm.models import VisionTransformer, group_parameters
from torch import nn

from partway.models.layers import Parts
from partway.schema import ModelOptions
from partway.weights import WeightsError


class FrameMean(nn.Module):
    """A clip's logits from the mean of its frames' features: the order of the frames changes nothing.

    Args:
        backbone: gives features_ND of images_NCHW; has `num_features`.
    """

    def __init__(self, backbone: nn.Module, num_classes: int):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(backbone.num_features, num_classes)

    def forward(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        """Give logits_BK."""
        features_ND = self.backbone(video_BTCHW.flatten(0, 1))
        return self.head(features_ND.unflatten(0, video_BTCHW.shape[:2]).mean(dim=1))

    def depth(self) -> list[Parts]:
        """The model from input to output, as timm groups the backbone for layer-wise decay; see `layers`."""
        groups = group_parameters(self.backbone, self.backbone.group_matcher(), return_values=True)
        blocks = [groups[depth] for depth in sorted(groups)]
        norm = getattr(self.backbone, "fc_norm", None)
        if norm is not None and (
            own := list(norm.parameters())
        ):  # to timm it is of the head, which is not its own here
            blocks = [[p for p in block if all(p is not q for q in own)] for block in blocks]
            blocks = [block for block in blocks if block]
            blocks[-1] += own
        return [*blocks, [self.head]]


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
        global_pool="avg",
        num_classes=0,
    )
    for module in vit.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.normal_(module.weight, std=options.initializer_range)
    return vit


ARCHITECTURES = {"vit": _vit}


def build(architecture: str, options: ModelOptions, num_classes: int) -> nn.Module:
    """Build one of this family's architectures with fresh weights."""
    model = FrameMean(ARCHITECTURES[architecture](options), num_classes)
    nn.init.normal_(model.head.weight, std=options.initializer_range)
    nn.init.zeros_(model.head.bias)
    return model


def load(architecture: str, options: ModelOptions, num_classes: int, folder: Path) -> tuple[nn.Module, dict]:  # noqa: ARG001
    """Refuse: checkpoints of timm are not read yet; a study that names one is refused before.

    Raises:
        WeightsError: always.
    """
    raise WeightsError(f"{folder}: pretrained weights of the timm family cannot be loaded yet; write weights: scratch")
