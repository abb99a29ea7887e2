"""The parts of the driver that need no cluster: jobs, screen, options, results."""

import argparse
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray.tune import Callback
from rich.console import Console

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import DatasetParams, ExperimentSpec, HParams, ModelParams, Resources, RunSpec, Settings
from nerbb_ray.config.trials import TrialSpec, expand
from nerbb_ray.errors import ConfigError
from nerbb_ray.preparation.options import RunOptions, add_run_options, run_options
from nerbb_ray.preparation.resources import Allotment
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.reports import trial_result
from nerbb_ray.training.sources import ModelSource
from nerbb_ray.tune.job import Job, JobBook, tune_config, varying_keys
from nerbb_ray.tune.screen import Screen
from nerbb_ray.tune.trial_plan import TrialPlan


def spec(seeds: int = 2, **hparams) -> ExperimentSpec:
    runs = tuple(
        RunSpec(
            name=name,
            dataset=DatasetParams(dataset_name="d"),
            model=ModelParams(pretrained_model_name="m"),
            hparams=HParams(lr_max=rate, **hparams),
        )
        for name, rate in (("runA", 1e-4), ("runB", 3e-4))
    )
    return ExperimentSpec(name="exp", runs=runs, settings=Settings(multiple_runs=seeds))


def job(trial: TrialSpec, backend: str = "inprocess", folder: Path | None = Path("/c")) -> Job:
    return Job(
        trial=trial,
        identity=Identity.of(trial, data="abc", model="def", precision="bf16", device="cpu"),
        data=Path("/data.npz"),
        source=ModelSource("m", "/models/m", "abc"),
        checkpoint_dir=folder,
        log=Path(f"/logs/{trial.name}.log"),
        storage=Path("/ray"),
        allotment=Allotment(backend, 1, 1.0, 0.0, 2),
    )


def tune_trial(trial: TrialSpec) -> SimpleNamespace:
    return SimpleNamespace(config={"run": trial.run, "seed": trial.seed})


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


@pytest.fixture
def shown(book: JobBook) -> Callable[..., tuple[Screen, io.StringIO, list[TrialSpec]]]:
    def show(terminal: bool, trials: int = 2) -> tuple[Screen, io.StringIO, list[TrialSpec]]:
        specs = list(expand(spec(seeds=trials)))
        for one in specs:
            book.put(job(one))
        text = io.StringIO()
        console = Console(file=text, force_terminal=terminal, width=110)
        return Screen(TrialPlan(spec(seeds=trials), 1), book, 1, console), text, specs

    return show


def test_without_a_terminal_every_event_is_a_line(shown) -> None:
    screen, text, (first, second, *_) = shown(terminal=False)
    screen.setup()
    screen.on_trial_start(trial=tune_trial(first))
    screen.on_trial_result(trial=tune_trial(first), result=REPORT)
    screen.on_trial_complete(trial=tune_trial(first))
    screen.on_trial_start(trial=tune_trial(second))
    screen.on_trial_error(trial=tune_trial(second))
    screen.on_experiment_end()
    lines = text.getvalue().splitlines()
    assert lines[0] == "trials to run: 4"
    assert lines[2].startswith("runA-43: epoch 3, cool-down, LR 1.50e-04, val loss 0.2500, val F1 -, 0:00:0")
    assert lines[-1] == "runB-43: failed; see /logs/runB-43.log"
    assert "\x1b" not in text.getvalue()


def test_on_a_terminal_the_table_shows_every_trial(shown) -> None:
    screen, text, (first, *_) = shown(terminal=True)
    screen.setup()
    screen.on_trial_start(trial=tune_trial(first))
    screen.on_trial_result(trial=tune_trial(first), result=REPORT)
    screen.close()
    screen.close()
    last = text.getvalue()[-1500:]
    for part in ("runA", "runB", "44", "running", "waiting", "cool-down", "1.50e-04", "0.2500"):
        assert part in last


def test_a_long_table_shows_what_runs_and_counts_the_rest(shown) -> None:
    screen, _, specs = shown(terminal=True, trials=40)
    screen.on_trial_start(trial=tune_trial(specs[-1]))
    text = io.StringIO()
    Console(file=text, width=110).print(screen.table())
    assert "running" in text.getvalue()
    assert "and 50 more" in text.getvalue()


RACE = {"dataset_name": "d", "pretrained_model_name": "m", "multiple_runs": 8, "racing": True, "lr_max": [1, 2, 3]}
LIMIT = {"max_hours": 0.1}


def test_the_remaining_time_of_a_race_is_not_that_of_all_trials(book: JobBook) -> None:
    raced = build_spec("e", params=RACE)
    plan = TrialPlan(raced, 1, clock=lambda: 0.0)
    screen = Screen(plan, book, 1, Console(file=io.StringIO()))
    for number in range(9):
        trial = plan.next()
        book.put(job(trial))
        screen.on_trial_start(trial=tune_trial(trial))
        screen.rows[trial.name].started -= 60
        plan.end(trial, trial.hparams.lr_max * 1e4 + trial.seed / 1e5, 60)
        screen.on_trial_complete(trial=tune_trial(trial))
        if number == 0:  # 8 of the first seeds and 3 of the others, not 23
            assert screen._end().startswith("ends in about 11 min")
    assert screen._end() == "", "the race is decided"
    ends = [Screen(TrialPlan(build_spec("e", params=RACE | more), 1), book) for more in ({}, LIMIT)]
    for screen in ends:
        screen.eta.end("runA", "a", 60.0)
    assert ends[0]._end().startswith("ends in about 12 min")
    assert ends[1]._end().startswith("ends in about 6 min (")


def test_a_terminal_is_not_pickled(shown) -> None:
    screen, *_ = shown(terminal=True)
    assert type(pickle.loads(pickle.dumps(screen))) is Callback


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
