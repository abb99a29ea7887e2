"""The parts of the driver that need no cluster: jobs, screen, options, results."""

import argparse
import pickle
from pathlib import Path

import pytest
from fixtures.jobs import job, spec

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import Resources
from nerbb_ray.config.trials import expand
from nerbb_ray.errors import ConfigError
from nerbb_ray.preparation.options import RunOptions, add_run_options, run_options
from nerbb_ray.results.reports import trial_result
from nerbb_ray.tune.job import JobBook, tune_config, varying_keys
from nerbb_ray.tune.trial_plan import TrialPlan


@pytest.fixture
def book(tmp_path: Path) -> JobBook:
    return JobBook(tmp_path / "jobs")


@pytest.mark.parametrize(
    ("steps", "epochs", "batch_sizes", "order"),
    [
        ({"runA": 10, "runB": 10}, (4, 12), (16, 16), ["runB-43", "runA-43", "runB-44", "runA-44"]),
        ({"runA": 10, "runB": 2}, (4, 12), (16, 16), ["runA-43", "runB-43", "runA-44", "runB-44"]),
        ({"runA": 10, "runB": 20}, (4, 4), (16, 8), ["runA-43", "runB-43", "runA-44", "runB-44"]),
    ],
)
def test_of_each_seed_the_longest_trial_starts_first(steps, epochs, batch_sizes, order) -> None:
    sentences = {run: steps[run] * e * b for run, e, b in zip(steps, epochs, batch_sizes, strict=True)}
    plan = TrialPlan(spec(), 4, sentences=sentences)
    assert [plan.next().name for _ in order] == order


@pytest.mark.parametrize("folder", [Path("/c"), None])
def test_a_job_travels_in_a_file_and_tune_sees_what_varies(book: JobBook, folder) -> None:
    jobs = [job(trial, folder=folder) for trial in expand(spec())]
    for one in jobs:
        book.put(one)
    configs = [tune_config(one.trial, varying_keys(spec())) for one in jobs]
    assert configs[0] == {"run": "runA", "seed": 43, "lr_max": 1e-4}
    elsewhere = pickle.loads(pickle.dumps(book))
    assert [elsewhere.of(config) for config in configs] == jobs


def test_what_a_search_draws_is_part_of_the_configuration() -> None:
    drawn = build_spec("e", params={"dataset_name": "d", "pretrained_model_name": "m", **DRAWN})
    assert varying_keys(drawn) == ("batch_size", "lr_max")


DRAWN = {"lr_max": "loguniform(1e-5, 1e-3)", "batch_size": [8, 16], "algorithm": "random", "num_samples": 4}


REPORT = {"epoch": 2, "stage": "COOLDOWN", "lr": 1.5e-4, "val/loss": 0.25, "val/entity/micro/f1": float("nan")}


def options(*words: str) -> RunOptions:
    parser = argparse.ArgumentParser()
    add_run_options(parser)
    return run_options(parser.parse_args(list(words)))


def test_options_replace_single_resources() -> None:
    chosen = options("--num-workers", "2", "--gpus-per-worker", "0.5", "--cpus-per-worker", "auto")
    assert chosen.apply(Resources(cpus_per_worker=3.0, max_concurrent_trials=4)) == Resources(
        num_workers=2, gpus_per_worker=0.5, cpus_per_worker=None, max_concurrent_trials=4
    )


def test_all_wrong_options_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        options("--num-workers", "0", "--gpus-per-worker", "many", "--trainer", "spark")
    assert len(caught.value.problems) == 3
    assert "--num-workers: must be an integer >= 1; got 0" in caught.value.problems


FINAL = REPORT | {"final": True, "diverged": False, "epochs": 3, "best_epoch": 1, "reason": "max_epochs reached"}


@pytest.mark.parametrize(
    ("report", "error", "status", "says"),
    [
        (FINAL | {"chosen": {"test/loss": 0.5}, "checkpoint": "/c"}, None, "ok", None),
        (FINAL | {"chosen": {}, "diverged": True, "history": [1.0, float("nan")]}, None, "diverged", "val_loss is nan"),
        (REPORT, None, "interrupted", "interrupted"),
        (None, None, "interrupted", "interrupted"),
        (REPORT, RuntimeError("Traceback ...\nValueError: bad\n"), "failed", "ValueError: bad"),
    ],
)
def test_what_became_of_a_trial(report, error, status, says) -> None:
    result = trial_result(job(expand(spec())[0]).tracked, report, error)
    assert result.status == status
    assert says is None or says in result.error
