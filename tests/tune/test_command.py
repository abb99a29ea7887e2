"""`python -m nerbb_ray.tune` as a user meets it: what it prints and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.tune.command import again_with

COMMAND = [sys.executable, "-m", "nerbb_ray.tune"]


def run(*args: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, args)], capture_output=True, text=True, cwd=cwd, check=False)


def test_a_dry_run_prints_the_trials_and_starts_nothing(store, experiment) -> None:
    done = run(experiment(hparams="patience = 1, 2", resources=""), "--store", store.root, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "trials 8, at a time 2" in done.stdout
    assert "runA(patience=1)" in done.stdout
    assert "lr_max = 0.003" in done.stdout
    assert "<= 3" in done.stdout
    assert not store.logs("exp").exists()
    assert not store.ray("exp").exists()


def test_a_dry_run_as_json_says_what_each_trial_needs(store, experiment) -> None:
    done = run(experiment(), "--store", store.root, "--dry-run", "--json", "--cpus-per-worker", 1)
    plan = json.loads(done.stdout)
    assert [(t["run"], t["seed"]) for t in plan["trials"]] == [
        ("runA", 43),
        ("runB", 43),
        ("runA", 44),
        ("runB", 44),
    ]
    # 40 sentences, 8 to a batch
    assert {t["steps_per_epoch"] for t in plan["trials"]} == {5}
    assert plan["trials"][0]["varies"] == {"lr_max": 0.003}
    assert plan["trials"][0]["resources"] == "1 CPU"


@pytest.mark.parametrize(
    ("grace", "said"), [(1, "asha may cut the first seed of a run, from epoch 1 on"), (2, "cannot end any trial: ")]
)
def test_a_dry_run_says_what_a_scheduler_can_do(store, experiment, grace: int, said: str) -> None:
    path = experiment()  # of 3 epochs
    path.write_text(path.read_text() + f"\n[search]\nscheduler = asha\ngrace_epochs = {grace}\n")
    done = run(path, "--store", store.root, "--dry-run", "--json")
    assert any(said in note for note in json.loads(done.stdout)["notes"]), done.stdout


def test_a_dry_run_without_data_and_model_shows_the_trials_and_what_is_missing(tmp_path, root: Path) -> None:
    done = run(root / "configs" / "reference_example.ini", "--store", tmp_path, "--dry-run")
    assert done.returncode == 2
    assert "?" in done.stdout
    assert "error: data set" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_example_of_the_training_knobs_can_run(tmp_path, root: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "quickstart").symlink_to(root / "store/datasets/quickstart")
    done = run(root / "configs" / "training_knobs.ini", "--store", tmp_path, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    varies = {trial["run"]: trial["varies"] for trial in json.loads(done.stdout)["trials"]}
    assert len(varies) == 5
    assert varies["run_lora"] | {"lora_rank": 8, "lora_targets": "all"} == varies["run_lora"]


TEN_MISTAKES = """
[dataset]
dataset_name = tiny
prune_ratio_train = 2
annotation_scheme = conll
[model]
pretrained_model_nam = bert
[settings]
multiple_runs = 0
seed = 4.5
[hparams]
batch_size = many
monitor = val_loss
mode = max
lr_max = -1
[runA]
seed = 3
early_stoping = True
[trial]
"""


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path) -> None:
    file = tmp_path / "wrong.ini"
    file.write_text(TEN_MISTAKES)
    done = run(file, "--store", tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if "wrong.ini" in line]
    assert len(errors) >= 10, done.stderr
    for word in ("prune_ratio_train", "annotation_scheme", "did you mean", "multiple_runs", "batch_size", "[trial]"):
        assert word in done.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nowhere.ini"], "nowhere.ini"),
        ([], "file"),
        (["x.ini", "--resume", "--overwrite"], "not allowed with"),
        (["x.ini", "--num-workers", "none"], "--num-workers: must be"),
        (["x.ini", "--colour"], "--colour"),
    ],
)
def test_a_wrong_command_ends_with_status_2(args, message, tmp_path) -> None:
    done = run(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_cannot_be_written_is_an_error_of_one_line(tmp_path, root: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(root / "configs" / "quickstart.ini", "--store", tmp_path / "file" / "store")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: {tmp_path / 'file'}")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_an_error(store, experiment) -> None:
    done = run(experiment(), "--store", store.root, "--address", "127.0.0.1:9")
    assert done.returncode == 2
    assert "no Ray cluster listens at 127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_dry_run_needs_no_writable_store(store, experiment) -> None:
    before = sorted(store.root.rglob("*"))
    assert run(experiment(), "--store", store.root, "--dry-run").returncode == 0
    assert sorted(store.root.rglob("*")) == before


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        (["nerbb", "run_experiment", "my exp"], "nerbb run_experiment 'my exp' --resume"),
        (
            ["nerbb", "run_experiment", "x", "--overwrite", "--num-workers", "2"],
            "nerbb run_experiment x --num-workers 2 --resume",
        ),
        (["nerbb", "--store", "s", "run_experiment", "x", "--resume"], "nerbb --store s run_experiment x --resume"),
    ],
)
def test_the_advice_how_to_go_on_is_the_command_that_was_typed(typed, advice) -> None:
    assert again_with(typed) == advice


@pytest.mark.ray
def test_an_interrupted_experiment_can_be_continued(store, experiment) -> None:
    file = experiment("stopped", seeds=1, hparams="early_stopping = False")
    file.write_text(file.read_text().replace("max_epochs = 3", "max_epochs = 20"))
    args = [*COMMAND, str(file), "--store", str(store.root)]
    with subprocess.Popen(
        args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        _wait_for(process, "runB-43: epoch 2")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of its processes
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err + out
    assert f"--store {store.root} --resume" in err
    done = run(file, "--store", store.root, "--resume")
    assert done.returncode == 0, done.stderr
    assert "trials to run: 1" in done.stderr
    assert "runA-43: started" not in done.stderr
    assert done.stdout.count("1/1") == 2


@pytest.mark.slow
@pytest.mark.ray
def test_sigterm_is_as_polite_as_ctrl_c(store, experiment) -> None:
    """Slurm, Kubernetes and spot instances send it to the driver alone."""
    file = experiment("stopped", seeds=1, hparams="early_stopping = False")
    file.write_text(file.read_text().replace("max_epochs = 3", "max_epochs = 20"))
    args = [*COMMAND, str(file), "--store", str(store.root)]
    # `timeout` and a shell's `kill -- -GROUP` send it to the whole process group
    with subprocess.Popen(
        args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        _wait_for(process, "runB-43: epoch 2")
        os.killpg(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 143, err
    assert not any(word in err + out for word in ("Traceback", "SIGTERM", "stack", "PC: @"))
    assert "terminated; go on with: python -m nerbb_ray.tune" in err
    stored = {trial.name: trial for trial in load_result(store.tracking_uri, "stopped").trials}
    assert [stored[name].status for name in ("runA-43", "runB-43")] == ["ok", "interrupted"]
    assert not list(store.lock("stopped").parent.iterdir())
    done = run(file, "--store", store.root)
    assert done.returncode == 0, done.stderr
    assert "trials to run: 1" in done.stderr
    assert "goes on after" in (store.logs("stopped") / "runB-43.log").read_text()


def _wait_for(process: subprocess.Popen[str], text: str) -> None:
    deadline = time.monotonic() + 180
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
        assert time.monotonic() < deadline, f"{text!r} did not come"
    raise AssertionError(f"ended without {text!r}: status {process.wait()}")


@pytest.mark.slow
@pytest.mark.ray
def test_a_failed_trial_gives_status_1_and_a_line_in_the_table(store, experiment) -> None:
    blocked = store.checkpoints("broken", "runB")
    blocked.parent.mkdir(parents=True)
    blocked.write_text("")
    done = run(experiment("broken", seeds=1), "--store", store.root)
    assert done.returncode == 1, done.stderr
    assert "runB-43: failed; see" in done.stderr
    assert "0/1" in done.stdout
    assert "1/1" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
