"""Decoding: the frames that were asked for, in decoder order, from files that the tests write."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import REPOSITORY, numbered_frames, write_video
from partway.data import video
from partway.errors import DataError

FORMATS = {
    "avi with B-frames": ("clip.avi", {"codec": "mpeg4", "bf": "2", "g": "300"}),
    "h264 with one keyframe": ("clip.mp4", {"codec": "libx264", "g": "250"}),
    "mkv": ("clip.mkv", {"codec": "libx264"}),
    "motion jpeg": ("clip.avi", {"codec": "mpeg4", "g": "1"}),
}
REAL_CLIPS = REPOSITORY.parent / "shared" / "data" / "clips"
# Decoded frames, from the clips' own description; headers say otherwise for half of them.
REAL_COUNTS = {
    "v_ApplyEyeMakeup_g01_c01.avi": 164,
    "v_SoccerJuggling_g23_c01.avi": 240,
    "RATRACE_wave_f_nm_np1_fr_goo_37.avi": 72,
    "TrumanShow_wave_f_nm_np1_fr_med_26.avi": 48,
    "flipping_a_pancake.mkv": 310,
    "R6llTwEh07w.mp4": 303,
    "person01_walking_d1_uncomp.avi": 555,
}


def sequential(path: Path) -> np.ndarray:
    """Every frame of a file by plain PyAV, the yardstick."""
    with av.open(str(path), metadata_errors="replace") as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.fixture(scope="module", params=FORMATS, ids=list(FORMATS))
def clip(request, tmp_path_factory) -> tuple[Path, np.ndarray]:
    name, options = FORMATS[request.param]
    path = write_video(tmp_path_factory.mktemp("clip") / name, numbered_frames(37), **options)
    return path, sequential(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(indices=st.lists(st.integers(0, 36), min_size=1, max_size=12))
def test_chosen_frames_are_those_of_a_full_decode(clip, indices):
    path, frames = clip
    np.testing.assert_array_equal(video.read_frames(path, indices), frames[indices])


def test_all_frames_and_facts(clip):
    path, frames = clip
    np.testing.assert_array_equal(np.stack(list(video.read_all_frames(path))), frames)
    facts = video.inspect(path)
    assert (facts.frames, facts.width, facts.height, facts.frame_rate) == (37, 64, 48, 12)
    assert facts.times_sec is None


def test_a_file_that_ends_early_is_named(clip):
    path, _ = clip
    with pytest.raises(DataError, match=rf"{path.name}: ends before frame 37"):
        video.read_frames(path, [0, 37])


def test_variable_rate_keeps_its_times(tmp_path):
    path = tmp_path / "varying.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        times_msec = [0, 40, 80, 500, 540, 1200]
        for frame, time in zip(numbered_frames(6), times_msec, strict=True):
            shown = av.VideoFrame.from_ndarray(frame, format="rgb24")
            shown.pts, shown.time_base = time, stream.codec_context.time_base
            container.mux(stream.encode(shown))
        container.mux(stream.encode(None))
    assert video.inspect(path).times_sec == pytest.approx([time / 1000 for time in times_msec])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.avi", b"", "cannot be decoded"),
        ("text.avi", b"not a video at all\n" * 50, "cannot be decoded"),
        ("none.avi", None, "No such file"),
    ],
)
def test_files_that_are_no_video(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=reason) as caught:
        video.inspect(tmp_path / name)
    assert name in str(caught.value)


def test_audio_only_says_so(tmp_path):
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(DataError, match="holds no video stream"):
        video.inspect(path)


@pytest.mark.skipif(not REAL_CLIPS.is_dir(), reason="the real clips are not on this machine")
@pytest.mark.parametrize("name", REAL_COUNTS)
def test_real_clips(name):
    path = REAL_CLIPS / name
    frames = sequential(path)
    assert video.inspect(path).frames == REAL_COUNTS[name] == len(frames)
    chosen = [0, 7, len(frames) // 2, len(frames) - 1]
    np.testing.assert_array_equal(video.read_frames(path, chosen), frames[chosen])
