"""Trials as Tune's callbacks see them, and an MLflow database that the tests share."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.tracking.mlflow_callback import SeedMeanCallback
from nerbb_ray.tracking.mlflow_records import open_client

CONFUSION = "true\\predicted,O,LOC,PER\nO,90,1,2\nLOC,3,40,0\nPER,0,5,12345\n"


@dataclass
class FakeTrial:
    """The attributes of Tune's Trial that the callbacks read."""

    trial_id: str
    config: dict[str, Any]
    status: str = "RUNNING"
    last_result: dict[str, Any] | None = None
    error_file: str | None = None


@dataclass
class Driver:
    """Plays Tune: calls the hooks of a callback for the trials of an experiment."""

    callback: Any
    multiple_runs: int = 2
    trials: list[FakeTrial] = field(default_factory=list)

    def start(self, run: str = "runA", seed: int = 43, log: str | None = None) -> FakeTrial:
        trial = FakeTrial(f"{run}-{seed}", {"trial": self.spec(run, seed).to_dict(), "log": log})
        self.trials.append(trial)
        self.callback.on_trial_start(iteration=0, trials=self.trials, trial=trial)
        return trial

    def spec(self, run: str, seed: int) -> TrialSpec:
        return TrialSpec(
            run=run,
            seed=seed,
            dataset=DatasetParams(dataset_name="data"),
            model=ModelParams(pretrained_model_name="model"),
            hparams=HParams(),
            settings=Settings(multiple_runs=self.multiple_runs),
        )

    def report(self, trial: FakeTrial, epoch: int, **more: Any) -> None:
        value = 1 / (epoch + 1)
        result = {
            "epoch": epoch,
            "stage": "WARMUP_OR_CONSTANT",
            "lr": 1e-5,
            "train/loss": 2 * value,
            "val/loss": value,
            "val/token/all/acc": 1 - value,
            "val/entity/micro/f1": 0.5 - value / 2,
            "val/entity/micro/precision": 0.3,
            "history": [1 / (e + 1) for e in range(epoch + 1)],
            "elapsed_s": 10.0 * (epoch + 1),
            "config": trial.config,
            "done": False,
            "pid": 17,
            **more,
        }
        trial.last_result = result
        self.callback.on_trial_result(iteration=0, trials=self.trials, trial=trial, result=result)

    def finish(
        self, trial: FakeTrial, epoch: int, f1: float, chosen: dict[str, float] | None = None, **more: Any
    ) -> None:
        """The last report, as training gives it, and Tune's completion."""
        metrics = {
            "val/loss": 1.0,
            "val/entity/micro/f1": f1,
            "test/entity/micro/f1": f1 / 2,
            "test/entity/LOC/f1": float("nan"),
        }
        final = {
            "final": True,
            "reason": "cool-down finished",
            "diverged": False,
            "epochs": epoch + 1,
            "best_epoch": 0,
            "chosen": {**metrics, **(chosen or {})},
            "checkpoint": f"/store/{trial.trial_id}",
            "artifacts": {"confusion_matrix_entity.csv": CONFUSION, "classification_report.txt": "report ä\n"},
        }
        self.report(trial, epoch, **{**final, **more})
        trial.status = "TERMINATED"
        self.callback.on_trial_complete(iteration=0, trials=self.trials, trial=trial)

    def fail(self, trial: FakeTrial, error_file: Path) -> None:
        trial.status, trial.error_file = "ERROR", str(error_file)
        self.callback.on_trial_error(iteration=0, trials=self.trials, trial=trial)

    def end(self) -> None:
        self.callback.on_experiment_end(trials=self.trials)


@pytest.fixture(scope="session")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database for all tests: making one takes seconds, longer than a callback waits for it."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"
    open_client(uri).search_experiments(max_results=1)
    return uri


@pytest.fixture(scope="session")
def names() -> Iterator[int]:
    return count()


@pytest.fixture
def name(names: Iterator[int]) -> str:
    """An experiment of its own for every test."""
    return f"experiment {next(names):04d}"


@pytest.fixture
def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.fixture
def callback(tracking_uri: str, name: str, tmp_path: Path) -> SeedMeanCallback:
    return SeedMeanCallback(tracking_uri, name, str(tmp_path / "artifacts 100 % #1"))


@pytest.fixture
def driver(callback: SeedMeanCallback) -> Driver:
    return Driver(callback)


@pytest.fixture
def drive() -> type[Driver]:
    """To make further drivers."""
    return Driver
