"""What a search that decides as it goes will probably still start."""

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.forecast.remaining import RACE_SHARE
from nerbb_ray.tune.trial_plan import TrialPlan

PARAMS = {"dataset_name": "d", "pretrained_model_name": "m", "multiple_runs": 8, "lr_max": [1e-5, 2e-5, 3e-5]}


def spec_of(**params: object) -> ExperimentSpec:
    return build_spec("e", params=PARAMS | params)


def ended(plan: TrialPlan, count: int) -> None:
    """Trials one after another: a higher rate is clearly better."""
    for number in range(count):
        trial = plan.next()
        assert trial is not None
        plan.end(trial, trial.hparams.lr_max * 1e4 + number % 2 / 1000, 60)


def test_a_race_starts_its_first_seeds_and_a_share_of_the_others() -> None:
    plan = TrialPlan(spec_of(racing=True), 2)
    assert plan.to_come() == 9 + round(RACE_SHARE * 15)
    plan.next()
    assert plan.to_come() == 8 + round(RACE_SHARE * 15)


def test_nothing_comes_after_a_race_is_decided() -> None:
    plan = TrialPlan(spec_of(racing=True), 1)
    ended(plan, 9)
    assert plan.race().finished
    assert plan.to_come() == 0


def test_without_a_race_everything_comes() -> None:
    plan = TrialPlan(spec_of(max_hours=2), 1, clock=lambda: 0.0)
    ended(plan, 4)
    assert plan.to_come() == 20
    assert plan.limits.seconds_left() == 7200
    assert TrialPlan(spec_of(racing=True), 1).limits.seconds_left() is None
