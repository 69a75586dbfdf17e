"""What the benchmarks of the data side share: interleaved repeats, medians with their range, tables, the machine.

Cases that are compared run in turn, repeat by repeat, and ratios are taken within a repeat: so they hold where the speed
of a shared machine drifts. The range is from the lowest to the highest repeat; of 7 repeats it holds the true median
with a confidence of 98 % (1 - 2 / 2^7).
"""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from statistics import median

import numpy as np


@dataclass
class Times:
    """Seconds of one case, one a repeat: of all threads of this process on their cores, and by the clock on the wall."""

    cpu_sec: list[float] = field(default_factory=list)
    wall_sec: list[float] = field(default_factory=list)


def interleaved(cases: dict[str, Callable[[], object]], repeats: int) -> dict[str, Times]:
    """Time every case once a repeat, in an order that moves on by one, after one round that is not counted."""
    names, times = list(cases), {name: Times() for name in cases}
    for case in cases.values():
        case()
    for repeat in range(repeats):
        for place in range(len(names)):
            name = names[(place + repeat) % len(names)]
            wall, cpu = time.perf_counter(), time.process_time()
            cases[name]()
            times[name].cpu_sec.append(time.process_time() - cpu)
            times[name].wall_sec.append(time.perf_counter() - wall)
    return times


def ratio(above: Sequence[float], below: Sequence[float]) -> str:
    """Median and range of the quotients, repeat by repeat."""
    return spread([a / b for a, b in zip(above, below, strict=True)])


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median and range as text: `4.10 (3.95 to 4.32)`."""
    low, high = min(values), max(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def line_through(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Least squares: intercept, slope and the share of variance explained (R^2)."""
    slope, intercept = np.polyfit(x, y, 1)
    return float(intercept), float(slope), float(np.corrcoef(x, y)[0, 1] ** 2)


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """k of the least-squares fit y = c x^k."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def machine(*packages: str) -> str:
    """Cores, Python, the versions of packages that are installed, and the date."""
    versions = [f"{name} {version}" for name in packages if (version := installed(name))]
    cores = f"{len(os.sched_getaffinity(0))} cores ({platform.machine()})"
    return ", ".join([cores, f"Python {platform.python_version()}", *versions, str(datetime.date.today())])


def installed(package: str) -> str | None:
    """The version of a distribution; None where there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def one_thread() -> None:
    """Hold torch, where it is installed, to one thread; partway holds OpenCV to one."""
    if installed("torch"):
        import torch

        torch.set_num_threads(1)
