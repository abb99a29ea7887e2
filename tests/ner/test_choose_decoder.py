"""Which decoder is chosen: what was asked for, or the simplest that is as good as any."""

import numpy as np
import pytest

from nerbb_ray.ner.choose_decoder import WITHOUT_VAL, DecoderChoice
from nerbb_ray.ner.metrics import count
from nerbb_ray.ner.resampling import drawn_scores, micro_f1
from nerbb_ray.ner.tags import tag_set

TAGS = tag_set(["LOC", "PER"], "bio")


def sentences(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Sentences of `O B-PER I-PER I-PER O` and the like: entities of three words."""
    rows = []
    for _ in range(n):
        kind = rng.integers(0, 2)
        begin, inside = (TAGS.index(f"{prefix}-{('LOC', 'PER')[kind]}") for prefix in "BI")
        rows.append([0] * rng.integers(1, 4) + [begin, inside, inside] + [0] * rng.integers(1, 4))
    return np.array([tag for row in rows for tag in row]), np.concatenate([[0], np.cumsum([len(row) for row in rows])])


def said(rng: np.random.Generator, gold: np.ndarray, noise: float) -> np.ndarray:
    logits = rng.normal(0, noise, (len(gold), len(TAGS)))
    logits[np.arange(len(gold)), gold] += 2.0
    return (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)


def choice(wanted: str, scheme: str = "bio") -> DecoderChoice:
    gold, starts = sentences(np.random.default_rng(1), 100)
    return DecoderChoice(wanted, TAGS, scheme, gold, starts)


def f1_of(tags: np.ndarray, gold: np.ndarray, starts: np.ndarray) -> float:
    return count(gold, tags, starts, TAGS, "bio").scores("entity")["micro"].f1


def test_where_the_model_is_sure_the_simplest_will_do() -> None:
    rng = np.random.default_rng(2)
    gold, starts = sentences(rng, 80)
    decoder, tags = choice("auto").choose(said(rng, gold, 0.1), gold, starts)
    assert decoder.kind == "argmax"
    assert np.array_equal(tags, gold)


def test_where_the_sequence_helps_it_is_used() -> None:
    rng = np.random.default_rng(3)
    gold, starts = sentences(rng, 80)
    log_probs = said(rng, gold, 1.3)
    found = {
        kind: choice(kind).choose(log_probs, gold, starts) for kind in ("argmax", "constrained", "bigrams", "auto")
    }
    scores = {kind: f1_of(tags, gold, starts) for kind, (_, tags) in found.items()}
    assert scores["argmax"] < scores["constrained"] < scores["bigrams"] == scores["auto"]
    assert found["auto"][0].kind == "bigrams"
    assert found["bigrams"][0].weight == found["auto"][0].weight > 0


@pytest.mark.parametrize("wanted", ["argmax", "constrained", "bigrams"])
def test_what_is_asked_for_is_what_one_gets(wanted: str) -> None:
    rng = np.random.default_rng(4)
    gold, starts = sentences(rng, 20)
    assert choice(wanted).choose(said(rng, gold, 1.0), gold, starts)[0].kind == wanted


@pytest.mark.parametrize(
    ("wanted", "kind", "weight"), [("auto", "constrained", 0.0), ("bigrams", "bigrams", WITHOUT_VAL)]
)
def test_without_anything_to_choose_by(wanted, kind, weight) -> None:
    decoder, tags = choice(wanted).choose(np.zeros((0, len(TAGS)), np.float32), np.zeros(0, int), np.array([0]))
    assert (decoder.kind, decoder.weight, len(tags)) == (kind, weight, 0)


def test_the_same_predictions_give_the_same_choice() -> None:
    rng = np.random.default_rng(5)
    gold, starts = sentences(rng, 60)
    log_probs = said(rng, gold, 1.1)
    first, second = (choice("auto").choose(log_probs, gold, starts)[0] for _ in range(2))
    assert first.to_dict() == second.to_dict()


def test_drawn_scores_vary_around_the_score_as_a_plain_bootstrap_does() -> None:
    rng = np.random.default_rng(6)
    counts = rng.integers(0, 4, (2, 90, 3))
    drawn = drawn_scores(counts, 4000, np.random.default_rng(0))
    plain = np.array([micro_f1(counts[:, rng.integers(0, 90, 90)].sum(axis=1)) for _ in range(4000)])
    assert drawn.mean(axis=0) == pytest.approx(plain.mean(axis=0), abs=0.003)
    assert drawn.std(axis=0) == pytest.approx(plain.std(axis=0), rel=0.08)
    assert np.std(drawn[:, 0] - drawn[:, 1]) == pytest.approx(np.std(plain[:, 0] - plain[:, 1]), rel=0.08)
