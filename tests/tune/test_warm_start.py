"""Which runs of other experiments are points of a search: the same thing, but for the keys that are searched."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.config.trials import expand, trial_of
from nerbb_ray.errors import ConfigError
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


def test_a_run_that_leaves_a_knob_to_the_model_is_no_point_of_an_interval() -> None:
    spec = spec_of(hidden_dropout="uniform(0, 0.3)")
    assert list(points_of(run_of(), spec, identity_of(spec))) == []
    assert len(list(points_of(run_of(hidden_dropout=0.2), spec, identity_of(spec)))) == 1
    choice = spec_of(hidden_dropout="choice(auto, 0.3)")
    assert [point["hidden_dropout"] for _, point in points_of(run_of(), choice, identity_of(choice))] == [None]


def test_a_value_with_more_digits_than_are_drawn_is_a_point() -> None:
    spec = spec_of()
    assert list(points_of(run_of(lr_max=0.00012345), spec, identity_of(spec))) == [
        (0, {"lr_max": 0.00012345, "batch_size": 8})
    ]


def test_a_trial_of_before_a_knob_was_there_has_its_default() -> None:
    spec = spec_of(focal_gamma="uniform(0, 2)")
    (trial,) = run_of().trials
    assert trial.identity is not None
    older = {key: text for key, text in trial.params.items() if key != "focal_gamma"}
    known = {key: text for key, text in trial.identity.params.items() if key != "focal_gamma"}
    before = replace(trial, params=older, identity=replace(trial.identity, params=known))
    ((_, point),) = points_of(RunResult("runX", (before,)), spec, identity_of(spec))
    assert point["focal_gamma"] == 0


def test_points_that_their_model_cannot_have_are_passed_over() -> None:
    spec = spec_of(freeze_layers="randint(0, 12)", num_samples=6)
    proposer = OptunaProposer(spec)

    def check(run: RunSpec) -> None:
        if run.hparams.freeze_layers > 6:
            raise ConfigError(["freeze_layers: must be <= 6"])

    proposer.check = check
    runs = [run for _ in range(6) if (run := proposer.propose({})) is not None]
    assert len(runs) == 6
    assert max(run.hparams.freeze_layers for run in runs) <= 6
    for number, run in enumerate(runs):
        proposer.tell(run, number / 10)


def test_a_model_that_no_point_fits_ends_the_search_of_its_pattern() -> None:
    def check(_: RunSpec) -> None:
        raise ConfigError(["freeze_layers: must be 0"])

    proposer = OptunaProposer(spec_of())
    proposer.check = check
    assert proposer.propose({}) is None
    assert not proposer.has_more()
