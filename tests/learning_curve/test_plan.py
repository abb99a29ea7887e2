"""The experiment behind a learning curve: which runs, which fractions, what stays."""

from pathlib import Path

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.errors import ConfigError
from nerbb_ray.learning_curve.plan import FRACTIONS, curve_spec, families, has_curve

INI = "[dataset]\ndataset_name = d\n{dataset}[model]\npretrained_model_name = m\n[settings]\nseed = 7\n{more}"


def spec(tmp_path: Path, dataset: str = "", more: str = "") -> ExperimentSpec:
    path = tmp_path / "exp.ini"
    path.write_text(INI.format(dataset=dataset, more=more))
    return read_ini(path)


def ratios(found: ExperimentSpec) -> list[float]:
    return [run.dataset.prune_ratio_train for run in found.runs]


def test_one_run_at_the_usual_fractions_with_three_seeds(tmp_path: Path) -> None:
    found = curve_spec(spec(tmp_path, more="[hparams]\nlr_max = 3e-4\n"))
    assert found.name == "exp_learning_curve"
    assert ratios(found) == list(FRACTIONS)
    assert found.settings.seeds == (8, 9, 10)
    assert not found.settings.checkpoints
    assert found.runs[0].name == "runA(prune_ratio_train=0.125)"
    assert {run.hparams.lr_max for run in found.runs} == {3e-4}


def test_fractions_are_those_of_what_the_run_uses(tmp_path: Path) -> None:
    found = curve_spec(spec(tmp_path, "prune_ratio_train = 0.5\n"), fractions=(0.5, 1.0), seeds=4)
    assert ratios(found) == [0.25, 0.5]
    assert found.settings.multiple_runs == 4


@pytest.mark.parametrize(
    ("fractions", "seeds", "expected", "number"),
    [
        ((0.3,), None, [0.25, 0.3, 0.5], 4),
        (None, None, [0.25, 0.5], 4),
        ((0.5,), 6, [0.25, 0.5], 6),
        (None, 2, [0.25, 0.5], 4),
    ],
)
def test_again_with_more_keeps_what_there_is(tmp_path, fractions, seeds, expected, number) -> None:
    first = curve_spec(spec(tmp_path), fractions=(0.25, 0.5), seeds=4)
    again = curve_spec(spec(tmp_path), fractions=fractions, seeds=seeds, earlier=first)
    assert ratios(again) == expected
    assert again.settings.multiple_runs == number
    assert set(first.runs) <= set(again.runs)


def test_of_several_runs_one_has_to_be_named(tmp_path: Path) -> None:
    several = spec(tmp_path, more="[hparams]\nlr_max = 1e-4, 2e-4\n")
    with pytest.raises(ConfigError, match=r"--run, one of runA\(lr_max=0.0001\), runA\(lr_max=0.0002\)"):
        curve_spec(several)
    found = curve_spec(several, "runA(lr_max=0.0002)", (0.5, 1.0))
    assert [run.name for run in found.runs] == [
        f"runA(lr_max=0.0002,prune_ratio_train={ratio})" for ratio in (0.5, 1.0)
    ]
    assert {run.hparams.lr_max for run in found.runs} == {2e-4}
    with pytest.raises(ConfigError, match="has no run 'runB'"):
        curve_spec(several, "runB")


def test_a_run_that_a_search_chooses_has_no_curve(tmp_path: Path) -> None:
    searched = spec(tmp_path, more="[search]\nalgorithm = optuna\n[hparams]\nlr_max = loguniform(1e-5, 1e-3)\n")
    with pytest.raises(ConfigError, match="search over lr_max"):
        curve_spec(searched)
    more = "[search]\nalgorithm = optuna\n[hparams]\nlr_max = loguniform(1e-5, 1e-3)\n[runA]\n[runB]\nbatch_size = 8\n"
    with pytest.raises(ConfigError, match="search over lr_max"):
        curve_spec(spec(tmp_path, more=more))
    with pytest.raises(ConfigError, match=r"several runs: say which with --run, one of runC$"):
        curve_spec(spec(tmp_path, more=f"{more}[runC]\nlr_max = 1e-4\n"))


def test_folds_have_no_curve(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"exp.ini \[dataset\] folds: must be left out for a learning curve"):
        curve_spec(spec(tmp_path, "folds = 3\n"))
    with pytest.raises(ConfigError, match="folds: must be left out"):
        curve_spec(spec(tmp_path, "folds = 3\n", "[runA]\n[runB]\nlr_max = 1e-4\n"))
    assert not has_curve(spec(tmp_path, "folds = 3\nprune_ratio_train = 0.5, 1.0\n"))


def test_a_file_may_have_fractions_of_its_own(tmp_path: Path) -> None:
    assert not has_curve(spec(tmp_path))
    both = spec(tmp_path, "prune_ratio_train = 0.5, 1.0\n", "[run_a]\nlr_max = 1e-4\n[run_b]\nlr_max = 1e-5\n")
    assert has_curve(both)
    assert [(family.title, list(family.runs)) for family in families(both)] == [
        ("run_a", [0.5, 1.0]),
        ("run_b", [0.5, 1.0]),
    ]
