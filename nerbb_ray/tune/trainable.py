"""One Tune trial: the loop in the trial's own actor, or in the workers of a TorchTrainer.

A process that dies is started again and goes on from the trial's last state; an error of the trial itself is not tried
again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ray import tune
from ray.tune.trainable import wrap_function

from nerbb_ray.preparation.resources import Allotment
from nerbb_ray.results.reports import RAISED
from nerbb_ray.tune import worker_termination
from nerbb_ray.tune.job import JobBook
from nerbb_ray.tune.ray_private import DRIVER_RESOURCES

Report = Callable[[Mapping[str, Any]], None]


def make_trainable(allotment: Allotment, book: JobBook) -> Any:
    """What Tune runs for every trial, with its resources. Ray's dashboard shows a trial under its name."""
    inprocess = allotment.backend == "inprocess"

    def trial(config: dict[str, Any]) -> None:
        job = book.of(config)
        # here, in the process of the trial: the driver, which imports this module, does without torch
        with announced(tune.report):
            if inprocess:
                from nerbb_ray.tune.run_job import run_in_actor

                run_in_actor(job)
            else:
                from nerbb_ray.tune.data_parallel import run_in_workers

                run_in_workers(job)

    class Trial(wrap_function(trial)):  # type: ignore[misc]  # Ray has no types
        def setup(self, config: dict[str, Any]) -> None:
            worker_termination.listen()  # here, since this is the main thread, and the loop has another one
            super().setup(config)

        def __repr__(self) -> str:
            return str(self.trial_name)

    resources = {"cpu": allotment.cpus, "gpu": allotment.gpus} if inprocess else DRIVER_RESOURCES
    trainable = tune.with_resources(Trial, resources)
    trainable.__qualname__ = Trial.__name__  # Ray would call the class by the function that made it
    return trainable


@contextmanager
def announced(report: Report) -> Iterator[None]:
    """Tell the scheduler of an error before it is raised: Tune itself takes it for the death of a process."""
    try:
        yield
    except Exception:
        report({RAISED: True})
        raise
