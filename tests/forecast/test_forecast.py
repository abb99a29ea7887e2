"""What an experiment will cost: scheduling, epochs, costs, remaining time, and all of it together."""

import json
import random
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.experiments import preparation_of
from fixtures.fake_tune import at, tracked
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.cli import main
from nerbb_ray.config.ini import build_spec, read_ini
from nerbb_ray.config.trials import TrialSpec, concrete, expand, trial_of
from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.forecast.costs import encoder_weights, from_earlier, from_measured, matmul_flops, rough
from nerbb_ray.forecast.dry_run import make_plan
from nerbb_ray.forecast.epochs import expected_epochs
from nerbb_ray.forecast.estimate import _trials as missing_trials
from nerbb_ray.forecast.estimate import forecast
from nerbb_ray.forecast.remaining import Eta, makespan
from nerbb_ray.forecast.text import forecast_text, shown_range, shown_size, shown_time, summary
from nerbb_ray.mlflow_store.events import Ended, Started
from nerbb_ray.mlflow_store.writer import MlflowWriter
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.preparation.resources import cpu_has_bf16
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.training.encoded_corpus import encode_once, load_encoded
from nerbb_ray.training.sources import find_model
from nerbb_ray.training.tokenizer import load_tokenizer

DURATIONS = st.lists(st.floats(0, 1000), min_size=1, max_size=30)


@given(DURATIONS, st.integers(1, 8))
@settings(max_examples=100, deadline=None)
def test_a_schedule_is_within_the_bounds_of_list_scheduling(durations, slots) -> None:
    """Graham 1966: sum / slots and the longest from below, their sum from above."""
    found = makespan(durations, slots)
    assert found >= max(*durations, sum(durations) / slots) * (1 - 1e-9)
    assert found <= sum(durations) / slots + max(durations) * (1 - 1 / slots) + 1e-6
    assert makespan(durations, 1) == pytest.approx(sum(durations))
    assert makespan(durations, len(durations)) == max(durations)


def test_slots_that_are_taken_come_later() -> None:
    assert makespan([5, 5], 2, busy=[3]) == 8
    assert makespan([], 2, busy=[3, 4]) == 4
    assert makespan([1, 1, 1], 2, busy=[10]) == 10


PARAMS = {"dataset_name": "tiny", "pretrained_model_name": "tiny-bert", "lr_max": 1e-3}


def first_trial(**params: object) -> TrialSpec:
    return expand(build_spec("e", params=PARAMS | params))[0]


def ended(epochs: int, duration_s: float = 10.0, **params: object) -> TrialResult:
    """A trial as MLflow has it: parameters are texts."""
    values = {key: str(value) for key, value in first_trial(**params).params().items()}
    return TrialResult("runA", 43, "ok", params=values, epochs=epochs, duration_s=duration_s)


@pytest.mark.parametrize(
    ("params", "earlier", "values", "source"),
    [
        ({"early_stopping": False, "max_epochs": 7}, [ended(3)], (7,), "max_epochs"),
        ({}, [ended(9), ended(7)], (7, 9), "2 earlier trials with the same stopping rule"),
        ({"patience": 2}, [ended(9), ended(5, patience=2)], (5,), "1 earlier trials with the same stopping rule"),
        # the same rule on data of another size, and with other rates, is better than a guess
        ({"prune_ratio_train": 0.1}, [ended(9)], (9,), "another size"),
        ({"prune_ratio_train": 0.1}, [ended(9), ended(30, prune_ratio_train=0.1)], (30,), "same stopping rule"),
        ({"lr_max": 1e-5}, [ended(9)], (9,), "other learning rates"),
        ({"batch_size": 32}, [ended(9), ended(20, batch_size=32)], (20,), "same stopping rule"),
        ({"dataset_name": "other"}, [ended(9)], (9,), "another size"),
    ],
)
def test_epochs_are_those_of_the_most_alike_trials(params, earlier, values, source) -> None:
    found = expected_epochs(first_trial(**params), 10, earlier)
    assert found.values == values
    assert source in found.source


def test_without_any_trial_epochs_are_guessed_and_small_data_take_more() -> None:
    small, large = (expected_epochs(first_trial(), steps, []) for steps in (5, 500))
    assert small.mean > large.mean
    assert "guess" in small.source
    assert max(small.values) > 2 * min(small.values), "a guess is wide"
    assert max(expected_epochs(first_trial(max_epochs=6), 5, []).values) == 6


@pytest.fixture(scope="module")
def source(tiny_model: Path):
    return find_model(str(tiny_model), Path("/nowhere"), Path("/nowhere"))


@pytest.fixture(scope="module")
def data(tiny_dataset: Path, source, tmp_path_factory):
    path = encode_once(load_corpus(tiny_dataset), load_tokenizer(source), 32, tmp_path_factory.mktemp("cache"))
    return load_encoded(path)


def test_a_rough_estimate_is_weights_times_tokens_over_speed(source, data) -> None:
    config = json.loads((Path(source.location) / "config.json").read_text())
    weights = 12 * config["num_hidden_layers"] * config["hidden_size"] ** 2
    assert encoder_weights(source) == weights
    train, val = (int(split.lengths.sum()) for split in (data.train, data.val))
    found = rough(source, data, threads=2, flops=1e9)
    assert found.epoch_s == pytest.approx((6 * train + 2 * val) * weights / (1e9 * 2 * 0.5) + 0.15)
    assert rough(source, data, threads=4, flops=1e9).epoch_s < found.epoch_s
    assert rough(source, data, threads=2, flops=1e9, bf16=True).epoch_s < found.epoch_s
    assert 1e8 < matmul_flops(seconds=0.02) < 1e14


def test_the_number_format_of_an_estimate_is_that_of_training() -> None:
    import torch

    from nerbb_ray.training.worker import has_bf16

    assert cpu_has_bf16() == has_bf16(torch.device("cpu"))


def test_measured_steps_are_scaled_by_the_tokens_of_the_run(data) -> None:
    measured = {
        **{"imports_s": 5.0, "set_up_s": 1.0, "save_s": 0.5, "memory_mb": 900.0},
        **{"train_s": 2.0, "tokens": 1000.0, "eval_s": 1.0, "eval_tokens": 500.0},
    }
    train, val, test = (int(split.lengths.sum()) for split in (data.train, data.val, data.test))
    found = from_measured(measured, data)
    assert found.epoch_s == pytest.approx(2.0 / 1000 * train + 1.0 / 500 * val + 0.5 + 0.15)
    assert found.trial_s == pytest.approx(1.0 + 1.0 / 500 * test + 0.5)
    assert found.memory_mb == 900


def test_earlier_trials_say_what_an_epoch_costs_if_they_did_the_same_work() -> None:
    spec = build_spec("e", params=PARAMS)
    found = from_earlier(spec, spec.runs[0], [ended(5, 10.0), ended(5, 20.0, patience=3, lr_max=1e-4), ended(5, 40.0)])
    assert found is not None
    assert found.epoch_s == statistics.median([2.0, 4.0, 8.0])
    for other in ({"batch_size": 8}, {"prune_ratio_train": 0.5}, {"max_seq_length": 64}, {"precision": "fp32"}):
        assert from_earlier(spec, spec.runs[0], [ended(5, **other)]) is None


def test_the_remaining_time_is_known_once_a_trial_has_ended_or_has_a_fixed_end() -> None:
    eta = Eta(4, 2)
    assert eta.remaining_s() is None
    eta.epoch("runA", "a", 1, 10.0, None)
    assert eta.remaining_s() is None, "it may stop at any time"
    eta.epoch("runA", "a", 1, 10.0, 5)
    low, expected, high = eta.remaining_s()
    # one slot has 40 s left; three trials of 50 s follow
    assert expected == makespan([50, 50, 50], 2, [40.0])
    assert low < expected < high
    eta.end("runA", "a", 50.0)
    eta.end("runA", "b", None)
    assert eta.remaining_s()[1] == 50.0


def test_eight_of_ten_experiments_end_within_the_interval() -> None:
    rng, within, n = random.Random(0), 0, 300
    for _ in range(n):
        durations = [rng.gauss(100, 20) for _ in range(20)]
        eta, slots = Eta(20, 2), 2
        # the first 8 have ended, one after another on two slots; two run
        for number, duration in enumerate(durations[:8]):
            eta.end("runA", str(number), duration)
        for number in (8, 9):
            eta.epoch("runA", str(number), 3, 30.0, None)
        truth = makespan(durations[10:], slots, [durations[8] - 30, durations[9] - 30])
        low, _, high = eta.remaining_s()
        within += low <= truth <= high
    assert 0.7 < within / n < 0.97


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "3 s"), (89, "89 s"), (600, "10 min"), (7200, "2.0 h"), (3 * 86400, "3.0 days")]
)
def test_times_in_words(seconds, text) -> None:
    assert shown_time(seconds) == text


def test_ranges_and_sizes_in_words() -> None:
    assert shown_range(60, 600, 6000) == "about 10 min (60 s to 1.7 h)"
    assert [shown_size(850), shown_size(1250)] == ["850 MB", "1.2 GB"]


def test_a_forecast_of_a_fixed_number_of_epochs(store, experiment) -> None:
    spec = read_ini(experiment(seeds=4, hparams="early_stopping = False"))
    found = forecast(spec, preparation_of(store), RunOptions())
    assert found.trials == found.most_trials == 8
    assert {run.epochs.values for run in found.runs} == {(3,)}
    assert found.steps == 8 * 3 * found.runs[0].steps_per_epoch
    low, middle, high = found.wall_s
    assert low < middle < high
    assert found.price is None
    paid = forecast(spec, preparation_of(store), RunOptions(), price=3600.0)
    assert paid.price == pytest.approx(paid.wall_s)
    assert "nothing" not in summary(found)
    assert ", 0.12 CPU-hours" in summary(replace(found, device_hours=0.123))
    assert ", 1,234 CPU-hours" in summary(replace(found, device_hours=1234.5))
    text = forecast_text(found, width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "runA" in text
    assert json.loads(json.dumps(found.to_dict()))["trials"] == 8


def test_what_is_overwritten_is_still_to_be_done(store, experiment, monkeypatch) -> None:
    spec = read_ini(experiment(seeds=1))
    done = [("exp", TrialResult(run.name, 43, "ok", epochs=3, duration_s=1.0)) for run in spec.runs]
    monkeypatch.setattr("nerbb_ray.forecast.estimate.finished_trials", lambda _: done)
    nothing = forecast(spec, preparation_of(store), RunOptions())
    assert (nothing.trials, nothing.disk_mb) == (0, (0.0, 0.0))
    assert forecast_text(nothing) == "exp: nothing is left to do: all 2 trials have ended\n"
    more = forecast(
        replace(spec, settings=replace(spec.settings, multiple_runs=2)), preparation_of(store), RunOptions()
    )
    assert "trials: 2 of 4 (the others have ended)" in forecast_text(more)
    assert forecast(spec, preparation_of(store), RunOptions(overwrite=True)).trials == 2


@pytest.mark.parametrize(("scheduler", "missing"), [("asha", [0, 2]), ("none", [3, 2])])
def test_what_was_cut_or_has_diverged_is_not_to_come_again(store, experiment, scheduler, missing) -> None:
    path = experiment(seeds=3)
    path.write_text(path.read_text() + f"[search]\nscheduler = {scheduler}\n")
    spec = read_ini(path)
    writer = MlflowWriter(store.tracking_uri, "exp", str(store.artifacts / "exp"))
    for time_ms, trial in enumerate([trial for trial in expand(spec) if trial.seed == 43], start=1):
        status, metrics = ("cut", {"val/loss": 0.5}) if trial.run == "runA" else ("diverged", {})
        writer.deliver(Started(tracked(trial), *at(time_ms)))
        writer.deliver(Ended(tracked(trial), *at(time_ms), TrialResult(trial.run, 43, status, metrics, epochs=1)))
    assert [run.trials for run in forecast(spec, preparation_of(store), RunOptions()).runs] == missing


def test_limits_and_races_make_it_shorter(store, experiment) -> None:
    path = experiment(seeds=8, hparams="early_stopping = False")
    plain = forecast(read_ini(path), preparation_of(store), RunOptions())
    text = path.read_text()
    path.write_text(text + "[search]\nracing = True\n")
    raced = forecast(read_ini(path), preparation_of(store), RunOptions())
    assert raced.trials < raced.most_trials == plain.trials
    assert raced.wall_s[1] < plain.wall_s[1]
    path.write_text(text + "[search]\nmax_cost = 0.5\nprice_per_hour = 3600\n")
    assert forecast(read_ini(path), preparation_of(store), RunOptions()).wall_s == (0.5, 0.5, 0.5)


def test_what_is_left_of_a_race_and_of_a_limit_is_foreseen(store, experiment) -> None:
    """Of a race whose first seeds are done, a fifth of the others is to come; hours of earlier calls count."""
    path = experiment(seeds=8)
    path.write_text(path.read_text() + "[search]\nracing = True\nmax_hours = 0.01\n")
    spec = read_ini(path)
    writer = MlflowWriter(store.tracking_uri, "exp", str(store.artifacts / "exp"))
    firsts = [trial for trial in expand(spec) if trial.seed < 43 + spec.search.min_seeds]
    metrics = {"val/loss": 0.5, "val/entity/micro/f1": 0.5}
    for time_ms, trial in enumerate(firsts, start=1):
        writer.deliver(Started(tracked(trial), *at(time_ms)))
        ended = TrialResult(trial.run, trial.seed, "ok", metrics, epochs=1, duration_s=3.0)
        writer.deliver(Ended(tracked(trial), *at(time_ms), ended))
    found = forecast(spec, preparation_of(store), RunOptions())
    assert found.left == 10
    spent = 18.0 / found.concurrent
    assert found.wall_s[2] <= 36 - spent
    unlimited = replace(spec, search=replace(spec.search, max_hours=None))
    assert forecast(unlimited, preparation_of(store), RunOptions()).trials == 2


RATES = {"lr_max": [1e-3, 2e-3, 3e-3, 4e-3]}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"racing": True, "multiple_runs": 5}, "racing: there is one run, which races with none: it gets all of its 5"),
        (
            RATES | {"racing": True, "multiple_runs": 2},
            "racing: every run begins all of its 2 seeds, since min_seeds is 3; only trials that",
        ),
        (RATES | {"racing": True, "multiple_runs": 5}, "racing: every run gets 3 of 5 seeds; the others only those"),
        (RATES | {"scheduler": "asha"}, "asha may cut the first seed of a run, from epoch 4 on; such"),
        (RATES | {"scheduler": "median"}, "from epoch 4 on and once 3 other runs have come as far; such a run"),
        (RATES | {"algorithm": "random"}, "nothing is drawn by random: every value of the file stands for itself"),
        ({"algorithm": "optuna"}, "nothing is drawn by optuna: every value of the file stands for itself"),
        ({"num_samples": 5}, "[search] num_samples = 5 does nothing without algorithm = random or optuna"),
        ({"grace_epochs": 5}, "[search] grace_epochs = 5 does nothing without scheduler = asha or median"),
        ({"min_seeds": 5}, "[search] min_seeds = 5 does nothing without racing = True"),
        ({"confidence": 0.9}, "[search] confidence = 0.9 does nothing without racing = True"),
        ({"scheduler": "asha"}, "scheduler = asha cannot end any trial: it compares a run with at least 1 other"),
        (RATES | {"scheduler": "asha", "max_epochs": 4}, "scheduler = asha cannot end any trial: after grace_epochs"),
    ],
)
def test_a_dry_run_says_what_the_search_can_do(store, params, said: str) -> None:
    notes = make_plan(build_spec("e", params=PARAMS | params), preparation_of(store), RunOptions()).notes
    assert any(said in note for note in notes), notes


def test_a_dry_run_of_drawn_points_does_not_say_that_none_are(store) -> None:
    spec = build_spec("e", params=PARAMS | {"algorithm": "random", "lr_max": "uniform(1e-3, 2e-3)"})
    assert not any("nothing is drawn" in note for note in make_plan(spec, preparation_of(store), RunOptions()).notes)


def test_points_that_a_search_has_tried_are_not_planned_again() -> None:
    drawn = {"algorithm": "optuna", "num_samples": 3, "multiple_runs": 2, "lr_max": "loguniform(1e-5,1e-3)"}
    spec = build_spec("e", params=PARAMS | drawn)
    point = concrete(spec.runs[0], {"lr_max": 3e-5})
    params = {key: str(value) for key, value in trial_of(spec, point, 43).params().items()}
    tried = [TrialResult(point.name, seed, "ok", params=params) for seed in (43, 44)]
    assert missing_trials(spec, spec.runs[0], []) == 6
    assert missing_trials(spec, spec.runs[0], [*tried, TrialResult("runB", 43, "ok", params=params)]) == 4
    cut = TrialResult(point.name, 43, "cut", params=params)
    assert missing_trials(spec, spec.runs[0], [cut]) == 6
    raced, out = ({key: value} for key, value in (("racing", True), ("scheduler", "asha")))
    for search, missing in ((raced, 5), (out, 4)):
        spec = build_spec("e", params=PARAMS | drawn | search)
        assert missing_trials(spec, spec.runs[0], [cut]) == missing


def test_a_dry_run_as_json_says_what_a_plan_says(store, experiment, capsys) -> None:
    (store.root / "experiment_configs" / "exp.ini").write_text(experiment().read_text())
    assert main(["run_experiment", "exp", "--dry-run", "--json", "--store", str(store.root)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["expected"]["trials"] == len(found["trials"]) == 4
    assert found["expected"]["wall_s"][0] < found["expected"]["wall_s"][2]


def test_the_command_prints_a_table_or_json(store, experiment, capsys) -> None:
    (store.root / "experiment_configs" / "exp.ini").write_text(experiment().read_text())
    assert main(["plan", "exp", "--store", str(store.root)]) == 0
    assert "time: about" in capsys.readouterr().out
    assert main(["plan", "exp", "--store", str(store.root), "--json", "--price-per-hour", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["price"][1] == pytest.approx(2 * found["wall_s"][1] / 3600)
    assert main(["plan", "exp", "--store", str(store.root), "--price-per-hour", "cheap"]) == 2
    assert "must be a number >= 0; got cheap" in capsys.readouterr().err
    assert main(["plan", "expp", "--store", str(store.root)]) == 2
    assert "exp" in capsys.readouterr().err


@pytest.mark.slow
def test_calibration_tries_real_steps_and_remembers_them(store, experiment) -> None:
    spec = read_ini(experiment(seeds=1, hparams="early_stopping = False"))
    found = forecast(spec, preparation_of(store), RunOptions(), calibrate=True)
    assert {run.costs.source for run in found.runs} == {"20 steps tried here"}
    assert all(100 < run.costs.memory_mb < 4000 for run in found.runs)
    assert len(list(store.cache.glob("calibration-*.json"))) == 1, "both runs have the same shape"
    assert forecast(spec, preparation_of(store), RunOptions(), calibrate=True) == found
    assert np.isfinite(found.wall_s).all()
