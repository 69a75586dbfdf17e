"""How the cost of feeding grows: a clip's with the observation ratio, an epoch's with the number of videos.

    python benchmarks/cost.py

The first is fitted by a line, a + b r; the second by a power, c n^k: k = 1 is linear, 0 constant. The many videos are
links to a few small files, each with a row of its own in the manifest, and every size runs in a process of its own, so
that its largest memory is its own. Start-up is from the manifest's path to the first batch.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import measure
import videos
from partway.data import manifest
from partway.data.clips import epoch_order
from partway.data.feeding import ClipLoader
from partway.data.manifest import Manifest
from partway.data.store import VideoFiles
from partway.schema_clips import Transforms
from readers import PARTWAY, Window, clip_maker

RATIOS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
COUNTS = (100, 300, 1000, 3000, 10_000)


def read_all(windows: list[Window], view: bool) -> None:
    """A clip of every video."""
    for window in windows:
        PARTWAY.read(window, view)


def by_ratio(rows: Manifest, root: Path, size: int, repeats: int) -> tuple[list[float], list[float]]:
    """Median CPU milliseconds of a clip at each ratio: read and transformed, and read alone."""
    cases = {}
    for ratio in RATIOS:
        windows = [Window(row, root, ratio, 16, size, Transforms()) for row in rows.videos]
        cases |= {f"{ratio} clip": partial(read_all, windows, True), f"{ratio} read": partial(read_all, windows, False)}
    times = measure.interleaved(cases, repeats)
    cost = {name: median(t.cpu_sec) / len(rows.videos) * 1000 for name, t in times.items()}
    return [cost[f"{ratio} clip"] for ratio in RATIOS], [cost[f"{ratio} read"] for ratio in RATIOS]


def write_many(folder: Path, count: int, rows: Manifest, root: Path) -> None:
    """A manifest of `count` videos that are links to a few."""
    many = []
    for number in range(count):
        row = rows.videos[number % len(rows.videos)]
        path = Path(row.label, f"clip_{number:06d}{Path(row.path).suffix}")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.link(root / row.path, folder / path)
        many.append(dataclasses.replace(row, id=path.name, path=str(path), group=path.name))
    manifest.write(Manifest(many, rows.classes), folder)


def largest_memory_mb() -> float:
    """Most memory that this program has had resident; getrusage would count the one that started it as well."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)["VmHWM"].split()[0]) / 1024


def feed(folder: Path) -> dict[str, float]:
    """One epoch of clips of 4 frames at 32 x 32 from one worker: what it took, in this process from its start."""
    began = time.perf_counter()
    data = manifest.read(folder / "manifest.csv")
    clips = clip_maker(VideoFiles(folder), 0.5, 4, 32, Transforms())
    with ClipLoader(data.classes, 16, workers=1) as loader:
        batches = loader.batches(epoch_order(data.videos, 0, 1), lambda video: clips.train_clip(video, 1))
        next(batches)
        started, cpu = time.perf_counter() - began, time.process_time()
        fed = sum(len(batch.ids) for batch in batches)
    return {
        "start_sec": started,
        "epoch_cpu_sec": (time.process_time() - cpu) * len(data.videos) / max(1, fed),
        "memory_mb": largest_memory_mb(),
    }


def by_number(counts: list[int], rows: Manifest, root: Path, scratch: Path, repeats: int) -> list[dict[str, float]]:
    """Medians of `feed` for each number of videos, the sizes in turn."""
    for count in counts:
        write_many(scratch / f"{count}", count, rows, root)
    found: dict[int, list[dict]] = {count: [] for count in counts}
    for _ in range(repeats):
        for count in counts:
            call = [sys.executable, __file__, "--feed", str(scratch / f"{count}")]
            found[count].append(json.loads(subprocess.run(call, stdout=subprocess.PIPE, check=True, text=True).stdout))
    return [{key: median(one[key] for one in some) for key in some[0]} for some in found.values()]


def print_ratios(clip_ms: list[float], read_ms: list[float]) -> None:
    """The cost of a clip by ratio, and the line through it."""
    print(
        measure.table(
            ["CPU ms a clip", *(f"r = {r}" for r in RATIOS), "a + b r", "R^2"],
            [
                [what, *(f"{ms:.1f}" for ms in values), f"{fit[0]:.1f} + {fit[1]:.1f} r", f"{fit[2]:.3f}"]
                for what, values in (("read and transformed", clip_ms), ("read alone", read_ms))
                for fit in [measure.line_through(RATIOS, values)]
            ],
        )
    )


def print_numbers(counts: list[int], rows: list[dict[str, float]]) -> None:
    """What an epoch takes by number of videos, and the exponents."""
    names = {"epoch_cpu_sec": "CPU s an epoch", "start_sec": "s to the first batch", "memory_mb": "largest memory, MB"}
    print(
        measure.table(
            ["videos", *(f"{count:,}" for count in counts), "exponent k"],
            [
                [
                    name,
                    *(f"{row[key]:.2f}" for row in rows),
                    f"{measure.exponent(counts, [row[key] for row in rows]):.2f}",
                ]
                for key, name in names.items()
            ],
        )
    )
    memory = [row["memory_mb"] for row in rows]
    slope_kb = measure.line_through(counts, memory)[1] * 1024
    print(f"\nMemory grows by {slope_kb:.2f} KB a video (least squares).")


def main(arguments: list[str] | None = None) -> dict[str, list]:
    """Measure, print; return the costs by ratio and by number of videos."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--feed", type=Path, help=argparse.SUPPRESS)  # one size, in a process of its own
    parser.add_argument("--quick", action="store_true", help="small videos, at most 100 of them, two repeats")
    options = parser.parse_args(arguments)
    if options.feed:
        print(json.dumps(feed(options.feed)))
        return {}
    repeats, size = (2, 32) if options.quick else (options.repeats, 224)
    counts = [20, 100] if options.quick else list(COUNTS)
    tiny = {"shortest": 20, "height": 48, "width": 64}
    with tempfile.TemporaryDirectory() as scratch:
        small, large = Path(scratch, "small"), Path(scratch, "large")
        few = videos.manifest(small, videos.generate(small, videos.AVI, 2, **tiny))
        real = videos.manifest(large, videos.generate(large, videos.AVI, 2, **tiny if options.quick else {}))
        print(f"{measure.machine('av', 'opencv-python-headless')}; {repeats} interleaved repeats\n")
        clip_ms, read_ms = by_ratio(real, large, size, repeats)
        print_ratios(clip_ms, read_ms)
        print()
        rows = by_number(counts, few, small, Path(scratch), repeats)
        print_numbers(counts, rows)
    return {"clip_ms": clip_ms, "read_ms": read_ms, "by_number": rows}


if __name__ == "__main__":
    main()
