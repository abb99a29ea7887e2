"""The end of a search whose process was killed after its last trial: told by the next call, with nothing to train."""

import time
from itertools import count

from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.mlflow_store.delivery import open_outbox
from nerbb_ray.mlflow_store.events import Ensembled, Order, RunClosed
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.ensembles import FEWEST, places_of, run_ensembles
from nerbb_ray.results.reports import TrackedTrial, TrialJob
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.trial_result import TrialResult, learnt
from nerbb_ray.tune.finished import Earlier
from nerbb_ray.tune.trial_plan import TrialPlan


def tell_late_end(spec: ExperimentSpec, store: StorePaths, plan: TrialPlan, earlier: Earlier) -> dict[str, RunEnsemble]:
    """Make the ensembles that are not there or are of other trials, and close the runs that had none.

    Returns:
        What was made, by run; MLflow gets it, too.
    """
    known = earlier.ensembles
    # where predictions are not on this computer, they may be on another one: that there is no ensemble is not told
    made = {run: one for run, one in _made(spec, store, plan, earlier).items() if one.seeds}
    if not made or store.shares_mlflow:  # nobody holds the experiment of a shared MLflow here: it is only shown
        return made
    outbox = open_outbox(store.undelivered(spec.name), store.tracking_uri, spec.name, str(store.artifacts / spec.name))
    begin_ms, numbers, notes = int(time.time() * 1000), count(1), plan.notes()

    def now() -> tuple[int, Order]:
        number = next(numbers)
        return begin_ms + number, (earlier.last_driver + 1, number)

    def tracked(run: str) -> TrackedTrial:
        return TrialJob(plan.trial_of_run(run), None).tracked

    for run in (run for run in made if run not in known):
        outbox.put(RunClosed(tracked(run), *now(), notes.get(run, "")))
    for run, ensemble in made.items():
        outbox.put(Ensembled(tracked(run), *now(), ensemble))
    outbox.close()
    return made


def _made(spec: ExperimentSpec, store: StorePaths, plan: TrialPlan, earlier: Earlier) -> dict[str, RunEnsemble]:
    """Of the runs that have none, or one of other trials than those that can be members."""
    trials: dict[str, list[TrialResult]] = {}
    for trial in earlier.finished.values():
        if trial.ok and trial.run in plan.runs:
            trials.setdefault(trial.run, []).append(trial)
    wanted = {run: {trial.member for trial in learnt(ok)} for run, ok in trials.items() if len(ok) >= FEWEST}
    had = {run: {*earlier.ensembles[run].seeds} if run in earlier.ensembles else None for run in wanted}
    asked = [trial for run in wanted if had[run] != wanted[run] for trial in trials[run]]
    made = run_ensembles(asked, places_of(store, spec.name))
    return {run: one for run, one in made.items() if had[run] is None or {*one.seeds} == wanted[run]}
