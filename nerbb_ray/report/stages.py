"""In which stage of its schedule each epoch of a trial was trained.

MLflow keeps the monitored values, not the stages; the rule that has decided them decides the same again.
"""

import math
from collections.abc import Mapping

from nerbb_ray.config.hparams import HParams
from nerbb_ray.config.keys import keys_of
from nerbb_ray.errors import ConfigError
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.training.adaptive import MONITORED, Stage, advance, rule_of, start

# what a rule is made of
DECIDING = {
    *("monitor", "mode", "max_epochs", "early_stopping", "patience", "min_delta"),
    *("lr_schedule", "lr_cooldown_restarts", "lr_cooldown_epochs"),
}
Curves = Mapping[str, Mapping[int, float]]


def hparams_of(trial: TrialResult) -> HParams | None:
    """From the parameters as MLflow has them; None if they cannot be read, or do not have what stages follow from.

    Others that an earlier version did not know had their defaults.
    """
    there = {name: key for name, key in keys_of(HParams).items() if name in trial.params}
    if not there.keys() >= DECIDING:
        return None
    try:
        return HParams(**{name: key.recorded(str(trial.params[name])) for name, key in there.items()})
    except (ValueError, ConfigError):
        return None


def stages(hparams: HParams, curves: Curves) -> dict[int, Stage]:
    """Epoch (counted from 0) -> its stage, up to the first epoch that has no values."""
    epochs, values = curves.get("lr", {}), curves.get(MONITORED[hparams.monitor], {})
    rule = rule_of(hparams)
    state = start(rule)
    found: dict[int, Stage] = {}
    while state.epoch in epochs and state.stage is not Stage.STOPPED:
        found[state.epoch] = state.stage
        value = values.get(state.epoch, math.nan)
        # a trial that goes on has not diverged: what is not finite was undefined
        state = advance(state, value if math.isfinite(value) else None, rule)
    return found


def chosen_epoch(trial: TrialResult) -> int | None:
    """The epoch whose weights were tested and saved; None if there is none."""
    # MLflow has the curves of every trial under the names of its metrics, but a test only of chosen weights
    if not trial.ok and not any(name.startswith("test/") for name in trial.metrics):
        return None
    if trial.kept_epoch is not None:
        return trial.kept_epoch
    # results of 0.5 and before do not have it
    last = trial.params.get("evaluate_checkpoint") == "last" or trial.best_epoch is None
    return trial.best_epoch if not last else None if trial.epochs is None else trial.epochs - 1
