"""What did not go as asked, in as few lines as there are different things to say."""

from collections.abc import Iterator, Sequence

from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import NEVER_STARTED, TrialResult
from nerbb_ray.verdict.outcome import Verdict

NAMED = 3  # trials of a line; the others are counted
# what says no more than the word before it
WITHOUT_NEWS = (None, "", "interrupted before its end", "stopped before its end")


def mishaps(result: ExperimentResult, found: Verdict | None) -> Iterator[str]:
    """Trials that have not ended ok or have a note, and those that have never begun."""
    yield from _ended_otherwise(result)
    yield from search_notes(result, found)
    yield from _interrupted(result)


def _ended_otherwise(result: ExperimentResult) -> Iterator[str]:
    alike: dict[tuple[str, str], list[TrialResult]] = {}
    for trial in result.trials:
        if said := _said_of(trial):
            alike.setdefault(said, []).append(trial)
    for (what, why), trials in alike.items():
        yield f"{what} {_named(trials)}" + (f": {why}" if why else "")
        if logs := [trial.log for trial in trials if trial.log and trial.status not in ("ok", "cut")]:
            yield f"  log: {logs[0]}" + (f" and {len(logs) - 1} more beside it" if len(logs) > 1 else "")


def _said_of(trial: TrialResult) -> tuple[str, str] | None:
    """What became of a trial, and why."""
    if trial.ok:
        return None if trial.note is None else ("note on", trial.note)
    if trial.status == "cut":
        return "cut", trial.reason or ""
    if trial.status == "interrupted" and trial.error in (*WITHOUT_NEWS, NEVER_STARTED):
        return None
    return trial.status, trial.error or ""


def _interrupted(result: ExperimentResult) -> Iterator[str]:
    """One line, however many they are."""
    stopped = [trial for trial in result.trials if trial.status == "interrupted" and trial.error in WITHOUT_NEWS]
    never = sum(trial.error == NEVER_STARTED for trial in result.trials)
    never += sum(run.n_total - len(run.trials) for run in result.runs if not run.note)
    parts = [f"interrupted: {_named(stopped)}"] if stopped else []
    if never:
        parts.append(f"not started: {never} trial{'s' if never > 1 else ''} of {sum(r.n_total for r in result.runs)}")
    if parts:
        yield "; ".join(parts)


def _named(trials: Sequence[TrialResult]) -> str:
    return some([trial.name for trial in trials])


def some(names: Sequence[str]) -> str:
    """`runA-43, runA-44, runB-43 and 12 more`"""
    named = ", ".join(names[:NAMED])
    return f"{named} and {len(names) - NAMED} more" if len(names) > NAMED else named


def search_notes(result: ExperimentResult, found: Verdict | None) -> list[str]:
    """Why the search gave runs fewer seeds than they were to have; what is true of several runs is said once.

    Args:
        found: the verdict, whose words say already why a run is not compared.
    """
    runs: dict[str, list[str]] = {}
    said = {} if found is None else found.left_out
    for run in result.runs:
        if run.note and said.get(run.run) != run.note:
            runs.setdefault(run.note, []).append(run.run)
    # a race that ends with a tie names the runs itself
    return [
        f"{names[0] if len(names) == 1 else f'{len(names)} runs have fewer seeds'}: {note}"
        for note, names in runs.items()
    ]
