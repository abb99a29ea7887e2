"""Which trial comes next: the order of grids, races, proposals and limits, without Ray."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.config.trials import TrialSpec, concrete
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.tune.trial_plan import WORST, TrialPlan

F1 = "val/entity/micro/f1"
PARAMS = {"dataset_name": "d", "pretrained_model_name": "m", "multiple_runs": 6, "lr_max": [1e-5, 2e-5, 3e-5]}


def spec_of(**params: object) -> ExperimentSpec:
    return build_spec("e", params=PARAMS | params)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def run_all(plan: TrialPlan, value: Callable[[TrialSpec], float | None], clock: Clock, hours: float = 1) -> list[str]:
    """Run an plan, `concurrent` trials at a time, each for some hours; the names of its trials in their order."""
    started: list[str] = []
    running: list[TrialSpec] = []
    while not plan.ended:
        while len(running) < plan.concurrent and (trial := plan.next()) is not None:
            running.append(trial)
            started.append(trial.name)
        if running:
            clock.seconds += 3600 * hours / plan.concurrent
            trial = running.pop(0)
            plan.end(trial, value(trial), 3600 * hours)
    assert not plan.running
    return started


def by_rate(trial: TrialSpec) -> float:
    """A higher rate is clearly better; seeds differ a little."""
    return trial.hparams.lr_max * 1e4 + (trial.seed * 7 % 5) / 1000


@pytest.mark.parametrize(
    ("params", "known"),
    [
        ({}, True),
        ({"algorithm": "random"}, True),
        ({"racing": True}, False),
        ({"max_hours": 3}, False),
        ({"time_budget": 3}, False),
    ],
)
def test_plain_grids_are_known_beforehand(params, known) -> None:
    assert TrialPlan(spec_of(**params), 1).known_beforehand == known


def test_a_grid_without_limits_is_a_plan_like_any_other() -> None:
    clock = Clock()
    plan = TrialPlan(spec_of(), 2, clock=clock)
    names = run_all(plan, lambda _: WORST, clock)
    assert names == [f"{run.name}-{seed}" for seed in plan.seeds for run in plan.spec.runs]
    assert (plan.ended, plan.notes(), plan.nothing_left()) == ("all trials are done", {}, True)


def test_a_grid_goes_seed_by_seed() -> None:
    clock = Clock()
    plan = TrialPlan(spec_of(max_hours=100), 2, clock=clock)
    names = run_all(plan, by_rate, clock)
    runs = [run.name for run in plan.spec.runs]
    assert names == [f"{run}-{seed}" for seed in plan.seeds for run in runs]
    assert plan.ended == "all trials are done"
    assert plan.notes() == {}


def test_a_race_starts_few_trials_of_the_runs_that_lose() -> None:
    clock = Clock()
    plan = TrialPlan(spec_of(racing=True), 2, clock=clock)
    names = run_all(plan, by_rate, clock)
    assert len(names) < 18
    assert {name.rpartition("-")[0] for name in names[:3]} == {run.name for run in plan.spec.runs}
    assert set(plan.notes()) == {run.name for run in plan.spec.runs}
    assert sum("dropped" in note for note in plan.notes().values()) == 2
    assert "are worse" in plan.ended


def test_a_driver_that_starts_again_decides_the_same() -> None:
    spec, clock = spec_of(racing=True), Clock()
    names = run_all(TrialPlan(spec, 1, clock=clock), by_rate, clock)
    for done in range(len(names)):
        first, clock = TrialPlan(spec, 1, clock=Clock()), Clock()
        earlier = {}
        for _ in range(done):
            trial = first.next()
            assert trial is not None
            value = by_rate(trial)
            first.end(trial, value, 60)
            earlier[trial.name] = TrialResult(trial.run, trial.seed, "ok", metrics={F1: value}, duration_s=60)
        again = TrialPlan(spec, 1, clock=clock)
        again.go_on_from(earlier, {})
        assert names[:done] + run_all(again, by_rate, clock) == names


def test_a_driver_that_starts_again_cuts_by_the_curves_of_earlier_trials() -> None:
    def cut_after(curves: dict[tuple[str, int], list[float]]) -> str | None:
        plan = TrialPlan(spec_of(racing=True), 1, clock=Clock())
        leader, *others = (run.name for run in plan.spec.runs)
        earlier = [TrialResult(run, seed, "ok", metrics={F1: 0.9}) for run in (leader, *others) for seed in (43, 44)]
        plan.go_on_from({trial.name: trial for trial in earlier}, {}, curves)
        trial = next(trial for trial in iter(plan.next, None) if trial.run != leader)
        reports = ({F1: 0.01, "epoch": epoch} for epoch in range(6))
        return next(filter(None, (plan.watch(trial, report) for report in reports)), None)

    flat = {("runA", seed): [0.9] * 10 for seed in range(43, 48)}
    said = cut_after(flat)
    assert said is not None
    assert said.startswith("cut after 4 epochs")
    assert cut_after({}) is None


def test_a_cut_trial_counts_as_what_was_within_its_reach_also_after_a_restart() -> None:
    spec = spec_of(racing=True)
    first = spec.runs[0].name
    whole, cut = [0.2, 0.4, 0.6, 0.8], [0.1, 0.2]
    plan = TrialPlan(spec, 1, clock=Clock())
    for trial in iter(plan.next, None):
        curve = cut if (trial.run, trial.seed) == (first, 44) else whole
        for epoch, value in enumerate(curve):
            plan.watch(trial, {F1: value, "epoch": epoch})
        plan.end(trial, curve[-1], 60, whole=curve is whole)
        if plan.known == 9:
            break
    again = TrialPlan(spec, 1, clock=Clock())
    earlier = {
        f"{run}-{seed}": TrialResult(run, seed, "cut" if (run, seed) in plan.cut else "ok", metrics={F1: value})
        for run, found in plan.values.items()
        for seed, value in found.items()
    }
    curves = {(run, seed): plan.cut.get((run, seed), whole) for run, found in plan.values.items() for seed in found}
    again.go_on_from(earlier, {}, curves)
    for one in (plan, again):
        assert one.cut == {(first, 44): cut}
        assert one.values[first][44] == 0.2
        # half as many epochs on, others gained 0.6
        assert one._values_in_race()[first][44] == pytest.approx(0.2 + 0.6)
        assert one.race() == plan.race()


def test_a_failed_trial_is_the_worst_and_an_interrupted_one_comes_again() -> None:
    plan = TrialPlan(spec_of(racing=True), 1, clock=Clock())
    trial = plan.next()
    assert trial is not None
    plan.end(trial, None, None)
    assert plan.next() == trial
    plan.end(trial, WORST, None)
    assert plan.next() != trial


def test_a_diverged_trial_of_an_earlier_call_is_the_worst() -> None:
    plan = TrialPlan(spec_of(racing=True), 1, clock=Clock())
    run = plan.spec.runs[0].name
    plan.go_on_from({f"{run}-43": TrialResult(run, 43, "diverged", metrics={F1: 0.9})}, {})
    assert plan.values == {run: {43: WORST}}


def test_a_loss_is_better_when_it_is_lower() -> None:
    plan = TrialPlan(spec_of(metric="val/loss"), 1)
    assert plan.value_of({"val/loss": 0.2}) > plan.value_of({"val/loss": 0.3}) > plan.value_of({})


@pytest.mark.parametrize(("hours", "trials"), [(0.5, 2), (3.1, 6), (5.9, 9), (8.9, 15), (9.1, 18)])
def test_no_seed_begins_that_would_not_be_complete_at_the_limit(hours: float, trials: int) -> None:
    """Three runs on two slots, an hour each: a seed takes two hours, or one and a half together with the next."""
    clock = Clock()
    plan = TrialPlan(spec_of(max_hours=hours), 2, clock=clock)
    names = run_all(plan, by_rate, clock)
    assert len(names) <= trials
    if hours > 9:
        assert len(names) == 18
    else:
        assert plan.ended == f"max_hours = {hours:g} leaves no time for more"
        assert clock.seconds / 3600 <= max(hours, 1)
    if hours > 2:
        assert len(names) % 3 == 0, "complete seeds"


def test_cost_is_a_limit_of_time() -> None:
    clock = Clock()
    plan = TrialPlan(spec_of(max_cost=10, price_per_hour=2.5), 1, clock=clock)
    assert len(run_all(plan, by_rate, clock)) == 3
    assert plan.ended == "max_cost = 10 leaves no time for more"


def test_time_of_earlier_calls_counts() -> None:
    clock = Clock()
    plan = TrialPlan(spec_of(max_hours=4), 1, clock=clock)
    run = plan.spec.runs[0].name
    plan.go_on_from({f"{run}-43": TrialResult(run, 43, "ok", metrics={F1: 0.1}, duration_s=3 * 3600 + 1)}, {})
    assert run_all(plan, by_rate, clock) == []


def test_after_the_time_budget_no_run_begins_but_those_begun_get_all_their_seeds() -> None:
    clock = Clock()
    plan = TrialPlan(spec_of(time_budget=1.5), 1, clock=clock)
    names = run_all(plan, by_rate, clock)
    begun = [run.name for run in plan.spec.runs[:2]]
    assert sorted(names) == sorted(f"{run}-{seed}" for run in begun for seed in plan.seeds)
    never = plan.spec.runs[2].name
    assert plan.out_of_time() == f"time_budget = 1.5 lets no further run begin; never begun: {never}"


def test_a_limit_that_leaves_no_time_for_any_trial_says_so() -> None:
    clock = Clock()
    plan = TrialPlan(spec_of(max_hours=1), 1, clock=clock)
    clock.seconds = 3601
    assert run_all(plan, by_rate, clock) == []
    assert plan.out_of_time().startswith("max_hours = 1 leaves no time for more; never begun: ")
    assert plan.notes() == {}


def test_a_search_that_is_done_before_its_limit_says_nothing_of_it() -> None:
    clock = Clock()
    plan = TrialPlan(spec_of(max_hours=100, time_budget=50), 1, clock=clock)
    run_all(plan, by_rate, clock)
    assert plan.out_of_time() == ""
    clock.seconds = 3600 * 60
    assert plan.out_of_time() == ""


class Listed:
    """Proposes points of a list."""

    def __init__(self, spec: ExperimentSpec, rates: list[float]) -> None:
        self.pattern, self.rates, self.told = spec.runs[0], rates, {}

    def propose(self, known):
        assert concrete(self.pattern, {"lr_max": (self.rates or [1])[0]}).name not in known
        return concrete(self.pattern, {"lr_max": self.rates.pop(0)}) if self.rates else None

    def has_more(self):
        return bool(self.rates)

    def tell(self, run, value):
        self.told[run.hparams.lr_max] = value


def test_a_searcher_learns_from_means_over_seeds() -> None:
    spec, clock = spec_of(algorithm="optuna", lr_max="loguniform(1e-5,1e-3)", multiple_runs=3), Clock()
    proposer = Listed(spec, [1e-5, 2e-5, 3e-5])
    plan = TrialPlan(spec, 1, proposer, clock=clock)
    names = run_all(plan, lambda trial: trial.hparams.lr_max * 1e4 + trial.seed, clock)
    assert len(names) == 9
    assert [name[-2:] for name in names] == ["43", "44", "45"] * 3
    assert proposer.told == {rate: pytest.approx(rate * 1e4 + 44) for rate in (1e-5, 2e-5, 3e-5)}


def test_hours_of_cut_and_failed_trials_count_but_say_nothing_of_a_whole_one() -> None:
    spec = spec_of(max_hours=10, racing=True)
    earlier = [
        TrialResult(spec.runs[0].name, 43, "ok", metrics={F1: 0.1}, duration_s=3600.0),
        TrialResult(spec.runs[1].name, 43, "cut", metrics={F1: 0.1}, duration_s=60.0),
    ]
    plan = TrialPlan(spec, 2, clock=Clock())
    plan.go_on_from({trial.name: trial for trial in earlier}, {})
    assert plan.durations_h == [1.0]
    assert plan.limits.spent_h == pytest.approx(3660 / 3600 / 2)
    plan.go_on_from({}, {}, spent_s=7200.0)
    assert plan.limits.spent_h == 1.0


def test_a_limit_of_hours_forgets_no_proposed_run_that_is_being_trained() -> None:
    spec, clock = spec_of(algorithm="optuna", lr_max="loguniform(1e-5,1e-3)", multiple_runs=3, max_hours=10), Clock()
    plan = TrialPlan(spec, 2, Listed(spec, [1e-5, 2e-5]), clock=clock)
    trial = plan.next()
    assert trial is not None
    clock.seconds = 11 * 3600
    assert plan.next() is None, "there is no time for its second seed"
    plan.end(trial, 0.5, 60)
    assert plan.next() is None
    assert [one.run for one, _ in plan.closing()] == [trial.run]


def test_proposed_points_race_after_their_first_seeds() -> None:
    spec, clock = spec_of(algorithm="optuna", lr_max="loguniform(1e-5,1e-3)", racing=True, num_samples=3), Clock()
    plan = TrialPlan(spec, 2, Listed(spec, [1e-5, 2e-5, 3e-5]), clock=clock)
    assert not plan.nothing_left()
    names = run_all(plan, by_rate, clock)
    assert 9 <= len(names) < 18
    assert plan.race().leader == "runA(lr_max=3e-05)"
    assert plan.nothing_left()


def test_a_trial_that_cannot_catch_up_is_named() -> None:
    plan = TrialPlan(spec_of(racing=True, max_epochs=20), 1, clock=Clock())
    for _ in range(6):
        trial = plan.next()
        assert trial is not None
        top = 0.8 if trial.run == plan.spec.runs[2].name else 0.5
        for epoch in range(8):
            plan.watch(trial, {F1: min(top, 0.2 * (epoch + 1)), "epoch": epoch})
        plan.end(trial, top, 60)
    trial = plan.next()
    assert trial is not None
    said = [plan.watch(trial, {F1: 0.01, "epoch": epoch}) for epoch in range(9)]
    assert said[0] is None
    assert "cannot catch up" in said[-1]


def test_epochs_that_are_told_twice_count_once() -> None:
    plan = TrialPlan(spec_of(racing=True), 1, clock=Clock())
    trial = plan.next()
    assert trial is not None
    for epoch in (0, 1, 2, 1, 2, 3):
        plan.watch(trial, {F1: epoch / 10, "epoch": epoch})
    assert plan.curves[trial.run, trial.seed] == [0.0, 0.1, 0.2, 0.3]


def test_ray_can_save_and_restore_the_searcher(tmp_path) -> None:
    from nerbb_ray.tune.ray_searcher import SeedSearcher

    def no_job(trial: TrialSpec) -> None:
        raise AssertionError(trial)

    plan = TrialPlan(spec_of(racing=True), 1, clock=Clock())
    trial = plan.next()
    assert trial is not None
    plan.watch(trial, {F1: 0.4, "epoch": 0})
    plan.end(trial, 0.5, 60)
    diverged = plan.next()
    assert diverged is not None
    plan.end(diverged, WORST, None)
    cut = plan.next()
    assert cut is not None
    plan.watch(cut, {F1: 0.1, "epoch": 0})
    plan.end(cut, 0.1, 60, whole=False)
    plan.next()
    plan.runs["drawn"] = replace(next(iter(plan.runs.values())), name="drawn")  # as a searcher would propose it
    SeedSearcher(plan, no_job).save(str(tmp_path / "state"))
    other = TrialPlan(spec_of(racing=True), 1, clock=Clock())
    SeedSearcher(other, no_job).restore(str(tmp_path / "state"))
    for name in ("runs", "values", "cut", "finished_curves", "durations_h"):
        assert getattr(other, name) == getattr(plan, name)
    assert other.running == set()
