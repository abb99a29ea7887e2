"""What to know of the trials of earlier calls, where the file asks for others by now. Pure."""

from collections.abc import Iterator

from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.tune.finished import Earlier
from nerbb_ray.verdict.mishaps import some


def notes_on_earlier(spec: ExperimentSpec, earlier: Earlier) -> Iterator[str]:
    """Of runs that the file does not have any more, of seeds that it does not ask for, and of cuts that do not hold."""
    if earlier.gone:
        yield (
            f"{some(earlier.gone)}, of earlier calls, {'are' if len(earlier.gone) > 1 else 'is'} not in the file any "
            f"more: not shown here, but in MLflow, and in what reads it (nerbb results, compare, predict {spec.name}); "
            "--overwrite forgets all earlier trials"
        )
    if surplus := _surplus(spec, earlier):
        yield (
            f"{some([trial.name for trial in surplus])}: not asked for any more, but measured by earlier calls: they "
            "count in the means"
        )
    again = [
        name
        for name, trial in earlier.trials.items()
        if trial.status == "cut" and not earlier.may_cut and trial.member in spec.members
    ]
    if again:
        yield f"{some(again)}: cut by an earlier call; begun anew, since [search] ends no trial early any more"


def _surplus(spec: ExperimentSpec, earlier: Earlier) -> list[TrialResult]:
    return [trial for trial in earlier.finished.values() if trial.member not in spec.members]


def more_seeds(spec: ExperimentSpec, earlier: Earlier) -> int:
    """The least `multiple_runs` that would train something new: earlier calls may have asked for more than this one."""
    trained = {(trial.run, trial.seed) for trial in earlier.finished.values()}
    runs, wanted = {run for run, _ in trained}, spec.settings.multiple_runs + 1
    while all((run, spec.settings.seed + wanted) in trained for run in runs):
        wanted += 1
    return wanted
