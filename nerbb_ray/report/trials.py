"""The trials that took long, and those that did not end ok."""

from collections.abc import Mapping
from pathlib import PurePath

from nerbb_ray.html.document import folded, paragraph, preformatted, run_name, table
from nerbb_ray.html.without_paths import without_paths
from nerbb_ray.mlflow_store.details import TrialDetails, TrialKey, Wanted
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TrialResult

SLOWEST = 10
MAX_ERRORS = 30
ERROR_FILE = "error.txt"
WANTED_OF_FAILED = Wanted(files=(ERROR_FILE, "*.log"))
LOG_LINES = 40


def failed_trials(result: ExperimentResult) -> tuple[TrialResult, ...]:
    return tuple(trial for trial in result.trials if not trial.ok)


def slowest_section(result: ExperimentResult) -> str:
    timed = [trial for trial in result.trials if trial.duration_s is not None]
    if not timed:
        return paragraph("No trial has a duration so far.")
    slowest = sorted(timed, key=lambda trial: -(trial.duration_s or 0.0))[:SLOWEST]
    total = sum(trial.duration_s or 0.0 for trial in timed)
    header = ["trial", "status", "epochs", "time", "time per epoch", "why it stopped"]
    about = paragraph(f"{duration(total)} of training in {len(timed)} trials, {duration(total / len(timed))} each.")
    return about + table(header, map(_slow_row, slowest), numeric=(2, 3, 4))


def _slow_row(trial: TrialResult) -> list[object]:
    seconds = trial.duration_s or 0.0
    per_epoch = duration(seconds / trial.epochs) if trial.epochs else "-"
    epochs = "-" if trial.epochs is None else f"{trial.epochs}"
    return [run_name(trial.name), trial.status, epochs, duration(seconds), per_epoch, trial.reason or "-"]


def duration(seconds: float) -> str:
    """`0.52 s`, `35 s`, `12 min 05 s`, `3 h 02 min`"""
    if seconds < 10:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def failures_section(result: ExperimentResult, details: Mapping[TrialKey, TrialDetails]) -> str:
    """Their one-line errors in a table; what their files say on a click."""
    failed = failed_trials(result)
    missing = [run for run in result.runs if run.n_total > len(run.trials)]
    notes = [
        paragraph(f"{run.run}: {run.n_total - len(run.trials)} of {run.n_total} {run.member}s never started.", "warn")
        if run.note is None
        else paragraph(
            f"{run.run}: {run.n_total - len(run.trials)} of {run.n_total} {run.member}s left out: {run.note}."
        )
        for run in missing
    ]
    if not failed:
        return "".join(notes) or paragraph("Every trial ended ok.", "good")
    rows = [
        [
            run_name(trial.name),
            trial.status,
            trial.epochs or 0,
            without_paths(trial.error or (trial.reason if trial.status == "cut" else None) or "-"),
            PurePath(trial.log or "-").name,
        ]
        for trial in failed
    ]
    listed = table(["trial", "status", "epochs", "error", "log"], rows, numeric=(2,))
    shown = "".join(_error(trial, details.get((trial.run, trial.member))) for trial in failed[:MAX_ERRORS])
    if len(failed) > MAX_ERRORS:
        notes.append(paragraph(f"Full errors are shown of the first {MAX_ERRORS} trials; MLflow has the others."))
    return "".join(notes) + listed + shown


def _error(trial: TrialResult, details: TrialDetails | None) -> str:
    files = details.files if details else {}
    texts = [
        folded(f"{trial.name}: {name}", preformatted(without_paths(_last_lines(name, text))))
        for name, text in files.items()
    ]
    if texts:
        return "".join(texts)
    why = f" ({without_paths(details.problem)})" if details and details.problem else ""
    return paragraph(f"{trial.name}: the files with its error and its log are not there{why}.")


def _last_lines(name: str, text: str) -> str:
    if name == ERROR_FILE:
        return text
    lines = text.splitlines()
    cut = [f"... {len(lines) - LOG_LINES} lines before"] if len(lines) > LOG_LINES else []
    return "\n".join([*cut, *lines[-LOG_LINES:]])
