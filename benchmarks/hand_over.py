"""How many clips a second reach a training: partway's threads beside the worker processes of a torch DataLoader.

    python benchmarks/hand_over.py

Both make the same augmented clips of the same store by the same code; what differs is who makes them and how they come
over. `uint8` is what partway hands over, `float32` (normalised, channels first) what many recipes do. Seconds are by the
clock, from the first batch to the last, with the workers already running; CPU seconds are of all processes together.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import torch
from torch.utils.data import DataLoader, Dataset

import measure
import videos
from partway.data.feeding import ClipLoader
from partway.data.manifest import Manifest, Video
from partway.schema_clips import Transforms
from readers import clip_maker

Make = Callable[[Video], np.ndarray]


def as_float(clip_THWC: np.ndarray) -> np.ndarray:
    """clip_CTHW, float32 in [-1, 1]."""
    return np.ascontiguousarray(clip_THWC.transpose(3, 0, 1, 2), dtype=np.float32) / 127.5 - 1


@dataclass
class Clips(Dataset):
    """The clips as a torch Dataset has them."""

    rows: Sequence[Video]
    make: Make

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.make(self.rows[index]))


def by_threads(rows: Manifest, make: Make, workers: int, batch_size: int) -> Iterator[torch.Tensor]:
    """Batches from partway's loader, as tensors without a copy."""
    with ClipLoader(rows.classes, batch_size, workers) as loader:
        for batch in loader.batches(rows.videos, make):
            yield torch.from_numpy(batch.clips_BTHWC)


def by_processes(rows: Manifest, make: Make, workers: int, batch_size: int) -> Iterator[torch.Tensor]:
    """Batches from worker processes."""
    yield from DataLoader(Clips(rows.videos, make), batch_size=batch_size, num_workers=workers)


def clips_per_sec(batches: Iterator[torch.Tensor], workers: int) -> tuple[float, float]:
    """Clips a second by the clock, and CPU seconds a clip of this process and its workers, once all workers run."""
    for batch in islice(batches, max(1, workers)):
        batch.view(-1)[::4096].sum()
    count, began, cpu = 0, time.perf_counter(), _cpu_sec()
    for batch in batches:
        batch.view(-1)[::4096].sum()  # somebody looks at it
        count += len(batch)
        passed, used = time.perf_counter() - began, _cpu_sec() - cpu  # the last time is while the workers still live
    return count / passed, used / count


def _cpu_sec() -> float:
    """CPU seconds of this process and its children; those that have ended count by what they left."""
    here = psutil.Process()
    total = sum(here.cpu_times()[:4])
    for child in here.children(recursive=True):
        try:
            total += sum(child.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue  # between two looks; its time is with those of the ended ones
    return total


def main(arguments: list[str] | None = None) -> dict[str, list[float]]:
    """Measure, print; return clips a second by case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--clips", type=int, default=256, help="a repeat")
    parser.add_argument("--quick", action="store_true", help="few small clips, two repeats")
    options = parser.parse_args(arguments)
    measure.one_thread()
    size, repeats, clips, batch_size = (32, 2, 24, 4) if options.quick else (224, options.repeats, options.clips, 8)
    found: dict[str, list[float]] = {}
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        small = {"shortest": 20, "height": 48, "width": 64} if options.quick else {}
        root = Path(scratch, "videos")
        rows = videos.manifest(root, videos.generate(root, videos.AVI, 2, **small))
        many = Manifest(rows.videos * (clips // len(rows.videos)), rows.classes)
        print(f"{measure.machine('torch', 'av')}; {repeats} interleaved repeats of {clips} clips of 16 frames\n")
        for kind in ("raw", "none"):
            maker = clip_maker(videos.opened(kind, rows, root, Path(scratch, kind)), 0.5, 16, size, Transforms())
            rates, cpu = compare(many, lambda video, m=maker: m.train_clip(video, 1), batch_size, repeats)
            found |= {f"{kind}, {name}": values for name, values in rates.items()}
            lines += [_line(kind, name, rates, cpu) for name in rates]
    print(
        measure.table(
            ["store", "hand-over", "clips/s by the clock", "threads with uint8 over it", "CPU ms a clip"], lines
        )
    )
    return found


def compare(rows: Manifest, make: Make, batch_size: int, repeats: int) -> tuple[dict, dict]:
    """Clips a second and CPU seconds a clip of every way, in turn, by name."""
    makes = {"uint8": make, "float32": lambda video: as_float(make(video))}
    ways = {"threads": by_threads, "processes": by_processes}
    cases = [(way, kind, workers) for workers in (1, 2) for kind in makes for way in ways]
    rates: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    for _ in range(repeats):
        for way, kind, workers in cases:
            name = f"{way} ({workers}), {kind}"
            rate, used = clips_per_sec(ways[way](rows, makes[kind], workers, batch_size), workers)
            rates.setdefault(name, []).append(rate)
            cpu.setdefault(name, []).append(used)
    return rates, cpu


def _line(store: str, name: str, rates: dict[str, list[float]], cpu: dict[str, list[float]]) -> list[str]:
    """A line of the table; beside processes, how much faster as many threads with uint8 are."""
    threads = f"threads ({name.partition('(')[2][0]}), uint8"
    over = "" if name == threads else measure.ratio(rates[threads], rates[name])
    return [store, name, measure.spread(rates[name], 0), over, f"{median(cpu[name]) * 1000:.1f}"]


if __name__ == "__main__":
    main()
