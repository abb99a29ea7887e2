"""A process that is killed after the last trial of a search, before it has told the end: the next call tells it."""

from pathlib import Path

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.mlflow_store.callback import SeedMeanCallback
from nerbb_ray.mlflow_store.overview import results_of
from nerbb_ray.mlflow_store.schema import open_client
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.tune.run_tuner import run_experiment

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_here")]
QUIET = RunOptions(quiet=True)


def parents(store) -> list[str]:
    client = open_client(store.tracking_uri)
    experiment = client.get_experiment_by_name("exp")
    return [
        run.info.status
        for run in client.search_runs([experiment.experiment_id])
        if "mlflow.parentRunId" not in run.data.tags
    ]


def test_runs_are_closed_and_ensembles_made_though_nothing_is_left_to_train(store, experiment, monkeypatch) -> None:
    spec = read_ini(Path(experiment("exp", 2, runs=1)))

    def killed(self: SeedMeanCallback, **_: object) -> None:
        """What has been put is on its way, or waits in its file."""
        self._outbox.close()

    with monkeypatch.context() as patch:
        patch.setattr(SeedMeanCallback, "on_experiment_end", killed)
        run_experiment(spec, store, QUIET)
    assert results_of(store, "exp").runs[0].ensemble is None
    again = run_experiment(spec, store, QUIET)
    assert again.runs[0].ensemble.seeds == (43, 44)
    assert parents(store) == ["FINISHED"]
    stored = results_of(store, "exp")
    assert stored.runs[0].ensemble == again.runs[0].ensemble
    once_more = run_experiment(spec, store, QUIET)
    assert once_more.runs[0].ensemble == again.runs[0].ensemble


def test_an_ensemble_of_fewer_seeds_than_there_are_is_made_anew(store, experiment, monkeypatch) -> None:
    path = Path(experiment("exp", 2, runs=1))
    first = run_experiment(read_ini(path), store, QUIET)
    assert first.runs[0].ensemble.seeds == (43, 44)
    path.write_text(path.read_text().replace("multiple_runs = 2", "multiple_runs = 3"))
    with monkeypatch.context() as patch:
        patch.setattr(SeedMeanCallback, "on_experiment_end", lambda self, **_: self._outbox.close())
        run_experiment(read_ini(path), store, QUIET)
    assert run_experiment(read_ini(path), store, QUIET).runs[0].ensemble.seeds == (43, 44, 45)
    assert results_of(store, "exp").runs[0].ensemble.seeds == (43, 44, 45)
    # what is not here may be elsewhere: nothing is told of it
    for file in store.checkpoints("exp").rglob("log_probs.npz"):
        file.unlink()
    assert run_experiment(read_ini(path), store, QUIET).runs[0].ensemble.seeds == (43, 44, 45)
