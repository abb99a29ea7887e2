"""The result of a trial, and of a run: its trials, and their means over the seeds. Pure.

A trial counts for a mean if it ended ok and the metric is defined (not NaN). What does not count is still in `n_total`.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from nerbb_ray.arguments import text_of
from nerbb_ray.config.trial_name import NamedTrial
from nerbb_ray.errors import ResultError
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.results.identity import Identity, folds_in
from nerbb_ray.results.metric_names import PARTS, require_metric, split_name
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.seed_mean import NEAR_ZERO, SeedMean
from nerbb_ray.results.shares import is_share

with lazy_modules():  # jinja2, for notebooks
    from nerbb_ray.html import document

# cut: ended by the race, because it could not catch up; it counts in no mean
Status = Literal["ok", "failed", "diverged", "interrupted", "running", "cut"]

FAILED: tuple[Status, ...] = ("failed", "diverged")
NEVER_STARTED = "never started"  # the error of a trial that an interruption kept from beginning
DROPPED = "dropped"  # how the note of a run begins that has lost its race
SELECTION_METRIC, TEST_METRIC = "val/entity/micro/f1", "test/entity/micro/f1"
SHOWN = {"val": SELECTION_METRIC, "test": TEST_METRIC}


@dataclass(frozen=True, slots=True)
class TrialResult(NamedTrial):
    """One run with one seed, with folds on one of them.

    Args:
        metrics: by their full name, `<split>/<level>/<label>/<metric>`. Of an ok trial: those of the chosen checkpoint.
        params: the resolved parameters by INI key. Values read back from MLflow are texts.
        error: one line, for everything that did not end ok.
        checkpoint: folder of the saved model.
        log: file to read when something went wrong.
        best_epoch: by `monitor`, counted from 0.
        kept_epoch: whose weights were tested and saved; None where there are none, and in results of 0.5 and before.
        reason: why the training stopped.
        identity: what shaped it, as far as that is known.
        note: one line that a reader of the results should know.
        val_f1_curve: val entity micro F1 after every epoch; empty where nobody has asked for it.
        fold: from 1, those of the repeats after each other; None without folds.
        foreign: of a trainable that knows nothing of nerbb_ray; metrics have the names that it gives them.
        started_s, ended_s: when, in seconds since 1970, as far as MLflow knows.
    """

    run: str
    seed: int
    status: Status
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    epochs: int | None = None
    error: str | None = None
    checkpoint: str | None = None
    duration_s: float | None = None
    log: str | None = None
    best_epoch: int | None = None
    kept_epoch: int | None = None
    reason: str | None = None
    identity: Identity | None = None
    note: str | None = None
    val_f1_curve: tuple[float, ...] = ()
    fold: int | None = None
    foreign: bool = False
    started_s: float | None = field(default=None, compare=False)
    ended_s: float | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        scores = [f"{split} F1 {value:.4f}" for split, value in _scores(self.metrics)] if self.ok else []
        about = [f"{self.epochs} epochs" if self.epochs else "", *scores, self.error or ""]
        return f"<TrialResult {self.name} {self.status}: {', '.join(filter(None, about)) or 'nothing so far'}>"

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @property
    def data(self) -> str | None:
        """Fingerprint of the data set."""
        return None if self.identity is None else self.identity.data

    def evaluated_on(self, splits: Collection[str] = ("val", "test"), *, folds: bool = True) -> tuple[str, ...]:
        """The data, and the parts of them, that the metrics of some splits come from; see `Identity.evaluated_on`."""
        return self.known_identity().evaluated_on(splits, folds=folds)

    def known_identity(self) -> Identity:
        """With what the parameters say, where no identity was recorded."""
        return self.identity or Identity.of_record(self.params, None)


@dataclass(frozen=True, slots=True)
class RunResult:
    """All seeds of a run.

    Args:
        n_seeds: how many it was to have: more than there are trials if some never started.
        note: why it has fewer, where the search has decided that.
        ensemble: of its seeds; None where nobody has looked for one.
    """

    run: str
    trials: tuple[TrialResult, ...]
    n_seeds: int = 0
    note: str | None = None
    ensemble: RunEnsemble | None = None

    def __repr__(self) -> str:
        means = (f"{split} F1 {self.mean_if_any(metric).brief()}" for split, metric in SHOWN.items())
        return f"<RunResult {self.run}: {self.n_ok}/{self.n_total} trials ok, {', '.join(means)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the trials, and the means over them."""
        rows = [[trial.name, trial.status, trial.epochs, *_cells(trial)] for trial in self.trials]
        means = [self.mean_if_any(metric).with_interval().replace("+-", "\u00b1") for metric in SHOWN.values()]
        header = ["trial", "status", "epochs", *(f"{split} entity micro F1" for split in SHOWN)]
        caption = f"{self.run}: {self.n_ok} of {self.n_total} trials ok"
        return document.table(header, [*rows, ["mean", "", "", *means]], numeric=(2, 3, 4), caption=caption)

    @property
    def n_total(self) -> int:
        return max(len(self.trials), self.n_seeds)

    @property
    def ok_trials(self) -> tuple[TrialResult, ...]:
        return tuple(trial for trial in self.trials if trial.ok)

    @property
    def learnt_trials(self) -> tuple[TrialResult, ...]:
        """Those that ended ok, without the ones that have not learnt what others of the run have."""
        return learnt(self.ok_trials)

    @property
    def n_ok(self) -> int:
        return len(self.ok_trials)

    @property
    def out(self) -> bool:
        """Whether the race has dropped it, or cut one of its trials: the seeds that it has may be its best ones."""
        return (self.note or "").startswith(DROPPED) or any(trial.status == "cut" for trial in self.trials)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """What at least one ok trial has, in the order of appearance."""
        return tuple(dict.fromkeys(name for trial in self.ok_trials for name in trial.metrics))

    def mean(self, metric: str) -> SeedMean:
        """Over the ok trials; n = 0 as long as none has ended ok.

        Args:
            metric: by full name, such as test/entity/micro/f1.
        Raises:
            ResultError: the ok trials have no such metric; the message lists what there is.
        """
        asked = dict(zip(PARTS, split_name(text_of("metric", metric, ResultError)), strict=True))
        if known := self.metric_names:
            require_metric(metric, known, asked)
        return self.mean_if_any(metric)

    def mean_if_any(self, metric: str) -> SeedMean:
        """As `mean`, but a metric that no trial has gives n = 0."""
        ok = self.ok_trials
        values = tuple(trial.metrics.get(metric, math.nan) for trial in ok)
        failed = sum(trial.status in FAILED for trial in self.trials)
        folds = tuple(trial.fold for trial in ok if trial.fold is not None) or None
        k = folds_in(ok[0].params) if folds else 0
        return _seed_mean(values, self.n_total, failed, is_share(metric, foreign=self.foreign), folds, k)

    @property
    def foreign(self) -> bool:
        """Whether its trials are those of a trainable that knows nothing of nerbb_ray."""
        return bool(self.trials) and all(trial.foreign for trial in self.trials)

    @property
    def folds(self) -> int:
        """That its trials were trained on; 0 without folds."""
        return len({trial.fold for trial in self.trials} - {None})

    @property
    def member(self) -> str:
        """What one of its trials is called: with folds, two of them differ in more than the seed."""
        return "fold model" if self.folds else "seed"


def subset_of(params: Mapping[str, object]) -> str | None:
    """The subset of the data set of a trial; values read back from MLflow are texts."""
    subset = params.get("dataset_subset_name")
    return None if subset in (None, "", "None") else str(subset)


def learnt(trials: Sequence[TrialResult]) -> tuple[TrialResult, ...]:
    """Without those whose val F1 is near 0 (below a tenth of the best one): fine-tuning fails for some seeds.

    Source: Mosbach et al. 2021, On the Stability of Fine-tuning BERT.
    """
    values = [trial.metrics.get(SELECTION_METRIC, math.nan) for trial in trials]
    best = max((value for value in values if math.isfinite(value)), default=0.0)
    return tuple(trial for trial, value in zip(trials, values, strict=True) if not value < NEAR_ZERO * best)


@lru_cache(maxsize=4096)  # tables of many runs show the same means again and again
def _seed_mean(
    values: tuple[float, ...], n_total: int, failed: int, share: bool, folds: tuple[int, ...] | None, k: int
) -> SeedMean:
    return SeedMean.of(values, n_total, failed=failed, share=share, folds=folds, k=k)


def _cells(trial: TrialResult) -> list[str]:
    values = [trial.metrics.get(metric, math.nan) if trial.ok else math.nan for metric in SHOWN.values()]
    return [f"{value:.4f}" if math.isfinite(value) else "-" for value in values]


def _scores(metrics: Mapping[str, float]) -> list[tuple[str, float]]:
    return [(split, metrics[name]) for split, name in SHOWN.items() if name in metrics]
