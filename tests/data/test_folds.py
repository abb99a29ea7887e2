"""Folds: every sentence held out once, documents whole, classes spread."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.data.corpus import find_corpus, load_corpus
from nerbb_ray.data.folds import assign_folds, fold_parts
from nerbb_ray.data.save_corpus import place
from nerbb_ray.errors import DataError


@st.composite
def data(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, int]:
    sentences = draw(st.integers(2, 60))
    documents = np.sort(draw(st.lists(st.integers(0, 30), min_size=sentences, max_size=sentences)))
    counts = draw(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=sentences, max_size=sentences))
    k = draw(st.integers(2, 10))
    return np.array(counts), np.array(documents), k, draw(st.integers(0, 5))


@settings(max_examples=100, deadline=None)
@given(data())
def test_every_fold_has_whole_documents_and_none_is_empty(case) -> None:
    counts, documents, k, seed = case
    if len(set(documents)) < k:
        with pytest.raises(DataError, match=rf"at most the number of documents .*{len(set(documents))}; got {k}"):
            assign_folds(counts, documents, k, seed)
        return
    folds = assign_folds(counts, documents, k, seed)
    assert set(folds) == set(range(k))
    assert all(len(set(folds[documents == document])) == 1 for document in documents)
    assert np.array_equal(folds, assign_folds(counts, documents, k, seed))
    for with_test in (False, True) if k > 2 else (False,):
        parts = [fold_parts(folds, number, with_test=with_test) for number in range(k)]
        for name in ("val", "test") if with_test else ("val",):
            held = np.concatenate([getattr(part, name) for part in parts])
            assert np.array_equal(np.sort(held), np.arange(len(folds))), "every sentence is held out once"
        for part in parts:
            used = [part.train, part.val, *([part.test] if with_test else [])]
            assert np.array_equal(np.sort(np.concatenate(used)), np.arange(len(folds)))


def test_rare_classes_are_spread_where_chance_would_leave_folds_without_them() -> None:
    rng = np.random.default_rng(0)
    rates = np.array([2.0, 0.3, 0.025])
    spread, by_chance = [], []
    for seed in range(20):
        counts = rng.poisson(rates, (200, 3))
        folds = assign_folds(counts, np.arange(200), 5, seed)
        share = np.array([counts[folds == fold].sum(axis=0) for fold in range(5)]) / counts.sum(axis=0)
        chance = np.array([part.sum(axis=0) for part in np.split(counts[rng.permutation(200)], 5)]) / counts.sum(axis=0)
        spread.append(np.abs(share - 0.2).max(axis=0))
        by_chance.append(np.abs(chance - 0.2).max(axis=0))
        assert np.abs(np.bincount(folds) - 40).max() <= 12
        if counts[:, 2].sum() >= 5:
            assert (share[:, 2] > 0).sum() == 5
    assert np.mean(spread, axis=0)[:2] == pytest.approx([0, 0], abs=0.01)
    assert (np.mean(spread, axis=0) < np.mean(by_chance, axis=0) * [0.2, 0.2, 0.6]).all()


def test_another_seed_cuts_other_folds() -> None:
    counts, documents = np.ones((40, 1), int), np.arange(40)
    assert not np.array_equal(assign_folds(counts, documents, 5, 1), assign_folds(counts, documents, 5, 2))


def conll(documents: int = 10) -> str:
    """Three sentences a document."""
    of_one = "-DOCSTART- O\n\n" + "".join(f"AnnaX{k} B-PER\nsings O\n\n" for k in range(3))
    return "".join(of_one.replace("X", str(number)) for number in range(documents))


def test_borders_of_documents_outlive_the_store(tmp_path: Path) -> None:
    source = tmp_path / "letters"
    source.mkdir()
    (source / "train.txt").write_text(conll())
    corpus = load_corpus(source)
    assert len(corpus.train) % 3 == len(corpus.val) % 3 == 0, "whole documents are held out"
    pairs = zip(corpus.documents, (*corpus.train, *corpus.val), strict=True)
    of_number = {}
    for number, sentence in pairs:
        of_number.setdefault(number, set()).add(sentence.tokens[0][4])
    assert all(len(found) == 1 for found in of_number.values())
    assert len(of_number) == len({*corpus.documents})
    place(corpus, tmp_path / "store" / "letters")
    again = find_corpus("letters", None, tmp_path / "store", ask_hub=False)
    assert again.documents == corpus.documents
    assert again.fingerprint == corpus.fingerprint


def test_borders_of_data_that_were_changed_since_are_not_used(tmp_path: Path) -> None:
    source = tmp_path / "letters"
    source.mkdir()
    (source / "train.txt").write_text(conll())
    place(load_corpus(source), tmp_path / "store" / "letters")
    train = tmp_path / "store" / "letters" / "train.jsonl"
    train.write_text("\n".join(train.read_text().splitlines()[1:]) + "\n")
    again = find_corpus("letters", None, tmp_path / "store", ask_hub=False)
    assert again.documents == ()
    assert any("changed since" in note for note in again.notes)


def test_data_without_borders_know_no_documents(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("Anna B-PER\n\nBert B-PER\n\nhere O\n")
    assert load_corpus(tmp_path).documents == ()
