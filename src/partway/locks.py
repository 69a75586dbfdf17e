"""What Snakemake's lock of this folder means: another call at work, or one that was killed; said before it stops."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

LOCKS = Path(".snakemake/locks")


def explain() -> str | None:
    """Say who holds this folder's lock, and what to do; None where nobody does.

    Only processes of this machine can be seen: on a shared folder another machine may hold the lock.
    """
    if not (LOCKS.is_dir() and any(LOCKS.iterdir())):
        return None
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    here = [process for process in _processes_here() if process.pid not in mine]
    if callers := [process for process in here if _runs_snakemake(process)]:
        since = time.strftime("%H:%M on %d %B", time.localtime(callers[0].create_time()))
        return (
            f"snakemake already works in this folder (process {callers[0].pid}, since {since}). Where both want the same "
            "files, this call ends with a lock error and nothing is lost: wait for the other one, then call again."
        )
    orphans = [process for process in here if _runs_partway(process)]
    at_work = f" A job of it still runs (process {orphans[0].pid}): the new call waits for it." if orphans else ""
    return (
        "an earlier snakemake was killed here and left its lock; none runs in this folder on this machine. If this call "
        "ends with a lock error, run `snakemake --unlock`, then the same command again: it goes on where it stopped."
        f"{at_work}"
    )


def _processes_here() -> list[psutil.Process]:
    """Processes of this machine whose working directory is this one."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(Path.cwd()):
                found.append(process)
        except psutil.Error:
            continue  # it has ended, or belongs to somebody else
    return found


def _runs_snakemake(process: psutil.Process) -> bool:
    words = _words(process)
    return any(Path(word).name == "snakemake" for word in words[:2]) or words[1:3] == ["-m", "snakemake"]


def _runs_partway(process: psutil.Process) -> bool:
    return _words(process)[1:3] == ["-m", "partway"]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []  # it has ended
