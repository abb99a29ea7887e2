"""Paired bootstrap over test sentences: would a difference of two runs hold on other sentences of that kind? Pure.

A sentence counts with its true positive, false positive and false negative entities. Two runs see the same sentences:
a draw takes the same ones for both, and for all seeds.
"""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.verdict.outcome import Verdict

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FILE = "test_sentences.csv"
COLUMNS = ["sentence", "tp", "fp", "fn"]
DRAWS = 4000
DRAWN_AT_ONCE = 2_000_000  # numbers


@dataclass(frozen=True, slots=True)
class SentenceTest:
    """The micro F1 of one run minus that of another, mean over the seeds.

    Args:
        ci95, p: sentences are drawn, the seeds stay as they are. p is two-sided: twice the smaller share of draws on
            one side of 0.
        ci95_seeds, p_seeds: seeds are drawn, too (crossed with the sentences); the same as above for one seed.
    """

    mean: float
    ci95: tuple[float, float]
    p: float
    ci95_seeds: tuple[float, float]
    p_seeds: float


def parse(text: str) -> Ints:
    """Counts of tp, fp and fn from the file of a trial. *Shape:* (sentences, 3)

    Raises:
        ValueError: it is damaged.
    """
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or rows[0] != COLUMNS:
        raise ValueError(f"{FILE} must begin with {','.join(COLUMNS)}; got {','.join(rows[0]) if rows else 'nothing'}")
    numbers = np.array([[int(cell) for cell in row] for row in rows[1:]], np.int64).reshape(len(rows) - 1, len(COLUMNS))
    if not np.array_equal(numbers[:, 0], np.arange(len(numbers))) or (numbers < 0).any():
        raise ValueError(f"{FILE} must count the sentences from 0, and counts are not negative")
    return numbers[:, 1:]


def micro_f1(counts: NDArray[np.number]) -> Floats:
    """NaN without an entity in truth and prediction. *Shape:* (..., 3) -> (...)"""
    tp, errors = counts[..., 0], counts[..., 1] + counts[..., 2]
    total = 2 * tp + errors
    return np.where(total > 0, 2 * tp / np.where(total > 0, total, 1), np.nan)


def over_sentences(first: Ints, second: Ints, draws: int = DRAWS, seed: int = 0) -> SentenceTest:
    """Compare two runs.

    Args:
        first, second: counts of the same sentences with the same seeds. *Shape:* (seeds, sentences, 3) twice
    """
    if first.shape != second.shape or first.ndim != 3 or not first.shape[0]:
        raise ValueError(f"both runs must have the same seeds and sentences; got {first.shape} and {second.shape}")
    random = np.random.default_rng(seed)
    by_seed = _drawn_differences(first, second, draws, random)
    n_seeds = len(first)
    chosen = random.integers(0, n_seeds, (draws, n_seeds))
    observed = micro_f1(first.sum(axis=1)) - micro_f1(second.sum(axis=1))
    interval, p = _summary(by_seed.mean(axis=1))
    interval_seeds, p_seeds = _summary(np.take_along_axis(by_seed, chosen, axis=1).mean(axis=1))
    return SentenceTest(float(observed.mean()), interval, p, interval_seeds, p_seeds)


def against_the_best(
    found: Verdict, counts: Mapping[tuple[str, int], Ints]
) -> tuple[dict[str, SentenceTest], dict[str, str]]:
    """The best run of a verdict against the others, and why a run cannot be compared so.

    Args:
        counts: by run and seed, as far as they are known.
    """
    tests, problems = {}, {}
    known = {run: [counts[run, seed] for seed in found.seeds if (run, seed) in counts] for run in found.means}
    for run, sentences in known.items():
        lengths = {len(one) for one in [*known[found.best or run], *sentences]}
        if min(len(sentences), len(known[found.best or run])) < len(found.seeds):
            problems[run] = "the sentences of some seeds are not known"
        elif len(lengths) > 1:
            problems[run] = f"the numbers of sentences differ: {', '.join(map(str, sorted(lengths)))}"
        elif run != found.best:
            tests[run] = over_sentences(np.stack(known[found.best or run]), np.stack(sentences))
    return tests, problems


def _drawn_differences(first: Ints, second: Ints, draws: int, random: np.random.Generator) -> Floats:
    """Differences of F1 of every seed, for every draw of sentences. *Shape:* -> (draws, seeds)"""
    n_seeds, n_sentences, _ = first.shape
    both = np.stack([first, second]).transpose(2, 0, 1, 3).reshape(n_sentences, -1)
    # sentences with the same counts, most of all those without any, are interchangeable
    kinds, times = np.unique(both, axis=0, return_counts=True)
    parts = []
    step = max(1, DRAWN_AT_ONCE // max(1, len(kinds)))
    for begin in range(0, draws, step):
        size = min(step, draws - begin)
        weights = random.multinomial(n_sentences, times / max(1, n_sentences), size)
        scores = micro_f1((weights @ kinds).reshape(size, 2, n_seeds, 3))
        parts.append(scores[:, 0] - scores[:, 1])
    return np.concatenate(parts)


def _summary(differences: Floats) -> tuple[tuple[float, float], float]:
    """(percentile interval, p) of the draws in which F1 is defined."""
    defined = differences[np.isfinite(differences)]
    if not len(defined):
        return (math.nan, math.nan), math.nan
    low, high = np.quantile(defined, [0.025, 0.975])
    one_side = min((defined <= 0).sum(), (defined >= 0).sum())
    return (float(low), float(high)), min(1.0, 2 * (int(one_side) + 1) / (len(defined) + 1))
