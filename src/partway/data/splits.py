"""Put a share of the videos apart, by whole groups, the same on every machine."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from partway.errors import some
from partway.schema_data import SplitOff


class Grouped(Protocol):
    """What a split needs to know of a video."""

    id: str
    label: str
    group: str


def split_off(videos: Sequence[Grouped], options: SplitOff, purpose: str) -> set[str]:
    """Choose the ids to put apart, near `fraction` of each class, never a class as a whole.

    Groups are taken in an order drawn from (seed, purpose, group); a group is put apart where that brings the
    classes nearer to their share. A class of one group keeps it.

    Args:
        videos: to be parted.
        options: share, `by: group` or `random` (each video a group of its own: leaks), seed.
        purpose: `test` or `validation`, so that the two are drawn independently.
    """
    if options.fraction == 0:
        return set()
    members: dict[str, list[Grouped]] = {}
    for video in videos:
        members.setdefault(video.group if options.by == "group" else video.id, []).append(video)
    total = Counter(video.label for video in videos)
    groups_left = Counter(label for group in members.values() for label in {video.label for video in group})
    wanted = {label: max(1, round(options.fraction * count)) for label, count in total.items()}
    apart: Counter[str] = Counter()
    ids: set[str] = set()
    for name in sorted(members, key=lambda group: _draw(options.seed, purpose, group)):
        counts = Counter(video.label for video in members[name])
        nearer = sum(abs(wanted[c] - apart[c]) - abs(wanted[c] - apart[c] - n) for c, n in counts.items())
        if nearer > 0 and all(groups_left[label] > 1 for label in counts):
            apart.update(counts)
            groups_left.subtract(counts.keys())
            ids.update(video.id for video in members[name])
    return ids


def _draw(seed: int, purpose: str, group: str) -> bytes:
    return hashlib.sha256(f"{seed}\t{purpose}\t{group}".encode()).digest()


class Placed(Grouped, Protocol):
    """What the check of train and test needs to know of a video."""

    split: str


def wrong_splits(videos: Sequence[Placed], *, official: bool) -> Iterator[str]:
    """Yield why train and test cannot serve a study: a line for each kind of problem, with its classes or videos.

    Args:
        videos: of both splits.
        official: the test split came with the data; else it was drawn by `split_off`.
    """
    labelled = [video for video in videos if video.label is not None]
    train, test = (Counter(v.label for v in labelled if v.split == split) for split in ("train", "test"))
    labels = sorted(train | test)
    if len(labels) < 2:
        yield f"{len(labels)} class found ({some(labels)}); a study needs at least two"
    if only := [label for label in labels if not train[label]]:
        yield f"{_each(only)} is in test only; a model cannot learn it: add train videos, or take it out"
    if len(labelled) < len(videos):  # a test split without labels: which of its classes it has, nobody knows
        return
    untested = [label for label in labels if not test[label]]
    if untested and official:
        yield f"{_each(untested)} has no test video: add some to test, or take it out of train"
        return
    if single := [label for label in untested if train[label] == 1]:
        yield f"{_each(single)} has no test video: it is of one video, which cannot be split; add videos, or take it out"
    if more := [label for label in untested if train[label] > 1]:
        yield (f"{_each(more)} has no test video: add videos of another source (groups are never cut), or take it out")


def shared_between_splits(videos: Sequence[Placed], what: str) -> Iterator[str]:
    """Yield pairs on both sides of train and test that are of one source, or the same file: a model saw its test.

    Args:
        what: the attribute that makes two videos one: `group` or `digest`.
    """
    first: dict[str, Placed] = {}
    for video in videos:
        other = first.setdefault(getattr(video, what), video)
        if other.split != video.split:
            shared = f"are of one source, {video.group}" if what == "group" else "have the same content"
            yield f"{other.id} ({other.split}) and {video.id} ({video.split}) {shared}"


def _each(labels: list[str]) -> str:
    return f"class {labels[0]}" if len(labels) == 1 else f"each of {len(labels)} classes ({some(labels)})"
