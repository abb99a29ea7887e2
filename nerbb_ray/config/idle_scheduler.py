"""Experiments in which `[search] scheduler` could never end a trial: that must not pass in silence."""

from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.config.trials import most_trials

OTHERS = {"asha": 1, "median": 3}  # first seeds of other runs that Ray's schedulers want to compare with, by default


def why_idle(spec: ExperimentSpec) -> str | None:
    """Why the scheduler of an experiment cannot end any trial; None: it can, or there is none."""
    name, grace = spec.search.scheduler, spec.search.grace_epochs
    if name is None:
        return None
    idle, others = f"scheduler = {name} cannot end any trial", most_trials(spec) // len(spec.members) - 1
    if others < OTHERS[name]:
        return f"{idle}: it compares a run with at least {OTHERS[name]} other{'s' * (OTHERS[name] > 1)}; got {others}"
    if any(key == "max_epochs" for run in spec.runs for key, _ in run.space):
        return None
    longest = max(run.hparams.max_epochs for run in spec.runs)
    # a trial is compared after an epoch, and ends after the next one: if that is its last, it is whole
    if grace <= longest - 2:
        return None
    way_out = f"grace_epochs <= {longest - 2} or " if longest > 2 else ""
    return (
        f"{idle}: after grace_epochs = {grace} it is asked to end, trains one epoch more, and is at its end "
        f"anyway (max_epochs = {longest}); set {way_out}more epochs"
    )
