"""Processes die, trials go on: the end is that of an undisturbed experiment."""

import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.errors import ResourceError
from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.tune.run_tuner import run_experiment

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_here")]
QUIET = RunOptions(quiet=True)


class Killer(threading.Thread):
    """Sends a signal to the process of a trial when its log tells of the end of an epoch."""

    def __init__(self, log: Path, epoch: int, number: signal.Signals = signal.SIGKILL) -> None:
        super().__init__(daemon=True)
        self.log, self.epoch, self.number = log, epoch, number
        self.killed: int | None = None

    def run(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.killed is None:
            text = self.log.read_text() if self.log.exists() else ""
            if re.search(f"epoch {self.epoch} [A-Z]", text):  # its end, with the phase: the next one begins
                self.killed = int(re.findall(r"process (\d+)", text)[-1])
                os.kill(self.killed, self.number)
            time.sleep(0.02)


def metrics(result) -> dict[str, dict]:
    return {trial.name: {"status": trial.status, **trial.metrics} for trial in result.trials}


@pytest.mark.slow
def test_a_trial_whose_process_was_killed_goes_on_and_ends_the_same(store, experiment) -> None:
    undisturbed = run_experiment(read_ini(experiment("whole", seeds=1, runs=1)), store, QUIET)
    killer = Killer(store.logs("killed") / "runA-43.log", epoch=1)
    killer.start()
    result = run_experiment(read_ini(experiment("killed", seeds=1, runs=1)), store, QUIET)
    killer.join(timeout=10)
    assert killer.killed
    assert repr(metrics(result)) == repr(metrics(undisturbed))
    log = killer.log.read_text()
    assert len(set(re.findall(r"process (\d+)", log))) == 2
    assert "goes on after" in log
    assert not list(store.ray("killed").glob("states/*"))
    stored = load_result(store.tracking_uri, "killed")
    assert [trial.status for trial in stored.trials] == ["ok"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_gets_sigterm_saves_within_the_epoch_and_the_trial_goes_on_elsewhere(
    store, experiment, workers
) -> None:
    """As of a spot notice, or an eviction: the process has seconds until it is killed."""
    options = {
        "seeds": 1,
        "resources": f"num_workers = {workers}\ncpus_per_worker = 1",
        "hparams": "early_stopping = False",
    }

    def run(name: str):
        path = experiment(name, runs=1, **options)
        text = path.read_text().replace("batch_size = 8", "batch_size = 2")
        path.write_text(text.replace("max_epochs = 3", "max_epochs = 4"))
        return run_experiment(read_ini(path), store, QUIET)

    undisturbed = run("whole")
    killer = Killer(store.logs("warned") / "runA-43.log", epoch=1, number=signal.SIGTERM)
    killer.start()
    result = run("warned")
    killer.join(timeout=10)
    assert killer.killed
    assert repr(metrics(result)) == repr(metrics(undisturbed))
    log = killer.log.read_text()
    assert "the state is saved, and the process ends" in log
    # epochs here take a tenth of a second, so it may be between two; test_resume goes on from within one
    assert re.search(r"goes on after [1-9]\d* epochs and \d+ steps", log)


def test_a_failing_trial_fails_alone_and_is_not_tried_again(store, experiment) -> None:
    # a file where the folder of run B's models should be
    blocked = store.checkpoints("exp", "runB")
    blocked.parent.mkdir(parents=True)
    blocked.write_text("")
    result = run_experiment(read_ini(experiment(seeds=1)), store, QUIET)
    good, failed = result.trials
    assert (good.name, good.status) == ("runA-43", "ok")
    assert (failed.name, failed.status) == ("runB-43", "failed")
    assert "exists" in failed.error.lower() or "directory" in failed.error.lower()
    assert Path(failed.log).read_text().count("Traceback") == 1
    stored = {trial.name: trial for trial in load_result(store.tracking_uri, "exp").trials}["runB-43"]
    assert (stored.status, stored.error) == ("failed", failed.error)
    # the only one to be run again, and what was trained is not lost: only the last epoch is trained again
    blocked.unlink()
    again = run_experiment(read_ini(experiment(seeds=1)), store, QUIET)
    assert all(trial.ok for trial in again.trials)
    assert "goes on after 2 epochs" in Path(failed.log).read_text()


def memory_is_short(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """As Ray's memory monitor does it: it kills the process of a trial, and Tune's `fit` ends with an error."""
    from ray import tune
    from ray.exceptions import OutOfMemoryError

    fit, calls = tune.Tuner.fit, iter(range(1_000))

    def interrupted(tuner: tune.Tuner) -> object:
        if next(calls) >= times:
            return fit(tuner)
        raise RuntimeError("Caught unexpected exception") from OutOfMemoryError("the node was running low on memory")

    monkeypatch.setattr(tune.Tuner, "fit", interrupted)


@pytest.mark.parametrize("times", [pytest.param(1, id="once"), pytest.param(4, id="and three times alone")])
@pytest.mark.slow
def test_where_memory_was_short_fewer_trials_run_at_a_time_and_end_the_same(
    store, experiment, monkeypatch, capsys, times
) -> None:
    undisturbed = run_experiment(read_ini(experiment("whole", seeds=1)), store, QUIET)
    memory_is_short(monkeypatch, times)
    result = run_experiment(read_ini(experiment("short", seeds=1, resources="")), store)
    assert repr(metrics(result)) == repr(metrics(undisturbed))
    assert "memory was short: goes on with 1 trial(s) at a time" in capsys.readouterr().err
    assert "2 trials, 1 at a time, 1 CPU each" in (store.logs("short") / "experiment.log").read_text()


def test_memory_that_stays_short_is_an_error_with_a_way_out(store, experiment, monkeypatch) -> None:
    memory_is_short(monkeypatch, times=99)
    with pytest.raises(ResourceError, match="lower batch_size or max_seq_length"):
        run_experiment(read_ini(experiment(seeds=1)), store, QUIET)
