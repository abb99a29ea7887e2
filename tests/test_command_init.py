"""`nerbb init`: files that can be run, with comments; and an example for those who have no clone."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from nerbb_ray import Store
from nerbb_ray.cli import main
from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.known_keys import KEYS
from nerbb_ray.config.spec import PRESETS
from nerbb_ray.config.starter import COMMENTS
from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.paths import StorePaths


@pytest.fixture
def nerbb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple]:
    monkeypatch.setattr(Store, "chosen", None)
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> tuple[int, str, str]:
        return main(list(map(str, words))), *capsys.readouterr()

    return call


@pytest.fixture
def store(tmp_path: Path) -> StorePaths:
    return StorePaths(tmp_path / "store")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            [],
            {
                "dataset_name": ["my_data"],
                "pretrained_model_name": ["google-bert/bert-base-cased"],
                "max_epochs": [250],
            },
        ),
        (["--dataset", "wnut17", "--model", "x/y"], {"dataset_name": ["wnut17"], "pretrained_model_name": ["x/y"]}),
        (["--preset", "original"], {"max_epochs": [5], "early_stopping": [False]}),
        (["--preset", "hybrid", "--set", "max_epochs=9"], {"max_epochs": [9], "lr_schedule": ["hybrid"]}),
        (["--set", "lr_max=2e-5, 5e-5"], {"lr_max": [2e-5, 5e-5]}),
        (["--set", "LR_MAX=1e-4", "--set", "racing=True"], {"lr_max": [1e-4]}),
    ],
)
def test_options_make_a_file_that_says_them(nerbb, store: StorePaths, options: list[str], expected: dict) -> None:
    assert nerbb("init", "my exp", *options)[0] == 0
    spec = read_ini(store.config("my exp"))
    for key, values in expected.items():
        found = [
            getattr(part, key)
            for run in spec.runs
            for part in (run.dataset, run.model, run.hparams)
            if hasattr(part, key)
        ]
        assert found == values
    assert spec.settings.multiple_runs == 3
    assert spec.search.racing == ("racing=True" in options)


def test_seeds_and_the_data_that_are_there(nerbb, store: StorePaths) -> None:
    store.dataset("letters").mkdir(parents=True)
    nerbb("init", "exp", "--seeds", 5)
    spec = read_ini(store.config("exp"))
    assert (spec.settings.multiple_runs, spec.runs[0].dataset.dataset_name) == (5, "letters")


def test_what_stands_behind_a_comment_is_what_holds_without_it(nerbb, store: StorePaths) -> None:
    for preset in sorted(set(PRESETS) - {"hybrid"}):
        nerbb("init", preset, "--preset", preset)
        file = store.config(preset)
        before, text = read_ini(file), file.read_text()
        uncommented = "\n".join(
            line.removeprefix("# ") if " = " in line and line.partition(" = ")[0][2:] in KEYS["hparams"] else line
            for line in text.partition("\n# One section per run")[0].splitlines()
        )
        file.write_text(uncommented)
        assert read_ini(file) == before
        assert len(uncommented) < len(text)
    for section, keys in COMMENTS.items():
        assert set(keys) <= set(KEYS[section])


@pytest.mark.parametrize(("options", "said"), [([], True), (["--dataset", "wnut17"], False)])
def test_data_that_stand_for_others_are_said(nerbb, options: list[str], said: bool) -> None:
    status, out, _ = nerbb("init", "exp", *options)
    assert status == 0
    assert ("nerbb set_up_dataset FILE --name my_data" in out) == said


def test_the_commands_that_follow_can_be_pasted(nerbb, tmp_path: Path) -> None:
    _, out, _ = nerbb("init", "my exp", "--store", tmp_path / "my store")
    commands = [shlex.split(line) for line in out.partition("next:\n")[2].splitlines()]
    assert [words[1:3] for words in commands] == [["run_experiment", "my exp"]] * 2
    assert all(words[-2:] == ["--store", str(tmp_path / "my store")] for words in commands)
    assert "nerbb run_experiment 'my exp'" in (tmp_path / "my store/experiment_configs/my exp.ini").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs a NAME: nerbb init NAME"),
        (["../x"], "name of the experiment"),
        (["x", "--set", "lr_mx=1"], "did you mean lr_max?"),
        (["x", "--set", "lr_max"], "must be KEY=VALUE"),
        (["x", "--set", "lr_max=-1"], "x.ini [hparams] lr_max: must be a number > 0"),
        (["x", "--preset", "hybrid"], "max_epochs"),
        (["x", "--seeds", "0"], "multiple_runs"),
        (["x", "--preset", "fast"], "invalid choice"),
        (["--example", "--model", "m"], "--model: --example has a file of its own"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(nerbb, store: StorePaths, words: list[str], message: str) -> None:
    status, _, err = nerbb("init", *words)
    assert status == 2
    assert message in err
    assert not store.root.exists()


def test_a_file_is_not_replaced_unasked(nerbb, store: StorePaths) -> None:
    assert nerbb("init", "exp")[0] == 0
    before = store.config("exp").read_text()
    assert nerbb("init", "exp")[0] == 0  # it says the same
    status, _, err = nerbb("init", "exp", "--seeds", 9)
    assert (status, store.config("exp").read_text()) == (2, before)
    assert "--overwrite" in err
    assert nerbb("init", "exp", "--seeds", 9, "--overwrite")[0] == 0
    assert read_ini(store.config("exp")).settings.multiple_runs == 9


def test_the_example_is_whole_and_that_of_the_quickstart(nerbb, store: StorePaths, root: Path) -> None:
    assert nerbb("init", "--example")[0] == 0
    ours = root / "store/datasets/quickstart"
    for split in ("train", "val", "test"):
        assert (store.dataset("quickstart") / f"{split}.jsonl").read_bytes() == (ours / f"{split}.jsonl").read_bytes()
    assert store.config("quickstart").read_bytes() == (root / "configs/quickstart.ini").read_bytes()
    assert len(load_corpus(store.dataset("quickstart")).train) == 600
    status, out, _ = nerbb("run_experiment", "quickstart", "--dry-run", "--json")
    assert (status, len(json.loads(out)["trials"])) == (0, 4)
    assert nerbb("init", "other", "--example")[0] == 0
    assert store.config("other").exists()


def test_other_data_of_the_same_name_are_not_replaced_unasked(nerbb, store: StorePaths) -> None:
    file = store.dataset("quickstart") / "train.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    status, _, err = nerbb("init", "--example")
    assert (status, file.read_text()) == (2, "mine")
    assert "train.jsonl" in err
    assert nerbb("init", "--example", "--overwrite")[0] == 0
    assert file.read_text() != "mine"


def test_the_example_runs_at_once(nerbb, store: StorePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    from nerbb_ray.tune import command

    called = []
    monkeypatch.setattr(command, "run_file", lambda *asked: called.append(asked) or 0)
    assert nerbb("init", "--example", "--run")[0] == 0
    ((file, named, args, words),) = called
    assert (file, named, args.resume, args.dry_run) == (store.config("quickstart"), None, False, False)
    assert words == ["nerbb", "run_experiment", "quickstart"]


def test_data_that_are_nowhere_are_named_with_the_nearest(nerbb, store: StorePaths) -> None:
    store.dataset("letters").mkdir(parents=True)
    out = nerbb("init", "exp", "--dataset", "leters")[1].replace("\n", " ")
    assert "note: no data set 'leters' is in the store or built in; did you mean letters?" in out
    assert "note: there is no folder ./gone" in nerbb("init", "exp2", "--dataset", "./gone")[1]
    for known in ("letters", "wnut_17", "organisation/name"):
        assert "note:" not in nerbb("init", "exp", "--dataset", known, "--overwrite")[1]


def test_a_name_is_asked_for(nerbb) -> None:
    status, _, err = nerbb("init", "--dataset", "x")
    assert (status, err.startswith("error: the experiment needs a NAME: nerbb init NAME")) == (2, True)
