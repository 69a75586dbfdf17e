"""How long it takes to read the frames of a window, beside other libraries, and whether these are the right frames.

    python benchmarks/decoding.py                     # on videos it makes itself
    python benchmarks/decoding.py --videos FOLDER     # on real ones; the suffix .avi parts them from the others

32 frames of a prefix window, by partway's rule, as a model sees them at test time (224 x 224; see `test_resize`), on one
thread, files in memory. A frame is right if, of all frames of a full decode in order, the one that resembles it most is
the one that the rule names. Readers that are not installed are named with the line that installs them; what a reader
cannot read counts neither for nor against its speed, and is said.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

import measure
import videos
from partway.data import reading
from partway.schema_clips import Transforms
from readers import PARTWAY, PYTORCHVIDEO, READERS, Reader, Window

RATIOS = (0.1, 0.5, 0.9)
TARGETS = {True: 4.0, False: 2.5}  # times pytorchvideo's speed, on AVI and on others
NEAR_THE_FASTEST = 1.2
PACKAGES = ("av", "opencv-python-headless", "pytorchvideo", "torchcodec", "decord", "torch")


@dataclass
class Row:
    """What was found of one reader on one kind of video; all lists by ratio, one entry a video that it could read."""

    reader: Reader
    problem: str | None
    right: dict[float, list[int]] = field(default_factory=lambda: {ratio: [] for ratio in RATIOS})
    times: dict[float, list[measure.Times]] = field(default_factory=lambda: {ratio: [] for ratio in RATIOS})
    read: list[str] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)

    def cpu_sec(self, ratio: float, only: list[str] | None = None) -> list[float]:
        """CPU seconds of all its videos together, or of those in `only`, repeat by repeat."""
        chosen = [
            t.cpu_sec for name, t in zip(self.read, self.times[ratio], strict=True) if only is None or name in only
        ]
        return [sum(repeat) for repeat in zip(*chosen, strict=True)]

    def over(self, other: Row, ratio: float) -> list[float]:
        """Its CPU time over another's on the videos that both could read, repeat by repeat."""
        both = [name for name in self.read if name in other.read]
        return [a / b for a, b in zip(self.cpu_sec(ratio, both), other.cpu_sec(ratio, both), strict=True)]

    def all_right(self, num_frames: int) -> bool:
        """Whether it could read every video, and every frame of every window was the one that was asked for."""
        return bool(self.read) and not self.raised and {n for r in self.right.values() for n in r} == {num_frames}


def right_frames(frames_THWC: np.ndarray, full_THWC: np.ndarray, indices: Sequence[int]) -> int:
    """How many frames are what `indices` name; a copy of the named frame elsewhere in the video does as well.

    Args:
        frames_THWC: what a reader gave, native size; another conversion from YUV makes it resemble, not equal.
        full_THWC: every frame of the video in decoder order.
        indices: the frames that were asked for.
    """
    if frames_THWC.shape[1:] != full_THWC.shape[1:]:
        return 0  # another stream of the file
    every_fourth = full_THWC[:, ::4, ::4].astype(np.float32)
    right = 0
    for frame, index in zip(frames_THWC, indices, strict=False):
        distances = np.abs(every_fourth - frame[::4, ::4].astype(np.float32)).mean(axis=(1, 2, 3))
        right += bool(distances[index] == distances.min())
    return right


def check(row: Row, windows: list[Window], full_THWC: np.ndarray) -> None:
    """Read every window of a video once in native size, and count the right frames."""
    name = windows[0].video.id
    try:
        found = [right_frames(row.reader.read(w, False), full_THWC, w.indices) for w in windows]
    except Exception as error:  # another library's, of any kind: it is part of the result
        row.raised.append(f"{type(error).__name__} on {name}")
        return
    row.read.append(name)
    for window, count in zip(windows, found, strict=True):
        row.right[window.ratio].append(count)


def compare(paths: list[Path], readers: list[Reader], repeats: int, **window: Any) -> list[Row]:
    """Check and time every reader on the same windows of the same videos."""
    rows = [Row(reader, reader.problem) for reader in readers]
    for path in paths:
        described = videos.described(path, path.parent)
        windows = [Window(described, path.parent, ratio, **window) for ratio in RATIOS]
        full_THWC = np.stack(list(reading.read_all_frames(path)))
        for row in rows:
            if not row.problem:
                check(row, windows, full_THWC)
        able = [row for row in rows if path.name in row.read]
        for each in windows:
            times = measure.interleaved({r.reader.name: partial(r.reader.read, each, True) for r in able}, repeats)
            for row in able:
                row.times[each.ratio].append(times[row.reader.name])
    return rows


def printed(rows: list[Row], num_frames: int) -> str:
    """The table of one kind of video: CPU time a clip, beside partway's, and right frames."""
    ours = next(row for row in rows if row.reader is PARTWAY)
    columns = ["reader", *(f"CPU ms, r = {r}" for r in RATIOS), *(f"over partway, {r}" for r in RATIOS), "wall / CPU"]
    table = []
    for row in rows:
        if not row.read:
            table.append([row.reader.name, row.problem or "; ".join(row.raised), *[""] * 7])
            continue
        cpu = [f"{median(row.cpu_sec(r)) / len(row.read) * 1000:.1f}" for r in RATIOS]
        over = [measure.spread(row.over(ours, r)) for r in RATIOS]
        every = [times for some in row.times.values() for times in some]
        waited = sum(sum(t.wall_sec) for t in every) / sum(sum(t.cpu_sec) for t in every)
        right = " / ".join(f"{mean(row.right[r]):.3g}" for r in RATIOS)
        table.append([row.reader.name, *cpu, *over, f"{waited:.1f}", right])
    return measure.table([*columns, f"right frames of {num_frames}"], table)


def verdict(rows: list[Row], target: float, num_frames: int) -> list[str]:
    """What no table cell has room for: what readers raised, and whether the targets are met."""
    ours = next(row for row in rows if row.reader is PARTWAY)
    lines = [f"{row.reader.name} raises {', '.join(row.raised)}" for row in rows if row.raised]
    for row in rows:
        if row.reader is PYTORCHVIDEO and row.read:
            gains = [median(row.over(ours, ratio)) for ratio in RATIOS]
            lines.append(_target("times pytorchvideo's speed", gains, f"at least {target}", min(gains) >= target))
    correct = [row for row in rows if row.all_right(num_frames)]
    behind = [max(median(ours.over(row, ratio)) for row in correct) for ratio in RATIOS]
    met = max(behind) <= NEAR_THE_FASTEST
    return [*lines, _target("times the time of the fastest correct reader", behind, f"at most {NEAR_THE_FASTEST}", met)]


def _target(what: str, found: list[float], target: str, met: bool) -> str:
    return f"{' / '.join(f'{value:.2f}' for value in found)} {what}; target {target}: {'met' if met else 'NOT met'}"


def by_kind(folder: Path) -> dict[str, list[Path]]:
    """Real videos of a folder: AVI, and all others."""
    found = videos.found_in(folder)
    avi = [path for path in found if path.suffix.lower() == ".avi"]
    kinds = {"AVI": avi, "others": [path for path in found if path not in avi]}
    return {kind: paths for kind, paths in kinds.items() if paths}


def main(arguments: list[str] | None = None, readers: list[Reader] = READERS) -> dict[str, list[Row]]:
    """Measure, print; return the rows by kind of video."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=Path, help="a folder of real videos; without it they are generated")
    parser.add_argument("--test-resize", choices=["short_side", "square"], default="short_side", help="as in a study")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--quick", action="store_true", help="one small video of each kind, two repeats")
    options = parser.parse_args(arguments)
    measure.one_thread()
    size, repeats, count = (32, 2, 1) if options.quick else (224, options.repeats, 3)
    window = {"num_frames": options.frames, "size": size, "options": Transforms(test_resize=options.test_resize)}
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        if options.videos:
            kinds = by_kind(options.videos)
        else:
            small = {"shortest": 40, "height": 48, "width": 64} if options.quick else {}
            kinds = {kind: videos.generate(Path(scratch), kind, count, **small) for kind in videos.ENCODERS}
        print(f"{measure.machine(*PACKAGES)}; one thread, {repeats} interleaved repeats, files in memory")
        for kind, paths in kinds.items():
            results[kind] = rows = compare(paths, readers, repeats, **window)
            print(f"\n{kind}: {len(paths)} videos, milliseconds a clip\n\n{printed(rows, options.frames)}\n")
            print("\n".join(f"- {line}" for line in verdict(rows, TARGETS[kind.startswith("AVI")], options.frames)))
    return results


if __name__ == "__main__":
    main()
