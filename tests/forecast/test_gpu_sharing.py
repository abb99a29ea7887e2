"""Trials share a GPU if its memory has room and they gain by it: the arithmetic, and when nothing is measured."""

import math
import multiprocessing
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.spec import ExperimentSpec, Resources
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.errors import ResourceError
from nerbb_ray.forecast import calibrate, try_steps
from nerbb_ray.forecast.gpu_sharing import AT_MOST, RESERVE, fastest_number, share_gpus, trials_per_gpu
from nerbb_ray.preparation.prepare import Preparation, prepare
from nerbb_ray.preparation.resources import Machine, allot
from nerbb_ray.store import StorePaths

GPU = Machine(((16.0, 1.0),))


@pytest.mark.parametrize(
    ("gpu_mb", "peak_mb", "cpus", "expected"),
    [
        (80_000, 3_000, 16, AT_MOST),
        (80_000, 30_000, 16, 2),
        (80_000, 50_000, 16, 1),
        (8_000, 9_000, 16, 1),  # by its own measurement it fits
        (80_000, 3_000, 2.5, 2),
        (80_000, 3_000, 0.5, 1),
    ],
)
def test_memory_and_cpus_decide_how_many_trials_a_gpu_gets(gpu_mb, peak_mb, cpus, expected) -> None:
    assert trials_per_gpu(gpu_mb, peak_mb, cpus) == expected


@given(st.floats(1e3, 2e5), st.floats(100, 2e5), st.floats(0.1, 128))
def test_several_trials_never_need_more_than_there_is(gpu_mb: float, peak_mb: float, cpus: float) -> None:
    number = trials_per_gpu(gpu_mb, peak_mb, cpus)
    assert 1 <= number <= AT_MOST
    assert number == 1 or (number * peak_mb <= gpu_mb * (1 - RESERVE) and number <= cpus)


@pytest.mark.parametrize(
    ("section", "machine"),
    [
        ("", Machine(((4.0, 0.0),))),
        ("gpus_per_worker = 1", GPU),
        ("gpus_per_worker = 0", GPU),
        ("num_workers = 2", GPU),
        ("trainer = torch_trainer", GPU),
        ("max_concurrent_trials = 1", GPU),
        ("", Machine(((16.0, 4.0),))),  # a GPU for each of the four trials
    ],
)
def test_nothing_is_measured_where_nothing_can_be_shared(store, experiment, section, machine, monkeypatch) -> None:
    spec = read_ini(experiment(resources=section))
    monkeypatch.setattr(calibrate, "_tried", lambda *_: pytest.fail("measured"))
    assert shared(spec, store, machine) is spec.resources


def shared(spec: ExperimentSpec, store: StorePaths, machine: Machine) -> Resources:
    prepared = prepare(spec, Preparation(store, Path.cwd(), store.cache))
    return share_gpus(spec.resources, spec, prepared, machine, store.cache)


def test_what_a_process_says_decides_and_is_remembered(store, experiment, monkeypatch) -> None:
    file = experiment(resources="")
    file.write_text(file.read_text().replace("batch_size = 8", "batch_size = 4, 8"))
    spec = read_ini(file)
    tried = []

    def process(job, concurrent):
        """What a process on a GPU would print, which is not at hand here."""
        tried.append((concurrent, job))
        seconds = {1: 10.0, 2: 11.0, 3: 15.0}[concurrent]
        return [{"gpu_mb": 80_000.0, "gpu_peak_mb": 20_000.0, "train_s": seconds}] * concurrent

    monkeypatch.setattr(calibrate, "_tried", process)
    found = shared(spec, store, GPU)
    assert found.gpus_per_worker == 0.3333
    assert allot(found, GPU, 8).concurrent == 3
    assert [(number, job["gpu"], job["threads"]) for number, job in tried] == [
        (1, True, 16),
        (2, True, 8),
        (3, True, 5),
    ]
    assert {TrialSpec.from_dict(job["trial"]).hparams.batch_size for _, job in tried} == {8}
    assert shared(spec, store, GPU) == found
    assert len(tried) == 3


@pytest.mark.parametrize(
    ("held", "seconds", "expected"),
    [
        (1, {}, 1),
        (4, {2: 11.0, 3: 14.0, 4: 16.0}, 4),  # 1.8, 2.1, 2.5 times the steps
        (4, {2: 10.0, 3: 20.0, 4: 30.0}, 2),  # the third and the fourth only wait
        (4, {2: 19.4, 3: 29.0, 4: 39.0}, 1),  # they take turns
        (3, {2: 18.2, 3: 27.0}, 3),  # a little is enough if it lasts
        (4, {2: 12.0}, 2),  # three fail beside each other
        (2, {}, 1),
    ],
)
def test_trials_share_a_gpu_where_they_do_more_steps_together(held, seconds, expected) -> None:
    def shared_s(number: int) -> float:
        if number not in seconds:
            raise ResourceError("out of memory")
        return seconds[number]

    assert fastest_number(10.0, held, shared_s) == expected


def arrive(folder: Path, delay: float, number: int, fails: bool) -> None:
    with try_steps.together(folder, number) as meet:
        time.sleep(delay)
        if fails:
            raise SystemExit(3)
        meet()
        (folder / f"met-{delay}").write_text(str(time.time()))


@pytest.mark.parametrize("fails", [False, True])
def test_processes_begin_when_the_last_one_is_warm_or_has_failed(tmp_path, fails) -> None:
    fork = multiprocessing.get_context("fork")
    started = [
        fork.Process(target=arrive, args=(tmp_path, delay, 3, fails and delay == 1.0)) for delay in (0.0, 0.5, 1.0)
    ]
    begun = time.time()
    for process in started:
        process.start()
    for process in started:
        process.join(30)
    assert [process.exitcode for process in started] == [0, 0, 3 if fails else 0]
    met = {file.name: float(file.read_text()) for file in tmp_path.glob("met-*")}
    assert len(met) == 2 + (not fails)
    assert all(at - begun >= 1.0 for at in met.values())


def test_what_cannot_be_measured_leaves_a_whole_gpu_to_every_trial(store, experiment, monkeypatch, caplog) -> None:
    def process(*_):
        raise ResourceError("20 steps of the search could not be tried: no kernel image")

    monkeypatch.setattr(calibrate, "_tried", process)
    spec = read_ini(experiment(resources=""))
    assert shared(spec, store, GPU) is spec.resources
    assert "every trial gets a whole GPU: 20 steps of the search could not be tried: no kernel image" in caplog.text


def test_steps_that_never_end_leave_a_whole_gpu_to_every_trial(store, experiment, monkeypatch, caplog) -> None:
    monkeypatch.setattr(calibrate, "PATIENCE_S", 0.01)
    spec = read_ini(experiment(resources=""))
    assert shared(spec, store, GPU) is spec.resources
    assert "every trial gets a whole GPU: 20 steps of the search took more than 0.01 s" in caplog.text


@pytest.mark.parametrize(("evaluated", "copies"), [("auto", 1), ("best", 1), ("last", 0)])
def test_memory_is_measured_beside_the_weights_that_a_trial_keeps(evaluated, copies, monkeypatch) -> None:
    model, held, seen = torch.nn.Linear(1, 2), [], []

    def copied(of: torch.nn.Module) -> dict[str, torch.Tensor]:
        held.append({name: value.detach().clone() for name, value in of.state_dict().items()})
        return held[-1]

    def logits(batch) -> torch.Tensor:
        seen.append(sum(math.prod(value.shape) for weights in held for value in weights.values()))
        return model(batch.input_ids[:, None].float())

    monkeypatch.setattr(try_steps, "copied", copied)
    session = SimpleNamespace(
        model=model,
        trial=SimpleNamespace(
            hparams=SimpleNamespace(batch_size=2), settings=SimpleNamespace(evaluate_checkpoint=evaluated)
        ),
        ctx=SimpleNamespace(device=torch.device("cpu")),
        forward=SimpleNamespace(pad=0, logits=logits),
        scaler=torch.amp.GradScaler("cpu", enabled=False),
        optimizer=torch.optim.SGD(model.parameters()),
    )
    try_steps._fill_memory(session, 3)
    assert seen == [4 * copies]
    assert not any(held)
