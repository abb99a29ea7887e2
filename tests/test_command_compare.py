"""`nerbb compare` and Experiment.verdict(), on experiments in MLflow."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fixtures.fake_tune import at, tracked

from nerbb_ray import Experiment
from nerbb_ray.cli import main
from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.mlflow_store.events import Ended, Files, Started
from nerbb_ray.mlflow_store.overview import joined
from nerbb_ray.mlflow_store.writer import MlflowWriter
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.store import Store
from nerbb_ray.verdict.verdict import verdict

EXPERIMENTS: dict[str, tuple[str, float, dict[str, list[float]]]] = {
    # fingerprint, prune_ratio_test, val F1 of the seeds 43, 44, ...; test F1 is a tenth lower
    "one": ("ab12", 1.0, {"runA": [0.80, 0.82, 0.81, 0.84], "runB": [0.90, 0.91, 0.92, 0.94]}),
    "two": ("ab12", 1.0, {"runA": [0.89, 0.92, 0.92, 0.93]}),
    "pruned": ("ab12", 0.5, {"runA": [0.5, 0.6], "runB": [0.6, 0.6]}),
    "changed": ("cd34", 1.0, {"runA": [0.5, 0.6]}),
    "single": ("ab12", 1.0, {"runA": [0.5], "runB": [float("nan")]}),
}
Nerbb = Callable[..., tuple[int, str, str]]


def sentences(f1: float, seed: int) -> str:
    """Of 10,000 sentences, longer than the end of a file that is shown elsewhere."""
    right = np.random.default_rng(seed).random(10_000) < f1
    return "sentence,tp,fp,fn\n" + "".join(f"{k},{int(ok)},{int(not ok)},{int(not ok)}\n" for k, ok in enumerate(right))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    store = StorePaths(tmp_path_factory.mktemp("compare") / "store")
    store.create()
    for name, (fingerprint, ratio, runs) in EXPERIMENTS.items():
        store.config(name).write_text("[dataset]\ndataset_name = data\n[model]\npretrained_model_name = bert\n")
        writer = MlflowWriter(store.tracking_uri, name, str(store.artifacts / name))
        for run, scores in runs.items():
            for seed, f1 in enumerate(scores, start=43):
                data = DatasetParams(dataset_name="data", prune_ratio_test=ratio)
                model = ModelParams(pretrained_model_name="bert")
                settings = Settings(multiple_runs=len(scores))
                trial = TrialSpec(run=run, seed=seed, dataset=data, model=model, hparams=HParams(), settings=settings)
                metrics = {"val/entity/micro/f1": f1, "test/entity/micro/f1": f1 - 0.1, "val/loss": 1 - f1}
                writer.deliver(Started(tracked(trial), *at(seed)))
                result = TrialResult(
                    run, seed, "ok", metrics, trial.params(), identity=Identity.of_record(trial.params(), fingerprint)
                )
                if name in ("one", "two"):
                    writer.deliver(Files(tracked(trial), *at(seed), {"test_sentences.csv": sentences(f1, seed)}))
                writer.deliver(Ended(tracked(trial), *at(seed + 1), result))
    return store


@pytest.fixture
def nerbb(store: StorePaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Nerbb:
    monkeypatch.setattr(Store, "chosen", None)

    def call(*words: str) -> tuple[int, str, str]:
        status = main(["compare", *words, "--store", str(store.root)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return call


def test_it_says_which_run_is_better(nerbb: Nerbb) -> None:
    status, out, _ = nerbb("one")
    assert status == 0
    assert "experiment one: val entity micro F1 over the seeds 43, 44, 45, 46" in out
    assert out.startswith("runB is almost certainly better than runA: +10 points. Four seeds are thin;")
    assert "runB is better than runA (+10.0 points, 95 % CI 7.0 to 13.0, p < .001, 4 seeds)" in out


def test_results_are_shown_without_what_trains_and_what_draws(store: StorePaths) -> None:
    call = "main([command, *sys.argv[1:]])"
    code = "import sys\nfrom nerbb_ray.cli import main\n"
    code += f"for command in ('results', 'compare'):\n    {call}\nprint(*sys.modules, file=sys.stderr)"
    words = [sys.executable, "-c", code, "one", "--store", str(store.root)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("experiment one\n")
    assert "runB is better than runA" in done.stdout
    loaded = set(done.stderr.splitlines()[-1].split())
    assert loaded & {"datasets", "matplotlib", "optuna", "peft", "ray", "tensorboard", "torch", "transformers"} == set()


def test_runs_of_two_experiments_are_compared(nerbb: Nerbb) -> None:
    status, out, _ = nerbb("one", "two", "--phase", "test")
    assert status == 0
    assert "experiment one and two: test entity micro F1" in out
    assert "runB and two:runA are tied" in out
    assert "runB is better than runA" in out


def test_test_metrics_are_compared_over_sentences_too(nerbb: Nerbb) -> None:
    _, out, err = nerbb("one", "two", "--phase", "test")
    assert re.search(
        r"^runB against runA over test sentences: \+10\.\d points, 95 % 9\.\d to 10\.\d, p < \.001; "
        r"over sentences and seeds: 95 % \d+\.\d to \d+\.\d, p < \.001; "
        r"the least that these sentences show: \d\.\d points$",
        out,
        re.MULTILINE,
    )
    assert "runB against two:runA over test sentences: +" in out
    assert "note" not in err
    assert "over test sentences" not in nerbb("one")[1]
    tests = json.loads(nerbb("one", "--phase", "test", "--json")[1])["over_test_sentences"]
    assert tests["runA"]["ci95"][0] < tests["runA"]["mean"] < tests["runA"]["ci95"][1]


def test_trials_without_sentences_are_a_note_not_an_error(nerbb: Nerbb) -> None:
    status, out, err = nerbb("pruned", "--phase", "test")
    assert status == 0
    assert "over test sentences" not in out
    assert "runB-43 and 3 more trials: test_sentences.csv is not there: the trial is of an older version" in err
    assert "older version" in json.loads(nerbb("pruned", "--phase", "test", "--json")[1])["note"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nothing",), "has no results"),
        (("one", "nothing"), "has no results"),
        (("one", "changed"), "must have been evaluated on the same data; got dataset_name = data"),
        (("one", "pruned"), "prune_ratio_test = 0.5"),
        (("one", "--metric", "f2"), "metric must be one of"),
        (("one", "--label", "PER"), "label must be one of micro"),
    ],
)
def test_what_cannot_be_compared_is_refused(words: tuple[str, ...], message: str, nerbb: Nerbb) -> None:
    status, out, err = nerbb(*words)
    assert (status, out) == (2, "")
    assert message in err


def test_json_is_strict_and_whole(nerbb: Nerbb) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads(nerbb("one", "--json")[1], parse_constant=refuse)
    assert (found["experiment"], found["best"], found["tie_set"]) == ("one", "runB", ["runB"])
    (difference,) = found["differences"]
    assert difference["mean"] == pytest.approx(0.1)
    assert difference["more_seeds"] is None
    assert found["sentences"][0].startswith("runB is almost certainly better than runA")
    assert found["statistics"][0].startswith("runB is better than runA (+10.0 points")
    assert found["means"]["runA"]["logit"]["ci95"][0] < found["means"]["runA"]["logit"]["mean"]
    single = json.loads(nerbb("single", "--json")[1], parse_constant=refuse)
    assert single["means"]["runA"]["sd"] is None
    assert single["left_out"] == {"runB": "no seed with a value"}


def test_verdict_of_an_experiment_in_python(store: StorePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "chosen", None)
    Store.set_path(Path(store.root))
    found = Experiment("one", from_config=True).verdict(metric="loss")
    assert (found.metric, found.best) == ("val/loss", "runB")
    assert str(found).startswith("runB is almost certainly better than runA: lower by 0.1000")


def test_what_a_race_has_dropped_stays_out_when_two_experiments_are_compared() -> None:
    def raced(name: str, best: float) -> ExperimentResult:
        values = {"runA": [best, best + 0.02, best - 0.01, best], "runB": [best - 0.1, best - 0.08]}
        trials = [
            TrialResult(run, seed, "ok", {"val/entity/micro/f1": f1}, identity=Identity(data="ab12"))
            for run, scores in values.items()
            for seed, f1 in enumerate(scores, start=43)
        ]
        return ExperimentResult.of(name, trials, n_seeds=4, notes={"runB": "dropped after 2 seeds: worse"})

    found = verdict(joined(raced("one", 0.8), raced("two", 0.85)))
    assert (found.best, found.seeds) == ("two:runA", (43, 44, 45, 46))
    assert found.left_out == dict.fromkeys(("runB", "two:runB"), "dropped after 2 seeds: worse")
