"""Which run gets the next seed, and which runs are out: a race over the runs of an experiment, seed by seed. Pure.

All runs start with `min_seeds` seeds. Then, and after every further seed of all runs that are still in (a look), a
run is dropped when it is worse than the leader: one-sided test of the differences paired by seed. The error probability
is shared out evenly (Bonferroni) over all looks and all rivals, so that the best run is lost in at most 1 - confidence
of all races, however often one looks. The variance is that of the differences or the pooled one of all runs that are
still in (model: value = run + seed + noise), whichever is larger: the pooled one has the degrees of freedom that three
seeds lack, the own one protects a run that is less steady than the others.

The race ends when one run is left, when all seeds are used, or when the seeds that are left have less than the usual
power of 80 % to separate any two of what is left (predictive power, Spiegelhalter et al. 1986): these runs are tied.

Races of configurations: Maron and Moore 1994 (Hoeffding races), Birattari et al. 2002 (F-Race).
Everything here is a function of the values alone, so that a driver that was killed decides the same again.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

POWER = 0.8  # chance to separate two of the runs with the seeds that are left, below which they are tied
Values = Mapping[str, Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class Decision:
    """How a race stands.

    Args:
        leader: highest mean over the seeds that all contenders have; None before there are any values.
        dropped: run -> why it is out.
        finished: nothing is left to start.
        reason: why the race is finished; empty while it is not.
    """

    leader: str | None
    dropped: Mapping[str, str] = field(default_factory=dict)
    finished: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Race:
    """A race.

    Args:
        runs: in the order of the experiment.
        seeds: of every run, in the order in which they are used.
        min_seeds: of every run, before anything is decided.
        confidence: that the best run is not dropped.
    """

    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    min_seeds: int = 3
    confidence: float = 0.95

    def decide(self, values: Values) -> Decision:
        """How the race stands.

        Args:
            values: run -> seed -> value; higher is better. -inf, a trial that failed or diverged, counts as the worst
                value of all.
        """
        contenders, dropped = list(self.runs), dict[str, str]()
        leader = self._leader(contenders, values, min(self.min_seeds, len(self.seeds)))
        for look in range(min(self.min_seeds, len(self.seeds)), len(self.seeds) + 1):
            if any(seed not in values.get(run, {}) for run in contenders for seed in self.seeds[:look]):
                return Decision(leader, dropped)
            table = self._table(contenders, values, look)
            leader = contenders[_best(table)]
            worse = self._worse(contenders, table)
            dropped |= worse
            keep = [i for i, run in enumerate(contenders) if run not in worse]
            contenders, table = [contenders[i] for i in keep], table[keep]
            if len(contenders) == 1:
                return Decision(leader, dropped, True, f"all runs but {leader} are worse")
            if look < len(self.seeds) and self._futile(table):
                left = ", ".join(contenders)
                return Decision(leader, dropped, True, f"more seeds would probably not tell {left} apart")
        return Decision(leader, dropped, True, "all seeds are used")

    def next(self, values: Values, running: Collection[tuple[str, int]]) -> tuple[str, int] | None:
        """The trial to start now; None: nothing before one of the running ones has ended, or ever."""
        decision = self.decide(values)
        if decision.finished:
            return None
        contenders = [run for run in self.runs if run not in decision.dropped]
        for look in range(min(self.min_seeds, len(self.seeds)), len(self.seeds) + 1):
            missing = [
                (run, seed) for seed in self.seeds[:look] for run in contenders if seed not in values.get(run, {})
            ]
            if missing:
                return next((trial for trial in missing if trial not in running), None)
        return None

    def _leader(self, contenders: Sequence[str], values: Values, look: int) -> str | None:
        """Before the first look: by the seeds that there are."""
        known = {run: [values[run][s] for s in self.seeds[:look] if s in values.get(run, {})] for run in contenders}
        means = {run: math.fsum(found) / len(found) for run, found in known.items() if found and min(found) > -math.inf}
        return max(means, key=lambda run: means[run]) if means else None

    def _table(self, contenders: Sequence[str], values: Values, look: int) -> NDArray[np.float64]:
        """The values, with -inf for what failed. *Shape:* (contenders, look)"""
        return np.array([[values[run][seed] for seed in self.seeds[:look]] for run in contenders], dtype=float)

    def _critical(self, degrees: float) -> float:
        """Quantile of Student's t for one of all comparisons that the race can make."""
        from scipy.special import stdtrit

        looks = len(self.seeds) - min(self.min_seeds, len(self.seeds)) + 1
        return float(stdtrit(degrees, 1 - (1 - self.confidence) / (looks * max(1, len(self.runs) - 1))))

    def _worse(self, contenders: Sequence[str], table: NDArray[np.float64]) -> dict[str, str]:
        best = _best(table)
        behind, errors, degrees = _differences(table, best)
        limit = self._critical(degrees)
        return {
            run: f"dropped after {table.shape[1]} seeds: {100 * behind[i]:.1f} points worse than {contenders[best]}"
            for i, run in enumerate(contenders)
            if i != best and behind[i] > limit * errors[i]
        }

    def _futile(self, table: NDArray[np.float64]) -> bool:
        """Whether no contender would be dropped with enough probability if all seeds were used."""
        from scipy.special import ndtr

        best, (runs, seeds), total = _best(table), table.shape, len(self.seeds)
        behind, errors, _ = _differences(table, best)
        spread = np.maximum(errors * math.sqrt(seeds), 1e-12)  # of a single difference
        limit = self._critical((runs - 1) * (total - 1)) * spread / math.sqrt(total)
        # the mean difference at the end, seen from here: its mean is that of now
        noise = spread * math.sqrt(1 / seeds - 1 / total)
        chance = ndtr((behind - limit) / noise) + ndtr((-behind - limit) / noise)
        return bool(np.delete(chance, best).max() < POWER)


def _filled(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """What failed counts as the worst value of all."""
    finite = table[np.isfinite(table)]
    return np.where(np.isfinite(table), table, finite.min() if len(finite) else 0.0)


def _best(table: NDArray[np.float64]) -> int:
    return int(_filled(table).mean(axis=1).argmax())


def _differences(table: NDArray[np.float64], best: int) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """How far each run is behind the best, the standard error of that, and its degrees of freedom.

    *Shape:* (runs, seeds) -> (runs,), (runs,)
    """
    whole = np.isfinite(table).all(axis=1)
    table = _filled(table)
    seeds = table.shape[1]
    differences = table[best] - table
    # a seed that failed says nothing about how steady the other runs are
    steady = table[whole] if whole.sum() > 1 else table
    residuals = steady - steady.mean(axis=1, keepdims=True) - steady.mean(axis=0) + steady.mean()
    degrees = (len(steady) - 1) * (seeds - 1)
    pooled = 2 * float((residuals**2).sum()) / degrees
    variance = np.maximum(differences.var(axis=1, ddof=1), pooled)
    return differences.mean(axis=1), np.sqrt(variance / seeds), degrees


MIN_CURVES = 5  # finished trials, before a curve can be compared with anything
LAGGING = 2  # how many times slower than others a trial may learn
RECENT = 3  # epochs that show how fast a trial still learns


def cannot_catch_up(
    curve: Sequence[float], finished: Sequence[Sequence[float]], leader: Sequence[float], max_epochs: int
) -> str | None:
    """Why a trial in the middle cannot reach the leader's worst seed any more; None: it can, or nobody knows yet.

    It can reach what it has plus the largest of: what any finished trial gained from half as many epochs on (so that
    one that learns half as fast is not lost), and what it gains if it goes on as in its last epochs, as long as the
    longest finished trial went on.

    Args:
        curve: the metric after every epoch so far, higher is better; NaN counts as nothing reached.
        finished: the curves of the finished trials of all runs.
        leader: the values of the leader's finished seeds.
        max_epochs: of the trial.
    """
    if len(finished) < MIN_CURVES or len(leader) < 2 or len(curve) <= RECENT:
        return None
    best = _best_so_far(curve)
    others = [_best_so_far(other) for other in finished]
    since = max(1, len(curve) // LAGGING)
    gain = max(float(other[-1] - other[min(since, len(other)) - 1]) for other in others)
    left = max(0, min(max_epochs, max(map(len, others))) - len(curve))
    trend = float(best[-1] - best[-1 - RECENT]) / RECENT * left
    reachable, needed = float(best[-1]) + max(gain, trend), min(leader)
    if reachable >= needed:
        return None
    return (
        f"cut after {len(curve)} epochs: at {best[-1]:.4f}, with {reachable:.4f} within reach, "
        f"it cannot catch up with the leader's worst seed, {needed:.4f}"
    )


def _best_so_far(curve: Sequence[float]) -> NDArray[np.float64]:
    values = np.asarray(curve, dtype=float)
    found = np.where(np.isfinite(values), values, -np.inf)
    reached: NDArray[np.float64] = np.maximum.accumulate(found)
    return np.where(np.isfinite(reached), reached, 0.0)
