"""Metrics against independent oracles: seqeval for entities, scikit-learn for words, a naive reading for plain runs."""

import math
import warnings
from functools import reduce
from itertools import groupby
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import accuracy_score, f1_score
from seqeval.metrics.v1 import precision_recall_fscore_support as seqeval_scores
from seqeval.scheme import BILOU, IOB2
from sklearn.metrics import confusion_matrix
from sklearn.metrics import precision_recall_fscore_support as sklearn_scores

from nerbb_ray.ner.metrics import Counts, count, sentence_counts
from nerbb_ray.ner.tags import convert, entities, tag_set

CLASSES = ("LOC", "PER", "U-boat")
SEQEVAL = {"bio": IOB2, "bilou": BILOU}
PRF = ("precision", "recall", "f1", "support")


@st.composite
def tagged(draw, scheme, min_size=0):
    """(gold, predicted) sentences of arbitrary tags; predictions resemble gold often enough to be right at times."""
    tags = st.sampled_from(tag_set(CLASSES, scheme))
    gold = draw(st.lists(st.lists(tags, min_size=min_size, max_size=8), min_size=min_size, max_size=5))
    predicted = [[draw(st.one_of(st.just(tag), tags)) for tag in sentence] for sentence in gold]
    return gold, predicted


def flat(sentences, tags):
    ids = np.array([tags.index(tag) for sentence in sentences for tag in sentence], dtype=np.int64)
    return ids, np.cumsum([0] + [len(sentence) for sentence in sentences])


def counted(gold, predicted, scheme, classes=CLASSES):
    tags = tag_set(classes, scheme)
    gold_ids, starts = flat(gold, tags)
    return count(gold_ids, flat(predicted, tags)[0], starts, tags, scheme)


def one(gold, predicted, scheme="bio", classes=("LOC", "PER")):
    return counted([gold.split()], [predicted.split()], scheme, classes)


def values(metrics, prefix):
    return [metrics[f"test/{prefix}/{name}"] for name in PRF]


@pytest.mark.parametrize("scheme", SEQEVAL)
@settings(deadline=None)
@given(data=st.data())
def test_entity_metrics_equal_seqeval_strict(scheme, data):
    gold, predicted = data.draw(tagged(scheme, min_size=1))
    metrics = counted(gold, predicted, scheme).metrics("test")
    labels = sorted({e.label for rows in (gold, predicted) for row in rows for e in entities(row, scheme)})
    if not labels:
        assert all(math.isnan(metrics[f"test/entity/{label}/f1"]) for label in ("micro", "macro", *CLASSES))
        return
    options = {"scheme": SEQEVAL[scheme], "zero_division": 0}
    for average in ("micro", "macro"):
        expected = seqeval_scores(gold, predicted, average=average, **options)
        assert values(metrics, f"entity/{average}") == pytest.approx(expected)
    for label, *expected in zip(labels, *seqeval_scores(gold, predicted, average=None, **options), strict=True):
        assert values(metrics, f"entity/{label}") == pytest.approx(expected)
    for label in set(CLASSES) - set(labels):
        assert values(metrics, f"entity/{label}") == pytest.approx([math.nan, math.nan, math.nan, 0], nan_ok=True)


@pytest.mark.parametrize("scheme", SEQEVAL)
@settings(deadline=None)
@given(data=st.data())
def test_lenient_f1_equals_seqeval_default_mode(scheme, data):
    gold, predicted = data.draw(tagged(scheme, min_size=1))
    value = counted(gold, predicted, scheme).metrics("test")["test/entity/micro/f1_lenient"]
    # seqeval's default mode does not know U- and L-
    letters = {"U-": "S-", "L-": "E-"}
    gold, predicted = ([[letters.get(t[:2], t[:2]) + t[2:] for t in row] for row in rows] for rows in (gold, predicted))
    if all(tag == "O" for rows in (gold, predicted) for row in rows for tag in row):
        assert math.isnan(value)
    else:
        assert value == pytest.approx(f1_score(gold, predicted, zero_division=0))


def runs(sentences):
    found = set()
    for number, sentence in enumerate(sentences):
        position = 0
        for label, run in groupby(sentence):
            length = len(list(run))
            if label != "O":
                found.add((number, position, position + length, label))
            position += length
    return found


@settings(deadline=None)
@given(tagged("plain"))
def test_plain_entities_are_scored_as_runs(pair):
    metrics = counted(*pair, "plain").metrics("test")
    gold, predicted = runs(pair[0]), runs(pair[1])
    expected = 2 * len(gold & predicted) / (len(gold) + len(predicted)) if gold or predicted else math.nan
    assert metrics["test/entity/micro/f1"] == pytest.approx(expected, nan_ok=True)
    assert metrics["test/entity/micro/f1_lenient"] == pytest.approx(expected, nan_ok=True)
    assert metrics["test/entity/micro/support"] == len(gold)


@settings(deadline=None)
@given(tagged("bio", min_size=1))
def test_token_metrics_equal_sklearn_on_plain_classes(pair):
    counts = counted(*pair, "bio")
    metrics = counts.metrics("test")
    gold, predicted = ([tag[2:] or "O" for row in rows for tag in row] for rows in pair)
    assert metrics["test/token/all/acc"] == pytest.approx(np.mean(np.array(gold) == np.array(predicted)))
    labels, matrix = counts.confusion("token")
    assert labels == ("O", *CLASSES)
    assert matrix.tolist() == confusion_matrix(gold, predicted, labels=list(labels)).tolist()
    occurring = [label for label in labels if label in gold or label in predicted]
    for label, *expected in zip(
        occurring, *sklearn_scores(gold, predicted, labels=occurring, zero_division=0), strict=True
    ):
        assert values(metrics, f"token/{label}") == pytest.approx(expected)
    occurring = [label for label in occurring if label != "O"]
    for average in ("micro", "macro") if occurring else ():
        expected = sklearn_scores(gold, predicted, labels=occurring, average=average, zero_division=0)
        assert values(metrics, f"token/{average}")[:3] == pytest.approx(expected[:3])


def test_accuracy_compares_classes_not_prefixes():
    assert one("B-PER I-PER", "B-PER B-PER").metrics("val")["val/token/all/acc"] == 1.0
    assert accuracy_score([["B-PER", "I-PER"]], [["B-PER", "B-PER"]]) == 0.5


@pytest.mark.parametrize("scheme", ["plain", "bio", "bilou"])
@settings(deadline=None)
@given(data=st.data())
def test_counts_of_pieces_add_up_to_the_counts_of_the_whole(scheme, data):
    gold, predicted = data.draw(tagged(scheme))
    pieces = [counted([g], [p], scheme) for g, p in zip(gold, predicted, strict=True)]
    assert reduce(add, pieces, Counts.zeros(CLASSES)) == counted(gold, predicted, scheme)


@pytest.mark.parametrize("scheme", ["plain", "bio", "bilou"])
@settings(deadline=None)
@given(data=st.data())
def test_entities_of_sentences_are_those_of_each_sentence_alone(scheme, data):
    gold, predicted = data.draw(tagged(scheme))
    tags = tag_set(CLASSES, scheme)
    ids, starts = flat(gold, tags)
    found = sentence_counts(ids, flat(predicted, tags)[0], starts, tags, scheme)
    expected = []
    for g, p in zip(gold, predicted, strict=True):
        matrix = counted([g], [p], scheme).entity
        correct, true, guessed = matrix[1:, 1:].trace(), matrix[1:].sum(), matrix[:, 1:].sum()
        expected.append([correct, guessed - correct, true - correct])
    assert found.tolist() == expected


@pytest.mark.parametrize("scheme", ["plain", "bio", "bilou"])
@settings(deadline=None)
@given(data=st.data())
def test_vector_round_trip_is_linear(scheme, data):
    counts = counted(*data.draw(tagged(scheme)), scheme)
    tags = tag_set(CLASSES, scheme)
    assert counts.vector().dtype == np.int64
    assert Counts.from_vector(tags, scheme, counts.vector()) == counts
    assert Counts.from_vector(tags, scheme, 2 * counts.vector()) == counts + counts


@pytest.mark.parametrize("scheme", ["plain", "bio", "bilou"])
def test_vector_round_trip_without_and_with_one_class(scheme):
    for classes in ((), ("PER",)):
        counts = counted([["O"]], [["O"]], scheme, classes)
        assert Counts.from_vector(tag_set(classes, scheme), scheme, counts.vector()) == counts


@pytest.mark.parametrize(
    ("gold", "predicted", "true", "guess", "number"),
    [
        ("B-PER I-PER O", "B-PER I-PER O", "PER", "PER", 1),
        ("B-PER I-PER O", "B-LOC I-LOC O", "PER", "LOC", 1),
        ("B-PER I-PER O", "B-PER O O", "PER", "O", 1),
        ("B-PER I-PER O", "B-PER O O", "O", "PER", 1),
        ("O O O", "B-LOC O B-LOC", "O", "LOC", 2),
        ("B-PER O O", "I-PER O O", "PER", "O", 1),
    ],
)
def test_entity_confusion_aligns_entities_of_the_same_words(gold, predicted, true, guess, number):
    labels, matrix = one(gold, predicted).confusion("entity")
    assert labels == ("LOC", "PER", "O")
    assert matrix[labels.index(true), labels.index(guess)] == number
    assert matrix.sum() == number + ("B-PER O O" in predicted and number)


def test_entity_border_at_the_end_of_a_sentence():
    counts = counted([["B-PER"], ["I-PER"]], [["B-PER"], ["O"]], "bio", ("PER",))
    assert counts.metrics("val")["val/entity/micro/f1"] == 1.0
    assert counts.metrics("val")["val/entity/micro/f1_lenient"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("B-PER O", "O O", [0.0, 0.0, 0.0, 1]),
        ("O O", "B-PER O", [0.0, 0.0, 0.0, 0]),
        ("B-LOC O", "B-LOC O", [math.nan, math.nan, math.nan, 0]),
        ("", "", [math.nan, math.nan, math.nan, 0]),
    ],
)
def test_undefined_values_are_nan_and_never_warn(gold, predicted, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics = one(gold, predicted).metrics("test")
    assert values(metrics, "entity/PER") == pytest.approx(expected, nan_ok=True)
    assert values(metrics, "token/PER") == pytest.approx(expected, nan_ok=True)


def test_empty_split_has_every_metric_by_name():
    empty, full = one("", "").metrics("val"), one("B-PER O", "B-PER O").metrics("val")
    assert empty.keys() == full.keys()
    assert math.isnan(empty["val/token/all/acc"])
    assert math.isnan(empty["val/entity/micro/f1_lenient"])


def test_metric_names():
    names = one("B-PER", "B-PER", classes=("PER",)).metrics("val", loss=0.5)
    assert names["val/loss"] == 0.5
    expected = {f"val/entity/{label}/{m}" for label in ("micro", "macro", "PER") for m in PRF}
    expected |= {f"val/token/{label}/{m}" for label in ("micro", "macro", "PER", "O") for m in PRF}
    assert set(names) == expected | {"val/loss", "val/token/all/acc", "val/entity/micro/f1_lenient"}
    assert all(type(value) is float for value in names.values())


def test_report_shows_both_levels_and_undefined_values_as_dash():
    lines = one("B-PER I-PER O B-PER", "B-PER I-PER O O").report().splitlines()
    assert lines[0].split() == ["entity", "precision", "recall", "f1", "support"]
    assert lines[1].split() == ["LOC", "-", "-", "-", "0"]
    assert lines[2].split() == ["PER", "1.0000", "0.5000", "0.6667", "2"]
    assert lines[6].split()[0] == "token"
    assert [line.split()[0] for line in lines[7:]] == ["LOC", "PER", "O", "micro", "macro"]


def test_reading_leniently_and_mending_agree():
    tags = ["I-PER", "I-PER", "O", "B-LOC", "I-PER"]
    mended = counted([convert(tags, "bio", "bio")], [tags], "bio").metrics("test")
    assert mended["test/entity/micro/f1_lenient"] == 1.0
    assert mended["test/entity/micro/recall"] == pytest.approx(1 / 3)
