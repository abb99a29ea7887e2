"""Which runs of other experiments are points of a search: the same thing, but for the keys that are searched."""

from collections.abc import Callable
from typing import Any

import pytest

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.config.trials import expand, trial_of
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.trial_result import RunResult, TrialResult
from nerbb_ray.tune.optuna_points import OptunaProposer
from nerbb_ray.tune.warm_start import points_of

FACTS = {"data": "abc", "model": "def", "precision": "fp32", "device": "cpu"}
PARAMS = {"dataset_name": "d", "pretrained_model_name": "m", "multiple_runs": 2}
SEARCHED = {"algorithm": "optuna", "lr_max": "loguniform(1e-5, 1e-3)", "batch_size": "choice(8, 16)"}


def spec_of(**params: Any) -> ExperimentSpec:
    return build_spec("search", params=PARAMS | SEARCHED | params)


def identity_of(spec: ExperimentSpec) -> Callable[[RunSpec], Identity]:
    return lambda run: Identity.of(trial_of(spec, run, 43), **FACTS)


def run_of(facts: dict[str, str | None] | None = None, **params: Any) -> RunResult:
    """A run of another experiment that has ended well."""
    trial = expand(build_spec("other", params=PARAMS | {"lr_max": 1e-4, "batch_size": 8} | params))[0]
    texts = {key: str(value) for key, value in trial.params().items()}
    identity = Identity.of(trial, **(FACTS | (facts or {})))
    result = TrialResult("runX", 43, "ok", metrics={"val/entity/micro/f1": 0.5}, params=texts, identity=identity)
    return RunResult("runX", (result,))


@pytest.mark.parametrize("params", [{}, {"seed": 7}, {"multiple_runs": 9}, {"checkpoints": False}])
def test_a_run_of_the_same_data_model_and_parameters_is_a_point(params) -> None:
    spec = spec_of()
    assert list(points_of(run_of(**params), spec, identity_of(spec))) == [(0, {"lr_max": 1e-4, "batch_size": 8})]


@pytest.mark.parametrize(
    "run",
    [
        run_of({"data": "xyz"}),
        run_of({"data": None}),
        run_of({"model": "xyz"}),
        run_of({"device": "cuda"}),
        run_of(max_epochs=3),
        run_of(weight_decay=0.1),
        run_of(prune_ratio_train=0.5),
        run_of(lr_max=2e-3),  # outside of what is searched
        run_of(batch_size=32),
    ],
)
def test_a_run_of_anything_else_is_none(run) -> None:
    spec = spec_of()
    assert list(points_of(run, spec, identity_of(spec))) == []


def test_a_run_is_a_point_of_the_patterns_that_it_fits() -> None:
    spec = spec_of(weight_decay=[0.01, 0.1])
    assert [number for number, _ in points_of(run_of(weight_decay=0.1), spec, identity_of(spec))] == [1]


def test_what_was_measured_elsewhere_guides_what_is_proposed() -> None:
    def proposed(value_of: Callable[[float], float]) -> list[float]:
        spec = spec_of(batch_size=8, num_samples=12)
        proposer = OptunaProposer(spec)
        for number in range(40):
            rate = 10 ** (-5 + 2 * number / 39)
            proposer.learn(0, {"lr_max": rate}, value_of(rate))
        runs = [run for _ in range(12) if (run := proposer.propose({})) is not None]
        assert len(runs) == 12  # none of the points counts for those that were asked for
        return sorted(run.hparams.lr_max for run in runs)

    low, high = proposed(lambda rate: -rate), proposed(lambda rate: rate)
    assert low[6] < 5e-5
    assert high[6] > 2e-4
