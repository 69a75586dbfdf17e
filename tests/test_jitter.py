"""Colour jitter on the device: the same colours as torchvision's, one frame after the other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional

from partway.schema import Normalisation
from partway.training.device import ToDevice
from partway.training.jitter import jitter

FACTOR = st.floats(0, 2, width=32)


@given(
    factors=st.lists(st.tuples(FACTOR, FACTOR, FACTOR, st.floats(-0.5, 0.5, width=32)), min_size=4, max_size=4),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_each_frame_is_changed_as_torchvision_changes_it(factors, seed):
    video = torch.rand(2, 2, 5, 6, 3, generator=torch.Generator().manual_seed(seed))
    video[0, 0, 0] = 0.5  # grey has no hue
    video[0, 0, 1] = torch.tensor([1.0, 0.0, 0.0])
    drawn = torch.tensor(factors).reshape(2, 2, 4)
    found = jitter(video.clone(), drawn)
    for frame, changed, (brightness, contrast, saturation, turn) in zip(
        video.flatten(0, 1), found.flatten(0, 1), factors, strict=True
    ):
        expected = functional.adjust_brightness(frame.permute(2, 0, 1), brightness)
        expected = functional.adjust_contrast(expected, contrast)
        expected = functional.adjust_saturation(expected, saturation)
        expected = functional.adjust_hue(expected, turn)
        torch.testing.assert_close(changed.permute(2, 0, 1), expected, atol=2e-4, rtol=0)


def test_factors_of_a_clip_hold_for_all_its_frames():
    video = torch.rand(2, 3, 4, 4, 3)
    factors = torch.tensor([[[1.3, 0.7, 1.2, 0.1]], [[0.8, 1.1, 0.5, -0.3]]])
    torch.testing.assert_close(jitter(video.clone(), factors), jitter(video.clone(), factors.expand(2, 3, 4)))


def test_colours_by_hand():
    red = torch.tensor([0.8, 0.0, 0.0]).expand(1, 1, 2, 2, 3)
    turned = jitter(red.clone(), torch.tensor([[[1.0, 1.0, 1.0, 1 / 3]]]))
    torch.testing.assert_close(turned[0, 0, 0, 0], torch.tensor([0.0, 0.8, 0.0]))  # a third of the circle: green
    grey = jitter(red.clone(), torch.tensor([[[1.0, 1.0, 0.0, 0.0]]]))
    torch.testing.assert_close(grey[0, 0, 0, 0], torch.full((3,), 0.8 * 0.2989))
    bright = jitter(red.clone(), torch.tensor([[[2.0, 1.0, 1.0, 0.0]]]))
    torch.testing.assert_close(bright[0, 0, 0, 0], torch.tensor([1.0, 0.0, 0.0]))


def test_clips_are_jittered_before_they_are_normalised():
    normalisation = Normalisation(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    to_device = ToDevice(torch.device("cpu"), normalisation)
    clips = np.full((1, 2, 4, 4, 3), 102, dtype=np.uint8)  # 0.4
    factors = np.array([[[0.5, 1, 1, 0], [1, 1, 1, 0]]], dtype=np.float32)
    video = to_device.clips(clips, factors)
    assert video.shape == (1, 2, 3, 4, 4)
    assert video[0, 0].mean().item() == pytest.approx((0.2 - 0.5) / 0.5, abs=1e-5)
    assert video[0, 1].mean().item() == pytest.approx((0.4 - 0.5) / 0.5, abs=1e-5)
    assert (clips == 102).all()  # the caller's array is untouched
