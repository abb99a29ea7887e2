"""Splits that are held out from train: how large, which sentences, whole documents."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerbb_ray.data.sentences import Sentence
from nerbb_ray.data.split import HoldOut, hold_out
from nerbb_ray.errors import DataError


def sentences(number: int) -> tuple[Sentence, ...]:
    return tuple(Sentence((f"w{i}",), ("O",)) for i in range(number))


def held(number: int, rule: HoldOut, documents: list[int] | None = None, **given: int) -> dict[str, list[int]]:
    """The numbers of the sentences of train in each split."""
    train = sentences(number)
    splits = {"train": train, **{split: sentences(size) for split, size in given.items()}}
    hold_out(splits, documents or [], rule, [])
    return {split: [int(row.tokens[0][1:]) for row in rows] for split, rows in splits.items()}


@pytest.mark.parametrize(
    ("number", "rule", "sizes"),
    [
        (100, HoldOut(), (80, 10, 10)),
        (100, HoldOut(val=0.25, test=0.5), (25, 25, 50)),
        (100, HoldOut(val=0, test=0.2), (80, 0, 20)),
        (100, HoldOut(val=0, test=0), (100, 0, 0)),
        (100, HoldOut(val=0.001), (89, 1, 10)),
        (3, HoldOut(val=0.5, test=0.4), (1, 1, 1)),
        (2, HoldOut(val=0.4, test=0.4), (2, 0, 0)),
    ],
)
def test_fractions_are_those_of_all_sentences(number: int, rule: HoldOut, sizes: tuple[int, int, int]) -> None:
    splits = held(number, rule)
    assert tuple(len(splits[split]) for split in ("train", "val", "test")) == sizes
    assert sorted(chain.from_iterable(splits.values())) == list(range(number))


def test_seed_decides_and_is_kept() -> None:
    assert held(50, HoldOut(seed=1)) == held(50, HoldOut(seed=1)) != held(50, HoldOut(seed=2))


def test_without_shuffling_the_end_is_test_and_val_before_it() -> None:
    assert held(10, HoldOut(0.2, 0.3, shuffle=False)) == {"train": [0, 1, 2, 3, 4], "val": [5, 6], "test": [7, 8, 9]}


def test_only_missing_splits_are_held_out() -> None:
    splits = held(10, HoldOut(0.2, 0.3, shuffle=False), test=4)
    assert splits == {"train": list(range(8)), "val": [8, 9], "test": [0, 1, 2, 3]}


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=30),
    st.floats(0, 0.49),
    st.floats(0, 0.49),
    st.integers(0, 99),
    st.booleans(),
)
def test_documents_are_never_torn_apart(lengths: list[int], val: float, test: float, seed: int, shuffle: bool) -> None:
    documents = [number for number, length in enumerate(lengths) for _ in range(length)]
    splits = held(len(documents), HoldOut(val, test, seed, shuffle), documents)
    assert sorted(chain.from_iterable(splits.values())) == list(range(len(documents)))
    owners = {split: {documents[i] for i in rows} for split, rows in splits.items()}
    assert sum(map(len, owners.values())) == len(lengths)
    assert owners["train"]
    for split, fraction in (("val", val), ("test", test)):
        size = max(1, round(fraction * len(documents)))
        assert bool(splits[split]) == (fraction > 0 and len(lengths) >= 3)
        assert len(splits[split]) <= max(size, max(lengths))


def test_sizes_are_met_where_documents_allow_it() -> None:
    splits = held(40, HoldOut(0.1, 0.1), [i // 2 for i in range(40)])
    assert [len(splits[split]) for split in ("train", "val", "test")] == [32, 4, 4]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"val": -0.1}, "0 <= val_fraction < 1 must hold; got -0.1"),
        ({"test": 1}, "0 <= test_fraction < 1 must hold; got 1"),
        ({"val": 0.5, "test": 0.5}, "val_fraction \\+ test_fraction < 1 must hold; got 0.5 \\+ 0.5"),
        ({"val": float("nan")}, "val_fraction must be a number; got nan"),
        ({"val": "0.1"}, "val_fraction must be a number; got '0.1'"),
        ({"val": True}, "val_fraction must be a number; got True"),
        ({"seed": 1.5}, "seed must be an integer; got 1.5"),
    ],
)
def test_impossible_rule_is_an_error(keys: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        HoldOut(**keys)  # type: ignore[arg-type]
