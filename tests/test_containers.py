"""Real files of each container: the count that decodes, the frames by their brightness, and what headers get wrong."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from conftest import numbered_frames, write_video
from partway import sources
from partway.data import video
from partway.data.sampling import observed_frames

COUNT = 37
SHARP = {"qmin": "2", "qmax": "2"}
# Name -> encoder options, and whether the header of this container says how many frames there are.
CONTAINERS = {
    "clip.avi": ({"codec": "mpeg4", "bf": "2", "g": "300", **SHARP}, True),
    "CLIP.AVI": ({"codec": "mpeg4", **SHARP}, True),
    "clip.mp4": ({"codec": "libx264", "bf": "3", "g": "250", "crf": "10"}, True),
    "CLIP.MP4": ({"codec": "mpeg4", **SHARP}, True),
    "clip.mkv": ({"codec": "libx264", "bf": "2", "crf": "10"}, False),
    "clip.webm": ({"codec": "libvpx-vp9", "crf": "10", "b": "0"}, False),
    "old.webm": ({"codec": "libvpx", "b": "2000000"}, False),
    "clip.mov": ({"codec": "libx264", "bf": "2", "crf": "10"}, True),
    "clip.m4v": ({"codec": "libx264", "crf": "10"}, True),
    "clip.mpg": ({"codec": "mpeg2video", "bf": "2", **SHARP}, False),
    "clip.mpeg": ({"codec": "mpeg1video", **SHARP}, False),
}


def shown_frames(frames_THWC: np.ndarray, count: int = COUNT) -> list[int]:
    """Which of `numbered_frames(count)` each frame is, by its brightness."""
    expected = 20 + 200 * np.arange(count) // count
    return [int(np.abs(expected - level).argmin()) for level in np.median(frames_THWC, axis=(1, 2, 3))]


def sequential(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize("name", CONTAINERS)
def test_each_container_is_counted_and_read_right(tmp_path, name):
    options, header_counts = CONTAINERS[name]
    path = write_video(tmp_path / "class" / name, numbered_frames(COUNT), rate=25, **options)
    assert [found for found, _ in sources.listing(tmp_path)] == [f"class/{name}"]
    facts = video.inspect(path)
    assert (facts.frames, facts.header_frames) == (COUNT, COUNT if header_counts else 0)
    assert (facts.frame_rate, facts.width, facts.height, facts.times_sec) == (25, 64, 48, None)
    frames = sequential(path)
    assert shown_frames(frames) == list(range(COUNT))
    chosen = [36, 0, 17, 5, 17]
    np.testing.assert_array_equal(video.read_frames(path, chosen), frames[chosen])


def write_varying(path: Path, times_msec: list[int]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "2", "crf": "10"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for frame, time in zip(numbered_frames(len(times_msec)), times_msec, strict=True):
            shown = av.VideoFrame.from_ndarray(frame, format="rgb24")
            shown.pts, shown.time_base = time, stream.codec_context.time_base
            container.mux(stream.encode(shown))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", ["varying.mp4", "varying.mkv", "varying.mov"])
def test_a_variable_rate_is_observed_by_time(tmp_path, name):
    times_msec = [0, 40, 80, 120, 160, 1000, 1500, 2000]
    path = write_varying(tmp_path / name, times_msec)
    facts = video.inspect(path)
    assert facts.frames == 8
    assert facts.times_sec == pytest.approx([time / 1000 for time in times_msec], abs=1e-3)
    # Duration = 2.0 s * 8/7 = 2.286 s; half of it is 1.143 s: the frames at 0 .. 0.16 s and the one at 1.0 s.
    assert observed_frames(facts.frames, 0.5, facts.times_sec) == 6
    assert shown_frames(video.read_frames(path, range(8)), 8) == list(range(8))


def trimmed(path: Path, *, start: int, frames: int) -> Path:
    """Rewrite the edit list of an mp4 at 25 frames a second, as trimming without encoding does."""
    data = bytearray(path.read_bytes())
    place = data.index(b"elst")
    with av.open(str(path)) as container:
        ticks = int(1 / (25 * container.streams.video[0].time_base))  # of one frame
    (delay,) = struct.unpack_from(">i", data, place + 16)  # B-frames begin later than 0
    struct.pack_into(">Ii", data, place + 12, 40 * frames, delay + start * ticks)
    cut = path.with_name(f"cut_{start}_{frames}.mp4")
    cut.write_bytes(data)
    return cut


@pytest.mark.parametrize(("start", "frames"), [(0, 20), (14, 20), (31, 29)])
def test_a_trimmed_mp4_is_not_taken_for_a_cut_off_one(tmp_path, start, frames):
    whole = write_video(tmp_path / "whole.mp4", numbered_frames(60), rate=25, codec="libx264", g="10", bf="2", crf="10")
    facts = video.inspect(path := trimmed(whole, start=start, frames=frames))
    assert abs(facts.frames - frames) <= 1
    assert facts.header_frames == facts.frames
    first = shown_frames(video.read_frames(path, range(facts.frames)), 60)
    assert first == list(range(first[0], first[0] + facts.frames))
    assert abs(first[0] - start) <= 1


def test_a_cut_off_mp4_still_lacks_what_its_header_says(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), dtype=np.uint8)
    path = write_video(tmp_path / "whole.mp4", noise, codec="mpeg4")
    fast = tmp_path / "fast.mp4"  # the index at the front, as for streaming: a cut file still opens
    with av.open(str(path)) as source, av.open(str(fast), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    fast.write_bytes(fast.read_bytes()[: fast.stat().st_size // 2])
    facts = video.inspect(fast)
    assert facts.header_frames == 60
    assert facts.frames < 40


def test_a_colon_in_a_relative_path_is_no_protocol(tmp_path, monkeypatch):
    write_video(tmp_path / "clip.avi", numbered_frames(5)).rename(tmp_path / "take 1:30 %03d #2.avi")
    monkeypatch.chdir(tmp_path)
    assert video.inspect(Path("take 1:30 %03d #2.avi")).frames == 5
    (tmp_path / "http:").mkdir()
    (tmp_path / "take 1:30 %03d #2.avi").rename(tmp_path / "http:" / "clip.avi")
    assert video.inspect(Path("http:/clip.avi")).frames == 5


def test_an_empty_file_says_so(tmp_path):
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(video.DataError, match=r"empty\.mp4: cannot be decoded: the file is empty \(0 bytes\)"):
        video.inspect(tmp_path / "empty.mp4")
