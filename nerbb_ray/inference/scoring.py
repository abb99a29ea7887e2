"""How good a model is on a data set: encoded, predicted and counted exactly as the test split of a trial."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.data.corpus import SPLITS, Corpus
from nerbb_ray.inference.labels import classes_of
from nerbb_ray.inference.tagger import Tagger
from nerbb_ray.ner.metrics import count, sentence_counts
from nerbb_ray.ner.tags import TARGET_OF, Scheme, convert, tag_set
from nerbb_ray.training.encoding import encode
from nerbb_ray.training.evaluation import Evaluation, predict_words

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scoring:
    """
    Args:
        notes: what a user should know of the comparison.
        sentences: true positive, false positive and false negative entities of each. *Shape:* (sentences, 3)
    """

    evaluation: Evaluation
    notes: tuple[str, ...]
    sentences: Ids


def target_scheme(tagger: Tagger) -> Scheme:
    """The scheme in which the model and data are compared."""
    return TARGET_OF[tagger.scheme]


def score(tagger: Tagger, corpus: Corpus, phase: str) -> Scoring:
    """Compare a model with one split of a data set.

    Entities of classes that the model does not know count as missed; the loss is undefined then.

    Args:
        corpus: in the scheme that `target_scheme` says.
        phase: train, val or test.
    """
    known = classes_of(tagger.tags, tagger.scheme)
    tags = tag_set({*known, *corpus.classes}, corpus.scheme)
    sentences = corpus.split(phase)
    split = encode(sentences, tags, tokenizer=tagger.tokenizer, max_seq_length=tagger.max_seq_length)
    place = {tag: index for index, tag in enumerate(tagger.tags)}
    own_ids = np.array([place.get(tag, -1) for tag in tags])
    gold = own_ids[split.gold] if len(split.gold) else split.gold
    said = predict_words(tagger, replace(split, gold=np.maximum(gold, 0)))
    starts = split.sentence_starts
    decoded, most_probable = (
        _in_tags(found, starts, tagger, tags, corpus.scheme)
        for found in (tagger.decoder.decode(said.log_probs, starts), said.log_probs.argmax(axis=1))
    )
    counts, by_argmax = (count(split.gold, found, starts, tags, corpus.scheme) for found in (decoded, most_probable))
    of_sentences = sentence_counts(split.gold, decoded, starts, tags, corpus.scheme)
    comparable = tagger.scheme == corpus.scheme and bool((gold >= 0).all())
    notes = _notes(corpus, phase, known, missing=not sentences)
    f1_argmax = by_argmax.scores("entity")["micro"].f1
    return Scoring(Evaluation(counts, said.loss if comparable else float("nan"), f1_argmax), notes, of_sentences)


def _in_tags(predicted: Ids, starts: Ids, tagger: Tagger, tags: tuple[str, ...], scheme: Scheme) -> Ids:
    """Predictions of the model as places in another tag set."""
    place = {tag: index for index, tag in enumerate(tags)}
    if tagger.scheme == scheme:
        return np.array([place[tag] for tag in tagger.tags])[predicted]
    written = [tagger.tags[tag] for tag in predicted]
    converted = [tag for begin, end in pairwise(starts) for tag in convert(written[begin:end], tagger.scheme, scheme)]
    return np.array([place[tag] for tag in converted], dtype=np.int64)


def _notes(corpus: Corpus, phase: str, known: tuple[str, ...], *, missing: bool) -> tuple[str, ...]:
    others = tuple(f"{split}:" for split in SPLITS if split != phase)
    notes = [note for note in corpus.notes if not note.startswith(others)]
    if missing:
        notes.append(f"{phase} has no sentences: nothing is defined")
    if unknown := sorted({*corpus.classes} - {*known}):
        notes.append(
            f"the model does not know {', '.join(unknown)}: such entities count as missed; where {phase} has any, "
            "the loss is undefined"
        )
    if absent := sorted({*known} - {*corpus.classes}):
        notes.append(f"the data have no {', '.join(absent)}: predictions of them count as wrong")
    return tuple(notes)
