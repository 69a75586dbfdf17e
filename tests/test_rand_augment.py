"""RandAugment: torchvision's pixels from OpenCV, and draws of the sample's own generator."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from partway.data.rand_augment import OPERATIONS, draw, rand_augmented
from partway.data.transforms import train_view
from partway.schema_clips import RandAugment, Transforms

HEIGHT, WIDTH = 46, 60


def picture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3) * 2


def torchvisions(name: str, frame: np.ndarray, strength: float) -> np.ndarray:
    """The operation as `torchvision.transforms.RandAugment` does it."""
    image = torch.from_numpy(frame).permute(2, 0, 1)
    nearest, turn = {"interpolation": InterpolationMode.NEAREST}, float(np.degrees(np.arctan(0.3 * strength)))
    shift = [int(150 / 331 * side * strength) for side in (WIDTH, HEIGHT)]
    still = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0], **nearest}
    factor = 1 + 0.9 * strength
    changed = {
        "identity": lambda: image,
        "shear_x": lambda: functional.affine(image, **still | {"shear": [turn, 0.0], "center": [0, 0]}),
        "shear_y": lambda: functional.affine(image, **still | {"shear": [0.0, turn], "center": [0, 0]}),
        "translate_x": lambda: functional.affine(image, **still | {"translate": [shift[0], 0]}),
        "translate_y": lambda: functional.affine(image, **still | {"translate": [0, shift[1]]}),
        "rotate": lambda: functional.rotate(image, 30 * strength, **nearest),
        "brightness": lambda: functional.adjust_brightness(image, factor),
        "colour": lambda: functional.adjust_saturation(image, factor),
        "contrast": lambda: functional.adjust_contrast(image, factor),
        "sharpness": lambda: functional.adjust_sharpness(image, factor),
        "posterize": lambda: functional.posterize(image, 8 - round(4 * strength)),
        "solarize": lambda: functional.solarize(image, 255 * (1 - strength)),
        "autocontrast": lambda: functional.autocontrast(image),
        "equalize": lambda: functional.equalize(image),
    }
    return changed[name]().permute(1, 2, 0).numpy()


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_torchvisions_but_for_rounding(name):
    for seed, level in enumerate((0, 3, 9, 17, 30)):
        for sign in (1, -1) if OPERATIONS[name].signed else (1,):
            frame, strength = picture(seed), sign * level / 30
            before = frame.copy()
            ours = OPERATIONS[name].apply(frame, strength).astype(int)
            differences = np.abs(ours - torchvisions(name, frame, strength)).max(axis=-1)
            assert np.mean(differences > 2) <= 0.005, (level, sign)  # a pixel half way between two may go either way
            assert np.array_equal(frame, before)
            if name not in ("identity", "autocontrast", "equalize") and level == 30:
                assert (ours != before).any()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("level", [0, 128, 255])
def test_operations_take_flat_pictures(name, level):
    flat = np.full((20, 24, 3), level, dtype=np.uint8)
    for strength in (-1.0, 0.5, 1.0):
        changed = OPERATIONS[name].apply(flat, strength if OPERATIONS[name].signed else abs(strength))
        assert (changed.shape, changed.dtype) == (flat.shape, np.uint8)


def test_draws_by_their_options():
    rng = np.random.default_rng(0)
    drawn = [draw(RandAugment(num_ops=3, magnitude=15), rng) for _ in range(2000)]
    assert {len(of_clip) for of_clip in drawn} == {3}
    flat = [pair for of_clip in drawn for pair in of_clip]
    assert {abs(strength) for _, strength in flat} == {0.5}
    shares = [np.mean([operation is wanted for operation, _ in flat]) for wanted in OPERATIONS.values()]
    np.testing.assert_allclose(shares, 1 / 14, atol=0.02)
    signs = [strength < 0 for operation, strength in flat if operation.signed]
    assert np.mean(signs) == pytest.approx(0.5, abs=0.05)
    assert not any(strength < 0 for operation, strength in flat if not operation.signed)
    seldom = [draw(RandAugment(prob=0.25), rng) for _ in range(2000)]
    assert np.mean([bool(of_clip) for of_clip in seldom]) == pytest.approx(0.25, abs=0.04)


def test_a_deviation_spreads_the_magnitude_and_stays_in_its_range():
    rng = np.random.default_rng(0)
    options = RandAugment(num_ops=1, magnitude=25, magnitude_std=6)
    levels = [30 * abs(strength) for _ in range(3000) for _, strength in draw(options, rng)]
    assert max(levels) == pytest.approx(30)
    assert np.median(levels) == pytest.approx(25, abs=0.6)
    assert np.percentile(levels, 16) == pytest.approx(19, abs=0.8)


def test_consistent_draws_once_for_the_clip():
    clip = np.stack([picture(1)] * 10)
    options = Transforms(consistent=True, rand_augment=RandAugment())
    same = rand_augmented(clip, options, np.random.default_rng(4))
    assert all((frame == same[0]).all() for frame in same)
    assert (same != clip).any()
    each = rand_augmented(clip, Transforms(rand_augment=RandAugment()), np.random.default_rng(4))
    assert len({frame.tobytes() for frame in each}) > 5


def test_without_it_the_crops_are_the_same_as_ever():
    clip = np.stack([picture(seed) for seed in range(4)])
    plain = train_view(clip, 32, Transforms(), np.random.default_rng(5))
    never = train_view(clip, 32, Transforms(rand_augment=RandAugment(prob=0)), np.random.default_rng(5))
    np.testing.assert_array_equal(plain, never)
