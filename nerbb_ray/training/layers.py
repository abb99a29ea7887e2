"""The layers of an encoder, found by what a model is made of: no architecture is known by name here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from nerbb_ray.errors import ModelError


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """The layers of an encoder, the lowest first, and how deep each of its parameters lies.

    Args:
        depth: parameter -> 0 for the embeddings and whatever else the lowest layer reads, 1 ... L for the layers, L
            for what follows them.
    """

    layers: tuple[nn.Module, ...]
    depth: dict[str, int]


def in_encoder(key: str, model: Any) -> bool:
    """Whether a parameter or module of a model is not of its head."""
    return key.startswith(f"{model.base_model_prefix}.")


def stack_of(model: Any, name: str) -> Stack:
    """
    Args:
        model: all of it must be trainable, and none of it changed.
        name: for the error.
    Raises:
        ModelError: its layers cannot be found.
    """
    path, layers = _layers(model, name)
    depth = {}
    outside = {}
    for key, parameter in model.named_parameters():
        if key.startswith(f"{path}."):
            depth[key] = int(key[len(path) + 1 :].partition(".")[0]) + 1
        elif in_encoder(key, model):
            outside[key] = parameter
    read = _read_by(layers[0], model, outside)
    if not read:  # a list that is not run through from below
        raise _unknown_layers(model, name, 0)
    return Stack(layers, depth | {key: 0 if key in read else len(layers) for key in outside})


def _layers(model: Any, name: str) -> tuple[str, tuple[nn.Module, ...]]:
    """The only list of as many modules as the configuration has layers."""
    count = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    found = [(path, tuple(modules)) for path, modules in _lists(model, "") if len(modules) == count]
    if len(found) != 1 or not in_encoder(found[0][0], model):
        raise _unknown_layers(model, name, len(found))
    return found[0]


def _unknown_layers(model: Any, name: str, lists: int) -> ModelError:
    return ModelError(
        f"model {name!r}: its layers cannot be told apart ({type(model.base_model).__name__} has {lists or 'no'} lists "
        "of them), so that lr_layer_decay, freeze_layers and reinit_layers cannot be used with it: leave them out, or "
        "choose another model"
    )


def _lists(module: nn.Module, path: str) -> Iterator[tuple[str, nn.ModuleList]]:
    """The lists of modules in a module; those inside of a list are its own business."""
    for name, child in module.named_children():
        here = f"{path}.{name}" if path else name
        if isinstance(child, nn.ModuleList):
            yield here, child
        else:
            yield from _lists(child, here)


class _ReachedError(Exception):
    """A forward pass is at the end of the lowest layer."""


def _read_by(lowest: nn.Module, model: Any, parameters: dict[str, nn.Parameter]) -> set[str]:
    """Those parameters that the output of the lowest layer depends on, in one pass that ends there."""
    reached: list[torch.Tensor] = []

    def stop(_module: Any, _inputs: Any, output: Any) -> None:
        parts = output if isinstance(output, tuple) else (output,)
        reached.extend(part for part in parts if isinstance(part, torch.Tensor) and part.requires_grad)
        raise _ReachedError

    ids = torch.arange(1, 6, device=next(model.parameters()).device)[None]
    training, hook = model.training, lowest.register_forward_hook(stop)
    try:
        model.eval()
        with torch.enable_grad():
            model(input_ids=ids, attention_mask=torch.ones_like(ids))
    except _ReachedError:
        pass
    finally:
        hook.remove()
        model.train(training)
    if not reached:
        return set()
    sums = torch.stack([part.sum() for part in reached])
    gradients = torch.autograd.grad(sums.sum(), list(parameters.values()), allow_unused=True)
    return {key for key, gradient in zip(parameters, gradients, strict=True) if gradient is not None}
