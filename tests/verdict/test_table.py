"""The results table shows every number at every width, and names what went wrong."""

import json
import math
import re
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.cli import build_parser
from nerbb_ray.commands.listing import COMMANDS
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import NEVER_STARTED, Status, TrialResult
from nerbb_ray.verdict.marks import means_legend
from nerbb_ray.verdict.parts import part_lines
from nerbb_ray.verdict.table import results_text, to_json
from nerbb_ray.verdict.verdict import verdict
from nerbb_ray.verdict.words import verdict_text

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


def too_long(text: str, width: int) -> list[str]:
    """Lines that are longer than the screen although they could be broken between words."""
    whole = ("best model: ", "all models: ", "  nerbb ")
    lines = (line for line in text.splitlines() if not line.startswith(whole))
    return [line for line in lines if len(line) > width and " " in line.strip()]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_sentences_are_never_broken_inside_of_a_word(width: int) -> None:
    lines = results_text(RESULT, width).splitlines()
    below = lines[next(k for k, line in enumerate(lines) if line.startswith("* best")) :]
    whole = results_text(RESULT, 10_000)
    assert {word for line in below for word in line.split()} == set(whole[whole.index("* best run") :].split())


def test_a_long_name_is_broken_behind_the_parts_of_its_point() -> None:
    (line,) = [line for line in results_text(RESULT, 100).splitlines() if "runB(" in line and "*" in line]
    assert line.split()[1].endswith(("(", ","))


@pytest.mark.parametrize("width", [70, 80, 100, 120, 200])
def test_no_number_is_lost_and_no_line_is_too_long(width: int) -> None:
    text = results_text(RESULT, width)
    assert too_long(text, width) == []
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
    assert "interrupted: runD-43; not started: 6 trials of 16\n" in text


def test_why_a_search_gave_fewer_seeds_is_said_once() -> None:
    values = {"runA": (0.8, 0.81, 0.82), "runB": (0.8, 0.82, 0.81), "runC": (0.3, 0.5)}
    trials = [TrialResult(run, seed, "ok", {VAL: f1}) for run, found in values.items() for seed, f1 in enumerate(found)]
    tie, lost = "more seeds would probably not tell runA, runB apart", "dropped after 2 seeds: worse"
    raced = ExperimentResult.of("exp", trials, n_seeds=8, notes={"runA": tie, "runB": tie, "runC": lost})
    text = results_text(raced, 200)
    assert text.count(tie) == text.count(lost) == 1
    assert f"2 runs have fewer seeds: {tie}\n" in text
    assert f"runC is not compared: {lost}\n" in text


def test_models_are_told() -> None:
    text = results_text(RESULT, 300)
    assert f"best model: /store/checkpoints/exp/{LONG}/44\n" in text
    assert "all models: /store/checkpoints/exp\n" in text


def next_of(text: str) -> list[str]:
    return [line.strip() for line in text.partition("next:\n")[2].splitlines()]


@pytest.mark.parametrize(
    ("name", "store", "where"),
    [("exp", None, ""), ("exp", "st", " --store st"), ("a (b)", "my st", " --store 'my st'")],
)
def test_next_commands_can_be_pasted(name: str, store: str | None, where: str) -> None:
    quoted = shlex.quote(name)
    commands = next_of(results_text(ExperimentResult(name, RESULT.runs), 40, store))
    assert commands == [
        f"nerbb report {quoted}{where}",
        f"nerbb compare {quoted}{where}",
        f'nerbb predict {quoted} "Anna lives in Berlin."{where}',
        f"nerbb export {quoted} {shlex.quote(f'{name}-model')}{where}",
    ]
    for command in commands:
        known = next(listed for listed in COMMANDS if listed.name == command.split()[1])
        assert build_parser([known]).parse_args(shlex.split(command)[1:]).name == name


LUCKY = {"runA": (0.5, 0.95, 0.5), "runB(lr_max=3e-05)": (0.8, 0.81, 0.79)}


def result_with(checkpoints: bool = True, **seeds: tuple[float, ...]) -> ExperimentResult:
    kept = {} if checkpoints else {"checkpoint": None}
    trials = [trial(run, 43 + k, f1, **kept) for run, values in seeds.items() for k, f1 in enumerate(values)]
    return ExperimentResult.of("exp", trials)


def test_best_model_is_of_the_best_run_and_so_are_the_commands() -> None:
    text = results_text(result_with(**LUCKY), 300)
    best = "best model: /store/checkpoints/exp/runB(lr_max=3e-05)/44"
    assert f"{best}\n  (val F1 of runA-44 is higher, 0.9500: a lucky" in text
    assert "nerbb predict exp --run 'runB(lr_max=3e-05)' \"Anna lives in Berlin.\"" in next_of(text)
    assert "nerbb export exp exp-model --run 'runB(lr_max=3e-05)'" in next_of(text)


@pytest.mark.parametrize(
    ("result", "said", "commands"),
    [
        (result_with(runA=(0.5,)), "best model: /store/checkpoints/exp/runA/43", ["report", "predict", "export"]),
        (result_with(False, runA=(0.5,)), "best model: that of runA-43 was not kept (checkpoints = False)", ["report"]),
        (
            result_with(runA=(math.nan,), runB=(math.nan,)),
            "best model: none can be named, since val F1 is undefined everywhere",
            ["report", "compare"],
        ),
        (ExperimentResult.of("exp", [trial("runA", 43, 0.5, "failed")]), None, []),
    ],
)
def test_without_a_model_it_is_said_why(result: ExperimentResult, said: str | None, commands: list[str]) -> None:
    text = results_text(result, 200)
    assert [line for line in text.splitlines() if "best model" in line] == ([said] if said else [])
    assert [command.split()[1] for command in next_of(text)] == commands


BEST_IS = "* best run: highest mean val entity micro F1"


@pytest.mark.parametrize(
    ("seeds", "marks", "legend"),
    [
        ({"runA": (0.5, 0.6, 0.7), "runB": (0.51, 0.6, 0.71)}, "=*", f"{BEST_IS}; = tied"),
        ({"runA": (0.1, 0.11, 0.12), "runB": (0.8, 0.81, 0.82)}, " *", BEST_IS),
        ({"runA": (0.5,), "runB": (0.6,)}, " *", BEST_IS),
    ],
)
def test_marks_mean_the_same_in_the_table_and_in_the_comparison(
    seeds: dict[str, tuple[float, ...]], marks: str, legend: str
) -> None:
    result = result_with(**seeds)
    table, compared = results_text(result, 300), verdict_text(verdict(result), "exp", 300)
    for run, mark in zip(seeds, marks, strict=True):
        assert re.search(rf"^ {re.escape(mark)}   {run} ", table, re.MULTILINE)
        assert re.search(rf"^ *{re.escape(mark.strip())} +{run} ", compared, re.MULTILINE)
    assert legend in table
    if len(seeds["runA"]) > 1:
        assert legend in compared
    assert ("= tied" in table) == ("=" in marks)


def test_many_trials_that_never_began_are_one_line() -> None:
    stopped = [trial("runA", seed, 0.5, "interrupted", error="interrupted before its end") for seed in (43, 44)]
    never = [trial(f"run{k}", 43, 0.5, "interrupted", error=NEVER_STARTED) for k in range(57)]
    text = results_text(ExperimentResult.of("exp", [trial("runA", 45, 0.5), *stopped, *never]), 200)
    assert "\ninterrupted: runA-43, runA-44; not started: 57 trials of 60\n" in text
    assert text.count("not started") == text.count("interrupted") == 1


def test_what_happened_to_several_trials_is_said_once() -> None:
    failed = [trial("runA", seed, 0.5, "failed", error="RuntimeError: no", log=f"/l/{seed}.log") for seed in range(6)]
    text = results_text(ExperimentResult.of("exp", failed), 200)
    said = "failed runA-0, runA-1, runA-2 and 3 more: RuntimeError: no\n  log: /l/0.log and 5 more beside it"
    assert f"\n{said}\n" in text


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        (("0.2", "0.2"), ["test numbers are of the first 20 % of the test split (prune_ratio_test)"]),
        ((1.0, 0.125), ["test numbers for runB are of the first 12.5 % of the test split (prune_ratio_test)"]),
        ((1.0, 1.0), []),
        ((None, "rubbish"), []),
    ],
)
def test_a_part_of_the_test_split_is_said_to_be_one(ratios: tuple[object, object], said: list[str]) -> None:
    trials = [
        trial(run, 43, 0.5, params={} if ratio is None else {"prune_ratio_test": ratio, "prune_ratio_val": 1.0})
        for run, ratio in zip(("runA", "runB"), ratios, strict=True)
    ]
    lines = results_text(ExperimentResult.of("exp", trials), 200).splitlines()
    assert [line for line in lines if "split" in line] == said


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
    assert too_long(text, 100) == []


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        ("0", "val numbers are of the first 30 % of the val split (prune_ratio_val)"),
        (5, "val numbers are of the first 30 % of the val part of each fold (prune_ratio_val)"),
    ],
)
def test_with_folds_a_part_is_one_of_every_fold(folds: object, said: str) -> None:
    params = {"prune_ratio_val": "0.3", "folds": folds}
    trial = TrialResult("runA", 43, "ok", {"val/entity/micro/f1": 0.5}, params=params, fold=None if folds == "0" else 1)
    assert list(part_lines(ExperimentResult.of("exp", [trial]))) == [said]


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ([1], ""),
        ([2, 1], "Mean over two seeds, and both values"),
        ([3, 1], "Mean +- standard error [95 % interval] over the seeds"),
        ([3, 2], "Mean +- standard error [95 % interval] over the seeds; of two seeds, both values"),
    ],
)
def test_legend_explains_only_the_kinds_of_means_that_are_there(seeds: list[int], said: str) -> None:
    assert means_legend([SeedMean.of([0.5 + k / 10 for k in range(n)]) for n in seeds]) == said


def test_legend_explains_what_stands_where_there_is_no_interval() -> None:
    two_folds = SeedMean.of([0.64, 0.7, 0.72, 0.74, 0.73, 0.76], folds=[1, 1, 1, 2, 2, 2], k=2)
    assert two_folds.with_interval() == "0.7150 (0.6400, 0.7600)"
    assert means_legend([two_folds]).endswith("over the fold models; without an interval (lowest, highest)")
