"""Put a share of the videos apart, by whole groups, the same on every machine."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from partway.schema import SplitOff


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
