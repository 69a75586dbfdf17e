"""Repositories of the Hugging Face hub: found in its own cache, downloaded into it by a job, never while a study is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from partway.weights.digests import weight_files
from partway.weights.names import HubName, UnavailableError, WeightsError, parse_hub

# Configs and class lists, then one kind of weights: a repository often holds the same ones for several libraries.
SAFE = ["*.json", "*.safetensors"]
PICKLED = ["*.json", "pytorch_model*.bin"]


def cached(name: HubName) -> Path | None:
    """The snapshot of a repository in the hub's cache, whole enough to be loaded; None where there is none."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name.repository, revision=name.revision, local_files_only=True))
        weight_files(folder)
    except (LocalEntryNotFoundError, WeightsError):  # not there, or without its weights
        return None
    return folder


def fetch(name: HubName) -> Path:
    """The snapshot of a repository: from the cache, or else downloaded. Its folder is called by its commit.

    Raises:
        UnavailableError: not in the cache, and the hub cannot be reached or has no such repository or revision.
    """
    return cached(name) or _download(name)


def _download(name: HubName) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError, RevisionResolutionError

    try:
        for patterns in (SAFE, PICKLED):
            folder = Path(snapshot_download(name.repository, revision=name.revision, allow_patterns=patterns))
            if any(folder.glob("*.safetensors")):
                break
    except (HTTPError, LocalEntryNotFoundError, RevisionResolutionError, ConnectionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UnavailableError(f"{not_there(name)} ({type(error).__name__}: {reason})") from error
    weight_files(folder)
    return folder


def fetch_all(specs: Iterable[dict[str, Any]]) -> Iterator[Path]:
    """Fetch every repository that specs of trainings name, their fallback too; give each one's folder.

    Raises:
        WeightsError: when all were tried, of those that cannot be had or hold no weights; says why, one after the other.
    """
    named = {text: None for spec in specs for text in (spec["weights"], *spec.get("fallback", ()))}
    reasons = []
    for name in filter(None, map(parse_hub, named)):
        try:
            yield fetch(name)
        except WeightsError as error:
            reasons.append(str(error))
    if reasons:
        raise WeightsError("\n".join(reasons))


def not_there(name: HubName) -> str:
    """What to do where a repository cannot be reached: the command to type elsewhere, and where its folder goes."""
    revision = f" --revision {name.revision}" if name.revision else ""
    folder = name.repository.split("/")[1]
    return (
        f"{name}: revision {name.revision or 'main'} of {name.repository} is not in the hub's cache on this machine and "
        f"cannot be downloaded here; on a machine that reaches the hub, run\n"
        f"  hf download {name.repository}{revision} --local-dir {folder}\n"
        f"then bring that folder here and write its path under weights:"
    )
