import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerbb_ray.ner.mistakes import Mistake, mistakes, overlap
from nerbb_ray.ner.tags import Entity, entities


def one(gold: str, predicted: str) -> list[Mistake]:
    return mistakes(entities(gold.split(), "bio"), entities(predicted.split(), "bio"))


PER, LONG_PER, LOC = Entity("PER", 0, 1), Entity("PER", 0, 2), Entity("LOC", 0, 1)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("B-PER O", "B-PER O", []),
        ("B-PER O", "O O", [Mistake("missed", PER, None)]),
        ("O O", "B-PER O", [Mistake("invented", None, PER)]),
        ("B-PER O", "B-LOC O", [Mistake("wrong-class", PER, LOC)]),
        ("B-PER O", "B-PER I-PER", [Mistake("wrong-border", PER, LONG_PER)]),
        ("B-PER I-PER", "B-LOC O", [Mistake("wrong-class", LONG_PER, LOC)]),
        # of two that have words of it, the one of its class
        ("B-PER I-PER I-PER", "B-LOC I-LOC B-PER", [Mistake("wrong-border", Entity("PER", 0, 3), Entity("PER", 2, 3))]),
        # one that swallows two is a wrong border of both
        (
            "B-PER B-PER",
            "B-PER I-PER",
            [Mistake("wrong-border", PER, LONG_PER), Mistake("wrong-border", Entity("PER", 1, 2), LONG_PER)],
        ),
        ("O B-PER", "B-LOC O", [Mistake("invented", None, LOC), Mistake("missed", Entity("PER", 1, 2), None)]),
    ],
)
def test_kinds_of_mistakes(gold: str, predicted: str, expected: list[Mistake]) -> None:
    assert one(gold, predicted) == expected


TAGS = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), min_size=8, max_size=8)


@given(TAGS, TAGS)
def test_every_entity_that_is_not_right_is_told_of(gold: list[str], predicted: list[str]) -> None:
    true, guess = entities(gold, "bio"), entities(predicted, "bio")
    found = mistakes(true, guess)
    assert sorted(m.gold for m in found if m.gold) == sorted(set(true) - set(guess))
    alone = [entity for entity in guess if not any(overlap(entity, other) for other in true)]
    assert sorted(m.predicted for m in found if m.kind == "invented") == sorted(alone)
    assert all((m.predicted is None) == (m.kind == "missed") for m in found)
