"""F1 over sentences that are drawn with replacement: how much a score depends on the sentences of a split. Pure."""

import math

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DRAWN_AT_ONCE = 2_000_000  # numbers


def micro_f1(counts: NDArray[np.number]) -> Floats:
    """F1 of true positive, false positive and false negative entities; NaN without any. *Shape:* (..., 3) -> (...)"""
    tp, errors = counts[..., 0], counts[..., 1] + counts[..., 2]
    total = 2 * tp + errors
    return np.where(total > 0, 2 * tp / np.where(total > 0, total, 1), np.nan)


def drawn_scores(counts: Ints, draws: int, random: np.random.Generator) -> Floats:
    """The F1 of several predictions of the same sentences; a draw takes the same sentences for all of them.

    Args:
        counts: (predictions, sentences, 3)
    *Shape:* -> (draws, predictions)
    """
    n_predictions, n_sentences, _ = counts.shape
    rows = counts.transpose(1, 0, 2).reshape(n_sentences, -1)
    # sentences with the same counts, most of all those without any, are interchangeable
    kinds, times = np.unique(rows, axis=0, return_counts=True)
    parts = []
    step = max(1, DRAWN_AT_ONCE // max(1, len(kinds)))
    for begin in range(0, draws, step):
        size = min(step, draws - begin)
        weights = random.multinomial(n_sentences, times / max(1, n_sentences), size)
        parts.append(micro_f1((weights @ kinds).reshape(size, n_predictions, 3)))
    return np.concatenate(parts)


def percentile_interval(values: Floats) -> tuple[float, float]:
    """2.5 and 97.5 % of the draws in which F1 is defined; NaN without any."""
    defined = values[np.isfinite(values)]
    if not len(defined):
        return math.nan, math.nan
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)
