"""What the screen knows of a trial: from its reports, and from what it is doing between them."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.live.state import ShownTrial, State
from nerbb_ray.results.trial_result import SELECTION_METRIC
from nerbb_ray.training.activity import read_activity, training_in
from nerbb_ray.tune.job import Job


@dataclass
class Row:
    """A trial, with the times between which it runs.

    Args:
        began, ended: seconds of a clock.
        report: of its last epoch.
    """

    job: Job
    shown: ShownTrial
    began: float
    ended: float | None = None
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Since its start."""
        return (self.ended or time.monotonic()) - self.began

    def now(self) -> ShownTrial:
        """What is shown of it, with what it is doing."""
        shown = self.shown
        shown.elapsed_s = self.seconds
        activity = read_activity(self.job.activity) if shown.running else None
        if activity is not None:
            shown.state, shown.steps = cast("State", activity.doing), activity.steps
            shown.step = activity.step if activity.epoch >= shown.epochs else 0  # else that epoch has been reported
            shown.epochs = max(shown.epochs, activity.epoch)
        return shown


def shown_trial(trial: TrialSpec, keys: tuple[str, ...]) -> ShownTrial:
    """A trial that has not begun.

    Args:
        keys: of the parameters that are shown.
    """
    of_epochs = None if trial.hparams.early_stopping else trial.hparams.max_epochs
    return ShownTrial(trial.run, trial.member, params=shown_params(trial, keys), of_epochs=of_epochs)


def shown_params(trial: TrialSpec, keys: tuple[str, ...]) -> dict[str, Any]:
    """The parameters of a trial that are shown."""
    params = trial.params()
    return {key: params[key] for key in keys}


def take_report(shown: ShownTrial, report: Mapping[str, Any], trial: TrialSpec) -> str:
    """Take over what a report says of an epoch.

    Returns:
        What the learning rate did in it.
    """
    doing = training_in(report["stage"], report["epoch"], trial.hparams)
    f1 = report[SELECTION_METRIC]
    shown.state, shown.epochs, shown.step = cast("State", doing), report["epoch"] + 1, 0
    shown.lr, shown.val_loss = report["lr"], report["val/loss"]
    if math.isfinite(f1) and not f1 <= shown.best_f1:
        shown.best_f1 = f1
    return doing
