"""What MLflow holds of the trials of a trainable that knows nothing of nerbb_ray."""

import logging
import math
import pickle
import statistics
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from nerbb_ray.mlflow_store.callback import SeedMeanCallback
from nerbb_ray.mlflow_store.reader import load_result
from tests.fixtures.fake_tune import FakeTrial

IDS = count()


class Search:
    """Plays Tune with the trials of a stranger."""

    def __init__(self, uri: str, name: str, callback: SeedMeanCallback | None = None, **options: Any) -> None:
        self.client, self.name = MlflowClient(uri), name
        self.callback = callback or SeedMeanCallback(uri, name, **options)
        self.trials: list[FakeTrial] = []

    def start(self, config: Mapping[str, Any], trial_id: str | None = None, tag: str | None = None) -> FakeTrial:
        number = next(IDS)
        trial = FakeTrial(trial_id or f"trial{number}", dict(config), experiment_tag=tag or f"{number}_of_tune")
        self.trials.append(trial)
        self.callback.on_trial_start(iteration=0, trials=self.trials, trial=trial)
        return trial

    def report(self, trial: FakeTrial, iteration: int, **metrics: Any) -> None:
        trial.last_result = {"training_iteration": iteration, "time_total_s": 2.0 * iteration, **metrics}
        self.callback.on_trial_result(iteration=0, trials=self.trials, trial=trial, result=trial.last_result)

    def run(self, config: Mapping[str, Any], *reports: Mapping[str, Any], **known: str) -> FakeTrial:
        trial = self.start(config, **known)
        for number, metrics in enumerate(reports, start=1):
            self.report(trial, number, **metrics)
        self.callback.on_trial_complete(iteration=0, trials=self.trials, trial=trial)
        return trial

    def end(self) -> None:
        self.callback.on_experiment_end(trials=self.trials)

    @property
    def runs(self) -> dict[str, Run]:
        found = self.client.get_experiment_by_name(self.name)
        assert found is not None
        runs = self.client.search_runs([found.experiment_id])
        named = {str(run.info.run_name): run for run in runs}
        assert len(named) == len(runs), "two runs of one name"
        return named

    def children(self, parent: str) -> list[Run]:
        parent_id = self.runs[parent].info.run_id
        return [run for run in self.runs.values() if run.data.tags.get("mlflow.parentRunId") == parent_id]


@pytest.fixture
def new_search(tracking_uri: str, name: str) -> Callable[..., Search]:
    return lambda callback=None, **options: Search(tracking_uri, name, callback, **options)


def test_a_callback_that_was_pickled_goes_on(new_search: Callable[..., Search], tmp_path: Path) -> None:
    """As Tuner.restore does it."""
    first = new_search(group_by="lr")
    for seed in (1, 2):
        first.run({"lr": 0.1, "seed": seed}, {"loss": 0.5}, {"loss": seed / 10})
    bad = first.start({"lr": 0.1, "seed": 3})
    (tmp_path / "error").write_text("RuntimeError: no")
    bad.error_file = str(tmp_path / "error")
    first.callback.on_trial_error(iteration=0, trials=first.trials, trial=bad)
    first.end()
    second = new_search(pickle.loads(pickle.dumps(first.callback)))
    second.run(bad.config, {"loss": 0.5}, {"loss": 0.3}, tag=bad.experiment_tag)  # of another id
    second.end()
    assert second.runs["0.1-3"].info.status == second.runs["0.1"].info.status == "FINISHED"
    assert second.runs["0.1"].data.metrics["loss/n"] == 3
    assert second.runs["0.1"].data.metrics["loss/mean"] == pytest.approx(0.2)


@pytest.mark.parametrize("other_driver", [True, False])
def test_means_have_the_seeds_of_before(new_search: Callable[..., Search], other_driver: bool) -> None:
    """Of every metric, after a restart of the driver and after MLflow was away; of the last report only."""
    first = new_search(group_by="lr")
    for seed in (1, 2):
        last = {"loss": seed / 10, "val/loss": 1.0, "seen (max)": math.inf, "f1": math.nan}
        first.run({"lr": 0.1, "seed": seed}, {"loss": 9.0, "early": 1.0}, last)
    second = new_search(group_by="lr") if other_driver else first
    writer = second.callback._outbox._deliver.__self__  # type: ignore[attr-defined]
    writer._client = None  # as after an error of MLflow's
    second.run({"lr": 0.1, "seed": 3}, {"loss": 0.3, "val/loss": 1.0})
    found = second.runs["0.1"].data.metrics
    assert found["loss/n"] == found["val/loss/n"] == 3
    assert found["loss/mean"] == pytest.approx(0.2)
    assert "early/mean" not in found


def test_trials_without_a_seed_are_repeats(new_search: Callable[..., Search]) -> None:
    search = new_search()
    for number in range(4):
        search.run({"lr": 0.1}, {"loss": float(number)}, {"loss": float(number)})
    search.end()
    assert sorted(run.info.run_name for run in search.children("lr=0.1")) == [f"lr=0.1-{n}" for n in range(4)]
    assert search.runs["lr=0.1"].data.metrics["loss/n"] == 4
    assert search.runs["lr=0.1"].data.metrics["loss/mean"] == 1.5


@pytest.mark.parametrize("group_by", [[], "lr", lambda _: "one"])
def test_trials_of_one_seed_are_all_kept_and_said(
    new_search: Callable[..., Search], group_by: Any, caplog: pytest.LogCaptureFixture
) -> None:
    search = new_search(group_by=group_by)
    trials = [search.start({"lr": 1, "batch_size": size, "seed": seed}) for size in (8, 16) for seed in (1, 2)]
    for number, trial in enumerate(trials):
        search.report(trial, 1, loss=float(number))
    for trial in trials:
        search.callback.on_trial_complete(iteration=0, trials=search.trials, trial=trial)
    (parent,) = [run for run in search.runs.values() if run.data.tags["nerbb.kind"] == "run"]
    assert parent.data.metrics["loss/n"] == 4
    children = search.children(str(parent.info.run_name))
    told = sorted((run.data.params["batch_size"], run.data.params["seed"]) for run in children)
    assert told == [("16", "1"), ("16", "2"), ("8", "1"), ("8", "2")]
    assert caplog.text.count("several trials of") == 1
    assert "name it in group_by" in caplog.text


@pytest.mark.parametrize("known", ["trial_id", "experiment_tag"])
def test_a_trial_that_tune_starts_again_replaces_its_own(
    new_search: Callable[..., Search], caplog: pytest.LogCaptureFixture, known: str
) -> None:
    search = new_search()
    first, second = search.start({"lr": 0.1}), search.start({"lr": 0.1})
    for trial in (first, second):
        search.report(trial, 1, loss=9.0)
        search.report(trial, 2, loss=9.0)
    restored = new_search(SeedMeanCallback(search.callback._where[0], search.name))
    restored.callback.set_state(pickle.loads(pickle.dumps(search.callback.get_state())))
    for trial in (second, first):  # Tune gives them in another order
        restored.run(
            trial.config,
            {"loss": 1.0},
            {"loss": 2.0},
            {"loss": 3.0},
            **{known.removeprefix("experiment_"): getattr(trial, known)},
        )
    assert len(restored.children("lr=0.1")) == 2
    for run in restored.children("lr=0.1"):
        curve = restored.client.get_metric_history(run.info.run_id, "loss")
        assert {point.value for point in curve} == {1.0, 2.0, 3.0}
    assert "several trials" not in caplog.text


def test_every_metric_has_all_statistics(new_search: Callable[..., Search]) -> None:
    names = ("val/entity/f1", "test/token/acc", "train/ce/total", "val/entity/LOC/f1", "val/loss", "entity")
    search = new_search()
    for seed in (1, 2, 3):
        search.run({"lr": 1, "seed": seed}, dict.fromkeys(names, seed / 10))
    found = search.runs["lr=1"].data.metrics
    for name in names:
        assert {f"{name}/{s}" for s in ("mean", "sd", "sem", "ci95_low", "ci95_high", "n")} <= found.keys()
        assert found[f"{name}/mean"] == pytest.approx(0.2)


def test_metrics_may_have_the_names_of_our_counts(
    new_search: Callable[..., Search], caplog: pytest.LogCaptureFixture
) -> None:
    own = {"epoch": 70.0, "epochs": 80.0, "kept_epoch": math.nan, "best_epoch": math.nan, "elapsed_s": math.inf}
    first = new_search()
    trial = first.start({"lr": 1, "seed": 1})
    first.report(trial, 1, **own, loss=1.0)
    second = new_search()
    again = second.start(trial.config, trial.trial_id)
    for number in (2, 3):
        second.report(again, number, **own, loss=1 / number)
    second.callback.on_trial_complete(iteration=0, trials=second.trials, trial=again)
    second.end()
    (child,) = second.children("lr=1")
    assert not second.callback.undelivered
    assert "cannot be reached" not in caplog.text
    steps = [point.step for point in second.client.get_metric_history(child.info.run_id, "loss")]
    assert steps == [0, 1, 2, 3]
    assert child.data.metrics["epoch"] == 70
    assert second.runs["lr=1"].data.metrics["epoch/mean"] == 70
    (result,) = load_result(str(second.client.tracking_uri), second.name).trials
    assert (result.epochs, result.best_epoch, result.duration_s) == (3, None, 6.0)
    assert result.metrics["epochs"] == 80


def test_only_shares_have_an_interval_of_shares(new_search: Callable[..., Search]) -> None:
    """Others have Student's t, which goes beyond 1."""
    values = (0.3, 0.9, 0.95)
    names = {"rmse": False, "loss/ce": False, "f1_loss": False, "val_f1": True, "test/acc/top": True, "rocAUC": True}
    search = new_search()
    for seed, value in enumerate(values):
        search.run({"lr": 1, "seed": seed}, dict.fromkeys(names, value))
    found = search.runs["lr=1"].data.metrics
    half = 4.302652729911275 * statistics.stdev(values) / 3**0.5
    for name, share in names.items():
        high = found[f"{name}/ci95_high"]
        assert (high < 1) == share
        if not share:
            assert high == pytest.approx(statistics.fmean(values) + half)


def test_keys_that_mlflow_does_not_take_are_escaped(new_search: Callable[..., Search]) -> None:
    search = new_search(group_by="lr (max)")
    many = {f"key{number}": number for number in range(120)}
    search.run({"lr (max)": 1, "a": {"": 2}, "seed": 1, **many}, {"loss": 1.0})
    search.end()
    assert not search.callback.undelivered
    assert search.runs["1-1"].data.params["lr :28:max:29:"] == "1"
    (result,) = load_result(str(search.client.tracking_uri), search.name).trials
    assert result.params == {"lr (max)": "1", "a/": "2", "seed": "1", **{key: str(v) for key, v in many.items()}}


GROUPS = [(lambda config: (config["lr"], 1), "(0.1, 1)"), (lambda _: 3, "3"), (lambda _: "", "all")]


@pytest.mark.parametrize(("group_by", "run"), GROUPS)
def test_a_group_may_be_anything(new_search: Callable[..., Search], group_by: Any, run: str) -> None:
    search = new_search(group_by=group_by)
    search.run({"lr": 0.1, "seed": 1}, {"loss": 1.0})
    search.end()
    assert not search.callback.undelivered
    assert set(search.runs) == {run, f"{run}-1"}


def test_a_function_that_gives_no_group_is_said(
    new_search: Callable[..., Search], caplog: pytest.LogCaptureFixture
) -> None:
    search = new_search(group_by=lambda _: None)
    for seed in (1, 2):
        search.run({"lr": 0.1, "seed": seed}, {"loss": 1.0})
    assert set(search.runs) == {"None", "None-1", "None-2"}
    assert caplog.text.count("group_by: the function gives None") == 1


def test_descriptions_have_the_metrics_that_there_are(new_search: Callable[..., Search]) -> None:
    search = new_search(group_by="lr")
    for rate in (0.1, 0.2):
        for seed in (1, 2):
            search.run({"lr": rate, "seed": seed}, {"loss": rate + seed, "a|b": 1.0})
    bad = search.start({"lr": 0.2, "seed": 3})
    search.callback.on_trial_error(iteration=0, trials=search.trials, trial=bad)
    search.end()
    experiment = search.client.get_experiment_by_name(search.name)
    texts = [run.data.tags["mlflow.note.content"] for name, run in search.runs.items() if name in ("0.1", "0.2")]
    for text in (*texts, experiment.tags["mlflow.note.content"]):
        assert "| trials ok | `loss` | `a\\|b` |" in text
        assert "| 2/3 | 1.7000 (1.2000, 2.2000) | 1.0000 (2 equal values) |" in text
        assert not {"F1", "Entity", "entity", "failed"} & set(text.split())
    assert "**`0.2`**" in search.runs["0.2"].data.tags["mlflow.note.content"]
    assert "verdict/behind" not in search.runs["0.1"].data.metrics
    assert "nerbb.verdict" not in search.runs["0.1"].data.tags


def test_the_run_has_all_parameters_but_the_seed(new_search: Callable[..., Search]) -> None:
    search = new_search(group_by="lr", seed_key="rs")
    search.run({"lr": 0.1, "rs": 1, "fold": 4, "seed": 5, "folds": "some"}, {"loss": 1.0})
    assert search.runs["0.1"].data.params == {"lr": "0.1", "fold": "4", "seed": "5", "folds": "some"}
    assert load_result(str(search.client.tracking_uri), search.name).trials[0].seed == 1


def test_metrics_that_no_report_had_are_said_and_those_of_tune_kept(
    new_search: Callable[..., Search], caplog: pytest.LogCaptureFixture
) -> None:
    search = new_search(metrics=["los", "time_total_s", "once"])
    for seed in (1, 2):
        search.run({"lr": 1, "seed": seed}, {"loss": 1.0, "once": 1}, {"loss": 1.0})
    found = search.runs["lr=1"].data.metrics
    assert found["time_total_s/mean"] == 4
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [text for text in warnings if text.startswith("metrics:")] == [
        "metrics: no report has had a number 'los' so far; the last one has loss"
    ]


@pytest.mark.parametrize(
    ("uri", "experiment", "error"),
    [
        ("sqlite:///x.db", "", "experiment must not be empty"),
        ("sqlite:///x.db", None, "experiment must be a text"),
        (Path("/tmp/mlruns"), "x", "tracking_uri must be a text: sqlite:////absolute"),
        ("", "x", "tracking_uri must not be empty"),
    ],
)
def test_a_place_that_there_is_not_is_refused(uri: Any, experiment: Any, error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        SeedMeanCallback(uri, experiment)
