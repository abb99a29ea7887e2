"""What a search that decides as it goes will probably still start."""

from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.tune.agenda import Agenda
from nerbb_ray.tune.outlook import RACE_SHARE, seconds_left, to_come

PARAMS = {"dataset_name": "d", "pretrained_model_name": "m", "multiple_runs": 8, "lr_max": [1e-5, 2e-5, 3e-5]}


def spec_of(**params: object) -> ExperimentSpec:
    return build_spec("e", params=PARAMS | params)


def ended(agenda: Agenda, count: int) -> None:
    """Trials one after another: a higher rate is clearly better."""
    for number in range(count):
        trial = agenda.next()
        assert trial is not None
        agenda.end(trial, trial.hparams.lr_max * 1e4 + number % 2 / 1000, 60)


def test_a_race_starts_its_first_seeds_and_a_share_of_the_others() -> None:
    agenda = Agenda(spec_of(racing=True), 2)
    assert to_come(agenda) == 9 + round(RACE_SHARE * 15)
    agenda.next()
    assert to_come(agenda) == 8 + round(RACE_SHARE * 15)


def test_nothing_comes_after_a_race_is_decided() -> None:
    agenda = Agenda(spec_of(racing=True), 1)
    ended(agenda, 9)
    assert agenda.race().finished
    assert to_come(agenda) == 0


def test_without_a_race_everything_comes() -> None:
    agenda = Agenda(spec_of(max_hours=2), 1, clock=lambda: 0.0)
    ended(agenda, 4)
    assert to_come(agenda) == 20
    assert seconds_left(agenda) == 7200
    assert seconds_left(Agenda(spec_of(racing=True), 1)) is None
