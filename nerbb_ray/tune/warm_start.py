"""`[search] warm_start = True`: Optuna knows from the start what other experiments of the store have measured.

A run of another experiment is a point of a search if its trials are, but for the keys that the search chooses, the same
thing in every respect: data, model, precision, device, version, and all other parameters. Its value is the mean over
its seeds. A run with seeds that were cut, diverged or failed is no point: those that are left may be its best ones.
Runs on other data are no points either: what is best there says little of these data.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nerbb_ray.config.known_keys import RUN_KEYS, default_text
from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.config.trials import concrete
from nerbb_ray.errors import ConfigError
from nerbb_ray.mlflow_store.reader import find_result, list_experiments
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.trial_result import FAILED, RunResult
from nerbb_ray.tune.optuna_points import OptunaProposer

IdentityOf = Callable[[RunSpec], Identity]
BAD = (*FAILED, "cut")


def warm_start(proposer: OptunaProposer, spec: ExperimentSpec, tracking_uri: str, identity_of: IdentityOf) -> str:
    """Tell the studies of a search what was measured elsewhere.

    Args:
        identity_of: the trials of a run, as they would be now.
    Returns:
        What was found, for the screen.
    """
    others = [one.name for one in list_experiments(tracking_uri) if one.name != spec.name]
    found: dict[str, int] = {}
    for name in others:
        result = find_result(tracking_uri, name)
        for run in result.runs if result is not None else ():
            value = run.mean_if_any(spec.search.metric).mean
            value = -value if spec.search.metric == "val/loss" else value
            if math.isfinite(value) and all(trial.status not in BAD for trial in run.trials):
                points = list(points_of(run, spec, identity_of))
                for number, point in points:
                    proposer.learn(number, point, value)
                found[name] = found.get(name, 0) + bool(points)
    named = ", ".join(f"{name} ({count})" for name, count in found.items() if count)
    return f"warm start: points of other experiments: {named or 'none is of the same data, model and parameters'}"


def points_of(run: RunResult, spec: ExperimentSpec, identity_of: IdentityOf) -> Iterator[tuple[int, dict[str, Any]]]:
    """The patterns of a search, by number, that a run of another experiment is a point of."""
    trial = run.ok_trials[0]
    patterns = [pattern for pattern in spec.runs if pattern.space]
    for number, pattern in enumerate(patterns):
        point = _point(pattern, trial.params)
        if point is None:
            continue
        try:
            there = concrete(pattern, point, exact=True)
        except ConfigError:  # values that do not go together
            continue
        was = trial.known_identity()
        if was.data is not None and not was.differences(identity_of(there)):
            yield number, point


def _point(pattern: RunSpec, params: Mapping[str, object]) -> dict[str, Any] | None:
    """The values that a trial has of the keys of a pattern; None if one is outside of what it may be.

    A trial that was made before a key was there has the key's default.
    """
    point = {}
    for key, domain in pattern.space:
        try:
            value = RUN_KEYS[key].recorded(str(params.get(key, default_text(key))))
        except ValueError:
            return None
        if not domain.holds(value):
            return None
        point[key] = value
    return point
