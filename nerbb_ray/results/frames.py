"""Results as tables of pandas."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import pandas as pd

from nerbb_ray.config.hparams import HParams
from nerbb_ray.config.keys import keys_of
from nerbb_ray.config.spec import DatasetParams, Member, ModelParams, Settings
from nerbb_ray.errors import ConfigError
from nerbb_ray.results.columns import agreed, fold_column
from nerbb_ray.results.seed_mean import SeedMean

KEYS = {
    name: key for params in (DatasetParams, ModelParams, Settings, HParams) for name, key in keys_of(params).items()
}
OF_A_TRIAL = ("run", "seed")
ABOUT = (
    *("run", "seed", "status", "epochs", "best_epoch", "duration_s", "error", "checkpoint"),
    *("kept_epoch", "reason", "note", "log"),
)
# run, member -> metric -> epoch (from 0) -> value
Curves = Mapping[tuple[str, Member], Mapping[str, Mapping[int, float]]]
ReadCurves = Callable[[Sequence[str] | None], Curves]


class Trial(Protocol):
    """A TrialResult, as far as a table has it."""

    @property
    def run(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def fold(self) -> int | None: ...
    @property
    def member(self) -> Member: ...
    @property
    def params(self) -> Mapping[str, object]: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...


class Run(Protocol):
    """A RunResult, as far as a table has it."""

    @property
    def run(self) -> str: ...
    @property
    def trials(self) -> Sequence[Trial]: ...
    @property
    def n_ok(self) -> int: ...
    @property
    def n_total(self) -> int: ...
    @property
    def note(self) -> str | None: ...
    @property
    def metric_names(self) -> Sequence[str]: ...
    def mean(self, metric: str) -> SeedMean: ...


def trials_frame(trials: Iterable[Trial]) -> pd.DataFrame:
    """A row per trial."""
    return pd.DataFrame(list(map(_trial_row, trials)))


def runs_frame(runs: Iterable[Run]) -> pd.DataFrame:
    """A row per run."""
    return pd.DataFrame(list(map(_run_row, runs)))


def curves_frame(trials: Iterable[Trial], curves: Curves) -> pd.DataFrame:
    """A row per trial and epoch."""
    shown = list(trials)
    rows = [
        {"run": trial.run, "seed": trial.seed, **fold_column(trial.fold), "epoch": epoch, **values}
        for trial in shown
        for epoch, values in _by_epoch(curves.get((trial.run, trial.member), {}))
    ]
    fold = ["fold"] if any(trial.fold is not None for trial in shown) else []
    columns = ["run", "seed", *fold, "epoch", *dict.fromkeys(name for found in curves.values() for name in found)]
    return pd.DataFrame(rows, columns=columns)


def _by_epoch(curves: Mapping[str, Mapping[int, float]]) -> Iterable[tuple[int, dict[str, float]]]:
    epochs = sorted({epoch for values in curves.values() for epoch in values})
    return ((epoch, {name: values[epoch] for name, values in curves.items() if epoch in values}) for epoch in epochs)


def _trial_row(trial: Trial) -> dict[str, object]:
    about = {name: getattr(trial, name) for name in ABOUT}
    return {**about, **fold_column(trial.fold), **typed_params(trial.params), **trial.metrics}


def _run_row(run: Run) -> dict[str, object]:
    """The parameters are those in which its trials agree."""
    same = agreed([typed_params(trial.params) for trial in run.trials])
    means = {name: run.mean(name) for name in run.metric_names}
    columns = {f"{name}/{kind}": value for name, mean in means.items() for kind, value in _statistics(mean).items()}
    return {"run": run.run, "n_ok": run.n_ok, "n_total": run.n_total, "note": run.note, **same, **columns}


def _statistics(mean: SeedMean) -> dict[str, float]:
    low, high = mean.ci95 or (float("nan"), float("nan"))
    about = {"mean": mean.mean, "sd": mean.sd, "sem": mean.sem, "ci95_low": low, "ci95_high": high, "n": mean.n}
    return {**about, "min": mean.min, "max": mean.max}


def typed_params(params: Mapping[str, object]) -> dict[str, Any]:
    """The parameters of a trial with the types of their keys: values read back from MLflow are texts."""
    return {key: _typed(key, value) for key, value in params.items() if key not in OF_A_TRIAL}


def _typed(key: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if value == "None":
        return None
    if key in KEYS:
        with suppress(ValueError, ConfigError):
            return KEYS[key].parse(value)
        return value
    for kind in (int, float):
        with suppress(ValueError):
            return kind(value)
    return {"True": True, "False": False}.get(value, value)
