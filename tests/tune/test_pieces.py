"""The parts of the driver that need no cluster: space, scheduler, screen, options, what earlier calls did."""

import argparse
import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray.tune.schedulers import TrialScheduler
from rich.console import Console

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import DatasetParams, ExperimentSpec, HParams, ModelParams, Resources, RunSpec, Settings
from nerbb_ray.config.trials import TrialSpec, expand
from nerbb_ray.errors import ConfigError
from nerbb_ray.preparation.options import RunOptions, add_run_options, run_options
from nerbb_ray.preparation.resources import Allotment
from nerbb_ray.results.experiment_result import TrialResult
from nerbb_ray.training.adaptive import replay
from nerbb_ray.training.sources import ModelSource
from nerbb_ray.tune.collect import in_order, trial_result
from nerbb_ray.tune.finished import refuse_changes, refuse_other_data
from nerbb_ray.tune.job import Job, job_of, longest_first, to_param_space
from nerbb_ray.tune.scheduler import AdaptiveStoppingScheduler
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
        data=Path("/data.npz"),
        source=ModelSource("m", "/models/m", "abc"),
        precision="fp32",
        checkpoint_dir=folder,
        log=Path(f"/logs/{trial.name}.log"),
        storage=Path("/ray"),
        allotment=Allotment(backend, 1, 1.0, 0.0, 2),
    )


def tune_trial(trial: TrialSpec, **kwargs) -> SimpleNamespace:
    return SimpleNamespace(config={"job": job(trial, **kwargs).to_config()})


@pytest.mark.parametrize(
    ("steps", "epochs", "batch_sizes", "order"),
    [
        ({"runA": 10, "runB": 10}, (4, 12), (16, 16), ["runB-43", "runA-43", "runB-44", "runA-44"]),
        ({"runA": 10, "runB": 2}, (4, 12), (16, 16), ["runA-43", "runB-43", "runA-44", "runB-44"]),
        ({"runA": 10, "runB": 20}, (4, 4), (16, 8), ["runA-43", "runB-43", "runA-44", "runB-44"]),
    ],
)
def test_of_each_seed_the_longest_trial_starts_first(steps, epochs, batch_sizes, order) -> None:
    sizes = {name: (e, b) for name, e, b in zip(steps, epochs, batch_sizes, strict=True)}
    trials = []
    for trial in expand(spec()):
        cap, batch_size = sizes[trial.run]
        trials.append(replace(trial, hparams=replace(trial.hparams, max_epochs=cap, batch_size=batch_size)))
    assert [trial.name for trial in longest_first(trials, steps)] == order


@pytest.mark.parametrize("folder", [Path("/c"), None])
def test_a_job_survives_the_way_through_tune(folder) -> None:
    jobs = [job(trial, folder=folder) for trial in expand(spec())]
    points = to_param_space(jobs)["job"]["grid_search"]
    assert [job_of({"job": point}) for point in points] == jobs


@pytest.mark.parametrize(("backend", "last"), [("inprocess", TrialScheduler.STOP), ("torch_trainer", "CONTINUE")])
def test_the_scheduler_stops_when_the_rule_does(backend: str, last: str) -> None:
    trial = expand(spec(max_epochs=9, lr_cooldown_epochs=2))[0]
    values = replay(trial.hparams, [1.0, 0.8, 0.9, 0.7, 0.75], 1).values
    scheduler = AdaptiveStoppingScheduler()
    asked = tune_trial(trial, backend=backend)
    decisions = [
        scheduler.on_trial_result(
            None, asked, {"history": list(values[: n + 1]), "ends_itself": backend == "torch_trainer"}
        )
        for n in range(len(values))
    ]
    assert decisions == [TrialScheduler.CONTINUE] * (len(values) - 1) + [last]


def test_the_scheduler_remembers_nothing() -> None:
    trial = expand(spec(max_epochs=3, early_stopping=False))[0]
    result = {"history": [0.5, 0.4, 0.3], "ends_itself": False}
    # a new scheduler, as after a restart of the driver, decides the same
    assert AdaptiveStoppingScheduler().on_trial_result(None, tune_trial(trial), result) == TrialScheduler.STOP


REPORT = {"epoch": 2, "stage": "COOLDOWN", "lr": 1.5e-4, "val/loss": 0.25, "val/entity/micro/f1": float("nan")}


def shown(terminal: bool, trials: int = 2) -> tuple[Screen, io.StringIO, list[TrialSpec]]:
    specs = list(expand(spec(seeds=trials)))
    text = io.StringIO()
    return Screen(specs, Console(file=text, force_terminal=terminal, width=110)), text, specs


def test_without_a_terminal_every_event_is_a_line() -> None:
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


def test_on_a_terminal_the_table_shows_every_trial() -> None:
    screen, text, (first, *_) = shown(terminal=True)
    screen.setup()
    screen.on_trial_start(trial=tune_trial(first))
    screen.on_trial_result(trial=tune_trial(first), result=REPORT)
    screen.close()
    screen.close()
    last = text.getvalue()[-1500:]
    for part in ("runA", "runB", "44", "running", "waiting", "cool-down", "1.50e-04", "0.2500"):
        assert part in last


def test_a_long_table_shows_what_runs_and_counts_the_rest() -> None:
    screen, _, specs = shown(terminal=True, trials=40)
    screen.on_trial_start(trial=tune_trial(specs[-1]))
    text = io.StringIO()
    Console(file=text, width=110).print(screen.table())
    assert "running" in text.getvalue()
    assert "and 50 more" in text.getvalue()


RACE = {"dataset_name": "d", "pretrained_model_name": "m", "multiple_runs": 8, "racing": True, "lr_max": [1, 2, 3]}
LIMIT = {"max_hours": 0.1}


def test_the_remaining_time_of_a_race_is_not_that_of_all_trials() -> None:
    raced = build_spec("e", params=RACE)
    plan = TrialPlan(raced, 1, clock=lambda: 0.0)
    screens = [Screen([], Console(file=io.StringIO()), total=24, plan=one) for one in (None, plan)]
    for _ in range(9):
        trial = plan.next()
        for screen in screens:
            screen.on_trial_start(trial=tune_trial(trial))
            screen.rows[trial.name].started -= 60
        plan.end(trial, trial.hparams.lr_max * 1e4 + trial.seed / 1e5, 60)
        for screen in screens:
            screen.on_trial_complete(trial=tune_trial(trial))
    assert screens[0]._end().startswith("ends in about 15 min")
    assert screens[1]._end() == "", "the race is decided"
    ends = [Screen([], total=24, plan=TrialPlan(build_spec("e", params=RACE | more), 1)) for more in ({}, LIMIT)]
    for screen in ends:
        screen.eta.end("runA", "a", 60.0)
    assert ends[0]._end().startswith("ends in about 12 min")
    assert ends[1]._end().startswith("ends in about 6 min (")


def test_the_screen_can_be_pickled() -> None:
    import pickle

    screen, _, specs = shown(terminal=False)
    assert pickle.loads(pickle.dumps(screen)).trials == specs


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


def earlier(trial: TrialSpec, **changes: object) -> list[TrialResult]:
    params = {key: str(value) for key, value in (trial.params() | changes).items()}
    return [TrialResult(trial.run, trial.seed, "ok", params=params, data="abc")]


def planned(seeds: int = 2) -> dict[str, TrialSpec]:
    return {trial.run: trial for trial in expand(spec(seeds=seeds))}


def test_changed_parameters_are_refused_with_the_difference_whatever_the_seed() -> None:
    first = expand(spec())[0]
    refuse_changes("exp", planned(), earlier(first))
    for seed in (43, 99):
        with pytest.raises(ConfigError, match=r"runA: lr_max was 0\.5, now 0\.0001"):
            refuse_changes("exp", planned(), earlier(replace(first, seed=seed), lr_max=0.5))


def test_changed_data_are_refused() -> None:
    results = earlier(expand(spec())[0])
    refuse_other_data("exp", {"runA": "abc"}, results)
    with pytest.raises(ConfigError, match="runA: the data had the fingerprint abc, now xyz"):
        refuse_other_data("exp", {"runA": "xyz"}, results)


@pytest.mark.parametrize("key", ["multiple_runs", "checkpoints", "logging_level", "preset", "seed"])
def test_what_does_not_change_a_trial_may_change(key: str) -> None:
    refuse_changes("exp", planned(), earlier(expand(spec())[0], **{key: "other"}))


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
    result = trial_result(job(expand(spec())[0]), report, error)
    assert result.status == status
    assert says is None or says in result.error


def test_trials_that_never_started_are_in_the_results() -> None:
    trials = expand(spec(seeds=1))
    done = TrialResult("runA", 43, "ok")
    assert [(r.name, r.status) for r in in_order(trials, {"runA-43": done})] == [
        ("runA-43", "ok"),
        ("runB-43", "interrupted"),
    ]
