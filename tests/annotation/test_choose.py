"""Which texts come first: uncertain ones, unlike ones, near-duplicates last; known ones are left out and counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.annotation.choose import choose
from nerbb_ray.annotation.guess import Guess
from nerbb_ray.annotation.similar import NEAR, duplicates_last, far_apart, vectors
from nerbb_ray.data.corpus import Corpus, Sentence
from nerbb_ray.data.same_text import text_key


def corpus(*texts: str) -> Corpus:
    sentences = tuple(Sentence(tuple(text.split()), ("O",) * len(text.split())) for text in texts)
    return Corpus("d", "bio", ("PER",), sentences[:1], sentences[1:2], sentences[2:])


DATA = corpus("Anna lives in Bonn .", "Bert left", "Carl won")


def uncertain_as(values: dict[str, float]):
    return lambda texts: [Guess((), 0.5, values[text]) for text in texts]


@pytest.mark.parametrize(
    ("texts", "left", "counts"),
    [
        (["Anna lives in Bonn.", "new"], ["new"], (1, 0, 0)),
        (["Bert left", "Carl  won ", "new"], ["new"], (2, 0, 0)),
        (["new", "n ew", "new"], ["new"], (0, 2, 0)),  # blanks do not make another text
        (["", " \t", "new"], ["new"], (0, 0, 2)),
        (["Bert left\nCarl won", "Bert left\nnew"], ["Bert left\nnew"], (1, 0, 0)),
        (["bert left"], ["bert left"], (0, 0, 0)),
        ([], [], (0, 0, 0)),
    ],
)
@pytest.mark.parametrize("order", ["file", "diverse"])
def test_texts_that_are_there_are_left_out_and_counted(texts, left, counts, order) -> None:
    found = choose(texts, DATA, order, 200, None)
    assert [task.text for task in found.tasks] == left
    assert (found.known, found.repeated, found.empty) == counts
    assert found.given == len(texts)
    assert all(texts[task.number - 1] == task.text for task in found.tasks)


def test_what_was_left_out_is_said() -> None:
    lines = choose(["Bert left", "new", "new", ""], DATA, "file", 9, None).lines()
    assert lines == ["left out of 4 texts: 1 in the data set already, 1 repeated in this file, 1 empty"]


def test_composed_and_decomposed_letters_are_the_same_text() -> None:
    assert text_key("Ren\u00e9 ist da") == text_key("Rene\u0301  ist da")


def test_the_most_uncertain_come_first_up_to_the_limit() -> None:
    values = {"the first one": 0.1, "something else": 0.9, "quite another text": 0.5, "and the last": 0.3}
    found = choose(list(values), DATA, "uncertain", 3, uncertain_as(values))
    assert [task.text for task in found.tasks] == ["something else", "quite another text", "and the last"]
    assert [task.uncertainty for task in found.tasks] == [0.9, 0.5, 0.3]


def test_near_duplicates_come_last_whatever_the_model_says() -> None:
    long = "Invoice number 1234 of the company Acme was paid in Berlin on Monday"
    values = {long: 0.9, long.replace("1234", "9876"): 0.8, "something else entirely": 0.2}
    found = choose(list(values), DATA, "uncertain", 9, uncertain_as(values))
    assert [task.text for task in found.tasks] == [long, "something else entirely", long.replace("1234", "9876")]
    assert found.near == 1
    assert found.lines() == ["1 text nearly like another one: last"]


def test_near_duplicates_of_training_data_come_last_as_well() -> None:
    data = corpus("Invoice number 1234 of the company Acme was paid in Berlin on Monday")
    values = {"Invoice number 777 of the company Acme was paid in Berlin on Monday": 0.9, "something else": 0.1}
    found = choose(list(values), data, "uncertain", 9, uncertain_as(values))
    assert found.tasks[0].text == "something else"


def test_diverse_begins_with_what_is_unlike_the_data_set_and_takes_one_of_each_kind() -> None:
    kinds = ["the cat sat on the mat", "stock markets fell by 5 %", "Anna lives in Bonn now"]
    texts = [f"{kind}{end}" for kind in kinds for end in ("", " again", " !")]
    first = [task.text for task in choose(texts, DATA, "diverse", 3, None).tasks]
    assert {next(number for number, kind in enumerate(kinds) if text.startswith(kind)) for text in first[:2]} == {0, 1}
    assert [text.startswith(kinds[2]) for text in first] == [False, False, True]


texts_ = st.lists(st.text("ab cd1", min_size=1, max_size=12), min_size=1, max_size=12)


@settings(deadline=None, max_examples=50)
@given(texts_, texts_, st.integers(1, 15), st.randoms())
def test_parts_are_all_texts_once_and_no_two_others_are_alike(texts, known, limit, random) -> None:
    rows, old = vectors(texts), vectors(known)
    order = list(range(len(texts)))
    random.shuffle(order)
    others, near = duplicates_last(order, rows, old, limit)
    assert len({*others, *near}) == len(others) + len(near) <= len(texts)
    if len(others) < limit:
        assert len(others) + len(near) == len(texts)
    alike = (rows[others] @ rows[others].T).toarray() - 2 * np.eye(len(others)) if others else np.zeros((0, 0))
    assert (alike < NEAR).all()
    if others:
        assert ((rows[others] @ old.T).toarray() < NEAR).all()


@settings(deadline=None, max_examples=50)
@given(texts_, texts_, st.integers(1, 15))
def test_every_next_text_is_the_one_that_is_least_like_those_before(texts, known, limit) -> None:
    rows, old = vectors(texts).toarray(), vectors(known).toarray()
    chosen = far_apart(vectors(texts), vectors(known), limit)
    assert len(set(chosen)) == min(limit, len(texts))
    for place, number in enumerate(chosen):
        seen = np.concatenate([old, rows[chosen[:place]]])
        rest = [k for k in range(len(texts)) if k not in chosen[:place]]
        nearest = (rows @ seen.T).max(axis=1)
        assert nearest[number] == pytest.approx(min(nearest[k] for k in rest), abs=1e-9)
