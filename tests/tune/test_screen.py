"""The screen while trials run: what a terminal shows, and what is printed where there is none."""

import io
import pickle
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from fixtures.jobs import job, spec
from ray.tune import Callback
from rich.console import Console

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.trials import TrialSpec, expand
from nerbb_ray.training.activity import Activity, ActivityFile
from nerbb_ray.tune.job import JobBook
from nerbb_ray.tune.screen import Screen
from nerbb_ray.tune.trial_plan import TrialPlan

NAN = float("nan")
REPORT = {"epoch": 2, "stage": "COOLDOWN", "lr": 1.5e-4, "val/loss": 0.25, "val/entity/micro/f1": NAN}


def tune_trial(trial: TrialSpec) -> SimpleNamespace:
    return SimpleNamespace(config={"run": trial.run, "seed": trial.seed})


@dataclass
class Shown:
    """A screen, what it has printed, and the trials."""

    screen: Screen
    out: io.StringIO
    trials: list[TrialSpec]

    def start(self, number: int) -> None:
        self.screen.on_trial_start(trial=tune_trial(self.trials[number]))

    def report(self, number: int, **values: object) -> None:
        self.screen.on_trial_result(trial=tune_trial(self.trials[number]), result=REPORT | values)

    def end(self, number: int) -> None:
        self.screen.on_trial_complete(trial=tune_trial(self.trials[number]))

    def fail(self, number: int) -> None:
        self.screen.on_trial_error(trial=tune_trial(self.trials[number]))

    def frame(self) -> str:
        """What a terminal would show now."""
        out = io.StringIO()
        width, height = self.screen.console.size
        Console(file=out, width=width, height=height).print(self.screen.frame())
        return out.getvalue()

    def row(self, number: int) -> list[str]:
        trial = self.trials[number]
        (line,) = [one for one in self.frame().splitlines() if one.startswith(trial.run) and f" {trial.seed} " in one]
        return line.split()


@pytest.fixture
def book(tmp_path: Path) -> JobBook:
    return JobBook(tmp_path / "jobs")


@pytest.fixture
def shown(book: JobBook, tmp_path: Path) -> Callable[..., Shown]:
    def show(seeds: int = 2, hparams: dict[str, object] | None = None, **console: object) -> Shown:
        planned = spec(seeds=seeds, **(hparams or {}))
        trials = list(expand(planned))
        for one in trials:
            book.put(job(one, storage=tmp_path))
        out = io.StringIO()
        console = {"force_terminal": True, "width": 110, "height": 30} | console
        return Shown(Screen(TrialPlan(planned, 1), book, 1, Console(file=out, **console)), out, trials)

    return show


def test_without_a_terminal_every_event_is_a_line(shown) -> None:
    one = shown(force_terminal=False)
    one.screen.setup()
    one.start(0)
    one.report(0)
    one.report(0, **{"epoch": 3, "val/entity/micro/f1": 0.5})
    one.report(0, **{"epoch": 4, "val/entity/micro/f1": 0.4, "reason": "cool-down finished"})
    one.end(0)
    one.start(1)
    one.fail(1)
    one.screen.on_experiment_end()
    without_times = re.sub(r"(, |after )0:\d\d|; the search ends in about .*", r"\1", one.out.getvalue())
    assert [line.removesuffix(", ") for line in without_times.splitlines()] == [
        "trials to run: 4",
        "runA-43: started",
        "runA-43: epoch 3, cool-down, LR 1.50e-04, val loss 0.2500, val F1 -",
        "runA-43: epoch 4, cool-down, LR 1.50e-04, val loss 0.2500, val F1 0.5000 (best 0.5000)",
        "runA-43: epoch 5, cool-down, LR 1.50e-04, val loss 0.2500, val F1 0.4000 (best 0.5000)",
        "runA-43: done after : cool-down finished",
        "runB-43: started",
        f"runB-43: failed; see {job(one.trials[1]).log}",
    ]
    assert "\x1b" not in one.out.getvalue()


def test_a_dumb_terminal_gets_lines(shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    one = shown()
    one.screen.setup()
    one.start(0)
    one.screen.on_experiment_end()
    assert one.out.getvalue() == "trials to run: 4\nrunA-43: started\n"


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False)])
def test_colour_says_what_a_trial_does_unless_it_is_not_wanted(
    shown, monkeypatch: pytest.MonkeyPatch, no_color: str | None, coloured: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    one = shown(color_system="standard")
    one.screen.setup()
    one.start(0)
    one.fail(0)
    one.screen.on_experiment_end()
    red = "\x1b[1;31m"
    assert (f"{red}failed" in one.out.getvalue()) == coloured
    assert "failed" in one.out.getvalue()


def test_a_terminal_shows_the_best_f1_so_far_and_not_the_last(shown) -> None:
    one = shown()
    one.screen.setup()
    one.start(0)
    for epoch, f1 in enumerate((0.5, 0.655, 0.4)):
        one.report(0, **{"epoch": epoch, "val/entity/micro/f1": f1})
    assert ".655" in one.row(0)
    assert ".400" not in one.frame()
    assert one.frame().startswith("exp  0/4 done, best .655 runA")
    one.screen.close()
    one.screen.close()
    last = one.out.getvalue()[-1500:]
    for part in ("runA", "43", "cool-down", "1.5e-4", ".250", "3 waiting"):
        assert part in last


def test_every_state_of_a_trial_is_shown(shown) -> None:
    hparams = {"lr_warmup_epochs": 2, "max_epochs": 8, "early_stopping": False, "lr_schedule": "linear"}
    one = shown(hparams=hparams)
    one.start(0)
    file = ActivityFile(job(one.trials[0], storage=one.screen.book.folder.parent).activity)
    assert one.row(0)[2] == "loading"
    file.tell(Activity("warm-up", 0, 3, 38))
    assert one.row(0)[2:7] == ["warm-up", "[", "]", "1/8", "3/38"]
    one.report(0, epoch=0, stage="WARMUP_OR_CONSTANT")
    assert one.row(0)[2:6] == ["warm-up", "[#", "]", "2/8"]
    one.report(0, epoch=4, stage="WARMUP_OR_CONSTANT")
    file.tell(Activity("training", 5, 19, 38))
    assert one.row(0)[2:7] == ["training", "[######", "]", "6/8", "19/38"]
    file.tell(Activity("cool-down", 6, 1, 38))
    assert one.row(0)[2] == "cool-down"
    file.tell(Activity("testing", 8))
    assert one.row(0)[2:5] == ["testing", "[##########]", "8/8"]
    one.report(0, epoch=7)
    one.end(0)
    assert one.row(0)[2] == "done"
    for number, (ending, state) in enumerate(
        (({"diverged": True}, "diverged"), ({"cut": True}, "cut"), (None, "failed")), start=1
    ):
        one.start(number)
        if ending is None:
            one.fail(number)
        else:
            one.report(number, **ending)
            one.end(number)
        assert one.row(number)[2] == state


def test_what_an_earlier_attempt_was_doing_is_not_shown(shown) -> None:
    one = shown()
    ActivityFile(job(one.trials[0], storage=one.screen.book.folder.parent).activity).tell(Activity("testing", 9))
    one.start(0)
    assert "loading" in one.frame()


def test_trials_that_an_interruption_ends_are_not_said_to_run(shown) -> None:
    one = shown()
    one.screen.setup()
    one.start(0)
    one.screen.on_experiment_end()
    assert one.row(0)[2] == "interrupted"


@pytest.mark.parametrize("height", [10, 30])
def test_a_long_table_shows_what_runs_and_counts_the_rest(shown, height: int) -> None:
    one = shown(seeds=40, height=height)
    for number in range(50):
        one.start(number)
        one.report(number, **{"val/entity/micro/f1": number / 100})
        one.end(number)
    one.start(70)
    lines = one.frame().splitlines()
    assert len(lines) < height
    assert "runA" in lines[3]
    assert "loading" in lines[3]
    assert ".490" in lines[4]
    assert "left" in lines[0]
    rows = len(lines) - 4
    assert lines[-1] == f"not shown: {51 - rows} done, 29 waiting"


def test_seconds_left_are_those_of_the_trials_that_are_left(shown) -> None:
    one = shown()
    one.start(0)
    one.screen.rows["runA-43"].began -= 60
    one.end(0)
    assert re.match(r"exp  1/4 done, 0:\d\d elapsed, about 3 min left\n", one.frame())


RACE = {"dataset_name": "d", "pretrained_model_name": "m", "multiple_runs": 8, "racing": True, "lr_max": [1, 2, 3]}
LIMIT = {"max_hours": 0.1}


def test_the_remaining_time_of_a_race_is_not_that_of_all_trials(book: JobBook) -> None:
    raced = build_spec("e", params=RACE)
    plan = TrialPlan(raced, 1, clock=lambda: 0.0)
    screen = Screen(plan, book, 1, Console(file=io.StringIO()))
    for number in range(9):
        trial = plan.next()
        book.put(job(trial))
        screen.on_trial_start(trial=tune_trial(trial))
        screen.rows[trial.name].began -= 60
        plan.end(trial, trial.hparams.lr_max * 1e4 + trial.seed / 1e5, 60)
        screen.on_trial_complete(trial=tune_trial(trial))
        if number == 0:  # 8 of the first seeds and 3 of the others, not 23
            assert screen._ends_in().startswith("the search ends in about 11 min")
    assert screen._ends_in() == "", "the race is decided"
    ends = [Screen(TrialPlan(build_spec("e", params=RACE | more), 1), book) for more in ({}, LIMIT)]
    for screen in ends:
        screen.eta.end("runA", "a", 60.0)
    assert ends[0]._ends_in().startswith("the search ends in about 12 min")
    assert ends[1]._ends_in().startswith("the search ends in about 6 min (")


def test_a_terminal_is_not_pickled(shown) -> None:
    assert type(pickle.loads(pickle.dumps(shown().screen))) is Callback


def test_steps_are_written_down_twice_a_second_and_changes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "some" / "trial.json"
    file = ActivityFile(path)
    begun, writes, seen = time.monotonic(), 0, ""
    for step in range(2000):
        file.tell(Activity("training", 0, step, 2000))
        writes, seen = (writes + 1, text) if (text := path.read_text()) != seen else (writes, seen)
    assert writes <= 1 + (time.monotonic() - begun) / 0.5
    file.tell(Activity("testing", 1))
    assert "testing" in path.read_text()
    ActivityFile(None).tell(Activity("testing"))
    ActivityFile(Path("/dev/null/not/a/folder")).tell(Activity("testing"))
