"""From the log-probabilities of the tags of words to tags: the best sequence of each sentence. Pure numpy.

    argmax        the best tag of each word by itself
    constrained   the best sequence that the scheme allows (Viterbi 1967): no I-PER without a B-PER or I-PER before it
    bigrams       the same, with a bonus for tags that follow each other in the training data:
                  sum of log p(tag | sentence) + weight * sum of log p(tag | tag before), counted and smoothed

No training step is needed for any of them. Plain tags may follow each other as they like: `constrained` is argmax then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.ner.spans import Ints, TagTable, tag_table
from nerbb_ray.ner.tags import Scheme, SourceScheme

Kind = Literal["argmax", "constrained", "bigrams"]
Floats = NDArray[np.float32]
KINDS: tuple[Kind, ...] = ("argmax", "constrained", "bigrams")
SMOOTHING = 1.0  # added to every count of two tags that may follow each other
A_BIT = 1e-4
AT_ONCE = 4_000_000  # sentences x tags x tags


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """How tags are found.

    Args:
        weight: of the bigrams; 0 for the other kinds.
        first, last: score of a tag at the beginning and at the end of a sentence. *Shape:* (tags,)
        step: score of a tag (column) behind another one (row); -inf: never. *Shape:* (tags, tags)
    """

    kind: Kind
    weight: float
    first: Floats
    step: Floats
    last: Floats

    def __str__(self) -> str:
        return f"bigrams, weight {self.weight:g}" if self.kind == "bigrams" else self.kind

    def decode(self, log_probs: NDArray[np.floating], starts: Ints) -> Ints:
        """The tags of some sentences.

        Args:
            log_probs: of every tag of every word; of which nothing is known, `unknown_word`. *Shape:* (words, tags)
            starts: offset of the first word of each sentence, then the number of words. *Shape:* (sentences + 1,)
        Returns:
            Ids of tags; of equally good sequences the one with the lower ids. *Shape:* (words,)
        """
        if self.kind == "argmax":
            best: Ints = np.asarray(log_probs).argmax(axis=1)
            return best
        return viterbi(np.asarray(log_probs, np.float32), starts, self.first, self.step, self.last)

    def to_dict(self) -> dict[str, Any]:
        """JSON values; forbidden transitions are null. `from_dict` is the inverse."""
        return {
            "kind": self.kind,
            "weight": self.weight,
            **{name: _plain(getattr(self, name)) for name in ("first", "step", "last")},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Decoder":
        """
        Raises:
            KeyError, TypeError, ValueError: they are not those of a decoder.
        """
        if values["kind"] not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {values['kind']!r}")
        first, step, last = (_array(values[name]) for name in ("first", "step", "last"))
        n_tags = len(first)
        if (first.shape, step.shape, last.shape) != ((n_tags,), (n_tags, n_tags), (n_tags,)):
            raise ValueError(
                f"scores of n, n x n and n tags were expected; got {first.shape}, {step.shape}, {last.shape}"
            )
        if any((np.isnan(scores) | np.isposinf(scores)).any() for scores in (first, step, last)):
            raise ValueError("scores must be numbers or null")
        return cls(values["kind"], float(values["weight"]), first, step, last)

    def arranged(self, places: Sequence[int]) -> "Decoder":
        """For tags in another order: tag i is the one that was at `places[i]`."""
        order = list(places)
        return replace(self, first=self.first[order], step=self.step[np.ix_(order, order)], last=self.last[order])


def argmax(n_tags: int) -> Decoder:
    """Every word by itself."""
    none = np.zeros(n_tags, np.float32)
    return Decoder("argmax", 0.0, none, np.zeros((n_tags, n_tags), np.float32), none)


def constrained(tags: Sequence[str], scheme: Scheme) -> Decoder:
    """Only what the scheme allows."""
    return Decoder("constrained", 0.0, *_allowed(tag_table(tuple(tags), scheme)))


def bigrams(tags: Sequence[str], scheme: Scheme, gold: NDArray[np.integer], starts: Ints, weight: float) -> Decoder:
    """What the scheme allows, and rather what the training data have.

    Args:
        gold: ids of the tags of the training data. *Shape:* (words,)
        starts: of its sentences, as in `Decoder.decode`.
    """
    first, step, last = _allowed(tag_table(tuple(tags), scheme))
    n_tags = len(tags)
    begin, after = starts[:-1][np.diff(starts) > 0], starts[1:][np.diff(starts) > 0]
    pairs = np.ones(max(0, len(gold) - 1), bool)
    pairs[after[:-1] - 1] = False  # the last word of a sentence and the first of the next
    counted = np.bincount(np.asarray(gold[:-1], np.int64)[pairs] * n_tags + gold[1:][pairs], minlength=n_tags**2)
    firsts, lasts = (np.bincount(gold[places], minlength=n_tags) for places in (begin, after - 1))
    rows = np.concatenate([counted.reshape(n_tags, n_tags), lasts[:, None]], axis=1)
    scores = _log_shares(rows, np.concatenate([step, last[:, None]], axis=1)) * np.float32(weight)
    first_scores = _log_shares(firsts[None], first[None])[0] * np.float32(weight)
    return Decoder("bigrams", weight, first_scores, scores[:, :-1], scores[:, -1])


def unknown_word(tags: Sequence[str], scheme: SourceScheme) -> Floats:
    """The scores of a word without any sub-token: all but the same, rather O, and rather carrying on than beginning.

    *Shape:* (tags,)
    """
    table = tag_table(tuple(tags), scheme)
    return np.where(table.label == 0, 0.0, np.where(table.starts, -2 * A_BIT, -A_BIT)).astype(np.float32)


def _allowed(table: TagTable) -> tuple[Floats, Floats, Floats]:
    """(first, step, last): 0 for what is well-formed, -inf for the rest."""
    outside, n_tags = table.label == 0, len(table.label)
    begins = outside | table.starts
    closes = outside | table.ends
    step = table.links | (closes[:, None] & begins[None, :])
    # a tag that only carries on may follow nothing but its own entity
    forbidden = (np.where(ok, 0.0, -np.inf).astype(np.float32) for ok in (begins, step, closes))
    first, step_scores, last = forbidden
    assert step_scores.shape == (n_tags, n_tags)
    return first, step_scores, last


def _log_shares(counts: NDArray[np.integer], allowed: Floats) -> Floats:
    """The smoothed logarithm of the share of every allowed column in its row; -inf for the others."""
    smoothed = np.where(np.isfinite(allowed), counts + SMOOTHING, 0.0)
    with np.errstate(divide="ignore"):
        logs: Floats = np.log(smoothed / smoothed.sum(axis=1, keepdims=True)).astype(np.float32)
    return logs


def viterbi(log_probs: Floats, starts: Ints, first: Floats, step: Floats, last: Floats) -> Ints:
    """The sequence of tags with the highest sum of scores, for each sentence; linear in the number of words.

    Sentences are worked on side by side, the longest first, so that those that have ended drop off at the end.
    """
    lengths = np.diff(starts)
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    tags = np.zeros(len(log_probs), np.int64)
    at_once = max(1, AT_ONCE // max(1, step.size))
    for begin in range(0, len(order), at_once):
        chunk = order[begin : begin + at_once]
        _decode_chunk(log_probs, starts[chunk], lengths[chunk], (first, step, last), tags)
    return tags


def _decode_chunk(
    log_probs: Floats, begin: Ints, lengths: Ints, scores: tuple[Floats, Floats, Floats], tags: Ints
) -> None:
    """Fill in the tags of some sentences, which come by falling length."""
    first, step, last = scores
    reached = first + log_probs[begin]
    back = []
    for position in range(1, int(lengths[0])):
        active = int(np.searchsorted(-lengths, -position, side="left"))  # those that have a word here
        ways = reached[:active, :, None] + step
        from_tag = ways.argmax(axis=1)
        best = np.take_along_axis(ways, from_tag[:, None], axis=1)[:, 0]
        best -= best.max(axis=1, keepdims=True)  # the sums over a book would leave no digits for the differences
        reached[:active] = best + log_probs[begin[:active] + position]
        back.append(from_tag.astype(np.int16))
    current = (reached + last).argmax(axis=1)
    tags[begin + lengths - 1] = current
    for position in range(int(lengths[0]) - 1, 0, -1):
        from_tag = back[position - 1]
        active = len(from_tag)
        current[:active] = from_tag[np.arange(active), current[:active]]
        tags[begin[:active] + position - 1] = current[:active]


def _plain(scores: Floats) -> Any:
    return [_plain(row) for row in scores] if scores.ndim > 1 else [None if np.isinf(x) else float(x) for x in scores]


def _array(values: Any) -> Floats:
    nested = isinstance(values[0], list)
    filled = [[-np.inf if x is None else x for x in row] for row in (values if nested else [values])]
    return np.array(filled if nested else filled[0], np.float32)
