"""What `*` and `=` mean before a run, wherever runs are listed."""

from collections.abc import Collection

from nerbb_ray.results.metric_names import split_name
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import SELECTION_METRIC

BEST, TIED = "*", "="


def shown_metric(metric: str) -> str:
    """`val/entity/micro/f1` -> `val entity micro F1`"""
    return " ".join(part for part in split_name(metric) if part).replace(" f1", " F1")


def mark_of(run: str, best: str | None, tied: Collection[str]) -> str:
    """The mark of a run.

    Args:
        tied: the runs that the seeds do not tell from the best one, which may be among them.
    """
    if best is None:
        return ""
    return BEST if run == best else TIED if run in tied else ""


def means_legend(means: Collection[SeedMean], *, interval: bool = True) -> str:
    """What stands in means over seeds, or fold models, only of the kinds that are there; empty if none is of several.

    Args:
        interval: whether they are shown with theirs.
    """
    kind = next((mean.kind for mean in means), "seeds")  # all runs of an experiment have the same folds
    of_more = "Mean +- standard error" + (" [95 % interval]" if interval else "") + f" over the {kind}"
    several, two = any(mean.n > 2 for mean in means), any(mean.n == 2 for mean in means)
    if several:
        # of two folds with several seeds there is no interval
        ends = interval and any(mean.n > 2 and mean.ci95 is None and mean.min < mean.max for mean in means)
        bounds = "; without an interval (lowest, highest)" if ends else ""
        return f"{of_more}{bounds}; of two {kind}, both values" if two else of_more + bounds
    return f"Mean over two {kind}, and both values" if two else ""


def legend(marks: Collection[str], metric: str = SELECTION_METRIC, kind: str = "seeds") -> str:
    """What the marks mean that are there; empty if none are.

    Args:
        kind: of the trials of a run: seeds, or fold models.
    """
    direction = "lowest" if metric.endswith("/loss") else "highest"
    meanings = {
        BEST: f"{BEST} best run: {direction} mean {shown_metric(metric)}",
        TIED: f"{TIED} tied: the {kind} cannot tell it from the best",
    }
    return "; ".join(text for mark, text in meanings.items() if mark in marks)
