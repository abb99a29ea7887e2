"""How trials are sized: nothing waits for ever, and what cannot fit says so."""

import pytest

from nerbb_ray.config.spec import Resources
from nerbb_ray.errors import ConfigError, ResourceError
from nerbb_ray.preparation import resources
from nerbb_ray.preparation.resources import Allotment, Machine, allot, this_machine


@pytest.mark.parametrize(
    ("wanted", "cpus", "gpus", "trials", "expected"),
    [
        # auto on CPUs: every CPU is used, each trial has at least one
        ({}, 2, 0, 4, ("inprocess", 1, 1, 0, 2)),
        ({}, 8, 0, 4, ("inprocess", 1, 2, 0, 4)),
        ({}, 8, 0, 1, ("inprocess", 1, 8, 0, 1)),
        ({}, 3, 0, 2, ("inprocess", 1, 1, 0, 2)),
        # auto on GPUs: one each, the CPUs shared out
        ({}, 16, 2, 9, ("inprocess", 1, 8, 1, 2)),
        ({}, 1, 2, 9, ("inprocess", 1, 1, 1, 1)),
        ({"gpus_per_worker": 0.25}, 8, 1, 9, ("inprocess", 1, 2, 0.25, 4)),
        ({"gpus_per_worker": 0.0}, 4, 2, 9, ("inprocess", 1, 1, 0, 4)),
        # a fraction is of one GPU: of 0.4, two fit on each
        ({"gpus_per_worker": 0.4}, 8, 2, 9, ("inprocess", 1, 2, 0.4, 4)),
        ({"gpus_per_worker": 0.6}, 8, 2, 9, ("inprocess", 1, 4, 0.6, 2)),
        ({"gpus_per_worker": 0.1}, 16, 1, 99, ("inprocess", 1, 1, 0.1, 10)),
        ({"gpus_per_worker": 2.0}, 8, 5, 9, ("inprocess", 1, 4, 2, 2)),
        ({"cpus_per_worker": 0.1}, 3, 0, 99, ("inprocess", 1, 0.1, 0, 30)),
        # given numbers
        ({"cpus_per_worker": 2.0}, 4, 0, 9, ("inprocess", 1, 2, 0, 2)),
        ({"max_concurrent_trials": 1}, 4, 0, 9, ("inprocess", 1, 4, 0, 1)),
        ({"cpus_per_worker": 0.5}, 2, 0, 9, ("inprocess", 1, 0.5, 0, 4)),
        # workers of their own
        ({"num_workers": 2}, 4, 0, 9, ("torch_trainer", 2, 1, 0, 2)),
        ({"num_workers": 2, "cpus_per_worker": 1.0}, 4, 0, 9, ("torch_trainer", 2, 1, 0, 2)),
        ({"num_workers": 2}, 8, 4, 9, ("torch_trainer", 2, 2, 1, 2)),
        # more workers than GPUs share them; they are not left aside
        ({"num_workers": 2}, 4, 1, 9, ("torch_trainer", 2, 2, 0.5, 1)),
        ({"num_workers": 3}, 6, 2, 9, ("torch_trainer", 3, 2, 0.5, 1)),
        ({"num_workers": 3}, 3, 1, 9, ("torch_trainer", 3, 1, 0.3333, 1)),
        ({"trainer": "torch_trainer"}, 2, 0, 1, ("torch_trainer", 1, 2, 0, 1)),
    ],
)
def test_sizes_by_themselves(wanted, cpus, gpus, trials, expected) -> None:
    allotment = allot(Resources(**wanted), Machine(((cpus, gpus),)), trials)
    assert allotment == Allotment(*expected)
    workers = allotment.concurrent * allotment.num_workers
    assert workers * allotment.cpus <= cpus
    assert workers * allotment.gpus <= max(gpus, 0)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"cpus_per_worker": 3.0}, "3 CPU"),
        ({"gpus_per_worker": 1.0}, "1 GPU"),
        ({"num_workers": 4}, "4 worker"),
    ],
)
def test_what_cannot_fit_says_so(wanted, message) -> None:
    with pytest.raises(ResourceError, match=message):
        allot(Resources(**wanted), Machine(((2, 0),)), 4)


def test_a_fraction_of_a_gpu_lies_on_one_gpu() -> None:
    five = Resources(num_workers=5, gpus_per_worker=0.4)
    with pytest.raises(ResourceError, match=r"0\.4 GPU"):
        allot(five, Machine(((8, 2),)), 1)
    assert allot(five, Machine(((8, 3),)), 1).concurrent == 1


@pytest.mark.parametrize("gpus", [1.5, 2.25])
def test_more_than_one_gpu_is_a_whole_number(gpus) -> None:
    with pytest.raises(ConfigError, match=rf"\[resources\] gpus_per_worker: must be a whole number.*; got {gpus}"):
        Resources(gpus_per_worker=gpus)


def test_threads_are_the_whole_cpus() -> None:
    assert Allotment("inprocess", 1, 2.9, 0, 1).threads == 2
    assert Allotment("inprocess", 1, 0.5, 0, 1).threads == 1


@pytest.mark.parametrize(
    ("wanted", "nodes", "trials", "expected"),
    [
        # a worker lives on one computer
        ({}, ((2, 0),) * 4, 1, ("inprocess", 1, 2, 0, 1)),
        ({}, ((2, 0), (3, 0)), 2, ("inprocess", 1, 2, 0, 2)),
        ({"cpus_per_worker": 2.0}, ((3, 0), (3, 0)), 9, ("inprocess", 1, 2, 0, 2)),
        ({"num_workers": 4}, ((2, 0), (2, 0)), 2, ("torch_trainer", 4, 1, 0, 1)),
        # GPUs that not all workers of a trial can reach are left aside
        ({"num_workers": 4}, ((4, 0), (1, 1)), 1, ("torch_trainer", 4, 1, 0, 1)),
        ({"num_workers": 3}, ((8, 1), (8, 1)), 1, ("torch_trainer", 3, 4, 0.5, 1)),
        # the computer without a GPU gets no trial
        ({}, ((8, 0), (8, 2)), 4, ("inprocess", 1, 4, 1, 2)),
    ],
)
def test_workers_find_their_place_on_single_computers(wanted, nodes, trials, expected) -> None:
    assert allot(Resources(**wanted), Machine(nodes), trials) == Allotment(*expected)


def test_a_worker_that_is_larger_than_every_computer_is_refused() -> None:
    with pytest.raises(ResourceError, match=r"4 computer\(s\)"):
        allot(Resources(cpus_per_worker=3.0), Machine(((2, 0),) * 4), 1)


@pytest.mark.parametrize("visible", [None, "", "-1", "0"])
@pytest.mark.parametrize("driver", ["/nowhere", "/dev/null"])
def test_gpus_are_those_that_torch_can_use(monkeypatch: pytest.MonkeyPatch, visible: str | None, driver: str) -> None:
    import torch

    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(resources, "GPU_DRIVERS", (*resources.GPU_DRIVERS, driver))
    assert this_machine().gpus == torch.cuda.device_count()
