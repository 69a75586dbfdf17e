"""Mime: a generated data set of stick figures, of which the truth is known.

Ten actions come in groups of two. The actions of a group share their floor, whose colour tells the group from
the first frame on as a sports field does, and their opening. They part at a moment that the manifest column
`decided_at` tells, as a fraction of the duration. A video of n frames is undecided in its frames 0 .. f-1 and
decided from frame f = `first_decided_frame(n, decided_at)` = ceil(decided_at * n) on.

Everything but the movement from frame f on is drawn without regard to the class, from generators seeded by
(seed, performer, number of the video): two videos that differ in nothing but their label are identical, bit by
bit, in the frames 0 .. f-1. So are these frames after decoding, because the encoder quantises by a constant
and begins a closed group of pictures at frame f; a B-frame before f would borrow from the frames behind it.
"""

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from partway import files, machine
from partway.data.mime_plan import Video, classes, plan, shared_openings
from partway.data.mime_render import render
from partway.data.truth import first_decided_frame
from partway.data.video import inspect
from partway.errors import DataError
from partway.schema_data import MimeOptions

# No rate control, as it would look at the whole video. Closed groups of pictures are only to be had from an
# encoder that does not look for cuts.
ENCODER = {
    "bf": "2",
    "g": "12",
    "qmin": "3",
    "qmax": "3",
    "flags": "+bitexact+cgop",
    "sc_threshold": "1000000000",
}


def encode(frames_THWC: np.ndarray, path: Path, *, frame_rate: int, first_decided: int) -> None:
    """Write RGB uint8 frames (T, H, W, 3) as MPEG-4 part 2 with B-frames in an AVI file, as UCF-101 is."""
    with (
        files.replacing(path, durable=False) as temporary,
        av.open(str(temporary), "w", format="avi", options={"fflags": "+bitexact"}) as container,
    ):
        stream = container.add_stream("mpeg4", rate=frame_rate)
        stream.height, stream.width = frames_THWC.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        stream.options = ENCODER
        for index, frame_HWC in enumerate(frames_THWC):
            frame = av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")
            if index == first_decided:
                frame.pict_type = av.video.frame.PictureType.I
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def generate(options: MimeOptions, folder: Path, *, workers: int | None = None) -> list[dict[str, Any]]:
    """Write `<folder>/<class>/<id>.avi` for each video and return the rows of the manifest.

    Files that are there already and decode to their planned number of frames are kept, so that an interrupted call
    resumes. `workers` is a number of threads, by default one per core.
    """
    videos = plan(options)
    for label in classes(options):
        (folder / label).mkdir(parents=True, exist_ok=True)
    # Threads are as fast as processes here: most of the time passes in NumPy, OpenCV and FFmpeg.
    with machine.pool(workers or len(os.sched_getaffinity(0))) as pool:
        list(pool.map(functools.partial(_write, options, folder), videos))
    return [_row(video) for video in videos]


def _relative_path(video: Video) -> str:
    return f"{video.label}/{video.id}.avi"


def _write(options: MimeOptions, folder: Path, video: Video) -> None:
    if _is_whole(folder / _relative_path(video), video.num_frames):
        return
    first = first_decided_frame(video.num_frames, video.decided_at)
    frames_THWC = render(options, video)
    encode(frames_THWC, folder / _relative_path(video), frame_rate=options.frame_rate, first_decided=first)


def _is_whole(path: Path, num_frames: int) -> bool:
    """Whether a file holds all its frames; after a power cut it may have its name and not its content."""
    try:
        return path.exists() and inspect(path).frames == num_frames
    except DataError:
        return False


def _row(video: Video) -> dict[str, Any]:
    return {
        "id": video.id,
        "path": _relative_path(video),
        "label": video.label,
        "split": video.split,
        "group": f"performer_{video.performer:02d}",
        "decided_at": video.decided_at,
    }


def contact_sheet(options: MimeOptions, path: Path, *, columns: int = 8, number: int = 0, zoom: int = 2) -> None:
    """Write a PNG with one row per class, the same video but for its label; decided frames have a red frame."""
    template = plan(options)[number]
    rows = [_sheet_row(options, template, name, columns, zoom) for group in shared_openings(options) for name in group]
    if not cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1]):
        raise OSError(f"could not write {path}")


def _sheet_row(options: MimeOptions, template: Video, label: str, columns: int, zoom: int) -> np.ndarray:
    """A row (H', W', 3) of the contact sheet, RGB uint8: the name, then frames evenly spaced over the video."""
    frames = render(options, dataclasses.replace(template, label=label))
    first = first_decided_frame(template.num_frames, template.decided_at)
    title = np.full((options.height * zoom, 180, 3), 255, np.uint8)
    captions: Sequence[str] = (
        label,
        f"decided at {template.decided_at:.2f}",
        f"frame {first} of {len(frames)}",
    )
    for line, text in enumerate(captions):
        cv2.putText(title, text, (6, 28 + 26 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    cells = [title]
    for index in np.linspace(0, len(frames) - 1, columns).round().astype(int).tolist():
        size = (options.width * zoom, options.height * zoom)
        cell = cv2.resize(frames[index], size, interpolation=cv2.INTER_NEAREST)
        colour = (220, 30, 30) if index >= first else (200, 200, 200)
        cells.append(cv2.rectangle(cell, (0, 0), (size[0] - 1, size[1] - 1), colour, 3))
    return np.concatenate(cells, axis=1)
