"""Videos for the benchmarks, as UCF-101's and the web's are: a few seconds of moving texture at 320 x 240.

Every frame differs from every other after coding, so that a reader that gives the wrong frame is found out.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import cv2
import numpy as np

from partway import files, sources
from partway.data import packing, store, video
from partway.data.manifest import Manifest, Video
from partway.data.store import FrameReader
from partway.progress import Progress
from partway.schema_store import KINDS, FrameStore

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from conftest import write_video

AVI, H264 = "AVI (MPEG-4, B-frames, one keyframe)", "h264 (GOP 250)"
# Bit rates near those of UCF-101 (360 to 520 kbit/s) and of web video of that size. AVI knows no presentation times.
ENCODERS = {
    AVI: (".avi", {"codec": "mpeg4", "bf": "2", "g": "600", "sc_threshold": "1000000000", "b": "450k"}),
    H264: (".mp4", {"codec": "libx264", "g": "250", "b": "600k"}),
}
DISCS = ((6, 5, (230, 120, 60)), (9, -7, (60, 200, 240)))  # height over radius, pixels a frame, colour
STORES = [FrameStore(kind=kind).name for kind in KINDS if kind != "packed-frames"]  # that one is of frame folders


def moving_texture(frames: int, *, height: int = 240, width: int = 320, seed: int = 0) -> np.ndarray:
    """Frames_THWC, uint8: the view wanders over a blurred random picture, two discs cross it, with sensor noise."""
    rng = np.random.default_rng(seed)
    # Seen at 1 to 3 pixels a frame, and wide enough that no place comes twice.
    picture = rng.integers(0, 256, ((height + 2 * frames) // 8 + 2, (width + 3 * frames) // 8 + 2, 3), dtype=np.uint8)
    picture = cv2.resize(picture, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    shown = np.empty((frames, height, width, 3), dtype=np.uint8)
    for index in range(frames):
        view = picture[2 * index : 2 * index + height, 3 * index : 3 * index + width].copy()
        for part, pace, colour in DISCS:
            centre = (pace * index % width, height // 2 + pace * index % (height // 3))
            cv2.circle(view, centre, height // part, colour, thickness=-1)
        noise = rng.integers(-4, 5, view.shape, dtype=np.int16)
        shown[index] = np.clip(view + noise, 0, 255).astype(np.uint8)
    return shown


def generate(folder: Path, kind: str, count: int, *, shortest: int = 150, **size: int) -> list[Path]:
    """Write `count` videos of a kind, each 30 frames longer than the one before."""
    suffix, encoder = ENCODERS[kind]
    name = kind.split()[0].lower()
    return [
        write_video(
            folder / f"{name}_{number}{suffix}",
            moving_texture(shortest + 30 * number, seed=number, **size),
            rate=25,
            **encoder,
        )
        for number in range(count)
    ]


def described(path: Path, root: Path) -> Video:
    """The row that a manifest has for a video, found by decoding it."""
    facts = video.inspect(path)
    return Video(
        id=path.name,
        path=str(path.relative_to(root)),
        label=path.parent.name,
        split="train",
        group=path.name,
        frames=facts.frames,
        frame_rate=facts.frame_rate,
        width=facts.width,
        height=facts.height,
        codec=facts.codec,
        digest=files.digest(path),
        frame_times_sec=facts.times_sec and tuple(facts.times_sec),
    )


def manifest(root: Path, paths: list[Path]) -> Manifest:
    """The manifest of videos below a folder."""
    rows = [described(path, root) for path in paths]
    return Manifest(rows, sorted({row.label for row in rows}))


def opened(name: str, rows: Manifest, root: Path, folder: Path) -> FrameReader:
    """Pack the videos into a store, by its name as in files (`jpeg-q95`), and open it."""
    kind, output = FrameStore.from_name(name), folder / f"store-{name}.json"
    packing.pack(kind, rows, root, output, Progress(f"pack {name}", stream=io.StringIO()))
    return store.open_reader(output, root, rows, in_key=kind.in_key)


def found_in(folder: Path) -> list[Path]:
    """The video files of a folder, sorted."""
    return sorted(path for path in folder.iterdir() if sources.suffix(path.name) in sources.VIDEO_SUFFIXES)
