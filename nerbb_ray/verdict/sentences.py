"""Paired bootstrap over test sentences: would a difference of two runs hold on other sentences of that kind? Pure.

A sentence counts with its true positive, false positive and false negative entities. Two runs see the same sentences:
a draw takes the same ones for both, and for all seeds. Sentences are paired, seeds are not.
"""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nerbb_ray.config.spec import Member
from nerbb_ray.ner.resampling import Floats, Ints, drawn_scores, micro_f1, percentile_interval
from nerbb_ray.verdict.outcome import POWER_FACTOR, Verdict
from nerbb_ray.verdict.significance import ROUNDING

FILE = "test_sentences.csv"
COLUMNS = ["sentence", "tp", "fp", "fn"]
DRAWS = 4000


@dataclass(frozen=True, slots=True)
class SentenceTest:
    """The micro F1 of one run minus that of another, of both the mean over the seeds.

    Args:
        ci95, p: sentences are drawn, the seeds stay as they are. p is two-sided: twice the smaller share of draws on
            one side of 0.
        ci95_seeds, p_seeds: the seeds of either run are drawn, too (crossed with the sentences); the same as above for
            one seed each.
        smallest: the difference that would be found in 80 % of cases at 5 % with as many sentences of this kind:
            2.8 standard deviations of the draws (Card et al. 2020).

    Where all draws give the same difference, such as of runs that say the same, intervals and smallest are NaN: nothing
    tells how far others would be.
    """

    mean: float
    ci95: tuple[float, float]
    p: float
    ci95_seeds: tuple[float, float]
    p_seeds: float
    smallest: float


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


def over_sentences(first: Ints, second: Ints, draws: int = DRAWS, seed: int = 0) -> SentenceTest:
    """Compare two runs.

    Args:
        first, second: counts of the same sentences. *Shape:* (seeds, sentences, 3), (other seeds, sentences, 3)
    """
    if first.ndim != 3 or first.shape[1:] != second.shape[1:] or not (len(first) and len(second)):
        raise ValueError(f"both runs must have seeds, and the same sentences; got {first.shape} and {second.shape}")
    random = np.random.default_rng(seed)
    drawn = drawn_scores(np.concatenate([first, second]), draws, random)
    sides = drawn[:, : len(first)], drawn[:, len(first) :]
    of_sentences = sides[0].mean(axis=1) - sides[1].mean(axis=1)
    redrawn = [
        np.take_along_axis(side, random.integers(0, side.shape[1], side.shape), axis=1).mean(axis=1) for side in sides
    ]
    observed = micro_f1(first.sum(axis=1)).mean() - micro_f1(second.sum(axis=1)).mean()
    interval, p = _summary(of_sentences)
    interval_seeds, p_seeds = _summary(redrawn[0] - redrawn[1])
    defined = of_sentences[np.isfinite(of_sentences)]
    smallest = POWER_FACTOR * float(defined.std()) if _varies(defined) else math.nan
    return SentenceTest(float(observed), interval, p, interval_seeds, p_seeds, smallest)


def against_the_best(
    found: Verdict, counts: Mapping[tuple[str, Member], Ints]
) -> tuple[dict[str, SentenceTest], dict[str, str]]:
    """The best run of a verdict against the others, and why a run cannot be compared so.

    Args:
        counts: by run and seed, as far as they are known.
    """
    tests, problems = {}, {}
    known = {
        run: [counts[run, seed] for seed in seeds if (run, seed) in counts] for run, seeds in found.seeds_of.items()
    }
    incomplete = {run for run, sentences in known.items() if len(sentences) < len(found.seeds_of[run])}
    for run, sentences in known.items():
        lengths = {len(one) for one in [*known[found.best or run], *sentences]}
        if incomplete & {run, found.best}:
            problems[run] = "the sentences of some seeds are not known"
        elif len(lengths) > 1:
            problems[run] = f"the numbers of sentences differ: {', '.join(map(str, sorted(lengths)))}"
        elif run != found.best:
            tests[run] = over_sentences(np.stack(known[found.best or run]), np.stack(sentences))
    return tests, problems


def _summary(differences: Floats) -> tuple[tuple[float, float], float]:
    """(percentile interval, p) of the draws in which F1 is defined; draws that are all the same show nothing."""
    defined = differences[np.isfinite(differences)]
    if not _varies(defined):
        return (math.nan, math.nan), 1.0 if len(defined) else math.nan
    one_side = min((defined <= 0).sum(), (defined >= 0).sum())
    return percentile_interval(defined), min(1.0, 2 * (int(one_side) + 1) / (len(defined) + 1))


def _varies(draws: Floats) -> bool:
    """But for rounding."""
    return len(draws) > 0 and float(np.ptp(draws)) > ROUNDING
