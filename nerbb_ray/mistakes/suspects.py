"""Labels that are probably wrong: where models that have not seen a sentence contradict its annotation. Pure.

Entity by entity, not word by word: a suspect is a place where the decoded prediction and gold differ (another class, a
missing entity, one too many, another border). How suspicious it is are log odds: how much more the models believe in
their own tags of the words that differ than in those of gold, plus how the same words are labelled at all other places
of the data. benchmarks/bench_wrong_labels.py measures both parts, and compares with cleanlab.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.config.spec import Member
from nerbb_ray.data.sentences import Sentence
from nerbb_ray.mistakes.found import entities_of
from nerbb_ray.mistakes.other_places import Form, Labelled, labels_of
from nerbb_ray.ner.decoding import Decoder
from nerbb_ray.ner.ensemble import mean_log_probs
from nerbb_ray.ner.mistakes import Mistake, mistakes, overlap
from nerbb_ray.ner.tags import OUTSIDE, Entity
from nerbb_ray.results.log_probs import LogProbs

WEIGHT_OF_OTHERS = 1.0  # of the log odds of the other places, beside those of the models
FLOOR = -12.0  # natural logarithm of the smallest probability: half precision has no smaller ones that mean anything


@dataclass(frozen=True, slots=True)
class Part:
    """Sentences with what models say of them that were not trained on them.

    Args:
        said: by member, of the same words.
        decoder: of their mean.
        places: (split, number in it) of every sentence.
    """

    said: Mapping[Member, LogProbs]
    split: str
    decoder: Decoder
    sentences: Sequence[Sentence]
    places: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that may be wrong.

    Args:
        split, number: where the sentence stands in the data set, from 0.
        score: log odds; the larger, the more suspicious.
        confidence: mean probability of the predicted tags of the words that differ from gold.
        agree: how many of the `models` predict the same by themselves.
        others: how often the words in question have each label at other places (`O`: none).
    """

    split: str
    number: int
    sentence: Sentence
    gold: tuple[Entity, ...]
    predicted: tuple[Entity, ...]
    mistake: Mistake
    score: float
    confidence: float
    agree: int
    models: int
    others: Mapping[str, int]

    @property
    def subject(self) -> Entity:
        """The entity whose words are asked about: the predicted one; of what models do not see, that of gold."""
        entity = self.mistake.predicted or self.mistake.gold
        assert entity is not None
        return entity

    @property
    def words(self) -> str:
        """Of the subject."""
        return " ".join(self.sentence.tokens[self.subject.start : self.subject.end])


def find_suspects(parts: Sequence[Part], everything: Sequence[Labelled]) -> list[Suspect]:
    """All of them, the most suspicious first.

    Args:
        everything: the words and gold entities of all sentences of the data set.
    """
    found = [suspect for part in parts for suspect in _of_part(part)]
    known = labels_of({_form(one) for one in found}, everything)
    return sorted((_with_others(one, known[_form(one)]) for one in found), key=lambda one: -one.score)


def _form(one: Suspect) -> Form:
    return one.sentence.tokens[one.subject.start : one.subject.end]


def _of_part(part: Part) -> Iterator[Suspect]:
    first = next(iter(part.said.values()))
    splits = [one.splits[part.split] for one in part.said.values()]
    gold, starts = splits[0].gold, splits[0].starts
    mean = np.maximum(mean_log_probs([one.log_probs for one in splits]), FLOOR)
    tags = part.decoder.decode(mean, starts)
    right, guess = (list(entities_of(ids, starts, first)) for ids in (gold, tags))
    each = [
        list(entities_of(one.decoder.decode(split.log_probs, starts), starts, one))
        for one, split in zip(part.said.values(), splits, strict=True)
    ]
    for number, (split, place) in enumerate(part.places):
        begin, end = int(starts[number]), int(starts[number + 1])
        own, wanted, seen = mean[begin:end], gold[begin:end], tags[begin:end]
        for mistake in mistakes(right[number], guess[number]):
            odds, confidence = _belief(mistake, own, wanted, seen)
            agree = sum(_agrees(mistake, model[number]) for model in each)
            yield Suspect(
                split=split,
                number=place,
                sentence=part.sentences[number],
                gold=right[number],
                predicted=guess[number],
                mistake=mistake,
                score=odds,
                confidence=confidence,
                agree=agree,
                models=len(each),
                others={},
            )


def _belief(
    mistake: Mistake, log_probs: NDArray[np.floating], gold: NDArray[np.integer], seen: NDArray[np.integer]
) -> tuple[float, float]:
    """(log odds of prediction against gold, probability of the prediction), means over the words that differ."""
    words = {w for entity in (mistake.gold, mistake.predicted) if entity for w in range(entity.start, entity.end)}
    differ = np.array(sorted(word for word in words if gold[word] != seen[word]))
    if not len(differ):  # tags of other words make the difference, as where an entity follows one of its class
        differ = np.array(sorted(words))
    own, other = log_probs[differ, seen[differ]], log_probs[differ, gold[differ]]
    return float(np.mean(own - other)), min(1.0, float(np.exp(own).mean()))


def _agrees(mistake: Mistake, seen: Sequence[Entity]) -> bool:
    if mistake.predicted is not None:
        return mistake.predicted in seen
    gold = mistake.gold
    return gold is not None and not any(overlap(entity, gold) for entity in seen)


def _with_others(one: Suspect, labels: Counter[str]) -> Suspect:
    """With what the other places say, where this one is left out."""
    subject, (_, gold, predicted) = one.subject, one.mistake
    here = next((e.label for e in one.gold if (e.start, e.end) == (subject.start, subject.end)), None)
    if here is None and not any(overlap(entity, subject) for entity in one.gold):
        here = OUTSIDE
    others = Counter(labels)
    if here is not None and others[here]:
        others[here] -= 1
    believed = predicted.label if predicted else OUTSIDE
    # of another border, no other place has the label of now
    labelled = gold.label if gold and here == gold.label else OUTSIDE
    odds = math.log((others[believed] + 1) / (others[labelled] + 1)) if believed != labelled else 0.0
    return replace(one, score=one.score + WEIGHT_OF_OTHERS * odds, others=dict((+others).most_common()))


def reason(one: Suspect) -> str:
    """`5 of 5 models say ORG with .97; 12 of 13 other places of `Apple` are ORG`"""
    predicted, gold = one.mistake.predicted, one.mistake.gold
    label = predicted.label if predicted else OUTSIDE
    said = f"{label} for `{one.words}`" if predicted and gold and one.mistake.kind == "wrong-border" else label
    who = f"{one.agree} of {one.models} models say" if one.models > 1 else "the model says"
    confidence = f"{min(one.confidence, 0.999):.2f}".removeprefix("0") if one.confidence < 0.995 else ".99"
    first = f"{who} {'no entity' if label == OUTSIDE else said} with {confidence}"
    total = sum(one.others.values())
    if not total:
        return f"{first}; `{one.words}` is nowhere else"
    most = ", ".join(f"{count} {'no entity' if name == OUTSIDE else name}" for name, count in one.others.items())
    places = f"{total} other places" if total > 1 else "the other place"
    return f"{first}; {places} of `{one.words}`: {most}"
