"""When an experiment will probably end, by what its trials have done so far. Pure."""

import heapq
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

UNKNOWN_SPREAD = 0.4  # of a trial's duration, in shares of it, before two have ended
Z = 1.28  # 8 of 10 experiments end within


@dataclass(slots=True)
class Running:
    """A trial that runs: how far it is, and the cap of its epochs (None: it may stop before)."""

    epochs: int = 0
    elapsed_s: float = 0.0
    cap: int | None = None

    @property
    def expected_s(self) -> float | None:
        """Its duration by its own epochs."""
        if not self.epochs or self.cap is None:
            return None
        return self.elapsed_s / self.epochs * self.cap


@dataclass(slots=True)
class Eta:
    """Remaining time of some trials on some slots.

    Args:
        total: trials in all.
        slots: that run at the same time.
        durations: of the trials that have ended, by run.
    """

    total: int
    slots: int
    durations: dict[str, list[float]] = field(default_factory=dict)
    running: dict[str, tuple[str, Running]] = field(default_factory=dict)
    ended: int = 0

    def epoch(self, run: str, trial: str, epochs: int, elapsed_s: float, cap: int | None) -> None:
        """A trial has ended an epoch."""
        self.running[trial] = run, Running(epochs, elapsed_s, cap)

    def end(self, run: str, trial: str, duration_s: float | None) -> None:
        """A trial has ended; None: it failed, and says nothing about the others."""
        self.running.pop(trial, None)
        self.ended += 1
        if duration_s is not None:
            self.durations.setdefault(run, []).append(duration_s)

    def remaining_s(self) -> tuple[float, float, float] | None:
        """(low, expected, high) seconds; None: nothing is known yet."""
        every = [duration for found in self.durations.values() for duration in found]
        own = [trial.expected_s for _, trial in self.running.values()]
        guesses = [guess for guess in own if guess is not None]
        if not every and not guesses:
            return None
        mean = statistics.fmean(every or guesses)
        spread = statistics.stdev(every) if len(every) > 1 else UNKNOWN_SPREAD * mean
        waiting = self.total - self.ended - len(self.running)
        left = [self._left(run, trial, mean) for run, trial in self.running.values()]
        expected = makespan([mean] * max(0, waiting), self.slots, left)
        # what the trials that are left vary, and what their mean is not known
        open_trials = max(1, len(left) + waiting)
        error = Z * spread * math.sqrt(open_trials + open_trials**2 / max(1, len(every))) / self.slots
        return max(0.0, expected - error, max(left, default=0.0) * 0.3), expected, expected + error

    def _left(self, run: str, trial: Running, mean: float) -> float:
        found = self.durations.get(run)
        expected = trial.expected_s or (statistics.fmean(found) if found else mean)
        # a trial that takes longer than the others has at least one more epoch
        return max(expected - trial.elapsed_s, trial.elapsed_s / max(1, trial.epochs))


RACE_SHARE = 0.2  # of the seeds beyond the first ones that a race still starts; see benchmarks/README.md


def makespan(durations: Sequence[float], slots: int, busy: Sequence[float] = ()) -> float:
    """When the last trial ends if each starts, in the order given, on the slot that is free first (list scheduling).

    Args:
        busy: for how long slots are still taken by other trials, of `slots` at most.
    """
    free = [*busy, *[0.0] * (max(1, slots) - len(busy))]
    heapq.heapify(free)
    for duration in durations:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)
