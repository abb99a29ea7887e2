"""An experiment that is done, from a file elsewhere: nothing runs, and it can be asked for by its name."""

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.fake_tune import at, tracked

from nerbb_ray import Experiment, Store
from nerbb_ray.cli import main
from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.trials import expand
from nerbb_ray.errors import StoreError
from nerbb_ray.mlflow_store.events import Ended, Started
from nerbb_ray.mlflow_store.reader import find_result
from nerbb_ray.mlflow_store.writer import MlflowWriter
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.tune import __main__ as tune
from nerbb_ray.tune.kept_file import keep_file

INI = """# mine, with comments
[dataset]
dataset_name = data
[model]
pretrained_model_name = bert
[settings]
multiple_runs = 2
"""
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two experiments whose trials have all ended ok, and no files of them."""
    store = StorePaths(tmp_path_factory.mktemp("done") / "store")
    store.create()
    for name in ("exp", "other"):
        file = store.root.parent / f"{name}.ini"
        file.write_text(INI)
        writer = MlflowWriter(store.tracking_uri, name, str(store.artifacts / name))
        for time_ms, trial in enumerate(expand(read_ini(file)), start=1):
            metrics = {"val/entity/micro/f1": 0.6, "test/entity/micro/f1": 0.5}
            writer.deliver(Started(tracked(trial), *at(time_ms)))
            writer.deliver(Ended(tracked(trial), *at(time_ms), TrialResult(trial.run, trial.seed, "ok", metrics)))
            store.checkpoints(name, trial.run, trial.seed).mkdir(parents=True)
    return store.root.parent


@pytest.fixture
def store(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Store, "chosen", None)
    return StorePaths(tmp_path / "store")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def run(function: Callable[[list[str]], int], *words: object) -> tuple[int, str, str]:
        return function([str(word) for word in words]), *capsys.readouterr()

    return run


def test_a_finished_experiment_says_that_nothing_ran(store: StorePaths, call: Call) -> None:
    status, out, err = call(tune.main, "exp.ini", "--store", store.root)
    assert status == 0
    assert "nothing ran: all 2 trials of exp have ended before" in err
    assert "multiple_runs = 3 adds a seed" in err
    assert "runA   2/2" in out
    assert "nothing ran" not in call(tune.main, "exp.ini", "--store", store.root, "--quiet")[2]


def test_what_the_file_does_not_ask_for_any_more_is_said(store: StorePaths, call: Call) -> None:
    file = Path("exp.ini")
    file.write_text(INI.replace("= 2", "= 1"))
    err = call(tune.main, file, "--store", store.root)[2]
    assert "note: runA-44: not asked for any more, but measured by earlier calls: they count in the means" in err
    assert "nothing ran: the only trial of exp has ended before; multiple_runs = 3 adds a seed" in err
    file.write_text(INI + "[runA]\n[runB]\nlr_max = 1e-4\n")
    writer = MlflowWriter(store.tracking_uri, "exp", str(store.artifacts / "exp"))
    for time_ms, trial in enumerate(expand(read_ini(file)), start=100):
        if trial.run == "runB":
            metrics = {"val/entity/micro/f1": 0.7, "test/entity/micro/f1": 0.5}
            writer.deliver(Started(tracked(trial), *at(time_ms)))
            writer.deliver(Ended(tracked(trial), *at(time_ms), TrialResult(trial.run, trial.seed, "ok", metrics)))
    assert "note" not in call(tune.main, file, "--store", store.root)[2]
    file.write_text(INI)
    _, out, err = call(tune.main, file, "--store", store.root)
    assert "note: runB, of earlier calls, is not in the file any more: not shown here" in err
    assert "runB" not in out


def test_what_ran_from_a_file_elsewhere_is_known_by_its_name(store: StorePaths, call: Call) -> None:
    assert call(main, "show_experiment_config", "exp")[0] == 2
    call(tune.main, "exp.ini")
    assert call(main, "show_experiment_config", "exp")[1] == f"# {store.config_copy('exp')}\n{INI}"
    experiment = Experiment("exp", from_config=True)
    assert (experiment.spec, experiment.config) == (read_ini(Path("exp.ini")), store.config_copy("exp"))
    assert experiment.get_result(average=True).mean == 0.5
    assert "nothing ran" in call(main, "run_experiment", "exp")[2]
    assert "has no file" not in call(main, "plan", "exp")[2]
    assert "exp" in store.configs()
    assert not store.config("exp").exists()


def test_the_copy_is_of_the_file_that_ran_last(store: StorePaths) -> None:
    file = Path("exp.ini")
    keep_file(read_ini(file), store, file)
    file.write_text(INI + "# more\n")
    keep_file(read_ini(file), store, file)
    assert store.config_copy("exp").read_text().endswith("# more\n")
    keep_file(read_ini(file), store, store.config_copy("exp"))
    assert store.config_copy("exp").exists()
    before = read_ini(file)
    file.write_text(INI.replace("= 2", "= 3"))
    keep_file(before, store, file)  # changed since it was read
    assert "multiple_runs = 2" in store.config_copy("exp").read_text()


def test_a_file_of_the_store_goes_before_a_copy(store: StorePaths) -> None:
    keep_file(read_ini(Path("exp.ini")), store, Path("exp.ini"))
    own = store.config("exp")
    own.write_text(INI.replace("= 2", "= 5"))
    assert store.find_config("exp") == own
    keep_file(read_ini(own), store, own)
    assert not store.config_copy("exp").exists()
    keep_file(read_ini(own), store, None)  # defined in Python


def test_one_experiment_can_be_cleared(store: StorePaths, call: Call) -> None:
    keep_file(read_ini(Path("exp.ini")), store, Path("exp.ini"))
    status, out, _ = call(main, "clear_data", "exp", "--yes")
    assert status == 0
    assert str(store.checkpoints("exp")) in out
    assert "2 trials in MLflow" in out
    assert store.clearable_of("exp") == ()
    found = find_result(store.tracking_uri, "exp")
    assert found is None or not found.trials
    listed = call(main, "show_experiments")[1]
    assert "exp" not in listed.split()
    assert "other" in listed
    status, _, err = call(main, "clear_data", "exp", "--yes")
    assert status == 2
    assert "has left nothing" in err.replace("\n", " ")
    status, _, err = call(main, "results", "exp")
    assert status == 2
    assert "has no results: no trial of it has begun, or they were deleted" in err.replace("\n", " ")
    other = find_result(store.tracking_uri, "other")
    assert other is not None
    assert len(other.trials) == 2
    assert store.checkpoints("other").exists()
    assert Path("exp.ini").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["oter", "--yes"], "did you mean other?"),
        (["other", "--datasets", "--yes"], "are of the whole store"),
        (["other"], "say it with --yes"),
        (["../other", "--yes"], "name of the experiment"),
    ],
)
def test_nothing_else_is_cleared(
    store: StorePaths, call: Call, words: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    status, _, err = call(main, "clear_data", *words)
    assert status == 2
    assert message in err
    assert store.checkpoints("other").exists()


def test_one_experiment_can_be_cleared_from_python(store: StorePaths, capsys: pytest.CaptureFixture[str]) -> None:
    paths = Store.clear_data("other")
    assert "nothing was deleted" in capsys.readouterr().out
    assert store.checkpoints("other") in paths
    assert Store.clear_data("other", delete=True) == paths
    assert not store.checkpoints("other").exists()
    with pytest.raises(StoreError, match="has left nothing"):
        Store.clear_data("other", delete=True)
    with pytest.raises(StoreError, match="leave out datasets"):
        Store.clear_data("other", datasets=True)


@pytest.mark.usefixtures("store")
def test_a_file_elsewhere_is_run_by_its_path(call: Call) -> None:
    status, out, err = call(main, "run_experiment", "exp.ini")
    assert status == 0
    assert "nothing ran: all 2 trials of exp have ended before" in err
    assert "runA   2/2" in out
    status, _, err = call(main, "run_experiment", "elsewhere/exp.ini")
    assert status == 2
    assert "there is no file elsewhere/exp.ini" in err.replace("\n", " ")
    assert ".ini.ini" not in err
