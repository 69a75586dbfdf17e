"""Feeding: the same batches whatever the workers, bounded memory, and an orderly end of every epoch."""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partway.data.clips import epoch_order
from partway.data.feeding import ClipLoader
from partway.errors import DataError
from partway.schema_clips import ColourJitter, Evaluation, RandAugment, Sampling, Transforms
from test_clips import maker
from test_data import clip

WORKERS = (0, 1, 2, 5)


def whole(loader: ClipLoader, *arguments, **options) -> tuple[list[str], list[int], np.ndarray]:
    """All ids, labels and clips of an epoch; a batch is valid until the next one, so its clips are copied."""
    batches = [(b.ids, b.labels_B.tolist(), b.clips_BTHWC.copy()) for b in loader.batches(*arguments, **options)]
    ids, labels, clips = zip(*batches, strict=True)
    return list(chain(*ids)), list(chain(*labels)), np.concatenate(clips)


@given(videos=st.integers(1, 13), batch_size=st.integers(1, 7), epoch=st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_workers_and_batches_change_neither_clips_nor_order(videos, batch_size, epoch):
    of_split = [clip(n, "ab"[n % 2], frames=20 + n) for n in range(videos)]
    options = Transforms(drop_frames=0.2, rand_augment=RandAugment(), colour_jitter=ColourJitter())
    clips = maker(sampling=Sampling(train="jittered"), transforms=options)
    order = epoch_order(of_split, 0, epoch)
    made = np.stack([clips.train_clip(video, epoch) for video in order])
    for workers in WORKERS:
        with ClipLoader(["a", "b"], batch_size, workers) as loader:
            ids, labels, fed = whole(loader, order, lambda video: clips.train_clip(video, epoch))
        assert ids == [video.id for video in order]
        assert labels == ["ab".index(video.label) for video in order]
        np.testing.assert_array_equal(fed, made)


@pytest.mark.parametrize("workers", WORKERS)
def test_a_batch_of_several_views_has_no_more_clips(workers):
    views = Evaluation(clips=2, crops=3)
    videos = [clip(n) for n in range(5)]
    with ClipLoader(["wave"], batch_size=12, workers=workers) as loader:
        batches = loader.batches(videos, lambda video: maker().test_clips(video, views), views=views.views)
        assert [batch.clips_BTHWC.shape[:2] for batch in batches] == [(2, 6), (2, 6), (1, 6)]
    with ClipLoader(["wave"], batch_size=4, workers=workers) as loader:
        batches = loader.batches(videos, lambda video: maker().test_clips(video, views), views=views.views)
        assert [batch.clips_BTHWC.shape[:2] for batch in batches] == [(1, 6)] * 5


def test_two_epochs_use_the_same_threads():
    used: list[set[int]] = []

    def make(video):
        used[-1].add(threading.get_ident())
        time.sleep(0.002)  # so that no worker does all of them
        return np.zeros((1, 2, 2, 3), dtype=np.uint8)

    with ClipLoader(["wave"], batch_size=4, workers=3) as loader:
        for _ in range(2):
            used.append(set())
            for _ in loader.batches([clip(n) for n in range(24)], make):
                pass
    assert used[0] == used[1]
    assert len(used[0]) == 3
    assert not feeding_threads()


def feeding_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("clips")]


@pytest.mark.parametrize(("workers", "views"), [(1, 1), (4, 1), (4, 6)])
@pytest.mark.parametrize("videos", [60, 240])
def test_memory_is_that_of_a_few_batches_however_many_videos(videos, workers, views):
    """A slow consumer: clips made and not yet consumed are at most two batches ahead, and one a worker."""
    batch_size, made, consumed, most, buffers = 6, Counter(), 0, 0, set()

    def make(video):
        made["clips"] += views
        return np.zeros((views, 1, 2, 2, 3), dtype=np.uint8)

    with ClipLoader(["wave"], batch_size, workers) as loader:
        for batch in loader.batches([clip(n) for n in range(videos)], make, views=views):
            time.sleep(0.001)
            most = max(most, made["clips"] - consumed)
            consumed += len(batch.ids) * views
            buffers.add(batch.clips_BTHWC.__array_interface__["data"][0])
    assert made["clips"] == consumed == videos * views
    assert most <= 4 * batch_size + workers * views
    assert len(buffers) <= 3 + workers  # the ring


def test_a_video_that_breaks_is_raised_where_it_stands_and_leaves_no_thread():
    def make(video):
        if video.id == "wave/7.avi":
            raise DataError("wave/7.avi: broke")
        return np.zeros((4, 8, 8, 3), dtype=np.uint8)

    for workers in WORKERS:
        seen = []
        with ClipLoader(["wave"], batch_size=3, workers=workers) as loader:
            with pytest.raises(DataError, match=r"wave/7\.avi"):
                for batch in loader.batches([clip(n) for n in range(12)], make):
                    seen += batch.ids
            assert seen == [clip(n).id for n in range(6)]
            assert len(whole(loader, [clip(n) for n in range(5)], make)[0]) == 5  # and goes on
        assert not feeding_threads()


def test_an_error_that_names_no_video_is_told_with_the_video():
    def make(video):
        raise ZeroDivisionError

    for workers in (0, 2):
        with (
            ClipLoader(["wave"], batch_size=3, workers=workers) as loader,
            pytest.raises(ZeroDivisionError) as caught,
        ):
            list(loader.batches([clip(3)], make))
        assert caught.value.__notes__ == [f"while making a clip of video {clip(3).id}"]


@pytest.mark.parametrize("closes", [True, False])
def test_an_epoch_that_is_left_early_does_not_wait_for_the_rest(closes):
    begun = []

    def make(video):
        begun.append(video.id)
        time.sleep(0.05)
        return np.zeros((1, 2, 2, 3), dtype=np.uint8)

    with ClipLoader(["wave"], batch_size=8, workers=2) as loader:
        batches = loader.batches([clip(n) for n in range(200)], make)
        next(batches)
        if closes:
            batches.close()
            time.sleep(0.15)
            after = len(begun)
            time.sleep(0.15)
            assert len(begun) == after  # nothing that had waited begins any more
        left = time.monotonic()
    assert time.monotonic() - left < 0.3  # the two in hand; the sixteen that wait would take 0.4 s
    assert len(begun) < 24
    assert not feeding_threads()
