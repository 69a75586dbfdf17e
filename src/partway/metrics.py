"""Metrics of finished predictions, from logits; no torch, so that any of them can be computed again later."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax, softmax

ECE_BINS = 15  # as in Guo et al. 2017


def correct_in_top(logits_NK: np.ndarray, labels_N: np.ndarray, k: int) -> np.ndarray:
    """Whether the label is among the k highest logits (min(k, classes)); ties go to the lower class index.

    Returns:
        correct_N: bool.
    """
    k = min(k, logits_NK.shape[1])
    top_Nk = np.argsort(-logits_NK, axis=1, kind="stable")[:, :k]
    return (top_Nk == labels_N[:, None]).any(axis=1)


def summarise(logits_NK: np.ndarray, labels_N: np.ndarray) -> dict[str, float]:
    """Compute top1, top5, mean_class_accuracy, ece (fractions) and loss (mean cross-entropy) over N videos.

    mean_class_accuracy is the mean, over the classes that occur, of the accuracy within the class.
    """
    top1_N = correct_in_top(logits_NK, labels_N, 1)
    per_class = [top1_N[labels_N == label].mean() for label in np.unique(labels_N)]
    losses_N = -log_softmax(logits_NK.astype(np.float64), axis=1)[np.arange(len(labels_N)), labels_N]
    return {
        "loss": float(losses_N.mean()),
        "top1": float(top1_N.mean()),
        "top5": float(correct_in_top(logits_NK, labels_N, 5).mean()),
        "mean_class_accuracy": float(np.mean(per_class)),
        "ece": calibration_error(confidence(logits_NK), top1_N),
    }


def unknown() -> dict[str, None]:
    """What `summarise` gives where nobody knows the labels: None for each metric, never 0 or NaN."""
    return dict.fromkeys(summarise(np.zeros((1, 1)), np.zeros(1, dtype=np.int64)))


def confidence(logits_NK: np.ndarray) -> np.ndarray:
    """The softmax probability of the predicted class, the highest of all: confidence_N in (0, 1]."""
    return softmax(logits_NK.astype(np.float64), axis=1).max(axis=1)


def calibration_error(confidence_N: np.ndarray, correct_N: np.ndarray, bins: int = ECE_BINS) -> float:
    """Expected calibration error (Guo et al. 2017): how far confidence lies from accuracy, in [0, 1].

    Videos fall into `bins` equally wide bins of their confidence, each of which includes its upper end; the error is
    the mean over videos of |accuracy - mean confidence| of their bin.
    """
    overshoot_N = confidence_N - correct_N
    bin_N = np.digitize(confidence_N, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    return float(np.abs(np.bincount(bin_N, weights=overshoot_N)).sum() / len(confidence_N))


def confusion(labels_N: np.ndarray, predicted_N: np.ndarray, classes: int) -> np.ndarray:
    """Count videos_KK of each class (row) that are taken for each of K `classes` (column)."""
    return np.bincount(labels_N * classes + predicted_N, minlength=classes**2).reshape(classes, classes)


def average_views(logits_NVK: np.ndarray, aggregation: str) -> np.ndarray:
    """Average the scores of V views: of logits, or of softmax probabilities (given as log-probabilities).

    Returns:
        logits_NK: whose ranking and softmax are those of the average.
    """
    if aggregation == "logits" or logits_NVK.shape[1] == 1:
        return logits_NVK.mean(axis=1)
    probabilities_NK = softmax(logits_NVK.astype(np.float64), axis=2).mean(axis=1)
    return np.log(np.maximum(probabilities_NK, np.finfo(np.float64).tiny))
