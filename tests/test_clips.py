"""Transforms, clips and batches: what a model sees, and that only (seed, epoch, video) decides it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import numbered_frames, write_video
from partway.data.clips import TRAIN_STREAM, ClipLoader, ClipMaker, epoch_order, generator
from partway.data.sampling import observed_frames, window_start
from partway.data.store import VideoFiles
from partway.data.transforms import resized, test_boxes, test_views, train_view
from partway.errors import DataError
from partway.schema import Evaluation, ModelOptions, Sampling, Transforms
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
    views = list(test_views(frames, 32, Transforms(), Evaluation(crops=3, flips=2)))
    assert len(views) == 6
    for plain, mirrored in zip(views[::2], views[1::2], strict=True):
        np.testing.assert_array_equal(plain[:, :, ::-1], mirrored)
    columns = [view[0, 0, :, 1] for view in views[::2]]
    assert columns[1][0] < columns[0][0] < columns[2][0]  # left, centre, right
    assert columns[2][-1] >= 62  # the right crop ends at the right edge


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
    np.testing.assert_array_equal(plain, next(iter(test_views(frames, 32, Transforms(), Evaluation()))))


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
        clips.test_clips(video, Evaluation())
        clips.test_clips(video, Evaluation())
        assert reader.asked[0] == reader.asked[1]
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
        test_clips = maker(VideoFiles(folder / name / "test"), **options).test_clips(video, Evaluation(crops=3))
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


def test_the_number_of_workers_changes_nothing():
    videos = [clip(n, "ab"[n % 2], frames=20 + n) for n in range(23)]
    results = []
    for workers in (1, 4):
        clips = maker(sampling=Sampling(train="jittered"))
        with ClipLoader(["a", "b"], batch_size=5, workers=workers) as loader:
            results.append(list(loader.batches(epoch_order(videos, 0, 1), lambda v, c=clips: c.train_clip(v, 1))))
    assert [len(batch.ids) for batch in results[0]] == [5, 5, 5, 5, 3]
    assert sorted(name for batch in results[0] for name in batch.ids) == sorted(video.id for video in videos)
    for one, four in zip(*results, strict=True):
        assert one.ids == four.ids
        np.testing.assert_array_equal(one.clips_BTHWC, four.clips_BTHWC)
        np.testing.assert_array_equal(one.labels_B, four.labels_B)


def test_a_video_that_breaks_in_the_middle_is_raised_where_it_stands():
    def make(video):
        if video.id == "wave/7.avi":
            raise DataError("wave/7.avi: broke")
        return np.zeros((4, 8, 8, 3), dtype=np.uint8)

    with ClipLoader(["wave"], batch_size=3, workers=2) as loader, pytest.raises(DataError, match=r"wave/7\.avi"):
        list(loader.batches([clip(n) for n in range(12)], make))


def test_epoch_order_is_a_new_permutation_each_epoch():
    videos = [clip(n) for n in range(30)]
    orders = [[video.id for video in epoch_order(videos, 0, epoch)] for epoch in (1, 2)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(video.id for video in videos)


def test_streams_of_randomness_do_not_meet():
    draws = {generator(stream, 0, epoch).random() for stream in range(4) for epoch in range(10)}
    assert len(draws) == 40
