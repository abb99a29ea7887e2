"""csv and jsonl files, and the words of raw text."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.data.corpus import Found
from nerbb_ray.data.detect import read_file
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.errors import DataError


def write(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def rows(reading):
    return [(" ".join(s.tokens), " ".join(s.tags)) for s in reading.sentences]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("O B-PER\tin Ann", ("in Ann", "O B-PER")),
        ('O O\tsay "hi', ('say "hi', "O O")),
        ('"O" O\t"a", b', ('"a", b', '"O" O')),
        ("O  O \t a  b", ("a b", "O O")),
        ("O O\ta\u00a0b \u2028", ("a\u00a0b \u2028", "O O")),
        ("O O\ta b\r", ("a b", "O O")),
    ],
)
def test_csv_columns_are_joined_by_blanks_and_nothing_is_quoted(tmp_path, line, expected):
    assert rows(read_file(write(tmp_path / "a.csv", f"{line}\n\nO\tx\n"))) == [expected, ("x", "O")]


@pytest.mark.parametrize("header", ["tags\ttext", "labels\ttext"])
def test_csv_header_is_no_sentence(tmp_path, header):
    assert rows(read_file(write(tmp_path / "a.csv", f"\ufeff{header}\nO\tx\n"))) == [("x", "O")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("O O O", "expected tags<TAB>text, 2 columns; got 1"),
        ("O\ta\tb", "expected tags<TAB>text, 2 columns; got 3"),
        ("O O\ta b c", "expected one tag per token; got 3 tokens and 2 tags"),
    ],
)
def test_bad_csv_line_is_named(tmp_path, line, message):
    with pytest.raises(DataError, match=r"a\.csv:2: ") as caught:
        read_file(write(tmp_path / "a.csv", f"O\tx\n{line}\n"))
    assert message in str(caught.value)
    assert caught.value.line == 2


words = st.text(st.characters(codec="utf-8"), max_size=6)


@settings(deadline=None)
@given(st.lists(st.lists(words, min_size=1, max_size=5), max_size=5), st.booleans())
def test_any_tokens_survive_jsonl(tmp_path_factory, sentences, ascii_only):
    path = tmp_path_factory.mktemp("jsonl") / "a.jsonl"
    lines = [json.dumps({"tokens": s, "tags": ["O"] * len(s)}, ensure_ascii=ascii_only) for s in sentences]
    reading = read_file(write(path, "\r\n".join(lines)))
    assert [list(s.tokens) for s in reading.sentences] == sentences
    assert reading.scheme is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{'tokens': 1}", "expected one JSON value per line"),
        ('["a"]', "\"tokens\" must be a list of strings; got ['a']"),
        ("[" * 100_000, "expected one JSON value per line"),
        ('{"tokens": ["a"]}', "\"tags\" must be a list of strings; got no such key, but 'tokens'"),
        ('{"words": ["a"]}', '"tokens" must be a list of strings; got no such key'),
        ('{"tokens": ["a", 1], "tags": ["O", "O"]}', '"tokens" must be a list of strings; got 1 in it'),
        ('{"tokens": ["a", null], "tags": ["O", "O"]}', '"tokens" must be a list of strings; got None in it'),
        ('{"tokens": ["a", "b"], "tags": ["O", 0]}', '"tags" must be a list of strings; got 0 in it'),
        ('{"tokens": "ab", "tags": ["O", "O"]}', "\"tokens\" must be a list of strings; got 'ab'"),
        ('{"tokens": ["a", "b"], "tags": ["O"]}', "expected one tag per token; got 2 tokens and 1 tags"),
        ('{"tokens": ["a"], "tags": [" "]}', "a tag must not be empty"),
        ('{"tokens": ["\\ud83d"], "tags": ["O"]}', "half of a surrogate pair"),
        ('{"text": "ab", "tags": []}', "one file has one format"),
    ],
)
def test_bad_jsonl_line_is_named(tmp_path, line, message):
    with pytest.raises(DataError, match=r"a\.jsonl:3: ") as caught:
        read_file(write(tmp_path / "a.jsonl", f'{{"tokens": ["x"], "tags": ["O"]}}\n\n{line}\n'))
    assert message in str(caught.value)


def entity(token, tag, start, end=None):
    return {"token": token, "tag": tag, "char_start": start, "char_end": start + len(token) if end is None else end}


def standard(tmp_path, text, *entities):
    line = json.dumps({"text": text, "tags": list(entities)})
    return read_file(write(tmp_path / "a.jsonl", line))


def test_tags_may_be_called_as_on_the_hub(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"tokens": ["Anna"], "ner_tags": ["B-PER"]}\n')
    assert read_file(path).sentences[0].tags == ("B-PER",)
    path.write_text('{"tokens": ["Anna"], "ner_tags": [1]}\n')
    assert read_file(path).numbers


@pytest.mark.parametrize(
    ("text", "entities", "tokens", "tags"),
    [
        (
            "Ann is in New York.",
            [("New York", "LOC", 10), ("Ann", "PER", 0)],
            "Ann is in New York .",
            "B-PER O O B-LOC I-LOC O",
        ),
        ("pre-Paris", [("Paris", "LOC", 4)], "pre - Paris", "O O B-LOC"),
        ("Parisian", [("Paris", "LOC", 0)], "Paris ian", "B-LOC O"),
        ("AnnBob", [("Ann", "PER", 0), ("Bob", "PER", 3)], "Ann Bob", "B-PER B-PER"),
        ("A.B. x", [("A.B.", "U-boat", 0)], "A . B . x", "B-U-boat I-U-boat I-U-boat I-U-boat O"),
        (" Ann ", [(" Ann ", "PER", 0)], "Ann", "B-PER"),
        ("😀 Åsa", [("Åsa", "PER", 2)], "😀 Åsa", "O B-PER"),
    ],
)
def test_standard_jsonl_gives_words_and_bio_tags(tmp_path, text, entities, tokens, tags):
    reading = standard(tmp_path, text, *(entity(*e) for e in entities))
    [sentence] = reading.sentences
    assert sentence.tokens == tuple(tokens.split())
    assert sentence.tags == tuple(tags.split())
    assert sentence.text == text
    assert tuple(text[start:end] for start, end in sentence.spans) == sentence.tokens
    assert reading.scheme == "bio"


@pytest.mark.parametrize("tags", [["B-PER", "I-PER"], ["U-PER", "B-LOC"], ["B-PER"], ["PER", "M-NAME"], ["B-"]])
def test_standard_jsonl_with_tags_for_classes_is_refused(tmp_path, tags):
    lines = [{"text": "no", "tags": []}, *({"text": "Ann", "tags": [entity("Ann", tag, 0)]} for tag in tags)]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines)))
    odd = next(tag for tag in tags if "-" in tag)
    with pytest.raises(
        DataError, match=rf"a\.jsonl:{2 + tags.index(odd)}: the class '{odd}' of 'Ann' looks like a tag"
    ):
        Found.of("a", {"train": read_file(path)}).corpus()
    found = Found.of("a", {"train": read_file(path)}, ReadingOptions(scheme="plain")).corpus()
    assert set(found.classes) == set(tags)


@pytest.mark.parametrize("tags", [["U-boat"], ["L-dopa", "E-coli"], ["B-side", "PER"], ["b-per"]])
def test_classes_of_standard_jsonl_may_look_like_tags(tmp_path, tags):
    lines = [{"text": "Ann", "tags": [entity("Ann", tag, 0)]} for tag in tags]
    reading = read_file(write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines))))
    assert [sentence.tags for sentence in reading.sentences] == [(f"B-{tag}",) for tag in tags]


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ([entity("Ann", "PER", 1)], "text[1:4] is 'nn ', but PER says 'Ann'"),
        ([entity("Bob", "PER", 4, 8)], "0 <= start < end <= 7 (length of text) must hold; got PER 4, 8"),
        ([entity("A", "PER", -1)], "must hold; got PER -1, 0"),
        ([entity("", "PER", 2)], "must hold; got PER 2, 2"),
        ([entity(" ", "PER", 3)], "PER at 3-4 covers no word"),
        (
            [entity("Ann", "PER", 0), entity("nn B", "LOC", 1)],
            "must not overlap, but PER 0-3 'Ann' and LOC 1-5 'nn B' do. Say which is kept with --overlaps",
        ),
        ([entity("Ann", "PER", 0), entity("Ann", "LOC", 0)], "PER 0-3 'Ann' and LOC 0-3 'Ann' do"),
        ([entity("Ann", "", 0)], "an entity must have a class; got '' for 'Ann'"),
        ([{"token": "Ann", "tag": "PER", "char_start": 0}], 'an entity must be [start, end, "class"], or an object'),
        (
            [{"token": "Ann", "tag": "PER", "char_start": "0", "char_end": 3}],
            'an entity must be [start, end, "class"], or an object',
        ),
        (["PER"], 'an entity must be [start, end, "class"], or an object'),
    ],
)
def test_bad_entity_is_named(tmp_path, entities, message):
    with pytest.raises(DataError, match=r"a\.jsonl:1: ") as caught:
        standard(tmp_path, "Ann Bob", *entities)
    assert message in str(caught.value)


def test_unreadable_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"a\.jsonl: cannot be read"):
        read_file(tmp_path / "a.jsonl")
    with pytest.raises(DataError, match=r"b\.jsonl:2: must be utf-8; byte 0xff"):
        read_file(write(tmp_path / "b.jsonl", b'{"text": "a", "tags": []}\n\xff'), ReadingOptions(encoding="utf-8"))
