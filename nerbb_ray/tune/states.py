"""The states that an interrupted trial goes on from are deleted when the trial has told its end."""

from typing import Any

from ray.tune import Callback

from nerbb_ray.results.reports import is_final
from nerbb_ray.results.safe_hook import never_raises
from nerbb_ray.tune.job import clear_states, job_of


class StateCleaner(Callback):  # type: ignore[misc]  # Ray has no types
    """Comes after the callbacks that write results down: until then a trial can still be repeated from its state."""

    @never_raises
    def on_trial_complete(self, *, trial: Any, **_: Any) -> None:
        if is_final(trial.last_result or {}):
            job = job_of(trial.config)
            clear_states(job.storage, job.trial.name)
