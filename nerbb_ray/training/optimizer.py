"""AdamW, with a learning rate and a decay for every group of parameters."""

from collections.abc import Mapping

import torch

from nerbb_ray.config.hparams import HParams
from nerbb_ray.training.layers import in_encoder

FACTOR = "factor"  # of a group: its learning rate by that of the schedule


def make_optimizer(
    model: torch.nn.Module, hparams: HParams | None = None, depth: Mapping[str, int] | None = None
) -> torch.optim.AdamW:
    """Fused AdamW; biases and the weights of normalisations, which are the one-dimensional ones, do not decay.

    Args:
        depth: of the encoder's parameters, as in `layers.Stack`; needed with `lr_layer_decay`.
    """
    hparams = hparams or HParams()
    groups: dict[tuple[float, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = factor_of(name, model, hparams, depth or {}), parameter.ndim > 1
            groups.setdefault(key, []).append(parameter)
    described = [
        {"params": parameters, "weight_decay": hparams.weight_decay if decays else 0.0, FACTOR: factor}
        for (factor, decays), parameters in sorted(groups.items(), key=lambda group: group[0], reverse=True)
    ]
    return torch.optim.AdamW(described, lr=0.0, betas=(0.9, hparams.adam_beta2), eps=1e-8, fused=True)


def factor_of(name: str, model: torch.nn.Module, hparams: HParams, depth: Mapping[str, int]) -> float:
    """Of the learning rate of a parameter: that of the head is lr_head; of layer l out of L, lr_layer_decay^(L - l).

    Source: Howard and Ruder 2018 (ULMFiT, discriminative fine-tuning); Zhang et al. 2021.
    """
    if not in_encoder(name, model):
        return hparams.lr_head
    if hparams.lr_layer_decay == 1:
        return 1.0
    factor: float = hparams.lr_layer_decay ** (max(depth.values()) - depth[original(name)])
    return factor


def original(name: str) -> str:
    """What a parameter was called before there were adapters; one of an adapter is as deep as what it is added to."""
    before, adapter, _ = name.partition(".lora_")
    return f"{before}.weight" if adapter else name.replace(".base_layer.", ".")


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of a step, each group by its factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group[FACTOR]


def decay_of(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter) -> tuple[float, float]:
    """The factor of a parameter's learning rate, and its weight decay."""
    for group in optimizer.param_groups:
        if any(other is parameter for other in group["params"]):
            return group[FACTOR], group["weight_decay"]
    raise ValueError("the optimizer does not have this parameter")
