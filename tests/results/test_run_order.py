"""The order of runs, and the best of equal ones, do not depend on where results come from."""

from itertools import permutations

from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.run_order import by_number
from nerbb_ray.results.trial_result import SELECTION_METRIC, TrialResult
from nerbb_ray.verdict.verdict import verdict

RUNS = ["run2", "run10", "runA(lr_max=2e-05)", "runA(lr_max=0.0001)", "runA(lr_max=0.005)", "runA(lr_max=0.01)", "runB"]


def test_names_are_ordered_by_the_numbers_in_them() -> None:
    shuffled = [RUNS[i] for i in (6, 3, 0, 5, 2, 4, 1)]
    assert sorted(shuffled, key=by_number) == RUNS


def test_the_best_of_equal_runs_is_the_same_in_every_order() -> None:
    trials = [TrialResult(run, seed, "ok", {SELECTION_METRIC: 0.5}) for run in RUNS[3:6] for seed in (43, 44)]
    for order in permutations(trials):
        result = ExperimentResult.of("e", order)
        assert (result.best_run().run, result.best_trial().name) == (RUNS[3], f"{RUNS[3]}-43")
    assert verdict(ExperimentResult.of("e", reversed(trials)), SELECTION_METRIC).best == RUNS[3]
