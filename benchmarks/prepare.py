"""How many videos a second `prepare` opens: every frame decoded, counted and digested, once for all trainings.

    python benchmarks/prepare.py --videos 1000

The videos are generated: MPEG-4 in AVI, 320 x 240, 25 frames a second, 4 to 10 seconds, as UCF-101's are. A second call
after an interruption at half of them is measured as well.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from pathlib import Path

from partway.data import mime, prepare
from partway.progress import Progress
from partway.schema_data import MimeOptions

KINDS = 16  # different videos; the others are copies of them, since generating takes longer than opening


class StoppedCallError(Exception):
    """The call that is measured was stopped."""


class StoppedAfter(Progress):
    """Stops a call when so many videos have been read."""

    def __init__(self, videos: int):
        super().__init__("prepare")
        self.left = videos

    def update(self, describe) -> None:  # noqa: ARG002 (the signature of its parent)
        self.left -= 1
        if not self.left:
            raise StoppedCallError


def write_videos(root: Path, count: int) -> None:
    """Write `count` videos as `<class>/<video>.avi`: copies of a few, each with bytes of its own at its end."""
    options = MimeOptions(
        num_classes=2,
        num_videos=KINDS,
        num_performers=4,
        width=320,
        height=240,
        frame_rate=25,
        duration_sec=(4.0, 10.0),
    )
    rows = mime.generate(options, root / ".kinds")
    contents = [(row["label"], (root / ".kinds" / row["path"]).read_bytes()) for row in rows]
    for number in range(count):
        label, content = contents[number % len(contents)]
        (root / label).mkdir(exist_ok=True)
        (root / label / f"clip_{number:05d}.avi").write_bytes(content + number.to_bytes(4, "little"))


def measured(root: Path, folder: Path, progress: Progress) -> float:
    """Seconds of one `prepare`."""
    spec = {"layout": "class_folders", "options": {}}
    began = time.monotonic()
    with contextlib.suppress(StoppedCallError):
        prepare.prepare(spec, str(root), folder, progress)
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--videos", type=int, default=1000)
    count = parser.parse_args().videos
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "videos")
        write_videos(root, count)
        megabytes = sum(path.stat().st_size for path in root.rglob("clip_*.avi")) / 2**20
        whole = measured(root, Path(scratch, "whole"), Progress("prepare"))
        half = measured(root, Path(scratch, "halves"), StoppedAfter(count // 2))
        rest = measured(root, Path(scratch, "halves"), Progress("prepare"))
    cores = len(os.sched_getaffinity(0))
    print(f"{count} videos of 320 x 240, {megabytes:.0f} MB, {cores} cores")
    print("| what | seconds | videos a second |\n| --- | --- | --- |")
    print(f"| prepare | {whole:.1f} | {count / whole:.0f} |")
    print(f"| the rest, after a stop at half | {rest:.1f} | ratio to the whole {rest / whole:.2f} |")
    print(
        f"At this rate 13,320 videos (UCF-101) take {13_320 / (count / whole) / 60:.0f} min; the stopped call took {half:.1f} s."
    )


if __name__ == "__main__":
    main()
