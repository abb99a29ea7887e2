"""Results as flat rows, for CSV and data frames: a row per trial, or per run with its means."""

from collections.abc import Mapping, Sequence
from typing import Any

from nerbb_ray.results.columns import agreed, fold_column
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import RunResult, TrialResult

Row = Mapping[str, Any]
ABOUT = ("epochs", "best_epoch", "kept_epoch", "duration_s", "reason", "error", "note", "checkpoint", "log")
STATISTICS = ("mean", "sd", "sem", "min", "max", "n")


def trial_rows(result: ExperimentResult) -> list[Row]:
    """Run, seed, status, the parameters by INI key, what is known of the trial, and its metrics by their full names."""
    return [_trial_row(trial) for trial in result.trials]


def run_rows(result: ExperimentResult) -> list[Row]:
    """Run, n_ok, n_total, note, the parameters in which its trials agree, and of every metric `<name>/mean`, `/sd`,
    `/sem`, `/min`, `/max`, `/n`, `/ci95_low`, `/ci95_high`."""
    return [_run_row(run) for run in result.runs]


def header_of(rows: Sequence[Row]) -> list[str]:
    """Every column that a row has, in the order of appearance."""
    return list(dict.fromkeys(key for row in rows for key in row))


def _trial_row(trial: TrialResult) -> Row:
    about = {name: getattr(trial, name) for name in ABOUT}
    return {
        "run": trial.run,
        "seed": trial.seed,
        "status": trial.status,
        **fold_column(trial.fold),
        **_params(trial),
        **about,
        **trial.metrics,
    }


def _params(trial: TrialResult) -> Row:
    return {key: value for key, value in trial.params.items() if key not in ("run", "seed")}


def _run_row(run: RunResult) -> Row:
    about = {"run": run.run, "n_ok": run.n_ok, "n_total": run.n_total, "note": run.note}
    row: dict[str, Any] = {**about, **agreed(list(map(_params, run.trials)))}
    for metric in run.metric_names:
        mean = run.mean(metric)
        row |= {f"{metric}/{name}": getattr(mean, name) for name in STATISTICS}
        low, high = mean.ci95 or (None, None)
        row |= {f"{metric}/ci95_low": low, f"{metric}/ci95_high": high}
    return row
