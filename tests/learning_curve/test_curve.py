"""From results to a curve: which seeds count, how many sentences a fraction is, what is said, drawn and reported."""

from pathlib import Path

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import DatasetParams, ExperimentSpec
from nerbb_ray.data.corpus import Corpus, Sentence
from nerbb_ray.errors import DataError
from nerbb_ray.learning_curve.curve import curves_of, train_sentences
from nerbb_ray.learning_curve.plan import curve_spec
from nerbb_ray.learning_curve.text import curve_figure, curve_text
from nerbb_ray.report.learning_curve import learning_curve_section
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.trial_result import TEST_METRIC, TrialResult

SENTENCE = Sentence(("Anna",), ("B-PER",))
CORPUS = Corpus("d", "bio", ("PER",), (SENTENCE,) * 400, (SENTENCE,) * 30, (SENTENCE,) * 50)
FOUND = {"d": CORPUS}
INI = "[dataset]\ndataset_name = d\n[model]\npretrained_model_name = m\n"


@pytest.fixture
def spec(tmp_path: Path) -> ExperimentSpec:
    (tmp_path / "exp.ini").write_text(INI)
    return curve_spec(read_ini(tmp_path / "exp.ini"))


def find(params: DatasetParams) -> Corpus:
    return FOUND[params.dataset_name]


def score(sentences: float, seed: int = 0) -> float:
    """`1 - error` of a law with limit .2, and what the seeds do."""
    return 1 - (0.1 * (sentences / 400) ** -0.6 + 0.2) + 0.002 * (seed - 44)


def trials(spec: ExperimentSpec, *, data: str = CORPUS.fingerprint, seeds: tuple[int, ...] = (43, 44, 45)):
    for run in spec.runs:
        for seed in seeds:
            metrics = {TEST_METRIC: score(400 * run.dataset.prune_ratio_train, seed)}
            yield TrialResult(run.name, seed, "ok", metrics, identity=Identity(data=data))


def test_points_are_sentences_with_the_scores_of_the_seeds(spec: ExperimentSpec) -> None:
    (curve,) = curves_of(spec, ExperimentResult.of(spec.name, trials(spec)), TEST_METRIC, find)
    assert [point.sentences for point in curve.points] == [50, 75, 100, 150, 200, 300, 400]
    assert curve.fractions == (0.125, 0.1875, 0.25, 0.375, 0.5, 0.75, 1.0)
    assert curve.points[-1].scores == tuple(score(400, seed) for seed in (43, 44, 45))
    assert curve.missing == ()
    assert curve.expected is not None
    assert curve.expected.score is not None
    assert curve.expected.score.value == pytest.approx(score(800, 44), abs=0.005)


def test_text_says_what_twice_as_much_brings_and_never_without_an_interval(spec: ExperimentSpec) -> None:
    (curve,) = curves_of(spec, ExperimentResult.of(spec.name, trials(spec)), TEST_METRIC, find)
    text = curve_text("exp_learning_curve", curve)
    (line,) = [line for line in text.splitlines() if line.startswith("twice as many sentences: ")]
    assert line.startswith("twice as many sentences: +3.")
    assert " points (" in line
    assert " to " in line
    assert "(800 instead of 400; F1 0.7" in text
    assert "more data help)" in text
    assert text.isascii()


def test_failed_seeds_are_named_and_do_not_count(spec: ExperimentSpec) -> None:
    some = [
        TrialResult(trial.run, trial.seed, "failed") if trial.seed == 45 and "=1.0)" in trial.run else trial
        for trial in trials(spec)
    ]
    (curve,) = curves_of(spec, ExperimentResult.of(spec.name, some), TEST_METRIC, find)
    assert len(curve.points[-1].scores) == 2
    assert curve.missing == ("runA(prune_ratio_train=1.0): 2 of 3 seeds have a score",)
    assert "note: runA(prune_ratio_train=1.0): 2 of 3 seeds" in curve_text("x", curve)


@pytest.mark.parametrize(
    ("seeds", "said"), [((), "no size has a score yet"), ((43,), "cannot be told: an interval needs several seeds")]
)
def test_too_little_is_said(spec: ExperimentSpec, seeds: tuple[int, ...], said: str) -> None:
    (curve,) = curves_of(spec, ExperimentResult.of(spec.name, trials(spec, seeds=seeds)), TEST_METRIC, find)
    assert said in curve_text("x", curve)
    assert "points (" not in curve_text("x", curve)
    assert "points (" not in learning_curve_section([curve])


def test_other_data_than_those_of_the_results_are_refused(spec: ExperimentSpec) -> None:
    result = ExperimentResult.of(spec.name, trials(spec, data="another"))
    with pytest.raises(DataError, match="is not the one that run"):
        curves_of(spec, result, TEST_METRIC, find)


@pytest.mark.parametrize(
    ("params", "sentences"),
    [
        ({}, 400),
        ({"prune_ratio_train": 0.333}, 133),
        ({"prune_ratio_train": 0.001}, 1),
        ({"prune_ratio_train": 0.5, "train_on_val": True}, 230),
        ({"train_on_val": True, "train_on_test": True, "prune_ratio_test": 0.5}, 455),
    ],
)
def test_what_a_run_trains_on(params: dict, sentences: int) -> None:
    assert train_sentences(DatasetParams(dataset_name="d", **params), CORPUS) == sentences


def test_report_has_the_answer_the_picture_and_the_numbers(spec: ExperimentSpec) -> None:
    (curve,) = curves_of(spec, ExperimentResult.of(spec.name, trials(spec)), TEST_METRIC, find)
    section = learning_curve_section([curve])
    assert "twice as many sentences: +3." in section
    assert section.count("<svg") == 1
    assert '<td class="n">400</td>' in section
    assert learning_curve_section("why not") == "<p>There is nothing to show: why not</p>\n"


def test_picture_goes_up_to_the_size_that_is_told_of(spec: ExperimentSpec) -> None:
    (curve,) = curves_of(spec, ExperimentResult.of(spec.name, trials(spec)), TEST_METRIC, find)
    (axes,) = curve_figure(curve).axes
    assert axes.get_xlim()[1] >= 800
    assert [text.get_text() for text in axes.get_xticklabels()][-1] == "800"
