"""Tag schemes: recognition, conversion and entities, against seqeval where it has an opinion."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOB2, Entities

from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import (
    SCHEMES,
    TARGET_OF,
    Entity,
    convert,
    entities,
    entities_lenient,
    explain,
    recognise,
    tag_set,
)

CLASSES = ("PER", "LOC", "U-boat")


def tag_lists(scheme, classes=CLASSES):
    """Arbitrary, also ill-formed, tags of a scheme."""
    return st.lists(st.sampled_from(tag_set(classes, scheme)), max_size=12)


def words(text):
    return [line.split() for line in text.split("|")]


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("plain", "O O"),
        ("plain", ""),
        ("plain", "PER PER O LOC"),
        ("plain", "0 PER 0"),
        ("plain", "U-boat U-boat O"),
        ("plain", "O U-boat O"),
        ("plain", "L-dopa L-dopa O | U-boat O"),
        ("plain", "B-side B-side O B-side"),
        ("plain", "B-side O | L-dopa L-dopa O | U-boat"),
        ("plain", "B-cell O T-cell"),
        ("plain", "E-coli E-coli O | S-train"),
        ("plain", "B-PER I-PER O PER"),
        ("plain", "art-film art-film O event-war"),
        ("bio", "B-PER I-PER O B-LOC"),
        ("bio", "B-PER O B-LOC"),
        ("bio", "0 B-PER I-PER o"),
        ("bio", "b-per i-per O"),
        ("bio", "B-U-boat I-U-boat O"),
        ("bio", "B-U-boat O B-L-dopa"),
        ("bio", "B-PER I-PER O | B-LOC O | I-LOC O | B-PER O"),
        ("bio", "B-PER B-PER I-PER"),
        ("iob1", "I-PER I-PER O I-LOC"),
        ("iob1", "I-PER B-PER I-PER O I-LOC"),
        ("iob1", "I-PER B-PER O | I-LOC O | I-PER O | B-LOC O"),
        ("bilou", "B-PER I-PER L-PER O U-LOC"),
        ("bilou", "B-PER L-PER O U-U-boat"),
        ("bilou", "B-PER L-PER O I-PER"),
        ("bioes", "B-PER E-PER O S-LOC"),
        ("bioes", "B-PER I-PER E-PER O"),
        ("plain", "B-PER E-PER U-LOC"),
    ],
)
def test_scheme_is_recognised_from_all_tags(expected, text):
    assert recognise(words(text)) == expected


@pytest.mark.parametrize(
    ("scheme", "expected", "text"),
    [
        ("bilou", "bilou", "U-PER O"),
        ("bilou", "bilou", "O U-PER | L-dopa L-dopa"),
        ("bilou", "bioes", "S-PER O"),
        ("bilou", "bioes", "B-PER E-PER O s-per"),
        ("bilou", None, "U-PER S-PER"),
        ("bilou", None, "U-PER PER"),
        ("bio", "bio", "B-PER B-PER O"),
        ("bio", "bio", "B-PER b-per O"),
        ("bio", "iob1", "I-PER i-per O"),
        ("bio", None, "U-PER"),
        ("bio", None, "O O"),
        ("plain", None, "B-PER B-PER O"),
    ],
)
def test_named_scheme_explains_tags_that_are_all_its_own(scheme, expected, text):
    assert explain(words(text), scheme) == expected


@pytest.mark.parametrize(
    ("source", "target", "before", "after"),
    [
        ("plain", "bio", "PER PER O LOC PER", "B-PER I-PER O B-LOC B-PER"),
        ("plain", "bilou", "PER PER PER 0 U-boat", "B-PER I-PER L-PER O U-U-boat"),
        ("bio", "plain", "B-PER B-PER I-PER O", "PER PER PER O"),
        ("bio", "bilou", "B-PER B-PER I-PER I-PER o", "U-PER B-PER I-PER L-PER O"),
        ("bio", "bio", "I-PER O B-LOC I-PER I-PER", "B-PER O B-LOC B-PER I-PER"),
        ("iob1", "bio", "I-PER I-PER B-PER I-LOC", "B-PER I-PER B-PER B-LOC"),
        ("bioes", "bilou", "B-PER E-PER S-LOC O", "B-PER L-PER U-LOC O"),
        ("bioes", "bio", "B-PER I-PER E-PER S-PER", "B-PER I-PER I-PER B-PER"),
        ("bilou", "bilou", "B-PER O I-LOC L-LOC L-LOC", "U-PER O B-LOC L-LOC U-LOC"),
        ("bio", "bio", "b-per i-per", "B-per I-per"),
    ],
)
def test_conversion(source, target, before, after):
    assert convert(before.split(), source, target) == after.split()


def test_tag_of_another_scheme_cannot_be_converted():
    with pytest.raises(DataError, match=r"O, B-<class>, I-<class>; got 'U-PER'"):
        convert(["U-PER"], "bio", "plain")


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("plain", ("O", "A", "B")),
        ("bio", ("O", "B-A", "I-A", "B-B", "I-B")),
        ("bilou", ("O", "B-A", "I-A", "L-A", "U-A", "B-B", "I-B", "L-B", "U-B")),
    ],
)
def test_tag_set_begins_with_outside_and_sorts_classes(scheme, expected):
    assert tag_set(["B", "A"], scheme) == expected


@pytest.mark.parametrize(("scheme", "oracle"), [("bio", IOB2), ("bilou", BILOU)])
@settings(deadline=None)
@given(data=st.data())
def test_strict_entities_equal_seqeval(scheme, oracle, data):
    tags = data.draw(tag_lists(scheme))
    expected = [(e.tag, e.start, e.end) for e in Entities([tags], oracle).entities[0]]
    assert entities(tags, scheme) == expected


@settings(deadline=None)
@given(tag_lists("bio"))
def test_lenient_entities_equal_seqeval(tags):
    assert entities_lenient(tags) == [(label, start, last + 1) for label, start, last in get_entities(tags)]


@settings(deadline=None)
@given(tag_lists("bilou"))
def test_lenient_entities_of_bilou_equal_seqeval_on_bioes(tags):
    renamed = [{"L-": "E-", "U-": "S-"}.get(tag[:2], tag[:2]) + tag[2:] for tag in tags]
    expected = [(label, start, last + 1) for label, start, last in get_entities(renamed)]
    assert entities_lenient(tags, "bilou") == expected


def test_plain_entities_are_runs():
    assert entities(["PER", "PER", "LOC", "O", "PER"], "plain") == [
        Entity("PER", 0, 2),
        Entity("LOC", 2, 3),
        Entity("PER", 4, 5),
    ]


@pytest.mark.parametrize("source", SCHEMES)
@settings(deadline=None)
@given(data=st.data())
def test_converted_tags_are_well_formed_and_keep_every_class(source, data):
    tags = data.draw(tag_lists(source))
    for target in SCHEMES:
        converted = convert(tags, source, target)
        assert entities(converted, target) == entities_lenient(converted, target)
        assert convert(converted, target, "plain") == convert(tags, source, "plain")


@settings(deadline=None)
@given(tag_lists("bio"))
def test_bio_and_bilou_express_the_same(tags):
    mended = convert(tags, "bio", "bio")
    assert convert(convert(mended, "bio", "bilou"), "bilou", "bio") == mended
    assert convert(convert(mended, "bio", "bioes"), "bioes", "bio") == mended


@pytest.mark.parametrize("scheme", ["bio", "bilou", "bioes"])
@settings(deadline=None)
@given(st.lists(tag_lists("bio"), max_size=6))
def test_written_scheme_is_recognised(scheme, sentences):
    # one entity of several words in the data makes every scheme recognisable
    sentences = [["B-PER", "I-PER", "I-PER"], *sentences]
    written = [convert(tags, "bio", scheme) for tags in sentences]
    assert recognise(written) == scheme
    assert TARGET_OF[recognise(written)] == ("bio" if scheme == "bio" else "bilou")
