"""The mistakes of the models of a run, sentence by sentence."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.config.spec import Member, member_kind
from nerbb_ray.data.sentences import Sentence
from nerbb_ray.ner.decoding import Decoder
from nerbb_ray.ner.ensemble import mean_log_probs
from nerbb_ray.ner.mistakes import KINDS, Kind, Mistake, mistakes, overlap
from nerbb_ray.ner.tags import Entity, entities
from nerbb_ray.results.log_probs import LogProbs

SURE = 0.9

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FoundMistake:
    """
    Args:
        sentence: its number among those that were looked at, from 0; `Mistakes.place` says where it is in the data.
        confidence: mean probability of the predicted tags of its words (of what is missed: of the gold entity's words).
        agree: how many of the members by themselves predict the same there.
    """

    sentence: int
    mistake: Mistake
    confidence: float
    agree: int


@dataclass(frozen=True, slots=True)
class Mistakes:
    """All of them, the surest first.

    Args:
        seeds: whose mean probabilities are the prediction; with folds, of a test split, the fold models.
        split: val or test, as it was asked for.
        sentences: of the split, as far as the run uses it; of folds, those of train and val that were held out.
        predicted: the entities in each sentence.
        note: what is not in it.
        places: split and number (from 0) of every sentence in the data set; empty: their places here.
    """

    experiment: str
    run: str
    seeds: tuple[Member, ...]
    split: str
    sentences: tuple[Sentence, ...]
    gold: tuple[tuple[Entity, ...], ...]
    predicted: tuple[tuple[Entity, ...], ...]
    found: tuple[FoundMistake, ...]
    note: str | None = None
    places: tuple[tuple[str, int], ...] = ()

    @property
    def out_of_fold(self) -> bool:
        """Whether the sentences are those of train and val, each predicted by models that have not seen it."""
        return any(split != self.split for split, _ in self.places)

    @property
    def where(self) -> str:
        """Of which sentences it speaks."""
        return "train and val out of fold" if self.out_of_fold else self.split

    @property
    def members(self) -> str:
        """What predicts, in words; out of fold, every seed has one prediction of a sentence, whatever fold it is in."""
        return f"{member_kind(*self.seeds)}s"

    def place(self, sentence: int) -> tuple[str, int]:
        """Split and number of a sentence, from 0, as in the data set."""
        return self.places[sentence] if self.places else (self.split, sentence)

    def classes(self) -> list[str]:
        """Those of all entities, right and predicted, whether there is a mistake or not."""
        return sorted({entity.label for side in (self.gold, self.predicted) for one in side for entity in one})

    def counts(self) -> dict[str, dict[Kind, int]]:
        """How many of each kind, by class; the most frequent first."""
        counted = Counter((one.mistake.label, one.mistake.kind) for one in self.found)
        labels = Counter(one.mistake.label for one in self.found)
        ordered = sorted(labels, key=lambda label: (-labels[label], label))
        return {label: {kind: counted[label, kind] for kind in KINDS} for label in ordered}

    def only(self, kinds: Collection[str] = (), label: str | None = None) -> "Mistakes":
        """Those of some kinds, and of a class: the right or the predicted one."""
        found = (one for one in self.found if not kinds or one.mistake.kind in kinds)
        return replace(self, found=tuple(one for one in found if label is None or label in _labels(one.mistake)))

    def candidates(self, confidence: float = SURE) -> tuple[FoundMistake, ...]:
        """Where gold may be wrong: all seeds contradict it in the same way, and are sure. Needs two seeds."""
        if len(self.seeds) < 2:
            return ()
        return tuple(one for one in self.found if one.agree == len(self.seeds) and one.confidence >= confidence)


def _labels(mistake: Mistake) -> set[str]:
    return {entity.label for entity in (mistake.gold, mistake.predicted) if entity is not None}


def find_mistakes(
    experiment: str,
    run: str,
    said: dict[Member, LogProbs],
    decoder: Decoder,
    split: str,
    sentences: Sequence[Sentence],
    note: str | None = None,
) -> Mistakes:
    """
    Args:
        said: by seed, of the same words.
        decoder: of their mean.
        sentences: with the words of the split.
    """
    first = next(iter(said.values()))
    parts = [one.splits[split] for one in said.values()]
    gold, starts = parts[0].gold, parts[0].starts
    mean = mean_log_probs([part.log_probs for part in parts])
    tags = decoder.decode(mean, starts)
    confidence = np.exp(mean[np.arange(len(tags)), tags])
    right, guess = (list(entities_of(ids, starts, first)) for ids in (gold, tags))
    each = [
        list(entities_of(one.decoder.decode(part.log_probs, starts), starts, one))
        for one, part in zip(said.values(), parts, strict=True)
    ]
    found = []
    for number, (true, seen) in enumerate(zip(right, guess, strict=True)):
        of_seeds = [one[number] for one in each]
        sure = confidence[starts[number] : starts[number + 1]]
        found += [FoundMistake(number, one, _mean(one, sure), _agree(one, of_seeds)) for one in mistakes(true, seen)]
    found.sort(key=lambda one: -one.confidence)
    return Mistakes(
        experiment, run, tuple(said), split, tuple(sentences), tuple(right), tuple(guess), tuple(found), note
    )


def entities_of(ids: NDArray[np.integer], starts: Ints, said: LogProbs) -> Iterator[tuple[Entity, ...]]:
    """Those of every sentence, as they are counted."""
    names = [said.tags[tag] for tag in ids]
    for begin, end in pairwise(starts.tolist()):
        yield tuple(entities(names[begin:end], said.scheme))


def _mean(mistake: Mistake, confidence: NDArray[np.floating]) -> float:
    entity = mistake.predicted or mistake.gold
    assert entity is not None
    return min(1.0, float(confidence[entity.start : entity.end].mean()))


def _agree(mistake: Mistake, of_seeds: Sequence[Sequence[Entity]]) -> int:
    if mistake.predicted is not None:
        return sum(mistake.predicted in seen for seen in of_seeds)
    assert mistake.gold is not None
    gold = mistake.gold
    return sum(not any(overlap(entity, gold) for entity in seen) for seen in of_seeds)
