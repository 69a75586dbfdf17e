"""Which videos a page shows of many runs that were asked about the same ones, when it has room for a few only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

THOUSANDTHS = 1000  # confidences are weighed in whole numbers, so that no rounding of sums changes the order


def by_confidence(confidence_N: np.ndarray, chosen_N: np.ndarray) -> list[int]:
    """The chosen videos, the most confident answer first; of equals the first video."""
    order = np.argsort(-confidence_N, kind="stable")
    return order[chosen_N[order]].tolist()


def in_order(correct_RN: np.ndarray, confidence_RN: np.ndarray, *, wrong: int, right: int) -> Iterator[int]:
    """Order videos by how much they show, each once: a page takes them until it is full.

    First those that serve most runs: as sets are covered greedily, the next is the one with the highest sum of
    confidences over the runs that still lack answers of this kind. So every run has its share soon, also where 1,000
    runs share a hundred videos. Then, rank by rank, what each run was most sure of itself.

    Args:
        correct_RN: whether run R is right on video N.
        confidence_RN: of the answer, in [0, 1].
        wrong, right: how many videos of each kind every run wants to show.

    Yields:
        Places in N.
    """
    kinds = [(~correct_RN, wrong), (correct_RN, right)]
    given = dict.fromkeys(_covering(kinds, confidence_RN))
    yield from given
    ranked = [
        by_confidence(confidence_N, kind_N)[:wanted]
        for kind_RN, wanted in kinds
        for confidence_N, kind_N in zip(confidence_RN, kind_RN, strict=True)
    ]
    for rank in range(max(wrong, right)):
        own = dict.fromkeys(videos[rank] for videos in ranked if rank < len(videos))
        yield from (video for video in own if video not in given)
        given |= own


def _covering(kinds: list[tuple[np.ndarray, int]], confidence_RN: np.ndarray) -> Iterator[int]:
    """Videos that together give every run what it wants of each kind, as far as there is any."""
    weight_RN = np.maximum(1, np.round(THOUSANDTHS * confidence_RN)).astype(np.int64)
    lacking = [np.minimum(wanted, kind_RN.sum(axis=1)) for kind_RN, wanted in kinds]
    serves = [kind_RN & (lacks_R > 0)[:, None] for (kind_RN, _), lacks_R in zip(kinds, lacking, strict=True)]
    gain_N = sum((weight_RN * serves_RN).sum(axis=0) for serves_RN in serves)
    while any(lacks_R.any() for lacks_R in lacking):
        video = int(gain_N.argmax())
        yield video
        for serves_RN, lacks_R in zip(serves, lacking, strict=True):
            served_R = serves_RN[:, video].copy()
            lacks_R -= served_R
            done_R = served_R & (lacks_R == 0)
            gain_N -= (weight_RN[done_R] * serves_RN[done_R]).sum(axis=0)
            serves_RN[done_R] = False
            serves_RN[:, video] = False  # it is given, and serves nobody any more
        gain_N[video] = 0
