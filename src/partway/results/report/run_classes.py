"""The classes that a run knows worst, in words."""

from __future__ import annotations

import numpy as np

from partway.results.naming import listed

WORST = 5
MOST_TAKEN_FOR = 3  # classes that a class is said to be taken for


def worst_classes(labels_N: np.ndarray, predicted_N: np.ndarray, classes: list[str]) -> list[tuple[str, str]]:
    """The classes with the lowest accuracy, those that are always right left out; of equals the one with more videos.

    Returns:
        Of each its name, and `2 of 3 right; 1 taken for bow`: numbers of videos, since a share of three says little.
    """
    videos_KK = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(videos_KK, (labels_N, predicted_N), 1)
    videos_K, right_K = videos_KK.sum(axis=1), videos_KK.diagonal()
    missed = [k for k in range(len(classes)) if right_K[k] < videos_K[k]]
    worst = sorted(missed, key=lambda k: (right_K[k] / videos_K[k], -videos_K[k], k))[:WORST]
    return [(classes[k], f"{right_K[k]} of {videos_K[k]} right; {_taken_for(videos_KK[k], k, classes)}") for k in worst]


def _taken_for(taken_K: np.ndarray, own: int, classes: list[str]) -> str:
    """What the videos of a class were taken for, the most frequent first: `3 taken for bow, 1 for wave and 2 for others`."""
    others = sorted((k for k in np.flatnonzero(taken_K).tolist() if k != own), key=lambda k: (-taken_K[k], k))
    told = [f"{taken_K[k]} for {classes[k]}" for k in others[:MOST_TAKEN_FOR]]
    left = int(sum(taken_K[k] for k in others[MOST_TAKEN_FOR:]))
    return listed([*told, *([f"{left} for others"] if left else [])]).replace(" ", " taken ", 1)
