"""Tables without empty lines, in which a column has the number of the sentence: read as it is meant, or refused."""

import random
from collections.abc import Iterable, Sequence

import pytest
from fixtures.data_files import corpus_of
from hypothesis import given
from hypothesis import strategies as st

from nerbb_ray.data.column_evidence import Column
from nerbb_ray.data.column_roles import Roles
from nerbb_ray.data.sentence_borders import borders
from nerbb_ray.errors import DataError

WORDS = (("Anna", "B-PER"), ("lives", "O"), ("in", "O"), ("Bonn", "B-LOC"))


def table(names: str, sentences: Iterable[Sequence[object]]) -> str:
    """Each sentence has the words above; a row of a sentence begins with its numbers."""
    rows = [",".join([*map(str, numbers), *pair]) for numbers in sentences for pair in WORDS]
    return "\n".join([f"{names},token,label", *rows]) + "\n"


def sizes(tmp_path, text: str) -> list[int]:
    corpus = corpus_of(tmp_path, {"a.csv": text})
    return [len(s.tokens) for s in (*corpus.train, *corpus.val, *corpus.test)]


def test_a_missing_number_loses_no_sentence(tmp_path) -> None:
    numbers = [(f"doc{d}", s) for d in range(20) for s in range(10) if (d, s) != (7, 4)]
    assert sizes(tmp_path, table("doc_id,sent_id", numbers)) == [4] * 199


def test_a_document_may_begin_with_another_number(tmp_path) -> None:
    numbers = [(f"doc{d}", s + (d == 3)) for d in range(5) for s in range(4)]
    assert sizes(tmp_path, table("doc_id,sent_id", numbers)) == [4] * 20


def test_numbers_may_begin_anew_in_documents_that_nothing_names(tmp_path) -> None:
    numbers = [(s,) for _ in range(5) for s in (0, 1, 3, 4)]
    assert sizes(tmp_path, table("sent_id", numbers)) == [4] * 20


def test_documents_between_each_other_do_not_join_their_sentences(tmp_path) -> None:
    numbers = [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("c", 1)]
    assert sizes(tmp_path, table("doc,sentence_id", numbers)) == [4] * 5


@pytest.mark.parametrize(
    ("names", "numbers", "line"),
    [
        ("sent_id", [*((s,) for s in range(1, 9)), (5,)], 34),
        ("sentence_id", [(1,), (2,), (3,), (2,), (4,)], 14),
        ("doc_id,sent_id", [("a", 1), ("a", 2), ("b", 1), ("a", 2)], 14),
    ],
)
def test_a_sentence_that_comes_back_is_refused_with_its_line(tmp_path, names: str, numbers, line: int) -> None:
    with pytest.raises(DataError, match=rf"csv:{line}: .*sent.*comes back after others: sort the rows"):
        sizes(tmp_path, table(names, numbers))


def test_rows_in_random_order_are_refused(tmp_path) -> None:
    rows = [f"{s},{word},{tag}" for s in range(1, 13) for word, tag in WORDS]
    random.Random(3).shuffle(rows)
    with pytest.raises(DataError, match="comes back after others"):
        sizes(tmp_path, "sentence_id,word,tag\n" + "\n".join(rows) + "\n")


def test_a_column_of_sentiments_is_none_of_sentences(tmp_path) -> None:
    rows = [f"{mood},{word},{tag}" for mood in ("pos", "neg", "pos") for word, tag in WORDS]
    assert sizes(tmp_path, "sent,word,tag\n" + "\n".join(rows) + "\n") == [12]


KAGGLE = [
    f"{'Sentence: ' + str(s) if w == 0 else ''},{word},X,{tag}" for s in range(6) for w, (word, tag) in enumerate(WORDS)
]
NUMBERED = [f"{s},{word},X,{tag}" for s in range(6) for word, tag in WORDS]


@pytest.mark.parametrize(
    ("names", "rows", "empty", "sizes_of"),
    [
        ("Sentence #,Word,POS,Tag", KAGGLE, {12: ",,,"}, [4] * 6),
        ("Sentence #,Word,POS,Tag", KAGGLE, {10: ",,,"}, [4] * 6),  # within a sentence
        ("Sentence #,Word,POS,Tag", KAGGLE, {12: ""}, [4] * 6),
        ("Sentence #,Word,POS,Tag", KAGGLE, {10: ""}, [2, 2, 4, 4, 4, 4, 4]),
        ("sentence_id,word,pos,tag", NUMBERED, {12: ""}, [4] * 6),
        ("sentence_id,word,pos,tag", NUMBERED, {8: "", 12: ",,,"}, [4] * 6),
        ("sentence_id,word,pos,tag", NUMBERED[:12] * 2, {12: ""}, [4] * 6),  # the numbers begin anew in a document
        ("sentence_id,word,pos,tag", NUMBERED, {4: "", 8: "", 12: "", 16: ""}, [4, 4, 4, 4, 8]),
    ],
)
def test_empty_lines_do_not_hide_the_number_of_the_sentence(tmp_path, names: str, rows, empty, sizes_of) -> None:
    found = [line for i, row in enumerate(rows) for line in ([empty[i]] if i in empty else []) + [row]]
    corpus = corpus_of(tmp_path, {"a.csv": "\n".join([names, *found]) + "\n"})
    assert sorted(len(s.tokens) for s in (*corpus.train, *corpus.val, *corpus.test)) == sizes_of
    said = "says 6 sentences, empty lines say 5" if len(empty) == 4 else "says, and after empty lines"
    assert any(said in note for note in corpus.notes)


def test_a_column_of_sentiments_between_empty_lines_is_none_of_sentences(tmp_path) -> None:
    rows = "\n\n".join(
        "\n".join(f"{mood},{word},{tag}" for mood, (word, tag) in zip("0120", WORDS, strict=True)) for _ in range(3)
    )
    assert sizes(tmp_path, f"sent,word,tag\n{rows}\n") == [4] * 3


@given(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=4), min_size=2, max_size=5))
def test_any_documents_with_any_numbers_are_cut_where_a_number_changes(documents: list[list[int]]) -> None:
    """Numbers of sentences go up, whatever they skip."""
    pairs = [(f"d{d}", sum(steps[: i + 1])) for d, steps in enumerate(documents) for i in range(len(steps))]
    rows = [(doc, str(number)) for doc, number in pairs for _ in range(number + 1)]
    columns = [
        Column(str(place), [row[place - 1] for row in rows], name) for place, name in ((1, "doc_id"), (2, "sent_id"))
    ]
    words, tags = (Column(str(place), ["x"] * len(rows), name) for place, name in ((3, "token"), (4, "tag")))
    found = borders([*columns, words, tags], Roles(words, tags))
    expected = {i for i, row in enumerate(rows) if i == 0 or row != rows[i - 1]}
    assert found.comes_back is None
    assert found.starts == (expected if len(expected) > 1 else set())
