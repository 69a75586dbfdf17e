"""Transforms, clips and batches: what a model sees, and that only (seed, epoch, video) decides it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import numbered_frames, write_video
from partway.data import sampling
from partway.data.clips import TRAIN_STREAM, ClipMaker, epoch_order, generator
from partway.data.sampling import frame_indices, observed_frames, window_start
from partway.data.store import VideoFiles
from partway.data.transforms import colour_factors, resized, test_boxes, test_views, train_view, view_columns
from partway.schema import ModelOptions
from partway.schema_clips import ColourJitter, Evaluation, Sampling, Transforms
from test_data import clip

test_boxes.__test__ = test_views.__test__ = False  # views at test time, not tests

MODEL = ModelOptions(num_frames=4, frame_size=32)


class CountingReader:
    """Frames whose red channel is their index and whose green channel is the column; remembers what was asked."""

    def __init__(self, height: int = 48, width: int = 64):
        self.size = (height, width)
        self.asked: list[list[int]] = []

    def read(self, video, indices):
        self.asked.append(list(indices))
        frames = np.zeros((len(indices), *self.size, 3), dtype=np.uint8)
        frames[..., 0] = np.asarray(indices)[:, None, None]
        frames[..., 1] = np.arange(self.size[1])
        frames[..., 2] = len(video.id)
        return frames


def maker(reader=None, **options) -> ClipMaker:
    settings = {
        "reader": reader or CountingReader(),
        "model": MODEL,
        "sampling": Sampling(),
        "transforms": Transforms(),
    }
    return ClipMaker(**settings | {"ratio": 1.0} | options)


def test_test_boxes_by_hand():
    # Short side 240 stands for 256, so a crop of 224 is 240 * 224/256 = 210 pixels.
    assert test_boxes(240, 320, Transforms(), crops=1) == [(15, 55, 210, 210)]
    assert test_boxes(240, 320, Transforms(), crops=3) == [(15, 55, 210, 210), (0, 0, 210, 210), (0, 110, 210, 210)]
    assert test_boxes(320, 240, Transforms(), crops=3) == [(55, 15, 210, 210), (0, 0, 210, 210), (110, 0, 210, 210)]
    assert test_boxes(240, 320, Transforms(test_resize="square"), crops=1) == [(0, 0, 240, 320)]


def test_six_views_are_three_crops_each_mirrored():
    frames = CountingReader().read(clip(1), [0, 1])
    views = test_views(frames, 32, Transforms(), Evaluation(crops=3, flips=2))
    assert len(views) == 6
    for plain, mirrored in zip(views[::2], views[1::2], strict=True):
        np.testing.assert_array_equal(plain[:, :, ::-1], mirrored)
    columns = [view[0, 0, :, 1] for view in views[::2]]
    assert columns[1][0] < columns[0][0] < columns[2][0]  # left, centre, right
    assert columns[2][-1] >= 62  # the right crop ends at the right edge


def test_boxes_of_other_scales_by_hand():
    # At 1.25 the short side of 240 stands for 320: a crop of 224 is 168 pixels.
    assert test_boxes(240, 320, Transforms(), crops=3, scale=1.25) == [
        (36, 76, 168, 168),
        (0, 0, 168, 168),
        (0, 152, 168, 168),
    ]
    assert test_boxes(240, 320, Transforms(), crops=1, scale=0.875) == [(0, 40, 240, 240)]  # all of the short side
    square = Transforms(test_resize="square")
    assert test_boxes(240, 320, square, crops=1, scale=1.25) == [(24, 32, 192, 256)]
    assert test_boxes(240, 320, square, crops=3) == test_boxes(240, 320, Transforms(), crops=3)


@given(height=st.integers(1, 400), width=st.integers(1, 400), scale=st.floats(0.875, 4), crops=st.sampled_from([1, 3]))
def test_boxes_of_the_test_views_lie_in_the_frame(height, width, scale, crops):
    for top, left, rows, columns in test_boxes(height, width, Transforms(), crops, scale):
        assert 0 <= top <= top + rows <= height
        assert 0 <= left <= left + columns <= width
        assert min(rows, columns) >= min(height, width) // 5


def test_views_come_clip_by_clip_scale_by_scale_crop_by_crop_and_then_mirrored():
    views = Evaluation(clips=2, scales=[1.0, 1.5], crops=3, flips=2)
    reader = CountingReader()
    made = maker(reader).test_clips(clip(1, frames=40), views)
    assert len(reader.asked) == 1  # the frames of all clips are decoded in one go
    assert len(made) == views.views == 24
    columns = view_columns(views)
    assert columns["clip"] == [0] * 12 + [1] * 12
    assert columns["scale"] == ([1.0] * 6 + [1.5] * 6) * 2
    assert columns["crop"] == ["centre", "centre", "first", "first", "last", "last"] * 4
    assert columns["mirrored"] == [False, True] * 12
    for number, view in enumerate(made):
        one = Evaluation(scales=[columns["scale"][number]], crops=3)
        place = ("centre", "first", "last").index(columns["crop"][number])
        frames = CountingReader().read(clip(1), sampling.clip_indices(40, 4, clips=2)[columns["clip"][number]])
        alone = test_views(frames, 32, Transforms(), one)[place]
        np.testing.assert_array_equal(view, alone[:, :, ::-1] if columns["mirrored"][number] else alone)


def test_one_view_is_what_it_was():
    """The frames of `uniform`, the centre crop of 256/224 of the short side, each resized alone."""
    frames = CountingReader().read(clip(1), frame_indices(40, 4))
    made = maker().test_clips(clip(1, frames=40), Evaluation())
    assert made.shape == (1, 4, 32, 32, 3)
    for frame, shown in zip(frames, made[0], strict=True):
        np.testing.assert_array_equal(shown, resized(frame, (3, 11, 42, 42), 32))


def test_resizing_keeps_a_flat_picture_flat_both_ways():
    flat = np.full((48, 64, 3), 77, dtype=np.uint8)
    for size in (16, 96):
        assert (resized(flat, (0, 0, 48, 64), size) == 77).all()


def test_consistent_draws_once_and_per_frame_draws_for_each():
    frames = CountingReader().read(clip(1), [5] * 12)
    same = train_view(frames, 32, Transforms(consistent=True), np.random.default_rng(3))
    assert all((frame == same[0]).all() for frame in same)
    each = train_view(frames, 32, Transforms(), np.random.default_rng(3))
    assert len({frame.tobytes() for frame in each}) > 6


def test_flip_at_its_limits_and_no_crop():
    frames = CountingReader().read(clip(1), [5])
    plain = train_view(frames, 32, Transforms(crop="none", flip=0.0), np.random.default_rng(0))
    flipped = train_view(frames, 32, Transforms(crop="none", flip=1.0), np.random.default_rng(0))
    np.testing.assert_array_equal(plain[:, :, ::-1], flipped)
    np.testing.assert_array_equal(plain, test_views(frames, 32, Transforms(), Evaluation())[0])


def test_crops_keep_the_share_that_was_asked_for():
    frames = np.zeros((1, 100, 100, 3), dtype=np.uint8)
    frames[0, :, :, 0] = np.arange(100)[None]
    options = Transforms(scale=[0.25, 0.25], aspect=[1.0, 1.0], flip=0.0)
    for seed in range(20):
        row = train_view(frames, 50, options, np.random.default_rng(seed))[0, 0, :, 0].astype(int)
        assert row[-1] - row[0] == 49  # half the width: a quarter of the area


@pytest.mark.parametrize("rule", ["uniform", "strided", "jittered"])
@pytest.mark.parametrize("ratio", [0.1, 0.37, 1.0, "random"])
def test_no_frame_outside_the_window_is_read(rule, ratio):
    reader = CountingReader()
    clips = maker(reader, ratio=ratio, sampling=Sampling(train=rule))
    for frames in (1, 3, 17, 100):
        video = clip(frames, frames=frames)
        for epoch in range(20):
            clips.train_clip(video, epoch)
        allowed = clips.observed(video, 1.0 if ratio == "random" else ratio)
        assert max(index for asked in reader.asked for index in asked) < allowed
        reader.asked.clear()


@pytest.mark.parametrize("rule", ["uniform", "strided", "jittered"])
@pytest.mark.parametrize("ratio", [0.1, 0.37, 0.6, 1.0, "random"])
def test_a_middle_window_is_read_from_its_start_to_its_end(rule, ratio):
    reader = CountingReader()
    clips = maker(reader, ratio=ratio, window="middle", sampling=Sampling(train=rule))
    for frames in (1, 3, 17, 100):
        video = clip(frames, frames=frames)
        for epoch in range(20):
            clips.train_clip(video, epoch)
        observed = clips.observed(video, 1.0 if ratio == "random" else ratio)
        assert all(max(asked) - min(asked) < observed for asked in reader.asked)
        if ratio == 0.1 and frames == 100:
            assert {asked[0] for asked in reader.asked} <= set(range(20, 80))
            assert len({asked[0] for asked in reader.asked}) > 5
        reader.asked.clear()
        clips.test_clips(video, Evaluation(clips=3))
        clips.test_clips(video, Evaluation(clips=3))
        assert reader.asked[0] == reader.asked[1]
        assert max(reader.asked[0]) - min(reader.asked[0]) < observed or ratio == "random"
        reader.asked.clear()


@given(
    frames=st.integers(1, 40),
    ratio=st.one_of(st.sampled_from([0.1, 0.3, 0.5, 0.6, 0.9]), st.floats(0.01, 1.0)),
    window=st.sampled_from(["prefix", "middle"]),
    too_short=st.sampled_from(["stretch", "loop", "repeat_last"]),
    rate=st.sampled_from([5, 12, 30]),
    epoch=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_nothing_outside_the_window_reaches_a_clip_through_the_decoder(
    tmp_path_factory, frames, ratio, window, too_short, rate, epoch
):
    """Two real files that differ everywhere but in the window give the same clips, bit for bit."""
    folder = tmp_path_factory.mktemp("leak")
    own = numbered_frames(frames)
    for name, outside in (("one", 0), ("other", 255)):  # each frame coded alone, so that neighbours leave no trace
        observed = observed_frames(frames, ratio)
        starts = _starts(frames, observed, ratio, window, epoch)
        for part, start in starts.items():
            changed = np.full_like(own, outside)
            changed[start : start + observed] = own[start : start + observed]
            write_video(folder / name / part / "x.avi", changed, codec="ffv1", rate=rate)
    video = clip(0, frames=frames, path="x.avi")
    made = {}
    for name in ("one", "other"):
        options = {"ratio": ratio, "window": window, "sampling": Sampling(train="jittered", too_short=too_short)}
        train_clip = maker(VideoFiles(folder / name / "train"), **options).train_clip(video, epoch)
        test_clips = maker(VideoFiles(folder / name / "test"), **options).test_clips(
            video, Evaluation(clips=2, crops=3)
        )
        made[name] = (train_clip, test_clips)
    for one, other in zip(made["one"], made["other"], strict=True):
        np.testing.assert_array_equal(one, other)


def _starts(frames: int, observed: int, ratio: float, window: str, epoch: int) -> dict[str, int]:
    """Where the window of the training clip and of the test clips begins, with the clip's own draw."""
    rng = generator(TRAIN_STREAM, 0, epoch, clip(0).id)
    return {
        "train": window_start(frames, observed, ratio, window, rng),
        "test": window_start(frames, observed, ratio, window),
    }


def test_random_ratio_differs_by_epoch_in_training_and_is_fixed_in_validation():
    reader = CountingReader()
    clips = maker(reader, ratio="random")
    video = clip(1, frames=200)
    for epoch in range(30):
        clips.train_clip(video, epoch)
    assert len({asked[-1] for asked in reader.asked}) > 20
    reader.asked.clear()
    for _ in range(3):
        clips.test_clips(video, Evaluation())
    other = maker(reader, ratio="random", validation_seed=1)
    other.test_clips(video, Evaluation())
    assert reader.asked[0] == reader.asked[1] == reader.asked[2] != reader.asked[3]


def test_a_clip_depends_on_seed_epoch_and_video_alone():
    video = clip(1, frames=50)
    first = maker().train_clip(video, 3)
    np.testing.assert_array_equal(first, maker().train_clip(video, 3))
    assert (first != maker().train_clip(video, 4)).any()
    assert (first != maker(seed=1).train_clip(video, 3)).any()


def test_colour_factors_are_of_their_clip_and_epoch_alone():
    jitter = ColourJitter(brightness=0.2, contrast=0.4, saturation=0.0, hue=0.1)
    clips = maker(transforms=Transforms(colour_jitter=jitter))
    drawn = clips.jitter(["one", "other"], 3)
    assert drawn.shape == (2, 4, 4)
    np.testing.assert_array_equal(clips.jitter(["other"], 3)[0], drawn[1])
    assert (clips.jitter(["one"], 4)[0] != drawn[0]).any()
    assert (maker(transforms=clips.transforms, seed=1).jitter(["one"], 3)[0] != drawn[0]).any()
    assert len(np.unique(drawn[..., 0])) == 8  # each frame has its own
    consistent = maker(transforms=Transforms(colour_jitter=jitter, consistent=True)).jitter(["one"], 3)
    assert consistent.shape == (1, 1, 4)  # for all frames
    assert maker().jitter(["one"], 3) is None


def test_colour_factors_lie_in_their_ranges_and_are_as_frequent_as_asked():
    options = ColourJitter(brightness=0.2, contrast=0.4, saturation=0.0, hue=0.1, prob=0.6)
    drawn = colour_factors(4000, options, np.random.default_rng(0))
    changed = drawn[(drawn != (1, 1, 1, 0)).any(axis=1)]
    assert len(changed) / len(drawn) == pytest.approx(0.6, abs=0.03)
    np.testing.assert_allclose(changed.min(axis=0), [0.8, 0.6, 1, -0.1], atol=0.01)
    np.testing.assert_allclose(changed.max(axis=0), [1.2, 1.4, 1, 0.1], atol=0.01)


def test_epoch_order_is_a_new_permutation_each_epoch():
    videos = [clip(n) for n in range(30)]
    orders = [[video.id for video in epoch_order(videos, 0, epoch)] for epoch in (1, 2)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(video.id for video in videos)


def test_streams_of_randomness_do_not_meet():
    draws = {generator(stream, 0, epoch).random() for stream in range(5) for epoch in range(10)}
    assert len(draws) == 50
