"""`nerbb`: what it prints, its exit status, and how it says what is wrong."""

import csv
import errno
import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.fake_tune import at, tracked

from nerbb_ray import Store
from nerbb_ray.cli import build_parser, main
from nerbb_ray.commands.listing import COMMANDS, Listed
from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.trials import expand
from nerbb_ray.exit_status import guarded
from nerbb_ray.mlflow_store.events import Ended, Started
from nerbb_ray.mlflow_store.overview import results_of
from nerbb_ray.mlflow_store.writer import MlflowWriter
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.training.adaptive import replay

INI = """[dataset]
dataset_name = data
[model]
pretrained_model_name = bert
[settings]
multiple_runs = 2
[hparams]
lr_cooldown_epochs = 3
lr_max = 1.0
[runA]
[runB]
patience = 1
"""
LOSSES = "1,.8,.6,.7,.65,.55,.56,.57,.58,.59"
# val F1, test F1 and test recall of PER, by trial
SCORES = {"runA-43": (0.6, 0.5, 0.1), "runA-44": (0.8, 0.7, 0.3), "runB-43": (0.9, 0.4, 0.2)}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """A store with one experiment of which three trials ended ok and one failed."""
    store = StorePaths(tmp_path_factory.mktemp("finished") / "store")
    store.create()
    store.config("exp").write_text(INI)
    writer = MlflowWriter(store.tracking_uri, "exp", str(store.artifacts))
    for time_ms, trial in enumerate(expand(read_ini(store.config("exp"))), start=1):
        writer.deliver(Started(tracked(trial), *at(time_ms)))
        result = TrialResult(trial.run, trial.seed, "failed", error="RuntimeError: out of memory")
        if trial.name in SCORES:
            val, test, recall = SCORES[trial.name]
            metrics = {"val/entity/micro/f1": val, "test/entity/micro/f1": test, "test/entity/PER/recall": recall}
            metrics["test/entity/LOC/f1"] = float("nan")
            result = TrialResult(trial.run, trial.seed, "ok", metrics, epochs=7, checkpoint=f"/models/{trial.name}")
        writer.deliver(Ended(tracked(trial), *at(time_ms), result))
    return store


@pytest.fixture
def store(tmp_path: Path) -> StorePaths:
    """A store with one experiment that was never run."""
    store = StorePaths(tmp_path / "store")
    store.create()
    store.config("exp").write_text(INI)
    (store.pretrained_models / "tiny").mkdir()
    return store


@pytest.fixture(autouse=True)
def no_chosen_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Store, "chosen", None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


class Nerbb:
    """Calls the command and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *argv: object) -> tuple[int, str, str]:
        status = main([str(word) for word in argv])
        out, err = self.capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err


@pytest.fixture
def nerbb(capsys: pytest.CaptureFixture[str]) -> Nerbb:
    return Nerbb(capsys)


def test_help_lists_every_command(nerbb: Nerbb) -> None:
    status, out, _ = nerbb("--help")
    assert status == 0
    lines = re.findall(r"^  (.{7})  (\w+) +", out, re.MULTILINE)
    assert [name for _, name in lines] == [command.name for command in COMMANDS]


def test_help_names_each_group_of_commands_once(nerbb: Nerbb) -> None:
    _, out, _ = nerbb("--help")
    labels = re.findall(r"^  (\w+) +\w+  ", out, re.MULTILINE)
    assert labels == ["data", "train", "results", "models", "tools"] == list(dict.fromkeys(c.group for c in COMMANDS))


@pytest.mark.parametrize("command", ["", *(command.name for command in COMMANDS)])
def test_help_fits_one_screen(command: str, nerbb: Nerbb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = nerbb(*command.split(), "--help")
    assert len(out.splitlines()) <= 36
    assert max(map(len, out.splitlines())) <= 80
    assert "examples" in out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_with_examples_that_can_be_parsed(nerbb: Nerbb, command: Listed) -> None:
    name = command.name
    status, out, _ = nerbb(name, "--help")
    assert status == 0
    examples = re.findall(r"^  nerbb (.+)", out.partition("examples:")[2], re.MULTILINE)
    assert examples
    for example in examples:
        words = example.partition(" >")[0].split()  # without the file that a shell would write to
        assert build_parser([command]).parse_args(words).command is command.load()


def complete(line: str, store: Path) -> list[str]:
    """What the shell would offer at the end of a line."""
    asking = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    answer = store.root / "answer"
    environment = os.environ | asking | {"_ARGCOMPLETE_STDOUT_FILENAME": str(answer), "NERBB_STORE": str(store.root)}
    subprocess.run([sys.executable, "-m", "nerbb_ray.cli"], env=environment, check=True, capture_output=True)
    return [word.strip() for word in answer.read_text().split("\n")]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("nerbb get_", ["get_experiment_results"]),
        ("nerbb mlflow st", ["start", "status", "stop"]),
        ("nerbb run_experiment --over", ["--overwrite"]),
        ("nerbb run_experiment e", ["exp"]),
        ("nerbb show_schedule ", ["exp"]),
        ("nerbb --store /no/such/store run_experiment e", [""]),
        ("nerbb results exp --metric r", ["recall"]),
        ("nerbb results exp --phase ", ["test", "val"]),
        ("nerbb compare exp --level ", ["entity", "token"]),
        ("nerbb predict exp --run ", ["runA", "runB"]),
        ("nerbb errors exp --run runB", ["runB"]),
        ("nerbb show_schedule exp --run ", ["runA", "runB"]),
        ("nerbb predict nothing --run ", [""]),
        ("nerbb init x --model sent", ["sentence-transformers/all-MiniLM-L6-v2"]),
        ("nerbb init x --preset ad", ["adaptive"]),
        ("nerbb check_dataset x --model t", ["tiny"]),
        ("nerbb clear_data e", ["exp"]),
        ("nerbb evaluate exp x --phase ", ["test", "train", "val"]),
    ],
)
def test_tab_completes_commands_options_and_names(line: str, offered: list[str], store: StorePaths) -> None:
    assert sorted(complete(line, store)) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_code_is_code_of_the_shell(shell: str, nerbb: Nerbb) -> None:
    status, out, _ = nerbb("completion", shell)
    assert status == 0
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=out, text=True, check=True)


def test_help_needs_little_time() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(3):
        subprocess.run([sys.executable, "-m", "nerbb_ray.cli", "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 3 < 0.3


def test_version_is_that_of_the_package(nerbb: Nerbb, root: Path) -> None:
    version = re.search(r'^version = "(.+)"', (root / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert nerbb("--version") == (0, f"nerbb_ray {version[1]}\n", "")


def test_without_a_command_it_shows_how_it_is_used(nerbb: Nerbb) -> None:
    status, out, err = nerbb()
    assert (status, out) == (2, "")
    assert "run_experiment" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run_experimet", "exp"], "unknown command 'run_experimet'; did you mean run_experiment?"),
        (["show-experiments"], "did you mean show_experiments?"),
        (["--store", "x", "clear"], "did you mean clear_data?"),
        (["qqq"], "there are create, set_up_dataset"),
        (["run_experiment"], "required: NAME"),
        (["mlflow", "restart"], "'start', 'status', 'stop'"),
        (["get_experiment_results", "exp", "--jsn"], "unrecognized arguments: --jsn; did you mean --json?"),
        (["show_experiments", "--qq"], "arguments: --qq\nhelp, with examples: nerbb show_experiments --help"),
        (["check_dataset", "x", "--modl=y"], "unrecognized arguments: --modl=y; did you mean --model?"),
        (["predict", "x", "text", "--sead", "1"], "did you mean --seed?"),
        (["show_schedule", "exp"], "required: --losses"),
        (["show_schedule", "exp", "--losses", "1,x"], "must be numbers with commas between them"),
        (["show_schedule", "exp", "--losses", "1", "--steps-per-epoch", "0"], "must be an integer >= 1"),
        (["run_experiment", "exp", "--resume", "--overwrite"], "not allowed with"),
        (["run_experiment", "exp", "--num-workers", "0"], "--num-workers: must be an integer >= 1; got 0"),
        (["run_experiment", "ex"], "did you mean exp?"),
        (["run_experiment", "../exp"], "name of the experiment"),
        (["show_experiment_config", "exq"], "did you mean exp?"),
        (["show_schedule", "exp", "--losses", "1", "--run", "runC"], "no run 'runC'; did you mean run"),
        (["show_schedule", "no/such.ini", "--losses", "1"], "there is no file no/such.ini, and no experiment 'such'"),
        (["show_schedule", "exp", "--losses", "1", "--plot", "x.docx"], "ends in .png, .pdf, .svg"),
        (["show_schedule", "exp", "--losses", "1", "--plot", "no/dir/x.png"], "cannot be written"),
        (["get_experiment_results", "exp"], "has no results"),
        (["mlflow", "--port", "99999"], "from 1 to 65535"),
    ],
)
@pytest.mark.usefixtures("store")
def test_mistake_is_explained_on_stderr_with_status_2(nerbb: Nerbb, argv: list[str], message: str) -> None:
    status, _, err = nerbb(*argv)
    assert status == 2
    assert message in err


def test_ten_mistakes_in_a_file_are_ten_lines(nerbb: Nerbb, store: StorePaths) -> None:
    store.config("bad").write_text("[hparams]\n" + "".join(f"batch_sise{i} = 1\n" for i in range(8)))
    status, _, err = nerbb("run_experiment", "bad", "--dry-run", "--store", store.root)
    assert status == 2
    assert len(err.splitlines()) == 11  # a headline; model and data set are missing as well


def test_verbose_shows_where_an_error_arose(store: StorePaths, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--verbose", "--store", str(store.root), "run_experiment", "ex"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_global_options_work_before_and_after_the_command(nerbb: Nerbb, store: StorePaths, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    before, after = ["--store", elsewhere, "create"], ["create", "--store", elsewhere]
    assert f"made {elsewhere}" in nerbb(*before)[1]
    assert nerbb(*after) == (0, f"the store is {elsewhere}\n", "")
    assert nerbb("create")[1] == f"the store is {store.root}\n"
    assert f"made {tmp_path / 'third'}" in nerbb("--store", elsewhere, "create", "--store", tmp_path / "third")[1]


def test_config_is_printed_with_its_path(nerbb: Nerbb, store: StorePaths) -> None:
    status, out, _ = nerbb("show_experiment_config", "exp")
    assert (status, out) == (0, f"# {store.config('exp')}\n{INI}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[dataset]\ndataset_name = \xff\n", "must be UTF-8 text; got the byte 0xff"),
        (b"[modle]\n", "did you mean [model]?"),
    ],
)
def test_broken_config_is_explained_with_status_2(
    nerbb: Nerbb, store: StorePaths, content: bytes, message: str
) -> None:
    store.config("broken").write_bytes(content)
    status, out, err = nerbb("show_experiment_config", "broken")
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("store")
def test_dry_run_lists_the_trials_of_a_named_experiment(nerbb: Nerbb) -> None:
    status, out, err = nerbb("run_experiment", "exp", "--dry-run", "--json")
    assert status == 2  # its data and model are not there
    assert "error: data set 'data'" in err
    assert [(trial["run"], trial["seed"]) for trial in json.loads(out)["trials"]] == [
        ("runA", 43),
        ("runB", 43),
        ("runA", 44),
        ("runB", 44),
    ]


def test_experiments_are_listed_with_their_best_results(nerbb: Nerbb, finished: StorePaths) -> None:
    status, out, _ = nerbb("show_experiments", "--store", finished.root)
    assert status == 0
    (line,) = [line for line in out.splitlines() if line.strip().startswith("exp ")]
    assert re.search(r"\b2 +3/4 +runB +0\.9000 +0\.4000", line)


def test_list_says_which_means_are_of_a_part_of_a_split(nerbb: Nerbb, tmp_path: Path) -> None:
    store = StorePaths(tmp_path / "store")
    store.create()
    store.config("part").write_text(INI.replace("dataset_name = data", "dataset_name = data\nprune_ratio_test = 0.2"))
    writer = MlflowWriter(store.tracking_uri, "part", str(store.artifacts))
    metrics = {"val/entity/micro/f1": 0.6, "test/entity/micro/f1": 0.5}
    for time_ms, trial in enumerate(expand(read_ini(store.config("part"))), start=1):
        writer.deliver(Started(tracked(trial), *at(time_ms)))
        writer.deliver(
            Ended(tracked(trial), *at(time_ms), TrialResult(trial.run, trial.seed, "ok", metrics, trial.params()))
        )
    out = nerbb("show_experiments", "--store", store.root)[1]
    assert "   0.5000" in out
    assert "(2 equal values) of 20 %" in out
    assert "of N %: of the first N % of the split only (prune_ratio_val, prune_ratio_test)" in out.splitlines()
    (values,) = json.loads(nerbb("show_experiments", "--json", "--store", store.root)[1])
    assert (values["val_share"], values["test_share"]) == (1.0, 0.2)


def test_experiments_as_json(nerbb: Nerbb, finished: StorePaths) -> None:
    finished.config("waits").write_text(INI)
    status, out, _ = nerbb("show_experiments", "--json", "--store", finished.root)
    finished.config("waits").unlink()
    run, waiting = json.loads(out)
    assert status == 0
    assert (run["experiment"], run["trials_ok"], run["trials"], run["best_run"]) == ("exp", 3, 4, "runB")
    assert run["started"].endswith("+00:00")
    assert (run["val_f1"]["mean"], run["val_f1"]["sem"]) == (0.9, None)
    assert waiting == {"experiment": "waits", "started": None}


@pytest.mark.parametrize("command", ["results", "get_experiment_results"])
def test_csv_has_a_row_per_trial_or_per_run(nerbb: Nerbb, finished: StorePaths, command: str) -> None:
    rows = list(csv.DictReader(io.StringIO(nerbb(command, "exp", "--csv", "--store", finished.root)[1])))
    assert [(row["run"], row["seed"], row["status"]) for row in rows] == [
        ("runA", "43", "ok"),
        ("runA", "44", "ok"),
        ("runB", "43", "ok"),
        ("runB", "44", "failed"),
    ]
    assert [row["val/entity/micro/f1"] for row in rows] == ["0.6", "0.8", "0.9", ""]
    assert [row["test/entity/LOC/f1"] for row in rows] == [""] * 4
    assert {row["patience"] for row in rows if row["run"] == "runB"} == {"1"}
    assert rows[3]["error"] == "RuntimeError: out of memory"
    runs = list(csv.DictReader(io.StringIO(nerbb(command, "exp", "--csv-runs", "--store", finished.root)[1])))
    assert [(row["run"], row["n_ok"], row["n_total"]) for row in runs] == [("runA", "2", "2"), ("runB", "1", "2")]
    assert float(runs[0]["val/entity/micro/f1/mean"]) == pytest.approx(0.7)
    assert runs[1]["val/entity/micro/f1/sem"] == ""
    assert [row["patience"] for row in runs] == ["0", "1"]
    result = results_of(finished, "exp")
    assert set(runs[0]) == set(result.to_dataframe("runs").columns)
    assert set(rows[0]) == set(result.to_dataframe().columns)


def test_results_are_a_table_that_names_what_failed(nerbb: Nerbb, finished: StorePaths) -> None:
    status, out, _ = nerbb("get_experiment_results", "exp", "--store", finished.root)
    assert status == 0
    assert re.search(r"runA +2/2 +7, 7 +0\.7000 \(0\.6000, 0\.8000\)", out)
    assert re.search(r"\* +runB +1/2", out)
    assert "RuntimeError: out of memory" in out


@pytest.mark.parametrize(
    ("options", "printed", "value"),
    [
        (["--metric", "f1"], "0.4000", 0.4),
        (["--phase", "val"], "0.9000", 0.9),
        (["--metric", "recall", "--label", "PER"], "0.2000", 0.2),
        (["--label", "LOC"], "-", None),
    ],
)
def test_one_number_is_that_of_the_best_trial(
    nerbb: Nerbb, finished: StorePaths, options: list[str], printed: str, value: float | None
) -> None:
    command = ["get_experiment_results", "exp", "--store", finished.root, *options]
    assert nerbb(*command)[:2] == (0, f"{printed}\n")
    assert json.loads(nerbb(*command, "--json")[1])["value"] == value


def test_average_is_over_the_seeds_of_the_best_run(nerbb: Nerbb, finished: StorePaths) -> None:
    command = ["get_experiment_results", "exp", "--store", finished.root, "--average"]
    assert nerbb(*command)[1] == "0.4000\n"  # runB: one seed is left, so there is no uncertainty
    value = json.loads(nerbb(*command, "--json")[1])["value"]
    assert (value["mean"], value["sem"], value["n"], value["n_total"]) == (0.4, None, 1, 2)


def test_metric_that_does_not_exist_is_refused_with_what_there_is(nerbb: Nerbb, finished: StorePaths) -> None:
    status, _, err = nerbb("get_experiment_results", "exp", "--store", finished.root, "--label", "ORG")
    assert status == 2
    assert "LOC, PER, micro" in err


ROW = re.compile(r"^ *(\d+)  (\w+) +(\S+) +(\S+) +(\S+)(?:  (.*))?$", re.MULTILINE)


def test_schedule_is_that_of_the_rule(nerbb: Nerbb, store: StorePaths) -> None:
    status, out, _ = nerbb("show_schedule", "exp", "--losses", LOSSES, "--steps-per-epoch", 4)
    assert status == 0
    hparams = read_ini(store.config("exp")).runs[0].hparams
    expected = replay(hparams, [float(x) for x in LOSSES.split(",")], 4)
    rows = ROW.findall(out)
    assert [int(row[0]) for row in rows] == list(range(10))
    assert [row[1] for row in rows] == [str(stage) for stage in expected.stages]
    assert [float(row[2]) for row in rows] == pytest.approx([rates[0] for rates in expected.learning_rates], rel=1e-3)
    assert [float(row[3]) for row in rows] == pytest.approx([rates[-1] for rates in expected.learning_rates], rel=1e-3)
    assert [row[0] for row in rows if "best" in row[5]] == ["5"]
    assert "10 epochs, best epoch 5 with val_loss 0.55; end: cool-down finished" in out
    assert "other runs (--run): runB" in out


def test_schedule_of_a_named_run_repeats_the_last_value(nerbb: Nerbb, store: StorePaths) -> None:
    status, out, _ = nerbb("show_schedule", store.config("exp"), "--run", "runB", "--losses", "1,.5")
    assert status == 0
    rows = ROW.findall(out)
    assert [row[4] for row in rows] == ["1.0000"] + ["0.5000"] * 6  # patience 1 and cool-down 3 after the best one
    assert [row[5] for row in rows] == ["", "* best", *["(repeated)"] * 5]


@pytest.mark.parametrize(
    ("losses", "end"), [("nan", "1 epoch, there is no best one; end: diverged"), ("1,inf", "best epoch 0")]
)
@pytest.mark.usefixtures("store")
def test_schedule_of_a_trial_that_diverges_can_be_printed_and_drawn(nerbb: Nerbb, losses: str, end: str) -> None:
    status, out, _ = nerbb("show_schedule", "exp", "--losses", losses, "--plot", "x.svg")
    assert status == 0
    assert end in out
    assert Path("x.svg").is_file()


@pytest.mark.usefixtures("store")
def test_picture_of_a_schedule_has_its_title_labels_and_stages(nerbb: Nerbb) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none"}):
        status, out, _ = nerbb("show_schedule", "exp", "--losses", LOSSES, "--plot", "x.svg")
    assert status == 0
    assert "picture: x.svg" in out
    texts = set(re.findall(r">([^<>]+)</text>", Path("x.svg").read_text()))
    assert {"exp, runA: 10 epochs, cool-down finished", "learning rate", "val_loss", "cool-down"} <= texts


def test_data_is_deleted_after_a_yes_only(nerbb: Nerbb, store: StorePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    log = store.logs("exp") / "experiment.log"
    log.parent.mkdir(parents=True)
    log.write_text("x")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    status, _, err = nerbb("clear_data")
    assert status == 2
    assert "--yes" in err
    for answer in (Terminal("\n"), Terminal(""), io.StringIO("n\n")):
        monkeypatch.setattr(sys, "stdin", answer)
        assert "nothing was deleted" in nerbb("clear_data")[1]
    assert log.exists()
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert nerbb("clear_data")[1].endswith("deleted\n")
    assert not log.exists()
    log.parent.mkdir(parents=True)
    log.write_text("x")
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert nerbb("clear_data")[1].endswith("deleted\n")
    assert not log.exists()
    assert nerbb("clear_data", "--yes")[1] == f"nothing to delete in {store.root}\n"


@pytest.mark.usefixtures("store")
def test_experiment_that_has_not_been_run_has_nothing_to_delete(nerbb: Nerbb) -> None:
    status, _, err = nerbb("clear_data", "exp", "--yes")
    assert status == 2
    assert "it has not been run yet" in err.replace("\n", " ")
    assert "did you mean" not in err


@pytest.mark.usefixtures("store")
def test_page_that_does_not_run_has_status_1(nerbb: Nerbb) -> None:
    assert nerbb("tensorboard", "status")[:2] == (1, "tensorboard does not run\n")
    assert nerbb("tensorboard", "stop")[:2] == (0, "tensorboard does not run: nothing to stop\n")


def test_reader_that_has_seen_enough_is_no_error(store: StorePaths) -> None:
    command = [sys.executable, "-m", "nerbb_ray.cli", "show_schedule", "exp", "--losses", "1", "--store", store.root]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "slow.ini"
    os.mkfifo(path)
    yield path
    path.unlink()


def test_interrupt_is_one_line_and_status_130(pipe: Path) -> None:
    command = [sys.executable, "-m", "nerbb_ray.cli", "show_schedule", pipe, "--losses", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while True:  # until the command waits for the file that never comes
            try:
                end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        os.close(end)  # a signal that came just before the read waits for the end of the file
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "interrupted\n")


def test_store_that_can_only_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/store/results/locks")

    assert guarded(command) == 2
    said = "/store/results/locks: Read-only file system; take a folder that can be written: another store with --store"
    assert said in capsys.readouterr().err.replace("\n", " ")
