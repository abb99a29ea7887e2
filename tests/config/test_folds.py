"""[dataset] folds: what is allowed, and the trials that it makes."""

import re
from pathlib import Path

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import DatasetParams, Member, member_of, member_title, parse_member, seed_and_fold
from nerbb_ray.config.trials import TrialSpec, expand, most_trials
from nerbb_ray.errors import ConfigError
from nerbb_ray.results.identity import Identity

BASE = (
    "[dataset]\ndataset_name = d\n{dataset}\n[model]\npretrained_model_name = m\n[settings]\nmultiple_runs = 2\n{rest}"
)


def read(tmp_path: Path, dataset: str = "", rest: str = ""):
    path = tmp_path / "exp.ini"
    path.write_text(BASE.format(dataset=dataset, rest=rest))
    return read_ini(path)


@pytest.mark.parametrize(
    ("dataset", "rest", "said"),
    [
        ("folds = 1", "", "folds: must be 0 (none) or an integer >= 2"),
        ("folds = -2", "", "folds: must be 0 (none) or an integer >= 2"),
        ("folds = 2.5", "", "folds: must be 0 (none)"),
        ("folds = 5\nrepeats = 0", "", "repeats: must be an integer >= 1"),
        ("folds = 5\nsplit_seed = -1", "", "split_seed: must be an integer >= 0"),
        ("repeats = 2", "", "repeats: needs folds; got 2"),
        ("split_seed = 7", "", "split_seed: needs folds; got 7"),
        ("folds = 5\ntrain_on_val = True", "", "train_on_val: must be False with folds"),
        ("folds = 5\ntrain_on_test = True", "", "train_on_test: must be False with folds"),
        ("folds = 2, 5", "", "folds: must be the same for all runs, which are compared fold by fold; got 2, 5"),
        ("folds = 5", "[runA]\n[runB]\nfolds = 3", "folds: must be the same for all runs"),
        ("folds = 5", "[runA]\n[runB]\nsplit_seed = 3", "split_seed: must be the same for all runs"),
        ("folds = choice(2, 5)", "[search]\nalgorithm = optuna", "folds: must be one value"),
        ("folds = randint(2, 9)", "[search]\nalgorithm = random", "folds: must be the same for all runs"),
        ("folds = 5000\nrepeats = 20", "", "[dataset] repeats: must make at most 100000 trials (points of the grid x"),
        ("folds = 5000\nrepeats = 20", "", "multiple_runs x folds x repeats); got 1 x 2 x 5000 x 20"),
        ("folds = 100000", "", "[dataset] folds: must make at most 100000 trials"),
        ("folds = 2", "[settings]\nmultiple_runs = 100001\n", "[settings] multiple_runs: must make at most"),
    ],
)
def test_bad_folds_are_refused_by_name(tmp_path: Path, dataset: str, rest: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, dataset, rest)
    assert said in str(caught.value)


def test_every_seed_gets_every_fold_of_every_repeat(tmp_path: Path) -> None:
    spec = read(tmp_path, "folds = 2\nrepeats = 2", "[runA]\n[runB]\n")
    trials = expand(spec)
    assert len(trials) == most_trials(spec) == 2 * 2 * 4
    assert [trial.name for trial in trials][:4] == ["runA-43-fold1", "runB-43-fold1", "runA-43-fold2", "runB-43-fold2"]
    assert {(trial.run, trial.seed, trial.fold) for trial in trials} == {
        (run, seed, fold) for run in ("runA", "runB") for seed in (43, 44) for fold in (1, 2, 3, 4)
    }
    assert all(TrialSpec.from_dict(trial.to_dict()) == trial for trial in trials)
    assert trials[2].params()["fold"] == 2


def test_without_folds_nothing_is_named_otherwise(tmp_path: Path) -> None:
    trials = expand(read(tmp_path))
    assert [trial.name for trial in trials] == ["runA-43", "runA-44"]
    assert "fold" not in trials[0].params()


@pytest.mark.parametrize(("seed", "fold"), [(43, None), (43, 1), (1, 12)])
def test_a_member_tells_its_seed_and_fold(seed: int, fold: int | None) -> None:
    assert seed_and_fold(member_of(seed, fold)) == (seed, fold or 0)


@pytest.mark.parametrize(
    ("change", "differs"),
    [({}, False), ({"repeats": 3}, False), ({"folds": 4}, True), ({"split_seed": 7}, True), ({"folds": 0}, True)],
)
def test_a_trial_of_another_layout_is_another_thing(tmp_path: Path, change: dict[str, int], differs: bool) -> None:
    was = Identity.of(expand(read(tmp_path, "folds = 5"))[0])
    data = {"folds": 5} | change
    now = expand(read(tmp_path, "\n".join(f"{key} = {value}" for key, value in data.items())))[1]
    assert bool(was.differences(Identity.of(now))) == differs


def test_other_borders_of_documents_are_another_layout(tmp_path: Path) -> None:
    trial = expand(read(tmp_path, "folds = 5"))[0]
    one, other = Identity.of(trial, layout="a" * 64), Identity.of(trial, layout="b" * 64)
    assert one.differences(other) == ["the folds were made of documents aaaaaaaaaaaa, now bbbbbbbbbbbb"]


def test_trials_before_folds_are_trials_without(tmp_path: Path) -> None:
    trial = expand(read(tmp_path))[0]
    new = {"folds", "split_seed", "repeats"}
    old = Identity(params={key: v for key, v in Identity.of(trial).params.items() if key not in new})
    assert old.differences(Identity.of(trial)) == []
    assert DatasetParams(dataset_name="d").fold_numbers == (None,)


@pytest.mark.parametrize(("text", "member"), [("43", 43), ("43-fold2", "43-fold2"), ("0", 0)])
def test_a_member_is_read_as_it_is_written(text: str, member: Member) -> None:
    assert parse_member(text) == member
    assert str(member) == text


@pytest.mark.parametrize("text", ["", "fold2", "43-fold", "43-fold0", "43-fold1x", "-1", "4.3", "\u0664\u0663", "43 "])
def test_what_names_no_member_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(text) + "$"):
        parse_member(text)


def test_a_sentence_says_what_kind_of_model_it_is() -> None:
    assert member_title(43, 44) == "seed 43, 44"
    assert member_title("43-fold2") == "fold model 43-fold2"
