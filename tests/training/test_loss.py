"""The objective against torch's own losses and against formulas, and what a batch is divided by."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from nerbb_ray.training.batches import IGNORED
from nerbb_ray.training.loss import Objective
from nerbb_ray.training.tag_weights import inverse

WEIGHTS = np.array([0.5, 2.0, 1.0, 4.0])


def made(places: int, ignored: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels; every third place without a label. *Shape:* (places, 4), (places,)"""
    random = torch.Generator().manual_seed(places)
    labels = torch.randint(4, (places,), generator=random)
    if ignored:
        labels[::3] = IGNORED
    return 3 * torch.randn(places, 4, generator=random), labels


def mean(objective: Objective, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return objective.total(logits, labels) / float(objective.mass(labels.numpy()).sum())


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_smoothed_and_weighted_loss_is_torchs_mean(weights, smoothing) -> None:
    logits, labels = made(50)
    weight = None if weights is None else torch.tensor(weights, dtype=torch.float32)
    expected = cross_entropy(logits, labels, weight, ignore_index=IGNORED, label_smoothing=smoothing)
    assert mean(Objective(weights, smoothing), logits, labels).item() == pytest.approx(expected.item(), rel=1e-6)


def test_default_is_the_plain_sum_bit_for_bit() -> None:
    logits, labels = made(60)
    plain = cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
    assert torch.equal(Objective().total(logits, labels), plain)
    assert torch.equal(Objective().total(logits.view(5, 12, 4), labels.view(5, 12)), plain)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_focal_loss_is_its_formula(gamma) -> None:
    logits, labels = made(40)
    losses = []
    for row, label in zip(logits.double().numpy(), labels.tolist(), strict=True):
        if label != IGNORED:
            p = np.exp(row[label]) / np.exp(row).sum()
            losses.append(WEIGHTS[label] * -((1 - p) ** gamma) * np.log(p))
    total = Objective(WEIGHTS, gamma=gamma).total(logits, labels)
    assert total.item() == pytest.approx(sum(losses), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.25, 0.5, 2.0])
def test_a_label_that_is_certain_has_a_finite_gradient(gamma) -> None:
    logits = torch.tensor([[100.0, 0.0], [0.0, 100.0]], requires_grad=True)
    Objective(gamma=gamma).total(logits, torch.tensor([0, 0])).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[1].abs().sum() > 0.5


@pytest.mark.parametrize(
    "objective",
    [Objective(), Objective(WEIGHTS), Objective(WEIGHTS, 0.2), Objective(WEIGHTS, gamma=2.0)],
    ids=["plain", "weights", "smoothing", "focal"],
)
def test_parts_of_a_batch_add_up_to_the_loss_of_the_whole(objective) -> None:
    logits, labels = made(31)
    whole = objective.total(logits, labels)
    parts = [objective.total(logits[i : i + 7], labels[i : i + 7]) for i in range(0, 31, 7)]
    assert sum(part.item() for part in parts) == pytest.approx(whole.item(), rel=1e-5)
    masses = [objective.mass(labels[i : i + 7].numpy()).sum() for i in range(0, 31, 7)]
    assert sum(masses) == pytest.approx(objective.mass(labels.numpy()).sum())


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=9).filter(any))
def test_inverse_weights_are_those_of_scikit_learn_and_make_all_tags_weigh_the_same(counts) -> None:
    counts = np.array(counts)
    found = inverse(counts)
    there = counts > 0
    assert found[there] == pytest.approx(counts.sum() / (len(counts) * counts[there]))
    assert (found * counts)[there] == pytest.approx(counts.sum() / len(counts))
    assert np.isfinite(found).all()
