"""What a killed training needs to go on, and who owns its folder.

State lies in `state/`, beside the declared outputs and unknown to Snakemake: it survives failures, kills, and the
deletion of outputs. Each save writes a whole new file and keeps the one before, so that one of the two is always good.
"""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from partway import files
from partway.errors import OwnershipError, StorageError
from partway.progress import Progress
from partway.training.checkpoints import load_tensors, save_tensors

WAIT_SEC = 5.0
STATE_VERSION = 2  # what a state file holds; one of another version is not used


class Owner:
    """Holds a training's folder: a kernel lock, freed when the process dies, and a token that every save re-checks.

    The token guards where the lock cannot: on a file system whose locks do not reach the other machine.
    """

    def __init__(self, folder: Path, progress: Progress):
        self.folder = folder  # `state/` of the training
        self.token = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}"
        self.progress = progress
        with files.explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(folder / "lock")

    def __enter__(self) -> Owner:
        told = False
        while not self.lock.is_locked:
            try:
                with files.explained(self.folder):
                    self.lock.acquire(timeout=WAIT_SEC if told else 0)
            except Timeout:
                if not told:
                    host, process, *_ = [*self._present().split(), "?", "?"]
                    self.progress.line(
                        f"another process works on this training (process {process} on {host}): waiting for it, to take "
                        f"up what it has trained; `kill {process}` there would make it save its state and end"
                    )
                told = True
        files.remove_leftovers(self.folder)
        files.write_text(self.folder / "owner", self.token)
        return self

    def __exit__(self, *_) -> None:
        self.lock.release()

    def check(self) -> None:
        """Raise OwnershipError where another process has taken the folder over."""
        if self._present() != self.token:
            raise OwnershipError(f"{self.folder}: taken over by {self._present()}; this process stops, nothing is lost")

    def _present(self) -> str:
        path = self.folder / "owner"
        return path.read_text() if path.exists() else "unknown"


class StateFolder:
    """Saves and loads the state of one training.

    Args:
        identity: spec and manifest fingerprint; state of another identity is never used.
    """

    def __init__(self, owner: Owner, identity: dict[str, str], progress: Progress):
        self.owner, self.progress = owner, progress
        self.identity = identity | {"state_version": str(STATE_VERSION)}
        self.path = owner.folder / "state.pt"
        self.next = owner.folder / "state.next.pt"
        self.previous = owner.folder / "state.previous.pt"

    def save(self, state: dict[str, Any]) -> None:
        """Save atomically; the state before stays as `state.previous.pt`."""
        save_tensors(self.next, state | {"identity": self.identity})
        self.owner.check()
        if self.path.exists():
            self.path.replace(self.previous)
        self.next.replace(self.path)

    def load(self) -> dict[str, Any] | None:
        """The newest readable state of this very training, on the CPU; None where there is none."""
        for path in (self.next, self.path, self.previous):  # `next` where a kill fell between two renames
            if not path.exists():
                continue
            try:
                state = load_tensors(path)
                if not isinstance(state, dict) or state.get("identity") != self.identity:
                    self.progress.line(f"{path.name} belongs to another training, data set or version; not used")
                    continue
                if (best := state["so_far"]["best_epoch"]) is not None:
                    self.load_best(best)  # without it the state could not be ended well
                return state
            except KeyError as error:
                self.progress.line(f"{path.name} cannot be used, trying the one before: it lacks {error}")
            except StorageError as error:
                reason = str(error).partition("; delete")[0]
                self.progress.line(f"{path.name} cannot be used, trying the one before: {reason}")
        return None

    def save_best(self, epoch: int, weights: dict[str, torch.Tensor]) -> None:
        """Keep the weights of the best epoch so far; called before the state that names it is saved."""
        self.owner.check()
        save_tensors(self._best(epoch), {"identity": self.identity, "weights": weights})

    def load_best(self, epoch: int) -> dict[str, torch.Tensor]:
        """The weights that `save_best` kept for this epoch.

        Raises:
            StorageError: the file is gone, damaged, or of another training.
        """
        kept = load_tensors(self._best(epoch))
        if not isinstance(kept, dict) or kept.get("identity") != self.identity:
            raise StorageError(f"{self._best(epoch)}: belongs to another training; delete it and run again")
        return kept["weights"]

    def forget_bests(self, keep: set[int | None]) -> None:
        """Remove the weights of epochs that neither the present nor the previous state names."""
        for path in self.owner.folder.glob("best-*.pt"):
            if path not in [self._best(epoch) for epoch in keep]:
                path.unlink()

    def _best(self, epoch: int | None) -> Path:
        return self.owner.folder / f"best-{epoch}.pt"
