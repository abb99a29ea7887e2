"""How good predictions are: integer counts that can be added over slices, batches and workers, and metrics from them.

Metrics carry the same names everywhere: `<split>/<level>/<label>/<metric>`, levels entity and token.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.ner.scores import ALL, MICRO, Score, score_table, scores
from nerbb_ray.ner.spans import Ints, entity_ends, tag_table
from nerbb_ray.ner.tags import OUTSIDE, Scheme


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How often which class was predicted for which; `a + b` are the counts of both pieces together.

    Label 0 is O, label 1 + i is classes[i]; rows are true, columns are predicted.

    Args:
        token: (labels, labels) words by their plain class.
        entity: (labels, labels) entities of exactly the same words by class; column O: missed, row O: spurious.
        lenient: (3,) entities as conlleval reads them: correct, true, predicted.
    """

    classes: tuple[str, ...]
    token: Ints
    entity: Ints
    lenient: Ints

    @classmethod
    def zeros(cls, classes: tuple[str, ...]) -> "Counts":
        """The counts of nothing."""
        shape = (len(classes) + 1, len(classes) + 1)
        return cls(classes, np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(3, np.int64))

    def __add__(self, other: "Counts") -> "Counts":
        if self.classes != other.classes:
            raise ValueError(f"counts of the same classes can be added; got {self.classes} and {other.classes}")
        return Counts(self.classes, self.token + other.token, self.entity + other.entity, self.lenient + other.lenient)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counts):
            return NotImplemented
        return self.classes == other.classes and np.array_equal(self.vector(), other.vector())

    __hash__ = None  # type: ignore[assignment]

    def vector(self) -> Ints:
        """All counts in one array: sums of such arrays are the counts of all pieces together."""
        return np.concatenate([self.token.ravel(), self.entity.ravel(), self.lenient])

    @classmethod
    def from_vector(cls, tags: tuple[str, ...], scheme: Scheme, vector: Ints) -> "Counts":
        """The inverse of `vector`; `tags` is the tag set that was counted with."""
        classes = tag_table(tags, scheme).classes
        labels = len(classes) + 1
        if len(vector) != 2 * labels**2 + 3:
            raise ValueError(f"a vector of counts of {len(tags)} tags was expected; got {len(vector)} numbers")
        token, entity, lenient = np.split(np.asarray(vector, np.int64), [labels**2, 2 * labels**2])
        shape = (labels, labels)
        return cls(classes, token.reshape(shape), entity.reshape(shape), lenient)

    def confusion(self, level: str) -> tuple[tuple[str, ...], Ints]:
        """(labels, matrix): rows true, columns predicted.

        Args:
            level: "token" with O first, or "entity" with O last, which stands for missed and spurious entities.
        """
        if level == "token":
            return (OUTSIDE, *self.classes), self.token
        if level == "entity":
            return (*self.classes, OUTSIDE), np.roll(self.entity, -1, axis=(0, 1))
        raise ValueError(f"level must be token or entity; got {level!r}")

    def scores(self, level: str) -> dict[str, Score]:
        """The score of micro, macro and every class; at token level O is a class too, but no part of the averages."""
        if level == "token":
            return scores(self.classes, self.token)
        return {label: score for label, score in scores(self.classes, self.entity).items() if label != OUTSIDE}

    def metrics(self, split: str, loss: float | None = None) -> dict[str, float]:
        """Every metric of one split by name.

        Args:
            split: train, val or test.
            loss: mean over the words of the split, passed through as `<split>/loss`.
        """
        named = {} if loss is None else {f"{split}/loss": float(loss)}
        n_words = int(self.token.sum())
        named[f"{split}/token/{ALL}/acc"] = int(self.token.trace()) / n_words if n_words else math.nan
        named[f"{split}/entity/{MICRO}/f1_lenient"] = Score.of(*self.lenient.tolist()).f1
        for level in ("entity", "token"):
            for label, score in self.scores(level).items():
                name = f"{split}/{level}/{label}"
                named[f"{name}/precision"], named[f"{name}/recall"] = score.precision, score.recall
                named[f"{name}/f1"], named[f"{name}/support"] = score.f1, float(score.support)
        return named

    def report(self) -> str:
        """Classification report at both levels as text."""
        return "\n".join(
            [*score_table("entity", self.scores("entity")), "", *score_table("token", self.scores("token"))]
        )


def count(
    gold: NDArray[np.integer], predicted: NDArray[np.integer], starts: Ints, tags: tuple[str, ...], scheme: Scheme
) -> Counts:
    """Compare the tags of whole sentences. Predictions need not be well-formed.

    Args:
        gold, predicted: (words,) ids into `tags`.
        starts: (sentences + 1,) offset of the first word of each sentence, then the number of words.
        tags: the tag set, O first.
    """
    table = tag_table(tags, scheme)
    gold, predicted = np.asarray(gold), np.asarray(predicted)
    _check(gold, predicted, starts, len(tags))
    n_labels = len(table.classes) + 1
    true, guess = table.label[gold], table.label[predicted]
    strict_true, lenient_true = entity_ends(gold, starts, table)
    strict_guess, lenient_guess = entity_ends(predicted, starts, table)
    correct = (lenient_true > 0) & (lenient_true == lenient_guess) & (true == guess)
    return Counts(
        table.classes,
        token=_pairs(true, guess, n_labels),
        entity=_entity_pairs(strict_true, strict_guess, true, guess, n_labels),
        lenient=np.array([correct.sum(), (lenient_true > 0).sum(), (lenient_guess > 0).sum()], np.int64),
    )


def sentence_counts(
    gold: NDArray[np.integer], predicted: NDArray[np.integer], starts: Ints, tags: tuple[str, ...], scheme: Scheme
) -> Ints:
    """True positive, false positive and false negative entities of every sentence, of which micro F1 is made.

    Args:
        gold, predicted, starts, tags: as for `count`.
    *Shape:* -> (sentences, 3)
    """
    table = tag_table(tags, scheme)
    gold, predicted = np.asarray(gold), np.asarray(predicted)
    _check(gold, predicted, starts, len(tags))
    true, _ = entity_ends(gold, starts, table)
    guess, _ = entity_ends(predicted, starts, table)
    correct = (true > 0) & (true == guess) & (table.label[gold] == table.label[predicted])
    words = np.stack([correct, (guess > 0) & ~correct, (true > 0) & ~correct], axis=1)
    sums = np.concatenate([np.zeros((1, 3), np.int64), words.cumsum(axis=0, dtype=np.int64)])
    return np.diff(sums[starts], axis=0)


def _check(gold: NDArray[np.integer], predicted: NDArray[np.integer], starts: Ints, n_tags: int) -> None:
    if gold.shape != predicted.shape or gold.ndim != 1 or len(starts) == 0 or starts[-1] != len(gold):
        raise ValueError(f"one gold and one predicted tag per word; got {gold.shape}, {predicted.shape}, {starts[-1:]}")
    for ids in (gold, predicted):
        # a negative id, such as -100, would silently index from the end
        if len(ids) and not (ids.min() >= 0 and ids.max() < n_tags):
            raise ValueError(f"tag ids must be 0 ... {n_tags - 1}; got {ids.min()} ... {ids.max()}")


def _entity_pairs(true_end: Ints, guess_end: Ints, true: Ints, guess: Ints, n_labels: int) -> Ints:
    exact = (true_end > 0) & (true_end == guess_end)
    is_true, spurious = true_end > 0, (guess_end > 0) & ~exact
    found = _pairs(true[is_true], np.where(exact, guess, 0)[is_true], n_labels)
    return found + _pairs(np.zeros(int(spurious.sum()), np.int64), guess[spurious], n_labels)


def _pairs(true: Ints, guess: Ints, n_labels: int) -> Ints:
    return np.bincount(true * n_labels + guess, minlength=n_labels**2).reshape(n_labels, n_labels)
