"""What a key may be drawn from, and the points that are drawn."""

import math
from dataclasses import replace
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.config.domains import Choice, LogUniform, RandInt, Uniform, read_domain
from nerbb_ray.config.idle_search import idle_keys
from nerbb_ray.config.ini import build_spec, format_ini, read_ini
from nerbb_ray.config.known_keys import RUN_KEYS
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.config.trials import concrete, draw, expand, most_trials, near_middle, proposed_run, run_near
from nerbb_ray.errors import ConfigError

PARAMS = {"dataset_name": "d", "pretrained_model_name": "m", "multiple_runs": 2}

NUMBERS = st.floats(1e-9, 1e9)


@given(NUMBERS, NUMBERS, st.sampled_from([Uniform, LogUniform]), st.integers())
@settings(max_examples=200, deadline=None)
def test_a_number_is_within_its_domain_and_the_text_of_a_domain_parses_back(low, high, kind, seed) -> None:
    if low >= high:
        return
    domain = kind(low, high)
    assert low <= domain.draw(Random(seed)) <= high
    assert low <= domain.middle() <= high
    assert read_domain(str(domain), RUN_KEYS["lr_max"]) == domain


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers())
@settings(deadline=None)
def test_an_integer_is_below_the_upper_end(low, width, seed) -> None:
    domain = RandInt(low, low + width)
    assert domain.draw(Random(seed)) in range(low, low + width)
    assert domain.middle() in range(low, low + width)
    assert read_domain(str(domain), RUN_KEYS["batch_size"]) == domain


def test_every_order_of_magnitude_is_drawn_equally_often_by_loguniform() -> None:
    rng = Random(1)
    decades = [math.floor(math.log10(LogUniform(1e-5, 1e-2).draw(rng))) for _ in range(3000)]
    assert all(900 < decades.count(decade) < 1100 for decade in (-5, -4, -3))


def test_forms_are_read_in_any_spelling() -> None:
    key = RUN_KEYS["lr_max"]
    assert read_domain("LogUniform( 1e-5 ,1e-3 )", key) == LogUniform(1e-5, 1e-3)
    assert read_domain("choice(1e-4, 2e-4)", key) == Choice((1e-4, 2e-4))
    assert read_domain("rand_int(1, 5)", RUN_KEYS["patience"]) == RandInt(1, 5)
    assert read_domain("choice(val_f1, val_loss)", RUN_KEYS["monitor"]) == Choice(("val_f1", "val_loss"))


def test_more_points_begin_with_the_fewer_ones_and_none_comes_twice() -> None:
    space = {"lr_max": LogUniform(1e-5, 1e-3), "batch_size": Choice((8, 16))}
    few, many = draw(space, 3, 42, "runA"), draw(space, 30, 42, "runA")
    assert many[:3] == few
    assert len({tuple(point.items()) for point in many}) == len(many) == 30
    assert draw(space, 3, 43, "runA") != few != draw(space, 3, 42, "runB")


def test_a_small_space_has_no_more_points_than_there_are() -> None:
    assert sorted(point["batch_size"] for point in draw({"batch_size": Choice((8, 16))}, 10, 1, "r")) == [8, 16]


def searched(algorithm: str, **params: object) -> ExperimentSpec:
    search = {"algorithm": algorithm, "num_samples": 3, "lr_max": "loguniform(1e-5, 1e-3)"}
    return build_spec("e", params=PARAMS | search | params)


def test_random_points_are_runs_and_all_seeds_of_a_point_share_it() -> None:
    spec = searched("random", batch_size=[8, 16])
    assert len(spec.runs) == 6
    assert [run.name for run in spec.runs] == [
        f"runA({','.join(f'{key}={value}' for key, value in values)})"
        for run in spec.runs
        for values in [[("lr_max", run.hparams.lr_max), ("batch_size", run.hparams.batch_size)]]
    ]
    # the comma list is compared on the same draws
    rates = [run.hparams.lr_max for run in spec.runs]
    assert rates[:3] == rates[3:]
    assert len(expand(spec)) == most_trials(spec) == 12
    assert searched("random", batch_size=[8, 16]) == spec


def test_optuna_has_patterns_whose_points_come_later() -> None:
    spec = searched("optuna", batch_size=[8, 16])
    assert [run.name for run in spec.runs] == ["runA(batch_size=8)", "runA(batch_size=16)"]
    assert expand(spec) == ()
    assert most_trials(spec) == 12
    run = concrete(spec.runs[0], {"lr_max": 0.000123456789})
    assert run.name == "runA(lr_max=0.0001235,batch_size=8)"
    assert run.hparams.lr_max == 0.0001235
    assert run.hparams.batch_size == 8
    assert run.space == ()


@pytest.mark.parametrize("algorithm", ["random", "optuna"])
def test_a_search_that_is_written_reads_back(algorithm, tmp_path) -> None:
    spec = searched(algorithm, batch_size=["8", "16"], max_epochs="randint(3, 9)", racing=True, max_hours=1.5)
    path = tmp_path / "e.ini"
    path.write_text(format_ini(spec))
    assert read_ini(path) == spec


def test_a_point_that_breaks_a_rule_between_keys_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\[runA\(lr_max=.*,lr_cooldown_epochs=\d+\)\] lr_cooldown_epochs: must be"):
        searched("random", preset="hybrid", max_epochs=3, lr_cooldown_epochs="randint(4, 9)")
    with pytest.raises(ConfigError, match=r"must have a grid of at most 10000 points; got 20000"):
        searched("random", num_samples=20_000)


@pytest.mark.parametrize("domain", ["uniform(auto, 0.5)", "uniform(0.1, auto)", "loguniform(auto, auto)"])
def test_auto_is_no_end_of_an_interval(domain: str) -> None:
    with pytest.raises(ConfigError, match=r"hidden_dropout: must be \w+\(low, high\) with numbers, or choice"):
        searched("random", hidden_dropout=domain)


@pytest.mark.parametrize(
    ("limits", "hours"),
    [
        ({}, None),
        ({"max_hours": 2}, 2),
        ({"max_cost": 3, "price_per_hour": 2}, 1.5),
        ({"max_hours": 1, "max_cost": 3, "price_per_hour": 2}, 1),
    ],
)
def test_cost_and_hours_are_one_limit(limits, hours) -> None:
    assert build_spec("e", params=PARAMS | limits).search.hours == hours


def test_random_points_that_break_rules_between_keys_are_passed_over() -> None:
    """As Optuna does: a space is written key by key, and need not be a rectangle without holes."""
    space = {"lora_rank": "choice(0, 4, 8)", "lora_alpha": "choice(auto, 8, 16)", "lr_max": 1e-4}
    spec = searched("random", num_samples=9, **space)
    found = {(run.hparams.lora_rank, run.hparams.lora_alpha) for run in spec.runs}
    assert found == {(0, None), *((rank, alpha) for rank in (4, 8) for alpha in (None, 8, 16))}
    few = searched("random", num_samples=3, **space)
    assert spec.runs[:3] == few.runs, "more of them begin with the fewer ones"


def test_where_no_random_point_keeps_the_rules_all_is_told() -> None:
    with pytest.raises(ConfigError, match="lora_alpha"):
        searched("random", lora_alpha="choice(8, 16)")


def test_points_that_keep_the_rules_are_found_where_they_are_rare_and_fewer_are_said() -> None:
    hybrid = {"preset": "hybrid", "max_epochs": 10, "lr_max": 1e-4, "num_samples": 20}
    spec = searched("random", lr_cooldown_epochs="randint(1, 1000)", **hybrid)
    assert {run.hparams.lr_cooldown_epochs for run in spec.runs} == set(range(1, 11))
    assert list(idle_keys(spec)) == [
        "[runA]: 10 points, fewer than num_samples = 20: its space has no more, or hardly any that keep the rules "
        "between keys"
    ]
    assert not list(idle_keys(searched("random")))


EXCLUSIVE = {
    "rank 0 has no alpha": {"lora_rank": "choice(0, 4, 8)", "lora_alpha": "choice(auto, 8, 16)"},
    "alpha is never auto": {"lora_rank": "choice(0, 8)", "lora_alpha": "uniform(4, 32)"},
    "adapters and frozen layers": {"lora_rank": "choice(8, 0)", "freeze_layers": "randint(0, 4)"},
    "focal loss of smooth labels": {"label_smoothing": "uniform(0, 0.2)", "focal_gamma": "choice(0, 2)"},
    "the other way round": {"focal_gamma": "choice(0, 2)", "label_smoothing": "uniform(0, 0.2)"},
}


@pytest.mark.parametrize("algorithm", ["random", "optuna"])
@pytest.mark.parametrize("space", EXCLUSIVE.values(), ids=EXCLUSIVE)
def test_keys_may_exclude_each_other_at_some_points_whatever_searches(space: dict[str, str], algorithm: str) -> None:
    spec = searched(algorithm, **space)
    for run in spec.runs:
        assert run == replace(run), "the values in the middle keep the rules themselves"
        near = run_near(run, {}) if run.space else run
        assert near is not None
        assert not near.space


def test_points_near_the_middle_move_few_values_first() -> None:
    space = {"lr_max": Uniform(1, 3), "batch_size": Choice((8, 16)), "freeze_layers": RandInt(0, 3)}
    points = list(near_middle(space))
    middle = points[0]
    assert middle == {"lr_max": 2.0, "batch_size": 16, "freeze_layers": 1}
    moved = [sum(point[key] != middle[key] for key in space) for point in points]
    assert set(moved) == {0, 1, 2, 3}
    assert max(moved[:4]) == 1
    ends = [dict(zip(space, values, strict=True)) for values in product((1, 3), (8, 16), (0, 2))]
    assert all(end in points for end in ends)


def test_where_no_point_goes_together_optuna_tells_it_too() -> None:
    with pytest.raises(ConfigError, match="lora_alpha"):
        searched("optuna", lora_alpha="choice(8, 16)")


def test_a_value_that_goes_with_none_is_no_point() -> None:
    (pattern,) = searched("optuna", lora_rank="choice(0, 8)", lora_alpha="uniform(4, 32)").runs
    assert run_near(pattern, {"lora_rank": 0}) is None
    assert run_near(pattern, {"lora_rank": 8}) is not None


def test_every_value_of_a_monitor_is_drawn_with_its_own_mode() -> None:
    (pattern,) = searched("optuna", monitor="choice(val_loss, val_f1)").runs
    modes = {name: concrete(pattern, {"lr_max": 1e-4, "monitor": name}).hparams.mode for name in ("val_loss", "val_f1")}
    assert modes == {"val_loss": "min", "val_f1": "max"}


def test_a_value_that_is_no_longer_in_a_choice_belongs_to_no_pattern() -> None:
    spec = searched("optuna", lr_max=1e-4, batch_size="choice(8, 16)")
    assert proposed_run(spec, "runA(batch_size=16)", {"batch_size": "16"}) is not None
    assert proposed_run(spec, "runA(batch_size=32)", {"batch_size": "32"}) is None


def test_integers_only_are_of_a_randint() -> None:
    domain = RandInt(0, 4)
    assert [domain.holds(value) for value in (0, 3, 3.0, 0.5, 4, None)] == [True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("params", "where"),
    [({"prune_ratio_train": "uniform(0.1, 1)"}, "[dataset] prune_ratio_train"), ({}, "[hparams] lr_max")],
)
def test_a_domain_without_a_search_is_told_in_its_section(params: dict[str, str], where: str) -> None:
    with pytest.raises(ConfigError) as error:
        searched("grid", **({"lr_max": 1e-4} if params else {}), **params)
    assert where in str(error.value)
