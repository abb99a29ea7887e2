"""Tune's view of the stopping rule."""

from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.tracking.reports import RAISED
from nerbb_ray.training.adaptive import Stage, replay_state


class AdaptiveStoppingScheduler(FIFOScheduler):  # type: ignore[misc]  # Ray has no types
    """Stops a trial when the adaptive rule says so, by replaying the history that every report carries.

    It remembers nothing, since Tune never saves a scheduler's state. A trial that runs in workers of its own ends by
    returning from its loop (`ends_itself`): to kill it could leave its resources taken for ever.
    """

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:  # noqa: ARG002
        if result.get(RAISED):
            # a process that died is worth another attempt; an error of the trial itself would come again
            trial.max_failures = 0
            return str(TrialScheduler.CONTINUE)
        hparams = TrialSpec.from_dict(trial.config["job"]["trial"]).hparams
        stopped = replay_state(hparams, result["history"]).stage is Stage.STOPPED
        if stopped and not result["ends_itself"]:
            return str(TrialScheduler.STOP)
        return str(TrialScheduler.CONTINUE)
