"""What this machine has to give: cores that are really free, threads, decoding workers, the device.

Snakemake's `threads` and the OMP_NUM_THREADS=1 that `--cores 1` sets say nothing about it. Settings stand in
`profiles/machine.yaml` beside the Snakefile; an environment variable wins over it. None of them changes a key.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from partway.errors import PartwayError

KNOWN = {"device": "auto", "threads": "auto", "workers": "auto", "compile": "off"}
COMPILE_MODES = ("off", "default", "reduce-overhead", "max-autotune")
MOST_WORKERS = 8  # decoding threads beyond this wait for memory, not for a core


class MachineError(PartwayError):
    """A machine setting that cannot be used."""


@cache
def settings() -> dict[str, Any]:
    """Machine settings: defaults < profiles/machine.yaml < PARTWAY_<NAME>."""
    path = Path(os.environ.get("PARTWAY_MACHINE", "profiles/machine.yaml"))
    try:
        written = yaml.safe_load(path.read_text()) or {} if path.is_file() else {}
    except yaml.YAMLError as error:
        raise MachineError(f"{path}: not YAML: {error}") from None
    if not isinstance(written, dict):
        raise MachineError(f"{path}: expected a mapping of {', '.join(KNOWN)}")
    unknown = sorted(set(written) - set(KNOWN))
    if unknown:
        raise MachineError(f"{path}: unknown key {unknown[0]}; known: {', '.join(KNOWN)}")
    from_environment = {name: os.environ.get(f"PARTWAY_{name.upper()}") for name in KNOWN}
    return KNOWN | written | {name: value for name, value in from_environment.items() if value}


def available_cores() -> int:
    """Cores that this process may use: its affinity, cut to the quota of its control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_cores()
    return max(1, min(cores, int(quota)) if quota else cores)


def _cgroup_cores(root: Path = Path("/")) -> float | None:
    """Smallest CPU quota, in cores, of this process's control group and those above it; None where there is none.

    A container sees its own group as the root; under SLURM or systemd the limit stands somewhere on the way up.
    """
    try:
        memberships = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None  # no control groups on this system: nothing limits us
    quotas = []
    for line in memberships:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue  # version 1, another controller
        mounted = root / "sys/fs/cgroup"
        names = [name for name in ("cpu", controllers) if (mounted / name).is_dir()]  # cpu may be mounted with cpuacct
        top = mounted / names[0] if controllers and names else mounted
        for folder in (top / group.lstrip("/"), *(top / group.lstrip("/")).parents):
            quotas.append(_quota(folder, version=1 if controllers else 2))
            if folder == top:
                break
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota(folder: Path, *, version: int) -> float | None:
    """Quota of one control group in cores."""
    try:
        if version == 2:
            quota, period = (folder / "cpu.max").read_text().split()[:2]
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError):
        return None  # this group sets no limit


def free_cores() -> int:
    """This job's share of the cores: the jobs that Snakemake runs at once divide them."""
    return max(1, available_cores() // _count("PARTWAY_JOBS_AT_ONCE", os.environ.get("PARTWAY_JOBS_AT_ONCE", "1")))


def threads() -> int:
    """Threads for the arithmetic of one training."""
    wanted = settings()["threads"]
    return free_cores() if wanted == "auto" else _count("threads", wanted)


def workers(*, alone: bool = False) -> int:
    """Threads that decode and transform videos for one job; `alone` for a job that all trainings wait for.

    0 stands for none beside the thread that trains; a job that is alone has one at least.
    """
    wanted = settings()["workers"]
    cores = available_cores() if alone else free_cores()
    count = min(MOST_WORKERS, cores) if wanted == "auto" else _count("workers", wanted, least=0)
    return max(1, count) if alone else count


def compile_mode() -> str:
    """How torch.compile treats the model in training: one of COMPILE_MODES."""
    wanted = settings()["compile"]
    mode = "off" if wanted is False else wanted  # `compile: off` is false, for YAML
    if mode not in COMPILE_MODES:
        raise MachineError(f"compile: expected one of {', '.join(COMPILE_MODES)}; got {wanted!r}")
    return mode


@contextmanager
def pool(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that stop at an error or Ctrl-C once what they have in hand is done; what still waits is not begun."""
    threads = ThreadPoolExecutor(count)
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


def _count(name: str, value: Any, least: int = 1) -> int:
    try:
        count = int(value)
    except (TypeError, ValueError):
        count = -1
    if count < least:
        raise MachineError(f"{name}: expected a whole number from {least} up, or auto; got {value!r}")
    return count


def jobs_at_once() -> int:
    """How many trainings this machine runs well at once: on the CPU one a core, as tiny models like it.

    One on a GPU, and one on several too: without device leases all of them would take the first.
    """
    return 1 if any(Path("/dev").glob("nvidia[0-9]*")) else available_cores()
