"""The experiment files of the study: those of the repository, and what is said of others."""

from pathlib import Path

import pytest
from fixtures.experiments import preparation_of

from nerbb_ray.config.spec import PRESETS
from nerbb_ray.errors import ConfigError
from nerbb_ray.forecast.dry_run import make_plan
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.study.files import read_study
from nerbb_ray.study.points import approach_of, study_of

ROOT = Path(__file__).resolve().parents[2] / "configs"
STUDIES = ("study", "study/small")
PAPER = (0.005, 0.01, 0.015, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
MAIN = {
    ("conll2003", "bert-large-cased"),
    ("conll2003", "distilbert-base-multilingual-cased"),
    ("swedish_ner_corpus", "KB/bert-base-swedish-cased"),
    ("swe_nerc", "KB/bert-base-swedish-cased"),
    ("ehealth_kd", "mrm8488/electricidad-base-discriminator"),
}


def test_the_main_study_is_that_of_the_paper() -> None:
    specs = read_study(ROOT / "study")
    study = study_of("study", [(spec, None) for spec in specs])
    assert {(panel.dataset, panel.model) for panel in study.panels} == MAIN
    assert {panel.fractions for panel in study.panels} == {PAPER}
    assert study.trials == (0, 5 * 3 * 11 * 5)
    assert {len(spec.settings.seeds) for spec in specs} == {5}
    assert {run.hparams.lr_max for spec in specs for run in spec.runs} == {2e-5}


@pytest.mark.parametrize("folder", STUDIES)
def test_every_approach_is_its_preset_and_validates_on_the_fraction_that_it_trains_on(folder: str) -> None:
    for spec in read_study(ROOT / folder):
        assert spec.settings.evaluate_checkpoint == "last"
        for run in spec.runs:
            preset = PRESETS[approach_of(run)]
            assert {key: getattr(run.hparams, key) for key in preset} == preset
            assert run.dataset.prune_ratio_val == run.dataset.prune_ratio_train
            assert (run.hparams.batch_size, run.hparams.lr_warmup_epochs) == (16, 2)


@pytest.mark.parametrize("path", sorted(ROOT.glob("study/**/*.ini")), ids=lambda path: path.stem)
def test_every_file_can_be_planned_without_data_models_or_network(path: Path, tmp_path: Path) -> None:
    (spec,) = read_study(path)
    plan = make_plan(spec, preparation_of(StorePaths(tmp_path)), RunOptions())
    assert len(plan.trials) == len(spec.runs) * spec.settings.multiple_runs


def test_names_are_those_of_no_other_experiment_of_the_repository() -> None:
    names = [path.stem for path in ROOT.rglob("*.ini")]
    assert len(names) == len(set(names))


def test_only_chooses_and_the_order_is_that_of_the_names() -> None:
    folder = ROOT / "study" / "small"
    assert [spec.name for spec in read_study(folder)] == sorted(path.stem for path in folder.glob("*.ini"))
    assert [spec.name for spec in read_study(folder, ["small_wnut17"])] == ["small_wnut17"]


def test_the_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.ini").write_text("[dataset]\ndataset_name = d\n")
    with pytest.raises(ConfigError) as caught:
        read_study(tmp_path)
    assert [line.split(":")[0] for line in caught.value.problems] == [
        f"{name}.ini [model] pretrained_model_name" for name in ("a", "b")
    ]


def test_a_path_without_experiments_says_where_there_are_some(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "exp.ini").write_text("")
    with pytest.raises(ConfigError, match=r"there are some in small"):
        read_study(tmp_path)
    with pytest.raises(ConfigError, match="got neither"):
        read_study(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="did you mean exp"):
        read_study(tmp_path / "small", ["exq"])


def test_runs_that_are_chosen_while_the_search_runs_have_no_place(tmp_path: Path) -> None:
    text = "[dataset]\ndataset_name = d\n[model]\npretrained_model_name = m\n[search]\nalgorithm = {}\n"
    space = "[hparams]\nlr_max = uniform(1e-5, 1e-4)\n"
    for algorithm in ("optuna", "random"):
        (tmp_path / f"{algorithm}.ini").write_text(text.format(algorithm) + space)
    assert len(read_study(tmp_path / "random.ini")[0].runs) == 10
    with pytest.raises(ConfigError, match=r"optuna.ini \[search\] algorithm: must be grid or random in a study"):
        read_study(tmp_path)
