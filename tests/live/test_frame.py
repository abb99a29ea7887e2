"""The frame of a search: for any number of trials, width and height, it fits and says what matters."""

import math
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from nerbb_ray.live.frame import frame, header, ranked
from nerbb_ray.live.short import clock, cut_to, short_number, short_run, short_score, short_value
from nerbb_ray.live.state import ENDED, RUNNING, SearchState, ShownTrial, State

NAN = math.nan
RATES = (1e-5, 3e-5, 5e-5, 1e-4, 3e-4)


def grid(n: int, running: int = 0, total: int | None = None, **values: object) -> SearchState:
    """A grid over lr_max and batch_size, of which the last trials run."""
    rng, trials = random.Random(n), []
    for k in range(n):
        point = {"lr_max": RATES[k % 5], "batch_size": (8, 16)[k // 5 % 2]}
        run = f"runA(lr_max={point['lr_max']},batch_size={point['batch_size']})"
        state: State = RUNNING[k % 5] if k >= n - running else "failed" if k % 11 == 3 else "done"
        blank = state in ("loading", "failed")
        trial = ShownTrial(
            run, 43 + k // 10, state, point, 0 if blank else rng.randint(1, 7), 8, rng.randint(1, 38), 38
        )
        trial.best_f1, trial.val_loss = (NAN, NAN) if blank else (rng.random(), rng.random())
        trials.append(trial)
    return SearchState(
        **{"name": "politics", "total": total or n, "trials": trials, "elapsed_s": 192, "left_s": 300} | values
    )


def lines(search: SearchState, width: int, height: int) -> list[str]:
    return [line.plain for line in frame(search, width, height)]


def test_the_header_says_how_the_search_stands() -> None:
    trials = [
        ShownTrial("runA(lr_max=0.0003)", 43, "done", {"lr_max": 3e-4}, 8, 8, best_f1=0.655),
        *(ShownTrial("runB", seed, "done", epochs=1, best_f1=0.1) for seed in range(3)),
        ShownTrial("runB", 47, "failed"),
        ShownTrial("runB", 48, "training", epochs=1, best_f1=0.6549),
    ]
    search = SearchState(name="politics", total=9, trials=trials, elapsed_s=192, left_s=300)
    assert header(search, 100).plain == (
        "politics  4/9 done, 1 failed, best .655 runA(lr_max=3e-4), 3:12 elapsed, about 5 min left"
    )
    assert header(search, 60).plain == "politics  4/9 done, 1 failed, best .655, about 5 min left"
    assert header(search, 40).plain == "politics  4/9 done, 1 failed, best .655"


def test_a_long_name_does_not_push_the_end_out_of_the_header() -> None:
    states: tuple[State, ...] = ("done", "failed", "diverged", "cut", "training")
    trials = [ShownTrial("runA(lr_max=0.0003)", n, state, best_f1=0.64) for n, state in enumerate(states)]
    name = "politics_experiment_with_a_long_name"
    search = SearchState(name=name, total=18, trials=trials, elapsed_s=3000, left_s=420)
    assert header(search, 80).plain == (
        "polit..name  1/18 done, 1 failed, 1 diverged, 1 cut, best .640, about 7 min left"
    )
    assert header(search, 60).plain == "pol..ame  1/18 done, 1 failed, best .640, about 7 min left"


def test_long_names_of_runs_leave_room_for_bars_as_far_as_they_differ() -> None:
    rates = dict.fromkeys((3e-4, 3e-5))

    def rows(sections: list[str]) -> list[str]:
        trials = [
            ShownTrial(f"{section}(batch_size=16,lr_max={rate})", 43, "training", {"lr_max": rate}, 2, 8, 30, 100)
            for section in sections
            for rate in rates
        ]
        return lines(SearchState(name="exp", total=len(trials), trials=trials), 66, 20)[3:]

    one = rows(["run_with_a_long_name"])
    assert all(re.search(r"^run\S*ame +3e-[45] +43 +training +\[##  +\] +3/8", row) for row in one), one
    two = rows(["run_with_the_first_long_name", "run_with_the_other_long_name"])
    assert len({row.split()[0] for row in two}) == 2, two


def test_sixty_trials_on_thirty_rows_keep_header_end_and_what_runs() -> None:
    search = grid(40, running=4, total=60)
    shown = lines(search, 120, 29)
    assert len(shown) == 29
    assert shown[0].endswith("3:12 elapsed, about 5 min left")
    assert [line.split()[4] for line in shown[4:8]] == [trial.state for trial in search.trials[-4:]]
    scores = [float(line.split()[6]) for line in shown[8:-1]]
    best = sorted((t.best_f1 for t in search.trials if t.state == "done"), reverse=True)
    assert scores == pytest.approx(best[: len(scores)], abs=6e-4)
    hidden = sum(t.state == "done" for t in search.trials) - len(scores)
    failed = sum(t.state == "failed" for t in search.trials)
    assert shown[-1] == f"not shown: {hidden} done, {failed} failed, 20 waiting"


def test_nine_trials_at_eighty_columns_are_told_apart() -> None:
    shown = lines(grid(9, running=2), 80, 23)
    assert "lr_max" in shown[2]
    assert shown[1].split() == ["batch_"]
    rows = [line.split() for line in shown[4:]]
    assert {tuple(row[:4]) for row in rows} == {
        ("runA", short_number(RATES[k % 5]), str((8, 16)[k // 5 % 2]), "43") for k in range(9)
    }
    assert not any("..." in line or "(" in line for line in shown[1:])
    (cooling,) = [line for line in shown if "cool-down" in line]
    assert re.search(r"cool-down  \[#+ *\] +\d/8 +\d+/38 +\.\d{3}", cooling)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_columns_are_dropped_by_priority(width: int) -> None:
    heads = " ".join(lines(grid(9, running=2), width, 23)[1:3])
    known = ["run", "seed", "best F1", "state", "lr_max", "epoch", "time", "step", "val loss", "LR"]
    there = [name for name in known if re.search(rf"\b{name}\b", heads)]
    assert there == known[: len(there)] or "epoch" not in there  # a narrower column may do where a wide one does not
    assert {"run", "seed", "best F1", "state", "lr_max"} <= set(there)
    assert ("LR" in there) == (width >= 100)


@pytest.mark.parametrize(
    ("runs", "first", "last", "names"),
    [
        # runs of different sections: what differs comes last
        ({"runA": {"max_epochs": 4}, "runB": {"max_epochs": 12}}, "run seed state", "LR time epochs", ["runA", "runB"]),
        # names that nothing else tells apart are whole
        ({"run(a)": {}, "run(b)": {}}, "run seed state", "LR time", ["run(a)", "run(b)"]),
        # of a path its end
        (
            {"runA(model=x--bert)": {"model": "x/bert"}, "runA(model=x--bart)": {"model": "x/bart"}},
            "run model seed state",
            "LR time",
            ["runA bert", "runA bart"],
        ),
    ],
)
def test_what_varies_has_columns(runs: dict[str, dict[str, object]], first: str, last: str, names: list[str]) -> None:
    trials = [ShownTrial(run, 43, "failed", params) for run, params in runs.items()]
    *above, heads, _, row, other = lines(SearchState(name="e", total=2, trials=trials), 100, 20)
    assert " ".join(heads.split()).startswith(first)
    assert " ".join(heads.split()).endswith(last)
    assert [line.split() for line in above[1:]] == ([["max_"]] if "epochs" in last else [])
    for line, name in zip((row, other), names, strict=True):
        assert " ".join(line.split()).startswith(name + " ")


def test_columns_are_those_of_all_runs_from_the_beginning() -> None:
    planned = {f"runA(lr_max={rate})": {"lr_max": rate} for rate in RATES}
    one = ShownTrial("runA(lr_max=1e-05)", 43, "loading", {"lr_max": 1e-5})
    shown = lines(SearchState(name="e", total=5, trials=[one], planned=planned), 80, 20)
    assert shown[1].split()[:2] == ["run", "lr_max"]


@pytest.mark.parametrize(
    ("search", "said"),
    [
        (SearchState(name="e", total=9, trials=[]), ["e  0/9 done, 0:00 elapsed", "not shown: 9 waiting"]),
        (
            SearchState(name="e", total=9, trials=[], at_most=True, earlier=4, earlier_best=("runB", 0.5)),
            ["e  4/at most 9 done, best .500 runB, 0:00 elapsed", "not shown: 4 of an earlier call, 5 waiting"],
        ),
    ],
)
def test_before_a_trial_has_begun_there_is_no_table(search: SearchState, said: list[str]) -> None:
    assert lines(search, 80, 20) == said


states = st.sampled_from([*RUNNING, *ENDED, "interrupted"])
names = st.text("runABé漢(=,)_-.0123456789e", min_size=1, max_size=60)
values = st.one_of(st.floats(), st.integers(-10, 10**9), st.booleans(), st.none(), st.text(max_size=60))
trials = st.builds(
    ShownTrial,
    run=names,
    seed=st.integers(1, 10**20),
    state=states,
    params=st.dictionaries(st.sampled_from(["lr_max", "lr_cooldown_restarts", "dataset_name", "x"]), values),
    epochs=st.integers(0, 999),
    of_epochs=st.none() | st.integers(1, 250),
    step=st.integers(0, 10**6),
    steps=st.integers(0, 10**6),
    best_f1=st.floats(0, 1) | st.just(NAN),
    val_loss=st.floats(allow_nan=True),
    lr=st.floats(allow_nan=True),
    elapsed_s=st.floats(0, 10**7),
)
searches = st.builds(
    SearchState,
    name=names,
    total=st.integers(0, 10**5),
    trials=st.lists(trials, max_size=70),
    at_most=st.booleans(),
    earlier=st.integers(0, 99),
    earlier_best=st.none() | st.tuples(names, st.floats(0, 1)),
    elapsed_s=st.floats(0, 10**7),
    left_s=st.none() | st.floats(0, 10**7),
)


@settings(max_examples=150, deadline=None)
@given(searches, st.integers(40, 200), st.integers(10, 60))
def test_a_frame_fits_and_loses_no_trial(search: SearchState, width: int, height: int) -> None:
    shown = lines(search, width, height)
    assert len(shown) <= height
    assert all(cell_len(line) <= width and "\n" not in line for line in shown)
    running = [trial for trial in search.trials if trial.running]
    assert [*running, *(trial for trial in ranked(search.trials) if not trial.running)] == ranked(search.trials)
    rule = next((k for k, line in enumerate(shown) if re.fullmatch("-+", line)), None)
    if rule is not None and search.trials:
        counted = shown[-1].startswith("not shown: ")
        rows = len(shown) - rule - 1 - counted
        assert 0 < rows <= len(search.trials)
        assert counted or rows == len(search.trials)
        if counted and len(shown[-1]) < width - 20:  # nothing was left out of that line either
            assert sum(map(int, re.findall(r"\d+", shown[-1]))) == (
                len(search.trials) - rows + search.earlier + search.waiting
            )


@pytest.mark.parametrize(
    ("shortened", "text"),
    [
        (short_score(0.6549), ".655"),
        (short_score(1.0), "1.000"),
        (short_score(NAN), "-"),
        (short_number(3e-4), "3e-4"),
        (short_number(0.1), "0.1"),
        (short_number(1.5e-5), "1.5e-5"),
        (short_number(20.0), "20"),
        (short_value("google-bert/bert-base-cased"), "bert-base-cased"),
        (short_value(True), "True"),
        (short_value(None), "auto"),
        (
            short_run("runA(lr_max=0.0003,batch_size=16,dataset_name=a5)"),
            "runA(lr_max=3e-4,batch_size=16,dataset_name=a5)",
        ),
        (clock(192.9), "3:12"),
        (clock(3792), "1:03:12"),
        (cut_to("sentence-transformers", 11), "sente..mers"),
        (cut_to("abc", 3), "abc"),
        (cut_to("漢字漢字", 6), "漢..字"),
    ],
)
def test_shortened(shortened: str, text: str) -> None:
    assert shortened == text
