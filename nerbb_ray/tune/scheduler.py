"""Tune's view of the stopping rule."""

from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from nerbb_ray.results.reports import RAISED, is_final
from nerbb_ray.training.adaptive import Stage, replay_state
from nerbb_ray.training.stop_request import ask_to_end
from nerbb_ray.tune.job import job_of
from nerbb_ray.tune.ray_private import never_restart
from nerbb_ray.tune.trial_plan import TrialPlan


class AdaptiveStoppingScheduler(FIFOScheduler):  # type: ignore[misc]  # Ray has no types
    """Stops a trial when the adaptive rule says so, by replaying the history that every report carries.

    In a race it also asks trials to end that cannot catch up with the leader any more; they do so after their epoch.

    It remembers nothing, since Tune never saves a scheduler's state: the plan does. A trial that runs in workers of
    its own ends by returning from its loop (`ends_itself`): to kill it could leave its resources taken for ever.

    Args:
        plan: of an experiment that decides as it goes.
    """

    def __init__(self, plan: TrialPlan | None = None) -> None:
        super().__init__()
        self._plan = plan

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:  # noqa: ARG002
        if result.get(RAISED):
            # a process that died is worth another attempt; an error of the trial itself would come again
            never_restart(trial)
            return str(TrialScheduler.CONTINUE)
        job = job_of(trial.config)
        stopped = replay_state(job.trial.hparams, result["history"]).stage is Stage.STOPPED
        why = self._plan.watch(job.trial, result) if self._plan is not None else None
        if why and not stopped and not is_final(result):
            ask_to_end(job.states, why)
        if stopped and not result["ends_itself"]:
            return str(TrialScheduler.STOP)
        return str(TrialScheduler.CONTINUE)
