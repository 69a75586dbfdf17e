"""How many clips a second one core reads by kind of frame store and observation ratio, beside pytorchvideo's reader.

    python benchmarks/stores.py
    python benchmarks/stores.py --videos FOLDER     # real ones

A clip is 16 frames of a prefix window as a model sees them at test time, of videos in AVI. Warm figures are CPU time with
the files in memory. Cold ones are time by the clock after the system was asked to forget the files (posix_fadvise); where
it keeps them all the same, as in some containers, that is said.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import measure
import videos
from partway.data.manifest import Manifest
from partway.schema_clips import Transforms
from readers import PYTORCHVIDEO, Window, through

RATIOS = (0.1, 0.5, 0.9)
TARGET = 10  # times pytorchvideo's clips a second, of the raw store at 0.9
PACKAGES = ("av", "opencv-python-headless", "pytorchvideo", "torch")
Cases = dict[str, Callable[[Window, bool], object]]


def all_clips(read: Callable[[Window, bool], object], windows: list[Window], view: bool = True) -> None:
    """One clip of every video."""
    for window in windows:
        read(window, view)


def forget(folders: list[Path]) -> None:
    """Ask the system to drop the files from memory."""
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_from_disk() -> int:
    """Bytes that this process has had read from a disk so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["read_bytes"])


def cold(cases: Cases, windows: list[Window], folders: list[Path], repeats: int) -> dict[str, tuple[float, int]]:
    """Median milliseconds a clip by the clock after `forget`, and the bytes a clip that really came from a disk."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    fetched = dict.fromkeys(cases, 0)
    for _ in range(repeats):
        for name, read in cases.items():
            forget(folders)
            before, began = read_from_disk(), time.perf_counter()
            all_clips(read, windows)
            seconds[name].append((time.perf_counter() - began) / len(windows) * 1000)
            fetched[name] = (read_from_disk() - before) // len(windows)
    return {name: (median(seconds[name]), fetched[name]) for name in cases}


def megabytes(kind: str, store: Path, rows: Manifest, root: Path) -> float:
    """What is read: the videos themselves, or the files of the store."""
    if kind == "none":
        return sum((root / row.path).stat().st_size for row in rows.videos) / 1e6
    return sum(path.stat().st_size for path in store.rglob("*") if path.is_file()) / 1e6


def main(arguments: list[str] | None = None) -> dict[str, dict[float, measure.Times]]:
    """Measure, print; return the warm times of complete clips by case and ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=Path, help="a folder of real videos; without it AVIs are generated")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--quick", action="store_true", help="two small videos, two repeats")
    options = parser.parse_args(arguments)
    measure.one_thread()
    size, repeats = (32, 2) if options.quick else (224, options.repeats)
    with tempfile.TemporaryDirectory() as scratch:
        root = options.videos or Path(scratch, "videos")
        small = {"shortest": 40, "height": 48, "width": 64} if options.quick else {}
        paths = (
            videos.found_in(root) if options.videos else videos.generate(root, videos.AVI, 2 if small else 4, **small)
        )
        rows = videos.manifest(root, paths)
        stores = {kind: Path(scratch, kind) for kind in videos.STORES}
        cases: Cases = {
            f"store: {kind}": partial(through, videos.opened(kind, rows, root, folder))
            for kind, folder in stores.items()
        }
        if PYTORCHVIDEO.problem:
            print(f"{PYTORCHVIDEO.name}: {PYTORCHVIDEO.problem}")
        else:
            cases = {PYTORCHVIDEO.name: PYTORCHVIDEO.read, **cases}
        windows = {r: [Window(row, root, r, options.frames, size, Transforms()) for row in rows.videos] for r in RATIOS}
        print(f"{measure.machine(*PACKAGES)}; one thread, {repeats} interleaved repeats, {len(paths)} videos\n")
        sizes = {f"store: {kind}": megabytes(kind, folder, rows, root) for kind, folder in stores.items()}
        warm, lines = measured(cases, windows, repeats)
        print(
            measure.table(
                COLUMNS, [[name, f"{sizes.get(name, sizes['store: none']):.1f}", *lines[name]] for name in cases]
            )
        )
        print(f"\n{target(warm)}")
        print_cold(cold(cases, windows[RATIOS[-1]], [root, *stores.values()], repeats))
    return warm


COLUMNS = [
    "from",
    "MB",
    *(f"clips a CPU second, r = {r}" for r in RATIOS),
    "reading alone, 0.9",
    "over store: none, 0.9",
]


def measured(cases: Cases, windows: dict[float, list[Window]], repeats: int):
    """Warm times of complete clips by case and ratio, and the cells of the table by case."""
    warm: dict[str, dict[float, measure.Times]] = {name: {} for name in cases}
    for ratio in RATIOS:
        calls = {name: partial(all_clips, read, windows[ratio]) for name, read in cases.items()}
        for name, times in measure.interleaved(calls, repeats).items():
            warm[name][ratio] = times
    last = RATIOS[-1]
    alone = measure.interleaved(
        {n: partial(all_clips, read, windows[last], False) for n, read in cases.items()}, repeats
    )
    count, base = len(windows[last]), warm["store: none"][last].cpu_sec
    lines = {
        name: [
            *(f"{count / median(times.cpu_sec):.0f}" for times in warm[name].values()),
            f"{count / median(alone[name].cpu_sec):.0f}",
            measure.ratio(base, warm[name][last].cpu_sec),
        ]
        for name in cases
    }
    return warm, lines


def target(warm: dict[str, dict[float, measure.Times]]) -> str:
    """Whether the raw store is as far ahead of pytorchvideo as it should be."""
    if PYTORCHVIDEO.name not in warm:
        return f"Without {PYTORCHVIDEO.name} there is no telling whether the target ({TARGET} times its speed) is met."
    theirs, ours = (warm[name][RATIOS[-1]].cpu_sec for name in (PYTORCHVIDEO.name, "store: raw"))
    met = median(a / b for a, b in zip(theirs, ours, strict=True)) >= TARGET
    told = f"Raw at {RATIOS[-1]}: {measure.ratio(theirs, ours)} times {PYTORCHVIDEO.name}"
    return f"{told}; target at least {TARGET}: {'met' if met else 'NOT met'}"


def print_cold(found: dict[str, tuple[float, int]]) -> None:
    """Cold figures, or why there are none."""
    if not any(fetched for _, fetched in found.values()):
        print("\nNo cold figures: this system keeps the files in memory though asked to forget them.")
        return
    lines = [[name, f"{ms:.1f}", f"{fetched / 1e6:.2f}"] for name, (ms, fetched) in found.items()]
    print("\nCold, at 0.9:\n\n" + measure.table(["from", "ms a clip by the clock", "MB a clip from disk"], lines))


if __name__ == "__main__":
    main()
