"""What the MLflow run of a grid run says about its seeds."""

import math
from collections.abc import Mapping

from nerbb_ray.mlflow_store.class_values import is_detail, table_text
from nerbb_ray.results.metric_names import split_name
from nerbb_ray.results.seed_mean import LogitMean, SeedMean
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC, RunResult, Status

UNDEFINED = (math.nan, math.nan)
SHORT = ("mean", "sem")
STATISTICS = ("mean", "sd", "sem", "ci95_low", "ci95_high", "n")
TABLE_HEADER = (
    "metric",
    *STATISTICS,
    "sd_folds",
    "sd_seeds",
    "logit_mean",
    "logit_sem",
    "logit_ci95_low",
    "logit_ci95_high",
)
# whose means are kept up to date while seeds are still to come; those of all once they are in
HEADLINES = (SELECTION_METRIC, TEST_METRIC, "val/loss", "test/loss", "val/token/all/acc", "test/token/all/acc")


def run_metrics(run: RunResult, *, whole: bool = True) -> dict[str, float]:
    """Of every metric that people compare, `<metric>/mean` and `/sem`; NaN where it is undefined.

    Of the most important ones, and of those of a trainable that knows nothing of nerbb_ray, also `/sd`, `/ci95_low`,
    `/ci95_high` and `/n`, with folds also `/sd_folds` and `/sd_seeds`. A parent with all statistics of all classes,
    more than 1,000 metrics, could not be read: `means_table` has them.

    Args:
        whole: not only of the most important metrics.
    """
    return {
        f"{metric}/{statistic}": value
        for metric in run.metric_names
        if (metric in HEADLINES or whole) and (run.foreign or not is_detail(metric))
        for statistic, value in _statistics(run.mean(metric)).items()
        if run.foreign or metric in HEADLINES or statistic in SHORT or not split_name(metric)[1]
    }


def means_table(run: RunResult) -> str | None:
    """All statistics of all metrics, as MLflow's page shows a table; None without any.

    Of a metric between 0 and 1 also `logit_mean`, `logit_sem`, `logit_ci95_low` and `logit_ci95_high`: the scale on
    which its interval was made.
    """
    rows = []
    for metric in run.metric_names:
        mean = run.mean(metric)
        logit = mean.logit or LogitMean(math.nan, math.nan, UNDEFINED)
        found = _statistics(mean)
        own = [found.get(name, math.nan) for name in (*STATISTICS, "sd_folds", "sd_seeds")]
        rows.append([metric, *own, logit.mean, logit.sem, *logit.ci95])
    return table_text(TABLE_HEADER, rows) if rows else None


def _statistics(mean: SeedMean) -> dict[str, float]:
    low, high = mean.ci95 or UNDEFINED
    found = dict(zip(STATISTICS, (mean.mean, mean.sd, mean.sem, low, high, float(mean.n)), strict=True))
    if mean.folds is not None:
        found |= {"sd_folds": mean.folds.sd_folds, "sd_seeds": mean.folds.sd_seeds}
    return found


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
