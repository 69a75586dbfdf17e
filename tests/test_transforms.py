"""Resizing, and training transforms by hand and by property: crops of both kinds, dropped frames, classes that are never flipped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms.v2.functional import resize

from partway.data import transforms
from partway.data.transforms import kept_frames, mirrored, resized, train_view
from partway.schema_clips import Transforms


class Dice:
    """Gives the numbers that were written down beforehand."""

    def __init__(self, *uniform: float, whole: tuple[int, ...] = ()):
        self.uniforms, self.wholes = list(uniform), list(whole)

    def random(self) -> float:
        return self.uniforms.pop(0)

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.uniforms.pop(0)

    def integers(self, low: int, high: int) -> int:
        return min(self.wholes.pop(0), high - 1) if self.wholes else low


def test_dropped_frames_show_their_predecessor_also_where_that_was_dropped():
    assert kept_frames(6, 0.5, Dice(0.9, 0.1, 0.2, 0.9, 0.4)) == [0, 1, 1, 1, 4, 4]
    assert kept_frames(4, 1.0, Dice(0.0, 0.5, 0.99)) == [0, 0, 0, 0]
    assert kept_frames(1, 1.0, Dice()) == [0]


@given(count=st.integers(1, 40), drop=st.floats(0, 1), seed=st.integers(0, 99))
def test_no_frame_comes_from_later(count, drop, seed):
    kept = kept_frames(count, drop, np.random.default_rng(seed))
    assert kept[0] == 0
    assert all(frame in (before, place) for place, (before, frame) in enumerate(pairwise(kept), start=1))


def test_the_share_of_dropped_frames_is_as_asked():
    kept = kept_frames(20_000, 0.3, np.random.default_rng(0))
    assert np.mean(np.diff(kept) == 0) == pytest.approx(0.3, abs=0.02)


def test_random_scale_by_hand():
    """320 x 240 at factor 0.9: 288 x 216; the crop is 216 x 224 there, 240 x 249 on the frame itself."""
    options = Transforms(crop="random_scale", scale=(0.8, 1.0))
    assert transforms._scaled_box(240, 320, 224, options, Dice(0.5, whole=(0, 71))) == (0, 71, 240, 249)
    # At factor 1 the crop is 224 x 224 of the frame as it is, anywhere in it.
    assert transforms._scaled_box(240, 320, 224, options, Dice(1.0, whole=(16, 96))) == (16, 96, 224, 224)
    # A frame smaller than the crop is taken whole.
    assert transforms._scaled_box(48, 64, 224, options, Dice(0.0)) == (0, 0, 48, 64)


@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    size=st.integers(1, 224),
    scale=st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)).map(lambda pair: tuple(sorted(pair))),
    seed=st.integers(0, 99),
)
def test_a_scaled_crop_lies_in_the_frame(height, width, size, scale, seed):
    options = Transforms(crop="random_scale", scale=scale)
    top, left, box_height, box_width = transforms._scaled_box(height, width, size, options, np.random.default_rng(seed))
    assert 0 <= top <= top + box_height <= height
    assert 0 <= left <= left + box_width <= width
    assert min(box_height, box_width) >= 1


def frames(count: int = 4) -> np.ndarray:
    """Bright on the left, dark on the right; brighter from frame to frame."""
    made = np.zeros((count, 48, 48, 3), np.uint8)
    made[:, :, :24] = 60 * np.arange(1, count + 1)[:, None, None, None]
    return made


def test_a_class_whose_direction_matters_is_never_flipped_and_draws_the_same_crops():
    options = Transforms(flip=1.0, consistent=True)
    flipped = train_view(frames(), 32, options, np.random.default_rng(3))
    kept = train_view(frames(), 32, options, np.random.default_rng(3), may_flip=False)
    assert np.array_equal(flipped, kept[:, :, ::-1])
    assert kept[:, :, 0].min() > kept[:, :, -1].max()


def test_dropping_frames_changes_which_frames_are_shown_and_nothing_else():
    plain = Transforms(crop="none", flip=0.0)
    whole = train_view(frames(), 48, plain, np.random.default_rng(0))
    held = train_view(frames(), 48, plain.model_copy(update={"drop_frames": 1.0}), np.random.default_rng(0))
    assert all(np.array_equal(frame, whole[0]) for frame in held)
    assert len({frame.tobytes() for frame in whole}) == 4


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


SIDES = st.one_of(st.integers(1, 3), st.integers(1, 90))


@given(height=SIDES, width=SIDES, size=SIDES)
def test_resizing_is_torchvisions_and_within_1_of_pils(height, width, size):
    frame = noise(height + 4, width + 7)
    cut = frame[3 : 3 + height, 5 : 5 + width].copy()
    shown = resized(frame, (3, 5, height, width), size)
    torchvisions = resize(torch.from_numpy(cut).permute(2, 0, 1), [size, size], antialias=True)
    np.testing.assert_array_equal(shown, torchvisions.permute(1, 2, 0).numpy())
    pils = np.asarray(Image.fromarray(cut).resize((size, size), Image.Resampling.BILINEAR))
    assert np.abs(shown.astype(int) - pils).max() <= 1


@pytest.mark.parametrize("rows", [100, 28, 24])
def test_a_pattern_finer_than_the_pixels_of_the_result_becomes_grey(rows):
    """Also where the other side stays or grows, as of a crop that is wide and low."""
    columns = np.zeros((rows, 100, 3), dtype=np.uint8)
    columns[:, 1::2] = 255
    for frame in (columns, columns.swapaxes(0, 1)):
        shown = resized(frame, (0, 0, *frame.shape[:2]), 28).astype(int)
        assert np.abs(shown - 127.5).max() < 10


def test_resizing_a_clip_is_resizing_its_frames():
    clip = noise(5, 48, 64)
    for box, size in (((3, 11, 42, 42), 32), ((0, 0, 48, 64), 20), ((7, 2, 30, 41), 50), ((9, 9, 1, 1), 6)):
        each = [resized(frame, box, size) for frame in clip]
        np.testing.assert_array_equal(resized(clip, box, size), each)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 5), (3, 5, 1), (4, 6, 7)])
def test_mirroring_turns_columns_round_and_nothing_else(shape):
    clip = noise(*shape)
    np.testing.assert_array_equal(mirrored(clip), clip[:, :, ::-1])


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() == "DEFAULT", reason="torch's quick path needs AVX2")
def test_workers_that_resize_start_no_pools_of_threads():
    clip, workers = noise(4, 240, 320), 4
    met = Barrier(workers, timeout=60)

    def work(_) -> int:
        met.wait()
        resized(clip, (5, 5, 200, 300), 112)
        met.wait()
        return psutil.Process().num_threads()

    wanted = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        before = psutil.Process().num_threads()
        with ThreadPoolExecutor(workers) as pool:
            assert max(pool.map(work, range(workers))) <= before + workers
    finally:
        torch.set_num_threads(wanted)
