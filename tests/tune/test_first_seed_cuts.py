"""Ray's schedulers beside the adaptive rule: they see first seeds only, and what they cut gets no further ones."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from nerbb_ray.config.idle_search import idle_scheduler
from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.tune import first_seed_cuts
from nerbb_ray.tune.first_seed_cuts import FirstSeedCuts, scheduler_of
from nerbb_ray.tune.scheduler import AdaptiveStoppingScheduler
from nerbb_ray.tune.trial_plan import TrialPlan

F1 = "val/entity/micro/f1"
EPOCHS = 12
RATES = [1e-5, 2e-5, 3e-5, 4e-5, 5e-5, 6e-5]
PARAMS = {"dataset_name": "d", "pretrained_model_name": "m", "multiple_runs": 3, "max_epochs": EPOCHS}


def spec_of(**params: Any) -> ExperimentSpec:
    return build_spec("e", params=PARAMS | {"lr_max": RATES, "grace_epochs": 2} | params)


class Book:
    """Jobs whose states are named like their trials."""

    def of(self, config: dict[str, Any]) -> Any:
        hparams = spec_of().runs[0].hparams
        return SimpleNamespace(states=config["run"], trial=SimpleNamespace(hparams=hparams))


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The trials that were asked to end, with the reason."""
    asked: dict[str, str] = {}
    monkeypatch.setattr(first_seed_cuts, "ask_to_end", asked.__setitem__)
    return asked


class Trial:
    """What Ray's schedulers know of a trial."""

    def __init__(self, run: str, seed: int) -> None:
        self.trial_id, self.config = f"{run}-{seed}", {"run": run, "seed": seed}


@pytest.fixture
def trained(cut: dict[str, str]) -> Callable[..., list[str]]:
    """Trains a trial to its end, which is an epoch after it was asked to; gives the answers to its reports."""

    def train(scheduler: FirstSeedCuts, run: str, seed: int, values: list[float], metric: str = F1) -> list[str]:
        trial, answers, asked = Trial(run, seed), [], False
        scheduler.on_trial_add(None, trial)
        for epoch, value in enumerate(values):
            last = asked or epoch == len(values) - 1
            report = {"epoch": epoch, metric: value, "history": [1.0] * 2} | ({"final": True} if last else {})
            answers.append(scheduler.on_trial_result(None, trial, report))
            asked = run in cut
            if last:
                scheduler.on_trial_complete(None, trial, report)
                break
        return answers

    return train


def scheduler(name: str, **params: Any) -> FirstSeedCuts:
    made = scheduler_of(spec_of(scheduler=name, **params), Book())
    assert isinstance(made, FirstSeedCuts)
    return made


def curve(top: float) -> list[float]:
    return [top * (epoch + 1) / EPOCHS for epoch in range(EPOCHS - 1)]


def test_without_one_there_is_our_rule_alone() -> None:
    assert type(scheduler_of(spec_of(), Book())) is AdaptiveStoppingScheduler


def test_grace_is_not_cut_short_where_epochs_are_drawn(trained, cut) -> None:
    judge = scheduler("median", grace_epochs=8, max_epochs="choice(3, 4, 12)", algorithm="optuna")
    for number in range(4):
        trained(judge, f"run{number}", 43, curve(0.9))
    trained(judge, "run_bad", 43, curve(0.1))
    assert cut["run_bad"].startswith("cut by median after 8 epochs")


@pytest.mark.parametrize(("name", "first_epochs"), [("asha", 2), ("median", 2)])
def test_what_is_behind_is_cut_from_the_grace_period_on(name, first_epochs, trained, cut) -> None:
    judge = scheduler(name)
    for number, top in enumerate((0.9, 0.8, 0.7, 0.6)):
        trained(judge, f"run{number}", 43, curve(top))
    cut.clear()
    answers = trained(judge, "run_bad", 43, curve(0.1))
    assert set(answers) == {"CONTINUE"}  # the trial ends by itself, tested by nobody
    value = curve(0.1)[first_epochs - 1]
    said = f"cut by {name} after {first_epochs} epochs: {F1} {value:.4f} is behind other runs with this seed"
    assert cut == {"run_bad": said}
    trained(judge, "run_good", 43, curve(0.95))
    assert set(cut) == {"run_bad"}


@pytest.mark.parametrize("name", ["asha", "median"])
def test_further_seeds_are_neither_judged_nor_compared_with(name, trained, cut) -> None:
    judge = scheduler(name)
    for seed in (44, 45):
        for number in range(4):
            trained(judge, f"run{number}", seed, curve(0.9))
    trained(judge, "run_first", 43, curve(0.1))
    assert cut == {}
    for number in range(4):
        trained(judge, f"run{number}", 43, curve(0.9))
    trained(judge, "run_bad", 44, curve(0.1))
    assert "run_bad" not in cut


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_loss_is_better_when_it_is_lower(name, trained, cut) -> None:
    judge = scheduler(name, metric="val/loss")
    for number in range(4):
        trained(judge, f"run{number}", 43, [0.5 - number / 100] * (EPOCHS - 1), "val/loss")
    cut.clear()
    trained(judge, "run_bad", 43, [0.9] * (EPOCHS - 1), "val/loss")
    trained(judge, "run_good", 43, [0.1] * (EPOCHS - 1), "val/loss")
    assert set(cut) == {"run_bad"}
    assert "val/loss 0.9000" in cut["run_bad"]


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_value_that_is_not_defined_is_not_judged(name, trained, cut) -> None:
    judge = scheduler(name)
    for number in range(4):
        trained(judge, f"run{number}", 43, curve(0.9))
    cut.clear()
    trained(judge, "run_nan", 43, [float("nan")] * (EPOCHS - 1))
    assert cut == {}


@pytest.mark.parametrize(
    ("name", "runs", "grace", "idle"),
    [
        ("asha", 6, EPOCHS - 2, None),
        ("asha", 6, EPOCHS - 1, f"grace_epochs = {EPOCHS - 1} .* set grace_epochs <= {EPOCHS - 2} or more epochs"),
        ("asha", 6, 99, f"grace_epochs = 99 .*max_epochs = {EPOCHS}"),
        ("asha", 2, 2, None),
        ("asha", 1, 2, "at least 1 other; got 0"),
        ("median", 4, 2, None),
        ("median", 3, 2, "at least 3 others; got 2"),
        ("median", 6, EPOCHS - 2, None),
        ("median", 6, EPOCHS - 1, f"after grace_epochs = {EPOCHS - 1} it is asked to end"),
    ],
)
def test_a_scheduler_that_can_end_no_trial_is_said_to_be_idle(name, runs, grace, idle, trained) -> None:
    spec = spec_of(scheduler=name, lr_max=RATES[:runs], grace_epochs=grace)
    judge = scheduler_of(spec, Book())
    tops = [0.9 - number / 10 for number in range(runs)]
    epochs = [len(trained(judge, f"run{n}", 43, [top] * EPOCHS)) for n, top in enumerate(tops)]
    assert (min(epochs) == EPOCHS) == (idle is not None)
    found = idle_scheduler(spec)
    assert found is None if idle is None else re.search(idle, found)


def test_without_a_scheduler_or_with_epochs_that_are_drawn_nothing_is_said() -> None:
    assert idle_scheduler(spec_of(lr_max=1e-5)) is None
    assert idle_scheduler(spec_of(scheduler="asha", algorithm="random", max_epochs="randint(1, 9)")) is None


def plan_of(**params: Any) -> TrialPlan:
    return TrialPlan(spec_of(**{"scheduler": "asha", "lr_max": [1e-5, 2e-5, 3e-5]} | params), 1)


def go(plan: TrialPlan, cut: str) -> list[str]:
    """Runs a plan; the first seed of one run is cut. The trials in their order."""
    names = []
    while (trial := plan.next()) is not None:
        names.append(f"{trial.hparams.lr_max:g}-{trial.seed}")
        plan.end(trial, 0.5, 60, whole=names[-1] != cut)
    return names


def test_a_run_whose_first_seed_was_cut_gets_no_further_ones_and_says_so() -> None:
    plan = plan_of()
    names = go(plan, cut="2e-05-43")
    assert names == ["1e-05-43", "2e-05-43", "3e-05-43", "1e-05-44", "3e-05-44", "1e-05-45", "3e-05-45"]
    run = plan.spec.runs[1].name
    assert plan.notes() == {run: "dropped: its first seed was cut (asha)"}
    assert plan.nothing_left()
    assert plan.to_come() == 0


def test_further_seeds_wait_for_the_first_one() -> None:
    plan = TrialPlan(spec_of(scheduler="asha", lr_max=[1e-5, 2e-5]), 4)
    first = [plan.next(), plan.next()]
    assert [trial.seed for trial in first if trial] == [43, 43]
    assert plan.next() is None
    assert not plan.ended
    plan.end(first[1], 0.5, 60)
    second = plan.next()
    assert second is not None
    assert (second.run, second.seed) == (first[1].run, 44)
    assert plan.to_come() == 6 - 3


def test_a_driver_that_starts_again_knows_which_runs_are_out() -> None:
    plan = plan_of()
    runs = [run.name for run in plan.spec.runs]
    earlier = {f"{run}-43": TrialResult(run, 43, "cut" if run == runs[0] else "ok", metrics={F1: 0.3}) for run in runs}
    plan.go_on_from(earlier, {})
    assert sorted(go(plan, cut="")) == ["2e-05-44", "2e-05-45", "3e-05-44", "3e-05-45"]


def test_a_race_goes_on_without_the_runs_that_are_out() -> None:
    plan = plan_of(racing=True, min_seeds=2, multiple_runs=4)
    names = go(plan, cut="1e-05-43")
    assert names.count("1e-05-43") == 1
    assert not [name for name in names if name.startswith("1e-05") and name != "1e-05-43"]
    assert plan.nothing_left()
    assert plan.notes()[plan.spec.runs[0].name] == "dropped: its first seed was cut"  # by one of the two


def test_a_searcher_is_told_what_a_run_had_reached_when_it_was_cut() -> None:
    class Proposer:
        def __init__(self, spec: ExperimentSpec) -> None:
            from nerbb_ray.config.trials import concrete

            self.left = [concrete(spec.runs[0], {"lr_max": rate}) for rate in (1e-4, 2e-4)]
            self.told: dict[float, float] = {}

        def propose(self, known: Any) -> Any:  # noqa: ARG002
            return self.left.pop(0) if self.left else None

        def has_more(self) -> bool:
            return bool(self.left)

        def tell(self, run: Any, value: float) -> None:
            self.told[run.hparams.lr_max] = value

    spec = spec_of(scheduler="asha", algorithm="optuna", lr_max="loguniform(1e-5,1e-3)", num_samples=2)
    proposer = Proposer(spec)
    names = go(TrialPlan(spec, 1, proposer), cut="0.0001-43")
    assert names == ["0.0001-43", "0.0002-43", "0.0002-44", "0.0002-45"]
    assert proposer.told == {1e-4: 0.5, 2e-4: 0.5}
