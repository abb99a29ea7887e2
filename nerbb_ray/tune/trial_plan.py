"""Which trial comes next, and when the search ends: grids, drawn points, races, limits of time. Knows no Ray.

First every run gets its first seeds: all of them, or `min_seeds` where runs race; a grid is a plan whose first seeds
are all seeds. Runs that the experiment file lists get them seed by seed, so that runs can be compared as early as
possible; points that a searcher proposes get them one point after another, because it learns from their means. Where a
scheduler of Ray's looks at the first seed of every run (see first_seed_cuts), a run gets the others when that has
ended, and none if it was cut. Then the race decides (see race). Everything follows from the values of the trials that
have ended: a driver that starts again goes on with the same.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from nerbb_ray.config.spec import ExperimentSpec, Member, RunSpec
from nerbb_ray.config.trials import TrialSpec, any_trial_of, most_trials, trial_of
from nerbb_ray.forecast.remaining import RACE_SHARE
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.tune.cuts import cannot_catch_up, within_reach
from nerbb_ray.tune.race import Cell, Decision, Race, Values
from nerbb_ray.tune.time_limits import TimeLimits

WORST = -math.inf


class Proposer(Protocol):
    """Proposes points of the runs whose values are to be searched."""

    def propose(self, known: Mapping[str, RunSpec]) -> RunSpec | None:
        """A run that is not among the known ones; None if there are no more."""

    def has_more(self) -> bool:
        """Whether it may propose further runs."""

    def tell(self, run: RunSpec, value: float) -> None:
        """The mean of a run over its seeds; higher is better."""


@dataclass(slots=True)
class TrialPlan:
    """The trials of an experiment, as they come.

    Args:
        runs: by name; those of a searcher come as they are proposed.
        values: of the trials that have ended: higher is better, -inf for one without a value.
        cut: the curves of those that were not trained to their end; their values are what they had reached.
        concurrent: trials at the same time.
        sentences: run -> how many a trial of it trains on at most, in all epochs.
        limits: of time and cost.
        ended: why nothing more begins; empty as long as something may.
        clock: seconds.
    """

    spec: ExperimentSpec
    concurrent: int
    proposer: Proposer | None = None
    sentences: Mapping[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    runs: dict[str, RunSpec] = field(default_factory=dict)
    values: dict[str, dict[Member, float]] = field(default_factory=dict)
    cut: dict[Cell, list[float]] = field(default_factory=dict)
    running: set[Cell] = field(default_factory=set)
    curves: dict[Cell, list[float]] = field(default_factory=dict)
    finished_curves: list[list[float]] = field(default_factory=list)
    durations_h: list[float] = field(default_factory=list)
    ended: str = ""
    limits: TimeLimits = field(init=False)

    def __post_init__(self) -> None:
        self.limits = TimeLimits(self.spec.search, self.clock)
        self.runs |= {run.name: run for run in self.spec.runs if not run.space}

    def go_on_from(
        self,
        earlier: Mapping[str, TrialResult],
        proposed: Mapping[str, RunSpec],
        curves: Mapping[Cell, Sequence[float]] | None = None,
        spent_s: float | None = None,
    ) -> None:
        """Take over what earlier calls have reached.

        Args:
            earlier: finished trials.
            proposed: the runs among them that a searcher has proposed.
            curves: the metric of the search after every epoch of those that ended ok or were cut.
            spent_s: what all earlier trials have taken, one after the other; that of `earlier` if left out.
        """
        self.runs |= proposed
        known = {cell: list(curve) for cell, curve in (curves or {}).items()}
        cut = {(trial.run, trial.member) for trial in earlier.values() if trial.status == "cut"}
        self.cut |= {cell: known.pop(cell, []) for cell in cut}
        self.finished_curves += [curve for curve in known.values() if curve]
        for trial in earlier.values():
            if trial.run in self.runs and trial.member in self.seeds:
                if trial.status != "cut":  # what a whole trial takes
                    self.durations_h.append((trial.duration_s or 0.0) / 3600)
                value = WORST if trial.status == "diverged" else self.value_of(trial.metrics)
                self._record((trial.run, trial.member), value)
        spent_s = sum(trial.duration_s or 0.0 for trial in earlier.values()) if spent_s is None else spent_s
        self.limits.spent_h = spent_s / 3600 / self.concurrent

    @property
    def seeds(self) -> tuple[Member, ...]:
        """The members of every run: its seeds; with folds, every seed on every fold."""
        return tuple(self.spec.members)

    @property
    def known_beforehand(self) -> bool:
        """Whether all trials are, as those of a grid without limits."""
        return not self.spec.search.may_cut and self.proposer is None and self.limits.none

    @property
    def known(self) -> int:
        """Trials that have ended."""
        return sum(map(len, self.values.values()))

    @property
    def first_seeds(self) -> tuple[Member, ...]:
        """Those that every run gets."""
        alone = most_trials(self.spec) == len(self.seeds)
        return self.seeds[: self.spec.search.min_seeds] if self.spec.search.racing and not alone else self.seeds

    def value_of(self, metrics: Mapping[str, float]) -> float:
        """What a trial has reached; higher is better, -inf for nothing."""
        value = metrics.get(self.spec.search.metric, math.nan)
        if not math.isfinite(value):
            return WORST
        return -value if self.spec.search.metric == "val/loss" else value

    @property
    def _listed(self) -> list[str]:
        """The runs of the experiment file, without those that are proposed: the longest trials first, so that no long
        one is alone at the end."""
        listed = (run.name for run in self.spec.runs if not run.space)
        return sorted(listed, key=lambda run: -self.sentences.get(run, 0))

    def next(self) -> TrialSpec | None:
        """The trial to start now; None: nothing before one of the running ones has ended, or (`ended`) ever."""
        cell = self._candidate()
        if cell is not None and not self._in_time(cell):
            begun = cell[0] in self.values or any(run == cell[0] for run, _ in self.running)
            if not begun and cell[0] not in self._listed:
                del self.runs[cell[0]]  # proposed just now
            cell = None
        if cell is None:
            if not self.running:
                self.ended = self.limits.reached or self.race().reason or "all trials are done"
            return None
        self.running.add(cell)
        self.curves[cell] = []
        return trial_of(self.spec, self.runs[cell[0]], cell[1])

    def _candidate(self) -> Cell | None:
        if self.limits.reached:
            return None
        missing = list(self._missing())
        waiting = next((cell for cell in missing if cell not in self.running), None)
        if waiting is not None:
            return waiting
        if self.proposer is not None and not self.limits.over_budget():
            proposed = self.proposer.propose(self.runs)
            if proposed is not None:
                self.runs[proposed.name] = proposed
                return proposed.name, self.first_seeds[0]
        if missing or self.first_seeds == self.seeds or len(self.values) < 2:
            return None
        return self._race().next(self._values_in_race(), self.running, self.cut)

    def nothing_left(self) -> bool:
        """Whether all is done; limits of time aside."""
        if any(True for _ in self._missing()) or (self.proposer is not None and self.proposer.has_more()):
            return False
        return self.first_seeds == self.seeds or len(self.values) < 2 or self.race().finished

    def _missing(self) -> Iterator[Cell]:
        """First seeds that have no value yet, in the order in which they are to come."""
        seeds = self.first_seeds
        listed = [run for run in self._listed if not self._not_to_begin(run)]
        proposed = [run for run in self.runs if run not in set(self._listed)]
        cells = [(run, seed) for seed in seeds for run in listed] + [(run, seed) for run in proposed for seed in seeds]
        return (cell for cell in cells if cell[1] not in self.values.get(cell[0], {}) and self._admitted(cell))

    def _admitted(self, cell: Cell) -> bool:
        """Whether a scheduler that looks at first seeds leaves a run this one."""
        run, seed = cell
        first = self.seeds[0]
        if self.spec.search.scheduler is None or seed == first:
            return True
        return first in self.values.get(run, {}) and not self._is_out(run)

    def _is_out(self, run: str) -> bool:
        """Whether a scheduler has cut the first seed of a run."""
        return self.spec.search.scheduler is not None and (run, self.seeds[0]) in self.cut

    def _not_to_begin(self, run: str) -> bool:
        begun = bool(self.values.get(run)) or any(name == run for name, _ in self.running)
        return not begun and self.limits.over_budget()

    def _in_time(self, cell: Cell) -> bool:
        """Whether a trial, and with the first one of a seed the whole seed, will probably end before the limit."""
        if self.spec.search.hours is None:
            return True
        expected = sum(self.durations_h) / len(self.durations_h) if self.durations_h else 0.0
        seed = cell[1]
        first = seed != self.seeds[0] and not any(seed in found for found in self.values.values())
        if first and not any(other == seed for _, other in self.running):
            contenders = sum(run not in self.race().dropped for run in self.runs)
            expected *= math.ceil(contenders / self.concurrent)
        return self.limits.leave(expected)

    def _race(self) -> Race:
        search, folds = self.spec.search, self.spec.runs[0].dataset.folds
        begun = tuple(run for run in self.runs if self.values.get(run) and not self._is_out(run))
        return Race(begun, self.seeds, search.min_seeds, search.confidence, folds)

    def race(self) -> Decision:
        """How the race stands; without one, nobody leads."""
        if not self.spec.search.racing or len(self.values) < 2:
            return Decision(None)
        return self._race().decide(self._values_in_race(), self.cut)

    def _values_in_race(self) -> Values:
        """A trial that was cut counts as what was within its reach: what it had is no value of a whole trial."""
        values = {run: dict(found) for run, found in self.values.items()}
        for (run, seed), curve in self.cut.items():
            if curve and seed in values.get(run, {}):
                values[run][seed] = within_reach(curve, self.finished_curves, self.runs[run].hparams.max_epochs)
        return values

    def watch(self, trial: TrialSpec, report: Mapping[str, Any]) -> str | None:
        """Take an epoch of a trial; says why the trial should be cut, if it should."""
        cell, value = (trial.run, trial.member), report.get(self.spec.search.metric)
        if value is None or cell not in self.running or self.spec.search.metric == "val/loss":
            return None
        curve = self.curves[cell]
        del curve[report["epoch"] :]  # a trial that was started again tells some epochs twice
        curve.append(float(value))
        leader = self.race().leader
        if leader is None or leader == trial.run or not self.spec.search.racing:
            return None
        whole = (value for seed, value in self.values[leader].items() if (leader, seed) not in self.cut)
        reached = [value for value in whole if math.isfinite(value)]
        return cannot_catch_up(curve, self.finished_curves, reached, trial.hparams.max_epochs)

    def end(self, trial: TrialSpec, value: float | None, duration_s: float | None, *, whole: bool = True) -> None:
        """A trial has ended.

        Args:
            value: what it has reached; None: it was interrupted and is to come again.
            whole: whether it was not cut.
        """
        cell = (trial.run, trial.member)
        self.running.discard(cell)
        curve = self.curves.pop(cell, [])
        if value is None:
            return
        if not whole:
            self.cut[cell] = curve
        elif math.isfinite(value) and curve:
            self.finished_curves.append(curve)
        if whole and duration_s is not None:
            self.durations_h.append(duration_s / 3600)
        self._record(cell, value)

    def _record(self, cell: Cell, value: float) -> None:
        run, seed = cell
        self.values.setdefault(run, {})[seed] = value
        found, seeds = self.values[run], self.first_seeds
        complete = self._is_out(run) or all(first in found for first in seeds)
        if seed in seeds and complete and self.proposer is not None and run not in self._listed:
            self.proposer.tell(self.runs[run], self._mean([found[first] for first in seeds if first in found]))

    def _mean(self, values: Sequence[float]) -> float:
        """Over the seeds of a run; a seed without a value counts as the worst of all trials."""
        finite = [value for found in self.values.values() for value in found.values() if math.isfinite(value)]
        worst = min(finite, default=math.nan)
        return math.fsum(value if math.isfinite(value) else worst for value in values) / len(values)

    def to_come(self) -> int:
        """How many trials will probably still be started."""
        if self.ended:
            return 0
        first, seeds = self.first_seeds, self.seeds
        runs = most_trials(self.spec) // len(seeds)
        begun = {(run, seed) for run, found in self.values.items() for seed in found} | self.running
        none = sum(seed not in found for run, found in self.values.items() if self._is_out(run) for seed in first)
        missing = max(0, runs * len(first) - sum(seed in first for _, seed in begun) - none)
        if first == seeds:
            return missing
        race = self.race()
        if race.finished and not missing:
            return 0
        later = (runs - len(race.dropped)) * (len(seeds) - len(first))
        later -= sum(seed not in first and run not in race.dropped for run, seed in begun)
        return missing + round(RACE_SHARE * max(0, later))

    def out_of_time(self) -> str:
        """Which limit has ended the search, and what has never begun for it; empty if none has."""
        never = [run for run in self._listed if not self.values.get(run)]
        more = self.proposer is not None and self.proposer.has_more()
        limit = self.limits.end_of_search(more=bool(never) or more)
        return f"{limit}; never begun: {', '.join(never)}" if limit and never else limit

    def notes(self) -> dict[str, str]:
        """Why runs that have begun have fewer seeds than asked for."""
        race = self.race()
        ended = self.ended or race.reason  # of a search that was over before this call, only the race can tell
        fewer = [run for run, found in self.values.items() if len(found) < len(self.seeds)]
        # beside a race, either may have cut it; the trial itself says which
        by = "" if self.spec.search.racing else f" ({self.spec.search.scheduler})"
        cut = f"dropped: its first seed was cut{by}"
        return {run: n for run in fewer if (n := cut if self._is_out(run) else race.dropped.get(run, ended))}

    def closing(self) -> list[tuple[TrialSpec, str]]:
        """The notes, each with a trial of its run."""
        return [(self.trial_of_run(run), note) for run, note in self.notes().items()]

    def trial_of_run(self, run: str) -> TrialSpec:
        """One that stands for all of a run."""
        return any_trial_of(self.spec, self.runs[run])

    def open_trials(self) -> list[TrialSpec]:
        """First seeds that an interruption kept from starting."""
        return [] if self.ended else [trial_of(self.spec, self.runs[run], seed) for run, seed in self._missing()]
