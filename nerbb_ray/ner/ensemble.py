"""Several models of the same kind as one: the mean of their probabilities, and what that gains. Pure numpy.

Source: Lakshminarayanan et al. 2017, Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.ner.decoding import Decoder
from nerbb_ray.ner.metrics import sentence_counts
from nerbb_ray.ner.resampling import drawn_scores, micro_f1, percentile_interval
from nerbb_ray.ner.spans import Ints
from nerbb_ray.ner.tags import Scheme

Floats = NDArray[np.float32]
LogProbs = NDArray[np.floating]

DRAWS = 2000
BINS = 15
UNKNOWN = 0.5  # a word's probabilities add up to 1; those of a word without sub-token say nothing, and do not


@dataclass(frozen=True, slots=True)
class EnsembleScores:
    """An ensemble on one split, beside its members.

    Args:
        members: how many.
        f1: strict entity micro F1; NaN without an entity in truth and prediction.
        ci95: percentiles of a bootstrap over sentences; the members stay as they are. NaN where all draws are equal.
        mean_f1: mean of the members' own F1, each with its own decoder.
        gain: f1 - mean_f1.
        gain_ci95: of the same draws, which take the same sentences for all.
        ece: expected calibration error of the ensemble, see `calibration_error`.
        mean_ece: mean of the members' own.
    """

    members: int
    f1: float
    ci95: tuple[float, float]
    mean_f1: float
    gain: float
    gain_ci95: tuple[float, float]
    ece: float
    mean_ece: float


def mean_log_probs(members: Sequence[LogProbs]) -> Floats:
    """The logarithm of the mean probability of every tag of every word.

    Args:
        members: natural logarithms. *Shape:* (words, tags) each, and of what is returned
    """
    total = np.asarray(members[0], np.float32)
    for one in members[1:]:
        total = np.logaddexp(total, np.asarray(one, np.float32))
    mean: Floats = total - np.float32(math.log(len(members)))
    return mean


def known_words(log_probs: LogProbs) -> NDArray[np.bool_]:
    """Which words have probabilities at all: those with a sub-token. *Shape:* (words, tags) -> (words,)"""
    sums = np.exp(np.asarray(log_probs, np.float32)).sum(axis=1)
    found: NDArray[np.bool_] = np.abs(sums - 1.0) < UNKNOWN
    return found


def calibration_error(log_probs: LogProbs, gold: NDArray[np.integer], bins: int = BINS) -> float:
    """How far confidence is from being right: over bins of equal width of the highest probability of a word, the mean
    of |share of right words - mean probability|, weighted by the words in the bin.

    Args:
        log_probs: *Shape:* (words, tags); words without sub-token are left out.
        gold: ids of the right tags. *Shape:* (words,)
    Returns:
        In [0, 1]; NaN without a word.
    Source: Naeini et al. 2015; Guo et al. 2017, On Calibration of Modern Neural Networks, equation 3.
    """
    known = known_words(log_probs)
    if not known.any():
        return math.nan
    rows = np.asarray(log_probs, np.float64)[known]
    confidence = np.minimum(np.exp(rows.max(axis=1)), 1.0)
    right = rows.argmax(axis=1) == np.asarray(gold)[known]
    # bins are open on the left, as in the paper: (0, 1/15], (1/15, 2/15], ...
    places = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    excess = np.bincount(places, weights=right - confidence, minlength=bins)
    return float(np.abs(excess).sum() / len(rows))


def ensemble_scores(
    members: Sequence[LogProbs],
    decoders: Sequence[Decoder],
    decoder: Decoder,
    gold: NDArray[np.integer],
    starts: Ints,
    tags: tuple[str, ...],
    scheme: Scheme,
    seed: int = 0,
) -> EnsembleScores:
    """Compare the mean of some models with each of them.

    Args:
        members: what each says of the same words. *Shape:* (words, tags) each
        decoders: of each by itself.
        decoder: of the ensemble.
        gold: ids of the right tags. *Shape:* (words,)
        starts: as in `Decoder.decode`.
    """
    if not members or len({one.shape for one in members}) != 1 or len(members) != len(decoders):
        raise ValueError(f"members must speak of the same words and tags; got {[one.shape for one in members]}")
    mean = mean_log_probs(members)
    found = [own.decode(one, starts) for own, one in zip(decoders, members, strict=True)]
    found.append(decoder.decode(mean, starts))
    counts = np.stack([sentence_counts(gold, one, starts, tags, scheme) for one in found])
    scores = micro_f1(counts.sum(axis=1))
    drawn = drawn_scores(counts, DRAWS, np.random.default_rng(seed))
    mean_f1, f1 = float(scores[:-1].mean()), float(scores[-1])
    return EnsembleScores(
        members=len(members),
        f1=f1,
        ci95=_open_interval(drawn[:, -1]),
        mean_f1=mean_f1,
        gain=f1 - mean_f1,
        gain_ci95=percentile_interval(drawn[:, -1] - drawn[:, :-1].mean(axis=1)),
        ece=calibration_error(mean, gold),
        mean_ece=float(np.mean([calibration_error(one, gold) for one in members])),
    )


def _open_interval(draws: NDArray[np.float64]) -> tuple[float, float]:
    """Of draws that are all equal, such as those of no mistake at all, none: one of width 0 would be too sure."""
    low, high = percentile_interval(draws)
    return (low, high) if high > low else (math.nan, math.nan)
