"""Trials: every run with every seed, in an order and with names that people can rely on."""

import json
from dataclasses import asdict

from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import DatasetParams, ExperimentSpec, HParams, ModelParams, RunSpec, Settings
from nerbb_ray.config.trials import TrialSpec, expand

DATASET, MODEL = DatasetParams(dataset_name="d"), ModelParams(pretrained_model_name="m")


def run(name: str, **hparams: float) -> RunSpec:
    return RunSpec(name=name, dataset=DATASET, model=MODEL, hparams=HParams(**hparams))


def test_every_run_has_its_first_seed_before_any_has_its_second() -> None:
    spec = ExperimentSpec(name="e", runs=(run("runB"), run("runA")), settings=Settings(seed=42, multiple_runs=3))
    assert [trial.name for trial in expand(spec)] == ["runB-43", "runA-43", "runB-44", "runA-44", "runB-45", "runA-45"]


def test_a_trial_has_everything_of_its_run_and_the_settings() -> None:
    settings = Settings(multiple_runs=2, precision="fp32")
    first, second = expand(ExperimentSpec(name="e", runs=(run("runA", lr_max=1e-4),), settings=settings))
    common = {"run": "runA", "dataset": DATASET, "model": MODEL, "hparams": HParams(lr_max=1e-4), "settings": settings}
    assert (first, second) == (TrialSpec(seed=43, **common), TrialSpec(seed=44, **common))


def test_params_are_flat_and_hold_the_trials_own_seed() -> None:
    (trial,) = expand(ExperimentSpec(name="e", runs=(run("runA", lr_max=1e-4),), settings=Settings(seed=7)))
    params = trial.params()
    assert (params["run"], params["seed"], params["lr_max"], params["dataset_name"]) == ("runA", 8, 1e-4, "d")
    keys = [key for part in (DATASET, MODEL, HParams(), Settings()) for key in asdict(part)]
    assert sorted(params) == sorted(["run", *keys])


@settings(deadline=None)
@given(
    lr_max=st.lists(st.floats(1e-9, 1), min_size=1, max_size=3, unique=True),
    min_delta=st.floats(0, 1e300),
    uncased=st.none() | st.booleans(),
    seed=st.integers(1, 2**31),
    subset=st.none() | st.just("å b"),
)
def test_a_trial_survives_json(
    lr_max: list[float], min_delta: float, uncased: bool | None, seed: int, subset: str | None
) -> None:
    params = {"dataset_name": "d", "pretrained_model_name": "m", "dataset_subset_name": subset, "uncased": uncased}
    spec = build_spec("e", params=params | {"lr_max": lr_max, "min_delta": min_delta, "seed": seed, "multiple_runs": 2})
    trials = expand(spec)
    assert len(trials) == 2 * len(lr_max)
    assert tuple(TrialSpec.from_dict(json.loads(json.dumps(trial.to_dict()))) for trial in trials) == trials
