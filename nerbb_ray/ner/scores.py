"""From integer counts to precision, recall and F1.

Undefined values are NaN: a class (or an average) that occurs neither in truth nor in prediction. A class that occurs in
one of the two only has precision, recall and F1 of 0, as in seqeval.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from nerbb_ray.ner.spans import Ints
from nerbb_ray.ner.tags import OUTSIDE

MICRO, MACRO, ALL = "micro", "macro", "all"
RESERVED_LABELS = frozenset({MICRO, MACRO, ALL, OUTSIDE})


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 in [0, 1] or NaN; support = number of true words or entities."""

    precision: float
    recall: float
    f1: float
    support: int

    @classmethod
    def of(cls, correct: int, true: int, predicted: int) -> "Score":
        if not true and not predicted:
            return cls(math.nan, math.nan, math.nan, 0)
        return cls(
            precision=correct / predicted if predicted else 0.0,
            recall=correct / true if true else 0.0,
            f1=2 * correct / (true + predicted),
            support=true,
        )

    @classmethod
    def macro(cls, scores: list["Score"]) -> "Score":
        """The mean over the classes that occur in truth or prediction."""
        occurring = [score for score in scores if not math.isnan(score.f1)]
        if not occurring:
            return cls(math.nan, math.nan, math.nan, 0)
        n = len(occurring)
        return cls(
            precision=math.fsum(score.precision for score in occurring) / n,
            recall=math.fsum(score.recall for score in occurring) / n,
            f1=math.fsum(score.f1 for score in occurring) / n,
            support=sum(score.support for score in occurring),
        )


def scores(classes: tuple[str, ...], matrix: Ints) -> dict[str, Score]:
    """The score of micro, macro, every class and O, in this order; O is no part of the averages.

    Args:
        matrix: (classes + 1, classes + 1) rows true, columns predicted, O first.
    """
    correct, true, predicted = matrix.diagonal().tolist(), matrix.sum(axis=1).tolist(), matrix.sum(axis=0).tolist()
    by_label = [Score.of(*numbers) for numbers in zip(correct, true, predicted, strict=True)]
    named = dict(zip(classes, by_label[1:], strict=True))
    averages = {
        MICRO: Score.of(sum(correct[1:]), sum(true[1:]), sum(predicted[1:])),
        MACRO: Score.macro(by_label[1:]),
    }
    return averages | named | {OUTSIDE: by_label[0]}


def score_table(title: str, rows: dict[str, Score]) -> Iterator[str]:
    """The lines of a classification report, averages last; an undefined value is shown as `-`."""
    order = [label for label in rows if label not in (MICRO, MACRO)] + [MICRO, MACRO]
    width = max(len(label) for label in (*order, title))
    yield f"{title:<{width}}  precision     recall         f1    support"
    for label in order:
        score = rows[label]
        ratios = "".join(f"{_shown(value):>11}" for value in (score.precision, score.recall, score.f1))
        yield f"{label:<{width}}{ratios}{score.support:>11}"


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"
