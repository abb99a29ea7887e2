"""The state of a search, as far as it is shown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

# loading to testing: of a trial that runs
State = Literal[
    "waiting",
    "loading",
    "warm-up",
    "training",
    "cool-down",
    "testing",
    "done",
    "cut",
    "diverged",
    "failed",
    "interrupted",
]
RUNNING: tuple[State, ...] = ("loading", "warm-up", "training", "cool-down", "testing")
ENDED: tuple[State, ...] = ("done", "cut", "diverged", "failed")


@dataclass(slots=True)
class ShownTrial:
    """A trial.

    Args:
        seed: with folds, with the number of the fold.
        params: those in which the runs differ, by INI key.
        epochs: that have ended.
        of_epochs: how many there will be; None: early stopping decides.
        step, steps: of the epoch that is being trained; 0 steps: none is.
        best_f1: the highest val entity micro F1 of an epoch so far.
        lr: of the last step of the last epoch that has ended.
        elapsed_s: since its start.
    """

    run: str
    seed: int | str
    state: State = "waiting"
    params: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 0
    of_epochs: int | None = None
    step: int = 0
    steps: int = 0
    best_f1: float = math.nan
    val_loss: float = math.nan
    lr: float = math.nan
    elapsed_s: float = 0.0

    @property
    def name(self) -> str:
        """`runA-43`."""
        return f"{self.run}-{self.seed}"

    @property
    def running(self) -> bool:
        return self.state in RUNNING

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def within_epoch(self) -> float:
        """The share of the epoch that is trained."""
        return min(1.0, self.step / self.steps) if self.steps else 0.0

    @property
    def share(self) -> float:
        """How far it is: of all epochs, or, where their number is open, of the one that is being trained."""
        if self.state in (*ENDED, "testing"):
            return 1.0
        if self.of_epochs is None:
            return self.within_epoch
        return min(1.0, (self.epochs + self.within_epoch) / self.of_epochs)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchState:
    """A search.

    Args:
        total: trials in all, those of earlier calls among them.
        at_most: whether the search may end before it has started so many.
        earlier: trials that had ended before this call.
        earlier_best: the run among them with the highest val F1, and that.
        trials: that this call has started.
        planned: runs that are known without having begun, and the parameters in which they differ.
        elapsed_s: of this call.
        left_s: until its end, as far as that is known.
    """

    name: str
    total: int
    trials: Sequence[ShownTrial]
    planned: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    at_most: bool = False
    earlier: int = 0
    earlier_best: tuple[str, float] | None = None
    elapsed_s: float = 0.0
    left_s: float | None = None

    @property
    def runs(self) -> dict[str, Mapping[str, Any]]:
        """All runs, with the parameters in which they differ."""
        return {**self.planned, **{trial.run: trial.params for trial in self.trials}}

    def count(self, *states: State) -> int:
        """Trials in some states."""
        return sum(trial.state in states for trial in self.trials)

    @property
    def ended(self) -> int:
        """Trials that have ended, whatever became of them."""
        return self.earlier + self.count(*ENDED)

    @property
    def waiting(self) -> int:
        """Trials that have not begun."""
        return max(0, self.total - self.ended - self.count(*RUNNING, "interrupted"))

    @property
    def best(self) -> tuple[str, float] | None:
        """The run with the highest val F1 of a single trial so far, and that."""
        found = [(trial.run, trial.best_f1) for trial in self.trials if math.isfinite(trial.best_f1)]
        if self.earlier_best is not None:
            found.insert(0, self.earlier_best)
        return max(found, key=lambda pair: pair[1], default=None)
