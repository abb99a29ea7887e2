"""Parts of a corpus, and training on val and test."""

from hypothesis import given
from hypothesis import strategies as st

from nerbb_ray.ner.corpus import SPLITS, Corpus, Sentence, prune


@given(st.integers(1, 3000), st.floats(0, 1))
def test_pruning_keeps_the_first_sentences(number, ratio):
    rows = tuple(Sentence((str(i),), ("O",)) for i in range(number))
    kept = prune(Corpus("a", "bio", (), rows, (), ()), train=ratio).train
    assert kept == rows[: len(kept)]
    assert len(kept) == max(1, int(ratio * number + 1e-9))


def test_ratio_is_exact_despite_rounding():
    rows = tuple(Sentence((str(i),), ("O",)) for i in range(100))
    assert len(prune(Corpus("a", "bio", (), rows, (), ()), train=0.29).train) == 29


def test_training_on_other_splits_appends_them_pruned():
    train, val, test = (tuple(Sentence((f"{s}{i}",), ("O",)) for i in range(4)) for s in SPLITS)
    corpus = prune(
        Corpus("a", "bio", (), train, val, test), train=0.5, val=0.5, test=0.25, train_on_val=True, train_on_test=True
    )
    assert [s.tokens[0] for s in corpus.train] == ["train0", "train1", "val0", "val1", "test0"]
    assert (corpus.val, corpus.test) == (val[:2], test[:1])
    assert len(corpus.notes) == 2
