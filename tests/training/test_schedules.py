"""The schedules against those of transformers."""

import pytest

from nerbb_ray.config.spec import HParams
from nerbb_ray.training.adaptive import replay
from nerbb_ray.training.schedules import lr_factor

# our name -> the name of transformers
NAMES = {
    "constant": "constant_with_warmup",
    "linear": "linear",
    "cosine": "cosine",
    "cosine_with_hard_restarts": "cosine_with_restarts",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("warmup", "epochs", "steps", "cycles"), [(2, 7, 5, 4), (0, 3, 4, 1), (1, 10, 1, 3), (3, 2, 2, 2)]
)
def test_equal_to_transformers(name: str, warmup: int, epochs: int, steps: int, cycles: int) -> None:
    import torch
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    kwargs = {"num_cycles": cycles} if name.startswith("cosine") else {}
    reference = get_scheduler(
        NAMES[name],
        optimizer,
        num_warmup_steps=warmup * steps,
        num_training_steps=epochs * steps,
        scheduler_specific_kwargs=kwargs,
    )
    expected = []
    for _ in range(epochs * steps):
        expected.append(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()
    params = HParams(
        lr_max=0.5,
        lr_schedule=name,
        lr_warmup_epochs=warmup,
        max_epochs=epochs,
        lr_num_cycles=cycles,
        early_stopping=False,
    )
    rates = [rate for epoch in replay(params, [1.0], steps).learning_rates for rate in epoch]
    assert rates == pytest.approx(expected, abs=1e-12)


def test_unknown_schedule_is_an_error() -> None:
    with pytest.raises(ValueError, match="polynomial"):
        lr_factor(3, schedule="polynomial", warmup_steps=0, total_steps=9)
