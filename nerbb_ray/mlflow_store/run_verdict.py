"""Where one run stands in a verdict, as the MLflow run of that run has it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nerbb_ray.mlflow_store.means_description import (
    MAX_DESCRIPTION,
    described,
    means_description,
    not_shown,
    row_text,
)
from nerbb_ray.mlflow_store.schema import VERDICT, VERDICT_WORDS
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC, RunResult
from nerbb_ray.verdict.ensemble_words import gain_sentences
from nerbb_ray.verdict.marks import means_legend
from nerbb_ray.verdict.outcome import Verdict
from nerbb_ray.verdict.words import against_the_best, sentences

BEST, TIED, WORSE, NOT_COMPARED = "best", "tied", "worse", "not compared"
SENTENCES = 8
COMPARED = {
    "val F1": SELECTION_METRIC,
    "test F1": TEST_METRIC,
    "test precision": "test/entity/micro/precision",
    "test recall": "test/entity/micro/recall",
    "val loss": "val/loss",
}
MAX_LENGTH = 4000  # of a tag; MLflow takes 8,000 characters at most


@dataclass(frozen=True, slots=True)
class Standing:
    """Args:
    metrics: how far the run is behind the best (in units of the metric) and p after Holm's correction; of the best
        itself 0 and NaN, and NaN twice without anything to compare.
    """

    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def standing_of(run: str, found: Verdict) -> Standing:
    behind, p_holm, kind, words = math.nan, math.nan, NOT_COMPARED, found.left_out.get(run, "")
    difference = next((d for d in found.differences if d.run == run), None)
    if difference is not None:
        behind, p_holm = difference.mean, difference.p_holm
        kind, words = WORSE if difference.better else TIED, against_the_best(found, difference)
    elif run == found.best and found.differences:
        behind, kind, words = 0.0, BEST, "\n".join(sentences(found, limit=SENTENCES))
    elif not words:
        words = sentences(found)[0]
    return Standing(
        {"verdict/behind": behind, "verdict/p_holm": p_holm}, {VERDICT: kind, VERDICT_WORDS: words[:MAX_LENGTH]}
    )


def description(result: ExperimentResult, found: Verdict | None, run: str | None = None) -> str:
    """Markdown for MLflow's page: the verdict in words and the runs as a table, best first.

    Args:
        found: None where nothing was compared.
        run: whose description it is, marked in the table; None: that of the experiment.
    """
    if found is None:
        return means_description(result, run)
    best = {name: place for place, name in enumerate(found.means)}
    shown = described(sorted(result.runs, key=lambda one: best.get(one.run, len(best))), run)
    rows = [_row(one, found, marked=one.run == run) for one in shown]
    lines = [
        *found.plain[:SENTENCES],
        "",
        f"| | run | {result.member}s ok | " + " | ".join(COMPARED) + " |",
        "|---|---|---|" + "---|" * len(COMPARED),
        *rows,
        "",
        _legend(shown),
        not_shown(result, shown),
        *gain_sentences(result, run or found.best),
    ]
    return "\n".join(lines).strip()[:MAX_DESCRIPTION]


def _legend(runs: Sequence[RunResult]) -> str:
    means = means_legend([run.mean_if_any(metric) for run in runs for metric in COMPARED.values()], interval=False)
    said = means.replace("+-", "±") or "One seed"
    return f"{said}. Entity micro scores; * best mean, = cannot be told from it."


def _row(run: RunResult, found: Verdict, *, marked: bool) -> str:
    tied = run.run in found.tie_set and found.differences
    mark = "\\*" if run.run == found.best else "=" if tied else ""
    return row_text(run, COMPARED.values(), mark, marked=marked)
