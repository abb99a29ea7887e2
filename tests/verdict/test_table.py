"""The results table shows every number at every width, and names what went wrong."""

import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.results.experiment_result import ExperimentResult, Status, TrialResult
from nerbb_ray.verdict.table import results_text, to_json

VAL, TEST = "val/entity/micro/f1", "test/entity/micro/f1"
LONG = "runB(lr_max=2e-05,batch_size=16,pretrained_model_name=google-bert--bert-base-multilingual-cased,patience=3)"


def trial(run: str, seed: int, val: float, status: Status = "ok", **more: object) -> TrialResult:
    values = {"epochs": 10 + seed % 3, "checkpoint": f"/store/checkpoints/exp/{run}/{seed}", **more}
    return TrialResult(run, seed, status, metrics={VAL: val, TEST: val / 2}, **values)  # type: ignore[arg-type]


RESULT = ExperimentResult.of(
    "exp",
    [
        *(trial("runA", 43 + k, value) for k, value in enumerate((0.80, 0.81, 0.82, 0.83))),
        *(trial(LONG, 43 + k, value) for k, value in enumerate((0.90, 0.91))),
        trial(LONG, 45, 0.1, "failed", error="RuntimeError: [boom] [/] 5 %", log="/store/logs/exp/runB-45.log"),
        trial(LONG, 46, math.nan, "diverged", error="val_loss is nan", log="/store/logs/exp/runB-46.log"),
        trial("runC", 43, 0.5),
        trial("runD", 43, 0.5, "interrupted"),
    ],
    n_seeds=4,
)
NUMBERS = ("4/4", "2/4", "1/4", "0/4", "11.0", "11, 12", "0.8150 +- 0.0065", "[0.794, 0.835]", "0.9050")
NUMBERS += ("(0.9000, 0.9100)", "(2 of 4 seeds failed)", "(0.4500, 0.4550)", "0.5000", "0.2500")


@pytest.mark.parametrize("width", [70, 80, 100, 120, 200])
def test_no_number_is_lost_and_no_line_is_too_long(width: int) -> None:
    text = results_text(RESULT, width)
    assert max(map(len, text.splitlines())) <= width
    assert [number for number in NUMBERS if number not in text] == []
    assert "…" not in text


def test_mean_and_interval_stand_side_by_side_where_the_names_leave_room() -> None:
    short = ExperimentResult("exp", RESULT.runs[:1])
    assert "0.8150 +- 0.0065 [0.794, 0.835]   0.4075 +- 0.0032 [0.397, 0.418]" in results_text(short, 100)
    side_by_side = r"0\.8150 \+- 0\.0065 \[0\.794, 0\.835\] +0\.4075 \+- 0\.0032 \[0\.397, 0\.418\]"
    assert re.search(side_by_side, results_text(RESULT, 260))


@pytest.mark.parametrize("letters", range(1, 30))
def test_a_name_is_not_folded_as_long_as_the_intervals_can_give_way(letters: int) -> None:
    name = "run" + "x" * letters
    result = ExperimentResult.of("exp", [trial(name, 43 + k, 0.8 + k / 100) for k in range(3)], n_seeds=3)
    assert f"   {name} " in results_text(result, 100)


def test_long_name_is_folded_and_whole() -> None:
    lines = results_text(RESULT, 100).splitlines()
    end = next(line for line in lines if " ok " in line).index(" ok ")
    assert LONG in "".join(line[:end].strip(" *") for line in lines)


def test_best_run_is_marked() -> None:
    marked = [line for line in results_text(RESULT, 200).splitlines() if re.match(r"\s*\*\s+run", line)]
    assert len(marked) == 1
    assert LONG in marked[0]


def test_everything_that_did_not_end_ok_is_named_with_its_reason_and_log() -> None:
    text = results_text(RESULT, 300)
    assert f"failed {LONG}-45: RuntimeError: [boom] [/] 5 %\n  log: /store/logs/exp/runB-45.log\n" in text
    assert f"diverged {LONG}-46: val_loss is nan\n  log: /store/logs/exp/runB-46.log\n" in text
    assert "interrupted runD-43\n" in text
    assert "not started runC: 3 of 4 seeds\n" in text
    assert "not started runA" not in text


def test_why_a_search_gave_fewer_seeds_is_said_once() -> None:
    values = {"runA": (0.8, 0.81, 0.82), "runB": (0.8, 0.82, 0.81), "runC": (0.3, 0.5)}
    trials = [TrialResult(run, seed, "ok", {VAL: f1}) for run, found in values.items() for seed, f1 in enumerate(found)]
    tie, lost = "more seeds would probably not tell runA, runB apart", "dropped after 2 seeds: worse"
    raced = ExperimentResult.of("exp", trials, n_seeds=8, notes={"runA": tie, "runB": tie, "runC": lost})
    text = results_text(raced, 200)
    assert text.count(tie) == text.count(lost) == 1
    assert f"2 runs have fewer seeds: {tie}\n" in text
    assert f"runC is not compared: {lost}\n" in text


def test_models_and_next_commands_are_told() -> None:
    text = results_text(RESULT, 300)
    assert f"best model: /store/checkpoints/exp/{LONG}/44\n" in text
    assert "all models: /store/checkpoints/exp\n" in text
    assert "nerbb get_experiment_results exp" in text
    assert "nerbb mlflow" in text
    assert "nerbb tensorboard" in text


@pytest.mark.parametrize(
    ("name", "store", "line"),
    [
        ("exp", None, "next: nerbb get_experiment_results exp | nerbb compare exp | nerbb mlflow | nerbb tensorboard"),
        ("exp", "st", "next: nerbb get_experiment_results exp --store st | nerbb compare exp --store st | nerbb mlflow "
                      "--store st | nerbb tensorboard --store st"),
        ("a (b)", "my store", "next: nerbb get_experiment_results 'a (b)' --store 'my store' | nerbb compare 'a (b)' "
                              "--store 'my store' | nerbb mlflow --store 'my store' | nerbb tensorboard --store "
                              "'my store'"),
    ],
)  # fmt: skip
def test_next_commands_can_be_typed_as_they_are(name: str, store: str | None, line: str) -> None:
    assert results_text(ExperimentResult(name, RESULT.runs), 300, store).splitlines()[-1] == line


@pytest.mark.parametrize("width", [60, 100, 300])
def test_table_can_be_printed_anywhere(width: int) -> None:
    text = results_text(RESULT, width)
    assert text.isascii()
    assert re.search(r"^ *-{20}", text, re.MULTILINE)


def test_experiment_without_any_result_has_a_table() -> None:
    text = results_text(ExperimentResult.of("exp", [trial("runA", 43, math.nan, "failed", error="no")]))
    assert "0/1" in text
    assert "failed runA-43: no" in text
    assert "best" not in text


def test_json_holds_all_numbers_and_null_for_undefined_ones() -> None:
    values = json.loads(to_json(RESULT), parse_constant=pytest.fail)
    by_run = {run["run"]: run for run in values["runs"]}
    assert values["best_run"] == LONG
    assert [run["run"] for run in values["runs"] if run["best"]] == [LONG]
    assert by_run[LONG]["metrics"][VAL]["mean"] == pytest.approx(0.905)
    assert (by_run[LONG]["metrics"][VAL]["ci95"], by_run[LONG]["metrics"][VAL]["failed"]) == (None, 2)
    assert by_run[LONG]["metrics"][VAL]["failure_rate"] == 0.5
    of_a = by_run["runA"]["metrics"][VAL]
    assert of_a["ci95"] == pytest.approx([0.7936, 0.8346], abs=1e-4)
    assert of_a["ci95"] == pytest.approx([1 / (1 + math.exp(-end)) for end in of_a["logit"]["ci95"]])
    assert (by_run[LONG]["n_ok"], by_run[LONG]["n_total"]) == (2, 4)
    assert by_run["runC"]["metrics"][VAL]["sem"] is None
    assert by_run[LONG]["trials"][2]["error"] == "RuntimeError: [boom] [/] 5 %"
    assert by_run[LONG]["trials"][3]["metrics"][VAL] is None


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text("ab(),=-[] $", min_size=1, max_size=60), min_size=1, max_size=4, unique=True))
def test_any_run_name_keeps_the_numbers(names: list[str]) -> None:
    result = ExperimentResult.of("exp", [trial(name, seed, 0.25) for name in names for seed in (43, 44)])
    text = results_text(result, 100)
    assert text.count("0.2500") == len(names)
    assert text.count("(2 equal values)") == 2 * len(names)
    assert max(map(len, text.splitlines())) <= 100
