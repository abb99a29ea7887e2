"""Points of a search space as Ray's OptunaSearch proposes them; it learns from means over seeds."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from nerbb_ray.config.domains import Choice, Domain, LogUniform, RandInt, Uniform
from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.config.trials import concrete
from nerbb_ray.errors import ConfigError

METRIC = "value"
PATIENCE = 100  # proposals in a row that are known already

log = logging.getLogger(__name__)


class OptunaProposer:
    """One study per pattern; the patterns take turns.

    Args:
        spec: with at least one run that has a space.
    Attributes:
        check: of a proposed run, before it counts; a ConfigError says that its values do not fit its model or data.
    """

    def __init__(self, spec: ExperimentSpec) -> None:
        self.check: Callable[[RunSpec], object] = lambda _: None
        self._patterns = [run for run in spec.runs if run.space]
        self._count = spec.search.num_samples
        self._studies = [_study(run, spec.settings.seed + index) for index, run in enumerate(self._patterns)]
        self._made = [0] * len(self._patterns)
        self._asked: dict[str, tuple[int, str]] = {}  # run -> number of its pattern, and of the proposal

    def propose(self, known: Mapping[str, RunSpec]) -> RunSpec | None:
        """A point of the pattern that has the fewest so far; None if every pattern has all of its points."""
        for number in sorted(range(len(self._patterns)), key=lambda i: self._made[i]):
            if self._made[number] < self._count and (run := self._new(number, known)) is not None:
                self._made[number] += 1
                return run
        return None

    def has_more(self) -> bool:
        """Whether a pattern has not had all of its points."""
        return any(made < self._count for made in self._made)

    def _new(self, number: int, known: Mapping[str, RunSpec]) -> RunSpec | None:
        pattern, study = self._patterns[number], self._studies[number]
        for attempt in range(PATIENCE):
            proposal = f"{number}-{len(self._asked)}-{attempt}"
            try:
                run = concrete(pattern, study.suggest(proposal))
                if run.name not in known:
                    self.check(run)
                    self._asked[run.name] = number, proposal
                    return run
            except ConfigError as error:  # values that do not go together
                log.info("%s is not tried: %s", pattern.name, error)
            study.on_trial_complete(proposal, error=True)
        log.info("%s has no more points that were not tried", pattern.name)
        self._made[number] = self._count
        return None

    def tell(self, run: RunSpec, value: float) -> None:
        """The mean of a point; one that an earlier process proposed is added to the study."""
        if run.name in self._asked:
            number, proposal = self._asked[run.name]
            self._studies[number].on_trial_complete(
                proposal, {METRIC: value} if value == value else None, value != value
            )
            return
        for number, pattern in enumerate(self._patterns):
            point = {key: _value(run, key) for key, _ in pattern.space}
            if value == value and _same(pattern, point, run):
                self._studies[number].add_evaluated_point(point, value)

    def learn(self, number: int, point: Mapping[str, Any], value: float) -> None:
        """A point of a pattern that was measured elsewhere; it counts for none of those to be proposed."""
        self._studies[number].add_evaluated_point(dict(point), value)

    def remember(self, runs: Mapping[str, RunSpec]) -> None:
        """Runs that an earlier process proposed count for their patterns."""
        for run in runs.values():
            for number, pattern in enumerate(self._patterns):
                if _same(pattern, {key: _value(run, key) for key, _ in pattern.space}, run):
                    self._made[number] += 1


def _value(run: RunSpec, key: str) -> Any:
    return next(getattr(part, key) for part in (run.dataset, run.model, run.hparams) if hasattr(part, key))


def _same(pattern: RunSpec, point: dict[str, Any], run: RunSpec) -> bool:
    try:
        return concrete(pattern, point).name == run.name
    except ConfigError:
        return False


def _study(run: RunSpec, seed: int) -> Any:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {key: _ray_domain(domain) for key, domain in run.space}
    return OptunaSearch(OptunaSearch.convert_search_space(space), metric=METRIC, mode="max", seed=seed)


def _ray_domain(domain: Domain) -> Any:
    match domain:
        case Uniform():
            return tune.uniform(domain.low, domain.high)
        case LogUniform():
            return tune.loguniform(domain.low, domain.high)
        case RandInt():
            return tune.randint(domain.low, domain.high)
        case Choice():
            return tune.choice(list(domain.values))
