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
from nerbb_ray.tune.finished import Earlier
from nerbb_ray.tune.trial_plan import TrialPlan


def tell_late_end(spec: ExperimentSpec, store: StorePaths, plan: TrialPlan, earlier: Earlier) -> dict[str, RunEnsemble]:
    """Close the runs that have no ensemble although they have the trials for one, and make it.

    Returns:
        What was made, by run; MLflow gets it, too.
    """
    ok = [trial for trial in earlier.finished.values() if trial.ok and trial.run in plan.runs]
    of_run = {trial.run: sum(one.run == trial.run for one in ok) for trial in ok}
    open_runs = [run for run, trials in of_run.items() if trials >= FEWEST and run not in earlier.ensembles]
    if not open_runs:
        return {}
    made = run_ensembles([trial for trial in ok if trial.run in open_runs], places_of(store, spec.name))
    outbox = open_outbox(store.undelivered(spec.name), store.tracking_uri, spec.name, str(store.artifacts / spec.name))
    begin_ms, numbers, notes = int(time.time() * 1000), count(1), plan.notes()

    def now() -> tuple[int, Order]:
        number = next(numbers)
        return begin_ms + number, (earlier.last_driver + 1, number)

    def tracked(run: str) -> TrackedTrial:
        return TrialJob(plan.trial_of_run(run), None).tracked

    for run in open_runs:
        outbox.put(RunClosed(tracked(run), *now(), notes.get(run, "")))
    for run, ensemble in made.items():
        outbox.put(Ensembled(tracked(run), *now(), ensemble))
    outbox.close()
    return made
