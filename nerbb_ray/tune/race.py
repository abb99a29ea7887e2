"""Which run gets the next seed, and which runs are out: a race over the runs of an experiment, seed by seed. Pure.

All runs start with `min_seeds` seeds. Then, and after every further seed of all runs that are still in (a look), a
run is dropped when it is worse than the leader: one-sided t test with the errors of the verdict (Welch's, moderated by
the variances of the other runs that are still in: see verdict.moderation). The error probability is shared out over all
rivals evenly and over the looks by halves, because an early look saves most: half of it for the first look, half of the
rest for the second, all that is left for the last (Bonferroni). So the best run is lost in at most 1 - confidence of
all races, however often one looks. Seeds are not paired: a seed that is lucky for one run is hardly ever lucky for
another. Folds are: there the test is the verdict's paired one, over pairs of fold and seed.

A seed that failed counts as the worst value of all, a trial that was cut as what was within its reach. Such values are
those of their run, but say nothing of how steady the others are.

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
from scipy.special import ndtr, stdtrit

from nerbb_ray.config.spec import Member
from nerbb_ray.verdict.moderation import Errors, Spreads, pair_errors, paired_errors
from nerbb_ray.verdict.significance import smallest_exact_p

SPENT = 0.5  # of the error probability that is left, at every look but the last
POWER = 0.8  # chance to separate two of the runs with the seeds that are left, below which they are tied
Values = Mapping[str, Mapping[Member, float]]
Cell = tuple[str, Member]  # run, and its seed, with folds seed and fold
Floats = NDArray[np.float64]


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
        folds: that the seeds are trained on; runs are then compared pair by pair of fold and seed. 0: no folds.
    """

    runs: tuple[str, ...]
    seeds: tuple[Member, ...]
    min_seeds: int = 3
    confidence: float = 0.95
    folds: int = 0

    def decide(self, values: Values, cut: Collection[Cell] = ()) -> Decision:
        """How the race stands.

        Args:
            values: run -> seed -> value; higher is better. -inf, a trial that failed or diverged, counts as the worst
                value of all.
            cut: those of trials that were not trained to their end; their values are what was within their reach. Their
                runs do not lead.
        """
        contenders, dropped = list(self.runs), dict[str, str]()
        leader = self._first_leader(values, cut)
        for look in self._looks:
            if any(seed not in values.get(run, {}) for run in contenders for seed in self.seeds[:look]):
                return Decision(leader, dropped)
            standing = self._standing(contenders, values, cut, look)
            leader = contenders[standing.best]
            if worse := self._worse(contenders, standing):
                dropped |= worse
                contenders = [run for run in contenders if run not in worse]
                standing = self._standing(contenders, values, cut, look)
            if len(contenders) == 1:
                return Decision(leader, dropped, True, f"all runs but {leader} are worse")
            if look < len(self.seeds) and self._futile(standing):
                left = ", ".join(contenders)
                return Decision(leader, dropped, True, f"more seeds would probably not tell {left} apart")
        return Decision(leader, dropped, True, "all seeds are used")

    def next(self, values: Values, running: Collection[Cell], cut: Collection[Cell] = ()) -> Cell | None:
        """The trial to start now; None: nothing before one of the running ones has ended, or ever."""
        decision = self.decide(values, cut)
        if decision.finished:
            return None
        contenders = [run for run in self.runs if run not in decision.dropped]
        for look in self._looks:
            missing = [
                (run, seed) for seed in self.seeds[:look] for run in contenders if seed not in values.get(run, {})
            ]
            if missing:
                return next((trial for trial in missing if trial not in running), None)
        return None

    @property
    def _looks(self) -> range:
        """Numbers of seeds after which runs may be dropped."""
        return range(min(self.min_seeds, len(self.seeds)), len(self.seeds) + 1)

    def _first_leader(self, values: Values, cut: Collection[Cell]) -> str | None:
        """Before the first look: by the seeds that there are."""
        known = {
            run: [values[run][s] for s in self.seeds[: self._looks[0]] if s in values.get(run, {})] for run in self.runs
        }
        whole = {run for run in self.runs if not _has(cut, run)}
        means = {run: math.fsum(found) / len(found) for run, found in known.items() if found and min(found) > -math.inf}
        return max(means, key=lambda run: (run in whole, means[run])) if means else None

    def _standing(self, contenders: Sequence[str], values: Values, cut: Collection[Cell], look: int) -> "_Standing":
        found = [[values[run][seed] for seed in self.seeds[:look]] for run in contenders]
        whole = np.array([not _has(cut, run) for run in contenders])
        return _Standing.of(np.array(found, dtype=float), whole, self.folds)

    def _error_probability(self, seeds: int) -> float:
        """Of one of the comparisons after so many seeds."""
        look, last = self._looks.index(seeds), len(self._looks) - 1
        share = SPENT**look * (1 if look == last else 1 - SPENT)
        return (1 - self.confidence) * share / max(1, len(self.runs) - 1)

    def _worse(self, contenders: Sequence[str], now: "_Standing") -> dict[str, str]:
        limits = self._limits(now.errors.error, now.errors.degrees, now.seeds)
        leader = contenders[now.best]
        return {
            run: f"dropped after {now.seeds} seeds: {100 * now.behind[i]:.1f} points worse than {leader}"
            for i, run in enumerate(contenders)
            if i != now.best and now.behind[i] > limits[i]
        }

    def _limits(self, error: Floats, degrees: Floats, seeds: int) -> Floats:
        """How far behind a run must be to be dropped.

        Where neither run varies at all, nothing tells the error: only the exact test can say that this is no chance.
        """
        certain = 0.0 if smallest_exact_p(seeds, seeds) / 2 <= self._error_probability(seeds) else np.inf
        return np.where(error > 0, stdtrit(degrees, 1 - self._error_probability(seeds)) * error, certain)

    def _futile(self, now: "_Standing") -> bool:
        """Whether no contender would be dropped with enough probability, whatever number of seeds is used."""
        later = (self._chances(now, seeds) for seeds in self._looks if seeds > now.seeds)
        return max(float(np.delete(chance, now.best).max()) for chance in later) < POWER

    def _chances(self, now: "_Standing", seeds: int) -> Floats:
        """That a run, or the leader itself because of it, is dropped after so many seeds in all, seen from now."""
        spread = np.maximum(now.errors.error * math.sqrt(now.seeds), 1e-12)  # of a difference of one seed each
        degrees = now.errors.degrees * (seeds - 1) / max(1, now.seeds - 1)
        limit = self._limits(spread / math.sqrt(seeds), degrees, seeds)
        # the mean difference then: its mean is that of now
        noise = spread * math.sqrt(1 / now.seeds - 1 / seeds)
        found: Floats = ndtr((now.behind - limit) / noise) + ndtr((-now.behind - limit) / noise)
        return found


def _has(cut: Collection[Cell], run: str) -> bool:
    return any(other == run for other, _ in cut)


@dataclass(frozen=True, slots=True)
class _Standing:
    """How the runs that are in stand after some seeds of each.

    Args:
        best: number of the run with the highest mean; one with a cut trial only if there is no other.
        behind: how far each run is behind it. *Shape:* (runs,)
        errors: of `behind`.
    """

    seeds: int
    best: int
    behind: Floats
    errors: Errors

    @classmethod
    def of(cls, values: Floats, whole: NDArray[np.bool_], folds: int = 0) -> "_Standing":
        """From a table of values.

        Args:
            values: -inf for what failed. *Shape:* (runs, seeds)
            whole: whether no trial of the run was cut. *Shape:* (runs,)
            folds: see `Race`.
        """
        finite = np.isfinite(values)
        # what failed counts as the worst value of all
        filled = np.where(finite, values, values[finite].min() if finite.any() else 0.0)
        spreads = Spreads.of_table(filled)
        best = int(np.where(whole | ~whole.any(), spreads.means, -np.inf).argmax())
        runs = np.arange(len(values))
        behind = spreads.means[best] - spreads.means
        if folds:
            return cls(values.shape[1], best, behind, paired_errors(filled[best] - filled, 1 / (folds - 1)))
        # what failed or was cut says nothing of how steady the other runs are
        errors = pair_errors(spreads, np.full(len(runs), best), runs, lends=whole & finite.all(axis=1))
        return cls(values.shape[1], best, behind, errors)
