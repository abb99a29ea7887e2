"""Results in Python and in a notebook: short representations, HTML, tables of pandas."""

import copy
import json
import math
import pickle
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nerbb_ray.errors import ResultError
from nerbb_ray.html.marked import Mark, marked_text
from nerbb_ray.inference.predictions import Entities, Entity, Predictions, WordProba
from nerbb_ray.mlflow_store.overview import for_users
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.frames import Curves
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.verdict.verdict import verdict

F1S = {"runA<1>": (0.5, 0.52, 0.54), "runB": (0.8, 0.82, 0.81)}


@pytest.fixture
def result() -> ExperimentResult:
    trials = [
        TrialResult(
            run,
            seed,
            "ok",
            {"val/entity/micro/f1": f1, "test/entity/micro/f1": f1 - 0.1},
            # as MLflow has them
            {"lr_max": "0.0003" if run == "runB" else "0.1", "batch_size": "16", "uncased": "None", "seed": str(seed)},
            epochs=5,
        )
        for run, values in F1S.items()
        for seed, f1 in enumerate(values, start=43)
    ]
    failed = TrialResult("runB", 46, "failed", params={"lr_max": "0.0003"}, error="boom")
    return ExperimentResult.of("exp", [*trials, failed])


class Text(HTMLParser):
    """The text of HTML, and the tags that are open or were closed wrongly."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.open = "", []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        if tag not in ("br", "wbr", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def text_of(html: str) -> str:
    parser = Text()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.text


def test_representations_are_short(result: ExperimentResult) -> None:
    shown = {
        repr(result): "<ExperimentResult exp: 2 runs, 6/7 trials ok; best runB, test F1 0.7100 +- 0.0058>",
        repr(result.runs[1]): "<RunResult runB: 3/4 trials ok, val F1 0.8100 +- 0.0058, test F1 0.7100 +- 0.0058>",
        repr(result.trials[0]): "<TrialResult runA<1>-43 ok: 5 epochs, val F1 0.5000, test F1 0.4000>",
        repr(result.trials[-1]): "<TrialResult runB-46 failed: boom>",
        repr(SeedMean.of([0.5, 0.6])): "<SeedMean 0.5500 (0.5000, 0.6000), n=2/2>",
        repr(SeedMean.of([], 3)): "<SeedMean -, n=0/3>",
        repr(ExperimentResult("none", ())): "<ExperimentResult none: 0 runs, 0/0 trials ok; no best run>",
        repr(verdict(ExperimentResult("none", ()))): "<Verdict val/entity/micro/f1: nothing to compare>",
    }
    assert list(shown) == list(shown.values())
    said = repr(verdict(result))
    assert said.startswith("<Verdict val/entity/micro/f1: best runB 0.8100 +- 0.0058; better than the other run")


def test_marks_of_a_verdict_have_their_legend_and_commands_are_code(result: ExperimentResult) -> None:
    html = verdict(result)._repr_html_()
    assert "* best run: highest mean val entity micro F1" in text_of(html)
    assert "<code>multiple_runs = " in html
    assert "`" not in html
    assert re.findall('<p class="hint"(.*?)>', html) == [" hidden"], "there is no style sheet that would hide it"


def test_notebook_shows_runs_and_verdict(result: ExperimentResult, tmp_path: Path) -> None:
    marked = for_users(result, StorePaths(tmp_path))
    runs, words = text_of(marked._repr_html_()), text_of(verdict(result)._repr_html_())
    assert "* best run: highest mean val entity micro F1" in runs
    assert re.search(r"\*\s*runB", runs)
    assert "best run" not in text_of(result._repr_html_())
    assert runs.index("runB") < runs.index("runA<1>")
    assert "0.8100 ± 0.0058" in runs
    assert "3/4" in runs
    assert "runB is" in words
    assert "runA<1>" in words
    assert text_of(SeedMean.of([0.5, 0.6, 0.7])._repr_html_()) == "0.6000 ± 0.0577 [0.348, 0.809] (3 seeds)"


def test_notebook_shows_the_trials_of_a_run(result: ExperimentResult) -> None:
    shown = text_of(result.runs[1]._repr_html_())
    assert "runB: 3 of 4 trials ok" in shown
    assert "runB-46" in shown
    assert "0.8100 ± 0.0058" in shown


@pytest.mark.parametrize("level", ["entity", "word"])
def test_a_class_has_one_colour_in_all_texts(level: str) -> None:
    prefixes = ("B-", "I-") if level == "word" else ("", "")
    first = Entities([Entity(0, 1, "a", f"{prefixes[0]}LOC", 0.9), Entity(2, 3, "b", f"{prefixes[1]}LOC", 0.9)], "a b")
    second = Entities([Entity(0, 1, "c", f"{prefixes[0]}PER", 0.9), Entity(2, 3, "d", f"{prefixes[1]}LOC", 0.9)], "c d")
    colours = re.findall(r"<mark[^>]*rgba?\(([\d, ]+?),? ?[\d.]*\)", Predictions([first, second])._repr_html_())
    assert len(colours) == 4
    assert colours[0] == colours[1] == colours[3] != colours[2]


def test_table_of_trials_has_types_parameters_and_metrics(result: ExperimentResult) -> None:
    frame = result.to_dataframe()
    assert list(frame["seed"]) == [43, 44, 45, 43, 44, 45, 46]
    assert list(frame["status"]) == ["ok"] * 6 + ["failed"]
    assert frame["lr_max"].dtype == float
    assert list(frame["batch_size"])[:6] == [16] * 6
    assert frame["uncased"].isna().all()
    assert list(frame["test/entity/micro/f1"])[:3] == [f1 - 0.1 for f1 in F1S["runA<1>"]]
    assert math.isnan(frame["test/entity/micro/f1"].iloc[-1])


def test_table_of_runs_has_the_means_over_the_seeds(result: ExperimentResult) -> None:
    frame = result.to_dataframe("runs").set_index("run")
    mean = result.runs[1].mean("test/entity/micro/f1")
    row = frame.loc["runB"]
    assert (row["n_ok"], row["n_total"], row["lr_max"]) == (3, 4, 0.0003)
    assert [row[f"test/entity/micro/f1/{kind}"] for kind in ("mean", "sem", "ci95_low", "n")] == [
        mean.mean,
        mean.sem,
        mean.ci95[0],
        3,
    ]
    assert "batch_size" not in frame or frame["batch_size"].iloc[0] == 16


def test_other_rows_are_refused(result: ExperimentResult) -> None:
    with pytest.raises(ResultError, match="rows must be of trials or runs; got 'seeds'"):
        result.to_dataframe("seeds")  # type: ignore[arg-type]


CURVES = {"val/loss": {0: 1.0, 1: 0.5}, "lr": {0: 0.1, 1: 0.2}}


@pytest.fixture
def with_curves(result: ExperimentResult) -> ExperimentResult:
    """Its trials have two curves; of all else there is no point, as of test/loss, which comes at the end."""

    def read(names: Sequence[str] | None) -> Curves:
        own = {name: CURVES.get(name, {}) for name in (CURVES if names is None else names)}
        return {(trial.run, trial.member): own for trial in result.trials}

    return replace(result, read_curves=read)


@pytest.mark.parametrize("metrics", ["val/loss", ["val/loss"], ("val/loss",), (name for name in ["val/loss"])])
def test_curves_of_a_metric_are_asked_for_by_its_name(with_curves: ExperimentResult, metrics: object) -> None:
    frame = with_curves.curves(metrics)
    assert list(frame.columns) == ["run", "seed", "epoch", "val/loss"]
    assert list(frame["val/loss"]) == [1.0, 0.5] * 7


@pytest.mark.parametrize("metrics", ["nope", ["nope"], ["val/loss", "nope"]])
def test_curves_of_a_metric_that_does_not_exist_are_an_error(with_curves: ExperimentResult, metrics: object) -> None:
    with pytest.raises(ResultError, match="no trial of experiment exp has a curve of 'nope'; there are lr, val/loss"):
        with_curves.curves(metrics)
    with pytest.raises(ResultError, match=r"has a curve of 'test/loss'; there are lr, val/loss"):
        with_curves.curves(["val/loss", "test/loss"])
    with pytest.raises(ResultError, match=r"has a curve of 'val/los'; did you mean val/loss\?"):
        with_curves.curves("val/los")


@pytest.mark.parametrize(("metrics", "message"), [(5, "must be names such as val/loss; got 5"), ([5], "text; got 5")])
def test_curves_of_what_is_no_name_are_an_error(with_curves: ExperimentResult, metrics: object, message: str) -> None:
    with pytest.raises(ResultError, match=message):
        with_curves.curves(metrics)


def test_curve_that_has_no_value_so_far_is_an_empty_column(result: ExperimentResult) -> None:
    """As of F1 of a class that val does not have."""
    own = {"lr": {0: 0.1}, "val/entity/X/f1": {}}
    read = replace(result, read_curves=lambda names: {("runB", 43): {name: own[name] for name in names or own}})
    assert read.curves(["val/entity/X/f1"]).empty
    assert read.curves(["lr", "val/entity/X/f1"])["val/entity/X/f1"].isna().all()


def test_before_the_first_epoch_has_ended_there_are_no_curves_of_any_metric(result: ExperimentResult) -> None:
    none_yet = replace(result, read_curves=lambda _: {})
    assert none_yet.curves(["val/loss"]).empty


def test_results_without_a_store_have_no_curves(result: ExperimentResult) -> None:
    with pytest.raises(ResultError, match="do not know their store"):
        result.curves()


ANNA = {"char_start": 0, "char_end": 4, "token": "Anna", "tag": "PER", "proba": 0.99}


def test_entities_are_dictionaries_with_names() -> None:
    entity = Entity(**ANNA)
    assert entity == ANNA
    assert json.loads(json.dumps(entity)) == ANNA
    assert {**entity} == ANNA
    assert (entity.token, entity.tag, entity.char_start, entity.char_end, entity.proba) == ("Anna", "PER", 0, 4, 0.99)
    assert repr(entity) == "<PER 'Anna' 0:4 0.990>"
    for copied in (pickle.loads(pickle.dumps(entity)), copy.deepcopy(entity)):
        assert (copied, type(copied)) == (entity, Entity)


def test_predictions_are_lists_and_a_marked_text() -> None:
    found = Entities([Entity(**ANNA), Entity(14, 18, "<b>x", "MISC", 0.5)], "Anna lives in <b>x.")
    assert found == [ANNA, {"char_start": 14, "char_end": 18, "token": "<b>x", "tag": "MISC", "proba": 0.5}]
    assert text_of(found._repr_html_()).strip() == "AnnaPER lives in <b>xMISC."
    again = pickle.loads(pickle.dumps(found))
    assert (again, again.text) == (found, found.text)
    assert text_of(Predictions([found, Entities([], "none")])._repr_html_()).split("\n")[1] == "none"
    assert len(repr(found)) < 100


def test_words_without_an_entity_are_not_marked() -> None:
    words = Entities([Entity(0, 4, "Anna", "B-PER", 0.9), Entity(5, 7, "is", "O", 0.8)], "Anna is")
    assert text_of(words._repr_html_()).strip() == "AnnaB-PER is"


def test_probabilities_of_a_word_tell_the_best_tag() -> None:
    word = WordProba(0, 4, "Anna", {"O": 0.1, "B-PER": 0.9})
    assert word == {"char_start": 0, "char_end": 4, "token": "Anna", "proba_dist": {"O": 0.1, "B-PER": 0.9}}
    assert word.best == ("B-PER", 0.9)
    assert repr(word) == "<'Anna' 0:4 B-PER 0.900, 2 tags>"


def test_marks_keep_the_text_whatever_their_order() -> None:
    text = "a & b\n  <c>"
    html = marked_text(text, [Mark(8, 11, "Y", '"q"'), Mark(0, 1, "X")])
    assert text_of(html).strip("\n") == "aX & b\n  <c>Y"
    assert html.count("<mark") == 2
