"""What the MLflow run of a grid run says about its seeds."""

import math
from collections.abc import Mapping

from nerbb_ray.results.experiment_result import SELECTION_METRIC, TEST_METRIC, RunResult, Status
from nerbb_ray.results.seed_mean import LogitMean, SeedMean, is_share

UNDEFINED = (math.nan, math.nan)
# whose means are kept up to date while seeds are still to come; those of all, hundreds of rows, once they are in
HEADLINES = (SELECTION_METRIC, TEST_METRIC, "val/loss", "test/loss", "val/token/all/acc", "test/token/all/acc")


def run_metrics(run: RunResult, *, whole: bool = True) -> dict[str, float]:
    """`<metric>/mean`, `/sd`, `/sem`, `/ci95_low`, `/ci95_high` and `/n` of every metric; NaN where it is undefined.

    Of a metric between 0 and 1 also `/logit_mean`, `/logit_sem`, `/logit_ci95_low` and `/logit_ci95_high`: the scale on
    which its interval was made. With folds also `/sd_folds` and `/sd_seeds`.

    Args:
        whole: not only of the most important metrics.
    """
    return {
        f"{metric}/{statistic}": value
        for metric in run.metric_names
        if whole or metric in HEADLINES
        for statistic, value in _statistics(run.mean(metric), share=is_share(metric)).items()
    }


def _statistics(mean: SeedMean, *, share: bool) -> dict[str, float]:
    low, high = mean.ci95 or UNDEFINED
    found = {"mean": mean.mean, "sd": mean.sd, "sem": mean.sem, "ci95_low": low, "ci95_high": high, "n": float(mean.n)}
    if mean.folds is not None:
        found |= {"sd_folds": mean.folds.sd_folds, "sd_seeds": mean.folds.sd_seeds}
    if not share:
        return found
    logit = mean.logit or LogitMean(math.nan, math.nan, UNDEFINED)
    names = ("logit_mean", "logit_sem", "logit_ci95_low", "logit_ci95_high")
    return found | dict(zip(names, (logit.mean, logit.sem, *logit.ci95), strict=True))


def changes(old: Mapping[str, float], new: Mapping[str, float]) -> dict[str, float]:
    """The values of `new` that differ from `old`; an undefined value is news only where there was a number."""
    return {name: value for name, value in new.items() if not _same(old.get(name, math.nan), value)}


def contains(old: Mapping[str, float], new: Mapping[str, float]) -> bool:
    """Whether `old` has all the numbers of `new` under the same names; two undefined values are the same."""
    return all(name in old and _same(old[name], value) for name, value in new.items())


def _same(old: float, new: float) -> bool:
    return old == new or (math.isnan(old) and math.isnan(new))


def run_status(run: RunResult, closed: bool = False) -> Status:
    """`ok` if all seeds ended ok that the search wanted, `failed` if one failed or diverged.

    Args:
        closed: whether seeds that have not ended yet are not going to.
    """
    statuses = {trial.status for trial in run.trials}
    lacking = len(run.trials) < run.n_total and not run.note
    if "running" in statuses or lacking:
        return "interrupted" if closed else "running"
    if "interrupted" in statuses:
        return "interrupted"
    return "ok" if statuses <= {"ok", "cut"} else "failed"
