"""Where one run stands in a verdict, as the MLflow run of that run has it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nerbb_ray.mlflow_store.schema import VERDICT, VERDICT_WORDS
from nerbb_ray.verdict.outcome import Verdict
from nerbb_ray.verdict.words import against_the_best, sentences

BEST, TIED, WORSE, NOT_COMPARED = "best", "tied", "worse", "not compared"
SENTENCES = 8
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
