"""Colour jitter of whole batches, on the device: a frame at a time on a CPU it would cost more than decoding.

The same as torchvision's `adjust_brightness`, `adjust_contrast`, `adjust_saturation` and `adjust_hue` on float
pictures, one after the other in this order, with factors of its own for each frame.
"""

from __future__ import annotations

import torch

from partway.data.rand_augment import GREY


def jitter(video_BTHWC: torch.Tensor, factors_BT4: torch.Tensor) -> torch.Tensor:
    """Change the colours of each frame.

    Args:
        video_BTHWC: float RGB in [0, 1]; changed in place as far as that is possible.
        factors_BT4: of brightness, contrast and saturation, 1 for no change, and the turn of the hue in [-0.5, 0.5];
            T may be 1, for all frames of a clip.

    Returns:
        video_BTHWC in [0, 1].
    """
    brightness, contrast, saturation, turn = factors_BT4[:, :, None, None, None].unbind(-1)
    video = video_BTHWC.mul_(brightness).clamp_(0, 1)
    video = _blended(video, _grey(video).mean(dim=(2, 3), keepdim=True), contrast)
    video = _blended(video, _grey(video), saturation)
    return _turned(video, turn)


def _grey(video_BTHWC: torch.Tensor) -> torch.Tensor:
    """The grey picture_BTHW1."""
    return (video_BTHWC * video_BTHWC.new_tensor(GREY)).sum(dim=-1, keepdim=True)


def _blended(video_BTHWC: torch.Tensor, other: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """factor * video + (1 - factor) * other."""
    return video_BTHWC.sub_(other).mul_(factor).add_(other).clamp_(0, 1)


def _turned(video_BTHWC: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """Turn the hue, keeping the largest and the smallest of R, G and B (Smith 1978, as one formula a channel)."""
    smallest, largest = torch.aminmax(video_BTHWC, dim=-1, keepdim=True)
    span = largest - smallest
    sextants = (_hue(video_BTHWC, largest, span) + turn) * 6
    place = (sextants + video_BTHWC.new_tensor((5, 3, 1))).remainder_(6)
    share = torch.minimum(place, 4 - place).clamp_(0, 1)
    return largest - span * share


def _hue(video_BTHWC: torch.Tensor, largest: torch.Tensor, span: torch.Tensor) -> torch.Tensor:
    """hue_BTHW1 as a share of the circle that begins at red; 0 for grey."""
    red, green, blue = video_BTHWC.split(1, dim=-1)
    safe = torch.where(span > 0, span, 1)
    of_red, of_green, of_blue = (green - blue) / safe, (blue - red) / safe + 2, (red - green) / safe + 4
    return torch.where(largest == red, of_red, torch.where(largest == green, of_green, of_blue)) / 6
