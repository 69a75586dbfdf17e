"""What Snakemake's lock of this folder means: another call at work, or one that was killed; said before it stops."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil

LOCKS = Path(".snakemake/locks")
FIRST_PERSON = 1000  # user numbers below are the system's own


def explain() -> str | None:
    """Say who holds this folder's lock, and what to do; None where nobody does.

    Only processes of this machine can be seen: on a shared folder another machine may hold the lock.
    """
    if not (LOCKS.is_dir() and any(LOCKS.iterdir())):
        return None
    here, hidden = _others_here()
    if callers := [process for process in here if _runs_snakemake(process)]:
        return (
            f"snakemake already works in this folder ({_named(callers[0])}). Where both want the same files, this call "
            "ends with a lock error and nothing is lost: wait for the other one, then call again. (If it wants other "
            f"files, a killed call left the lock: once the other one has ended, `{_command()} --unlock`.)"
        )
    orphans = [process for process in here if _runs_partway(process)]
    orphan = f" A job of it still runs (process {orphans[0].pid}): the new call waits for it." if orphans else ""
    others = f" ({hidden} processes of other users cannot be seen)" if hidden else ""
    return (
        "an earlier snakemake left its lock here, most likely because it was killed; none of yours runs in this folder "
        f"on this machine{others}. If nobody else works here, on another machine either, and this call ends with a lock "
        f"error, run `{_command()} --unlock`, then the same command again: it goes on where it stopped.{orphan}"
    )


def at_work() -> str | None:
    """Another snakemake of this folder and machine, for whom `--unlock` would take the lock away; None without one."""
    callers = [process for process in _others_here()[0] if _runs_snakemake(process)]
    return _named(callers[0]) if callers else None


def _named(process: psutil.Process) -> str:
    since = time.strftime("%H:%M on %d %B", time.localtime(process.create_time()))
    return f"process {process.pid}, since {since}"


def _command() -> str:
    """How snakemake can be called here, also where no environment is activated."""
    called = Path(sys.argv[0])
    if called.name != "snakemake":
        return "snakemake"
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)


def _others_here() -> tuple[list[psutil.Process], int]:
    """Processes of this machine that work in this folder, our own apart, and how many could not be asked."""
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found, hidden = [], 0
    for process in psutil.process_iter():
        try:
            if process.pid not in mine and process.cwd() == str(Path.cwd()):
                found.append(process)
        except psutil.AccessDenied:
            hidden += _is_a_persons(process)
        except psutil.Error:
            continue  # it has ended
    return found, hidden


def _is_a_persons(process: psutil.Process) -> bool:
    try:
        return process.uids().real >= FIRST_PERSON
    except psutil.Error:
        return False  # it has ended


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
