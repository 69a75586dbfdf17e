"""Video models of pytorchvideo, with the settings of its model zoo.

`pytorchvideo.models` alone is imported: `pytorchvideo.transforms` does not import beside a torchvision of today.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from pytorchvideo.models import create_csn, create_multiscale_vision_transformers, create_resnet, create_slowfast
from pytorchvideo.models.r2plus1d import create_r2plus1d
from pytorchvideo.models.x3d import create_x3d
from torch import nn

from partway.models.layers import Parts
from partway.schema import ModelOptions
from partway.weights.loading import Report, into_module

ALPHA = 4  # frames of SlowFast's fast pathway for one of its slow pathway
ANY_SIZE = {"head_pool": nn.AdaptiveAvgPool3d}  # over all that is left in time and space, whatever the clip's size


class Clip(nn.Module):
    """A pytorchvideo model, which takes video_BCTHW, under our interface."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        """Give logits_BK."""
        return self.model(video_BTCHW.transpose(1, 2))

    def depth(self) -> list[Parts]:
        """The model from input to output, stage by stage; see `layers`."""
        *stages, head = self.model.blocks
        pool = [] if head.pool is None else [head.pool]  # that of X3D has convolutions
        return [*([stage] for stage in stages[:-1]), [stages[-1], *pool], [head.proj]]

    def first_block(self) -> None:
        """No block is given tokens."""


class TwoPathways(Clip):
    """SlowFast: a slow pathway that sees few frames, and a fast one that sees all."""

    def forward(self, video_BTCHW: torch.Tensor) -> torch.Tensor:
        """Give logits_BK."""
        video_BCTHW = video_BTCHW.transpose(1, 2)
        frames = video_BTCHW.shape[1]
        # as the published models were trained: from the first frame to the last
        slow = torch.linspace(0, frames - 1, frames // ALPHA, device=video_BTCHW.device).long()
        return self.model([video_BCTHW.index_select(2, slow), video_BCTHW])


class Tokens(Clip):
    """MViT, whose blocks are of a transformer."""

    def depth(self) -> list[Parts]:
        """The model from input to output; see `layers`."""
        model = self.model
        *blocks, last = model.blocks
        embeddings = [model.patch_embed, model.cls_positional_encoding]
        return [embeddings, *([block] for block in blocks), [last, model.norm_embed], [model.head.proj]]

    def first_block(self) -> nn.Module:
        """The block that is given the tokens."""
        return self.model.blocks[0]


def _slow(options: ModelOptions, num_classes: int) -> nn.Module:
    """Slow (Feichtenhofer et al. 2019), a ResNet-50 that convolves over time in its last two stages only."""
    return Clip(
        create_resnet(
            model_num_class=num_classes, dropout_rate=options.dropout, stem_conv_kernel_size=(1, 7, 7), **ANY_SIZE
        )
    )


def _slowfast(options: ModelOptions, num_classes: int) -> nn.Module:
    """SlowFast (Feichtenhofer et al. 2019) with ResNet-50."""
    return TwoPathways(create_slowfast(model_num_class=num_classes, dropout_rate=options.dropout, **ANY_SIZE))


def _x3d(options: ModelOptions, num_classes: int, depth: float) -> nn.Module:
    """X3D (Feichtenhofer 2020); S and M differ in frames and frame size alone."""
    return Clip(
        create_x3d(
            input_clip_length=options.num_frames,
            input_crop_size=options.frame_size,
            model_num_class=num_classes,
            dropout_rate=options.dropout,
            depth_factor=depth,
            inner_act=nn.SiLU,  # what its own Swish computes, which reads what torch has deprecated
            head_activation=None,
        )
    )


def _csn(options: ModelOptions, num_classes: int) -> nn.Module:
    """CSN (Tran et al. 2019), a ResNet-101 whose convolutions over space and time are by channel."""
    return Clip(
        create_csn(
            model_depth=101,
            model_num_class=num_classes,
            dropout_rate=options.dropout,
            stem_pool=nn.MaxPool3d,
            **ANY_SIZE,
        )
    )


def _r2plus1d(options: ModelOptions, num_classes: int) -> nn.Module:
    """R(2+1)D (Tran et al. 2018) with ResNet-50."""
    return Clip(
        create_r2plus1d(model_num_class=num_classes, dropout_rate=options.dropout, head_activation=None, **ANY_SIZE)
    )


def _mvit(options: ModelOptions, num_classes: int) -> nn.Module:
    """MViT-B (Fan et al. 2021): width and heads double where the tokens are pooled."""
    doubled = [[1, 2.0], [3, 2.0], [14, 2.0]]
    return Tokens(
        create_multiscale_vision_transformers(
            spatial_size=options.frame_size,
            temporal_size=options.num_frames,
            embed_dim_mul=doubled,
            atten_head_mul=doubled,
            pool_q_stride_size=[[1, 1, 2, 2], [3, 1, 2, 2], [14, 1, 2, 2]],
            pool_kv_stride_adaptive=[1, 8, 8],
            pool_kvq_kernel=[3, 3, 3],
            droppath_rate_block=options.drop_path,
            head_dropout_rate=options.dropout,
            head_num_classes=num_classes,
        )
    )


ARCHITECTURES = {
    "slow_r50": _slow,
    "slowfast_r50": _slowfast,
    "x3d_s": partial(_x3d, depth=2.2),
    "x3d_m": partial(_x3d, depth=2.2),
    "x3d_l": partial(_x3d, depth=5.0),
    "csn_r101": _csn,
    "r2plus1d_r50": _r2plus1d,
    "mvit_base_16x4": _mvit,
}


def build(architecture: str, options: ModelOptions, num_classes: int) -> nn.Module:
    """Build one of this family's architectures with fresh weights."""
    return ARCHITECTURES[architecture](options, num_classes)


def load(
    architecture: str, options: ModelOptions, classes: list[str], path: Path, *, keep_head: bool
) -> tuple[nn.Module, Report]:
    """Build an architecture with the weights of a file, as the model zoo of pytorchvideo or partway wrote it.

    Returns:
        The model, and what became of its parameters; see `partway.weights.loading`.

    Raises:
        WeightsError: the backbone (or the head that is to be kept) did not load whole.
    """
    model = build(architecture, options, len(classes))
    ((classifier,),) = model.depth()[-1:]
    head = next(name for name, module in model.named_modules() if module is classifier)
    keep = classes if keep_head else None
    return model, into_module(model, path, architecture, keep=keep, backbone="model", head=head)
