"""The results of an experiment: its runs, which of them is best, and what a notebook shows of them. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from nerbb_ray.errors import ResultError
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.results.metric_names import metric_list, metric_name, require_metric
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.run_order import by_number
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import SELECTION_METRIC, SHOWN, TEST_METRIC, RunResult, TrialResult
from nerbb_ray.spelling import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from nerbb_ray.results.frames import Curves, ReadCurves

with lazy_modules():  # pandas and jinja2, for notebooks
    from nerbb_ray.html import document
    from nerbb_ray.results import frames


MarkRuns = Callable[["ExperimentResult"], tuple[Mapping[str, str], str]]


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """What an experiment has reached so far.

    Args:
        last_driver: number of the last process that has written results of it; 0 if that is not known.
        read_curves: from where the results come; None if there are only these.
        mark_runs: says which run is best and which are tied with it, and what the marks mean; None: no marks.
    """

    name: str
    runs: tuple[RunResult, ...]
    last_driver: int = 0
    read_curves: "ReadCurves | None" = field(default=None, compare=False, repr=False)
    mark_runs: "MarkRuns | None" = field(default=None, compare=False, repr=False)

    def __repr__(self) -> str:
        ok, total = sum(run.n_ok for run in self.runs), sum(run.n_total for run in self.runs)
        try:
            best = self.best_run()
        except ResultError:
            said = "no best run"
        else:
            said = f"best {best.run}, test F1 {best.mean_if_any(TEST_METRIC).brief()}"
        return f"<ExperimentResult {self.name}: {len(self.runs)} runs, {ok}/{total} trials ok; {said}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the runs, best first."""
        f1 = {run.run: run.mean_if_any(SELECTION_METRIC) for run in self.runs}
        runs = sorted(self.runs, key=lambda run: -f1[run.run].mean if f1[run.run].n else 1)
        means = [
            [run.mean_if_any(metric).with_interval().replace("+-", "\u00b1") for metric in SHOWN.values()]
            for run in runs
        ]
        marks, said = self.mark_runs(self) if self.mark_runs else ({}, "")
        rows = [
            [marks.get(run.run, ""), run.run, f"{run.n_ok}/{run.n_total}", *cells]
            for run, cells in zip(runs, means, strict=True)
        ]
        header = ["", "run", "ok", *(f"{split} entity micro F1" for split in SHOWN)]
        caption = "; ".join(filter(None, (f"{self.name}: means over the {self.member}s, best validation first", said)))
        return document.table(header, rows, numeric=(2, 3, 4), caption=caption)

    def to_dataframe(self, of: Literal["trials", "runs"] = "trials") -> "pd.DataFrame":
        """A table of pandas: a row per trial with parameters and metrics, or per run with means over the seeds.

        Columns of trials: run, seed, status, epochs, ..., the parameters by key, the metrics by full name; of runs:
        run, n_ok, n_total, note, the parameters, `<metric>/mean`, `/sd`, `/sem`, `/ci95_low`, `/ci95_high`, `/n`,
        `/min`, `/max`. The same as in the files of `nerbb results --csv` and `--csv-runs`.

        Raises:
            ResultError: `of` is something else.
        """
        if of not in ("trials", "runs"):
            raise ResultError(f"rows must be of trials or runs; got {of!r}")
        return frames.trials_frame(self.trials) if of == "trials" else frames.runs_frame(self.runs)

    def curves(self, metrics: str | Iterable[str] | None = None) -> "pd.DataFrame":
        """A table of pandas with a row per trial and epoch (counted from 0): run, seed, epoch, and a column per metric.

        Args:
            metrics: one or several by full name, such as val/loss; all that trials report after every epoch if left
                out.
        Raises:
            ResultError: no trial reports such a metric after every epoch (the message lists what there is), MLflow
                cannot be read, or the results do not come from a store.
        """
        if self.read_curves is None:
            raise ResultError(f"experiment {self.name}: these results do not know their store; take Experiment.results")
        names = None if metrics is None else metric_list(metrics)
        found = self.read_curves(names)
        without = [name for name in names or () if not any(of_trial.get(name) for of_trial in found.values())]
        known = _names(self.read_curves(None)) if without else []
        # as long as no epoch has ended, nobody can tell a wrong name
        if known and (wrong := [name for name in without if name not in known]):
            hint = did_you_mean(wrong[0], known, str)
            raise ResultError(f"no trial of experiment {self.name} has a curve of {wrong[0]!r}; {hint}")
        return frames.curves_frame(self.trials, found)

    @classmethod
    def of(
        cls,
        name: str,
        trials: Iterable[TrialResult],
        n_seeds: int = 0,
        notes: Mapping[str, str] | None = None,
        ensembles: Mapping[str, RunEnsemble] | None = None,
    ) -> "ExperimentResult":
        """Group trials by run, in the order in which the runs first appear, and the seeds within a run by number."""
        by_run: dict[str, list[TrialResult]] = {}
        for trial in trials:
            by_run.setdefault(trial.run, []).append(trial)
        noted, made = notes or {}, ensembles or {}
        runs = (
            RunResult(
                run,
                tuple(sorted(own, key=_by_seed)),
                n_seeds,
                noted.get(run) or None,
                made.get(run),
            )
            for run, own in by_run.items()
        )
        return cls(name, tuple(runs))

    @property
    def trials(self) -> tuple[TrialResult, ...]:
        return tuple(trial for run in self.runs for trial in run.trials)

    @property
    def foreign(self) -> bool:
        """Whether its trials are those of a trainable that knows nothing of nerbb_ray."""
        return bool(self.runs) and all(run.foreign for run in self.runs)

    @property
    def member(self) -> str:
        """What one of the trials of a run is called: seed or fold model. All runs have the same folds."""
        return self.runs[0].member if self.runs else "seed"

    def best_run(self) -> RunResult:
        """Highest mean val entity micro F1, of equal ones the first by name; the only run with an ok trial, anyway.

        Runs that are out of a race are asked only if there are no others.

        Raises:
            ResultError: no run has one, and there is a choice.
        """
        candidates = [run for run in self.runs if run.n_ok and not run.out] or [run for run in self.runs if run.n_ok]
        if len(candidates) == 1:
            return candidates[0]
        means = [(run.mean_if_any(SELECTION_METRIC), run) for run in candidates]
        defined = [(mean.mean, run) for mean, run in means if mean.n]
        if not defined:
            raise self._nothing_to_choose()
        return min(defined, key=lambda pair: (-pair[0], by_number(pair[1].run)))[1]

    def best_trial(self) -> TrialResult:
        """Highest val entity micro F1 of a single ok trial, of equal ones the first by name; the only ok trial, anyway.

        Raises:
            ResultError: no trial has one, and there is a choice.
        """
        ok = [trial for run in self.runs for trial in run.ok_trials]
        if len(ok) == 1:
            return ok[0]
        defined = [trial for trial in ok if math.isfinite(trial.metrics.get(SELECTION_METRIC, math.nan))]
        if not defined:
            raise self._nothing_to_choose()
        return min(defined, key=lambda trial: (-trial.metrics[SELECTION_METRIC], by_number(trial.run), trial.seed))

    def get(
        self,
        metric: str = "f1",
        level: str = "entity",
        label: str = "micro",
        phase: str = "test",
        average: bool = False,
    ) -> float | SeedMean:
        """One metric of the best trial, or with `average` its SeedMean over the seeds of the best run.

        There is one `loss` and one `acc` per phase: for them level and label play no part.

        Raises:
            ResultError: there is no such metric (the message lists what there is), or no trial ended ok.
        """
        name = metric_name(metric, level, label, phase)
        asked = {"phase": phase, "level": level, "label": label, "metric": metric}
        if average:
            run = self.best_run()
            require_metric(name, run.metric_names, asked)
            return run.mean(name)
        trial = self.best_trial()
        require_metric(name, trial.metrics, asked)
        return trial.metrics[name]

    def _nothing_to_choose(self) -> ResultError:
        statuses = Counter(trial.status for trial in self.trials)
        seen = ", ".join(f"{n} {status}" for status, n in statuses.items()) or "no trial at all"
        if statuses["ok"]:
            undefined = f"{SELECTION_METRIC} is undefined in all of its trials ({seen}), so none is the best"
            way_out = "take the metrics of a given run from MLflow (nerbb mlflow)"
            return ResultError(f"experiment {self.name}: {undefined}: {way_out}, or use val data with entities")
        return ResultError(f"experiment {self.name}: no trial has ended ok so far ({seen})")


def _by_seed(trial: TrialResult) -> tuple[int, int]:
    return trial.seed, trial.fold or 0


def _names(curves: "Curves") -> list[str]:
    return sorted({name for of_trial in curves.values() for name in of_trial})
