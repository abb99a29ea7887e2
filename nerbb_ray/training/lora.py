"""Adapters of low rank beside the linear layers of an encoder, in training only: what is saved is an ordinary model.

Source: Hu et al. 2022, LoRA: Low-Rank Adaptation of Large Language Models, https://arxiv.org/abs/2106.09685
"""

import warnings
from collections.abc import Iterator
from typing import Any

from torch import nn
from transformers.pytorch_utils import Conv1D

from nerbb_ray.config.hparams import HParams
from nerbb_ray.errors import UnfitError
from nerbb_ray.training.layers import in_encoder

AUTO, ALL = "auto", "all"
# what architectures call the maps to queries and values (Hu et al. adapt these), or to all of the attention at once
QUERY_VALUE = (
    *(("query", "value"), ("query_proj", "value_proj"), ("q_proj", "v_proj"), ("q_lin", "v_lin"), ("q", "v")),
    *(("Wqkv",), ("in_proj",), ("c_attn",), ("query_key_value",), ("qkv_proj",)),
)


def add_adapters(model: Any, hparams: HParams, name: str) -> None:
    """Freeze the encoder, and train adapters beside some of its layers instead, as well as the head.

    Raises:
        UnfitError: the model has no layers of these names.
    """
    from peft import LoraConfig
    from peft.tuners.lora import LoraModel

    targets = targets_of(model, hparams.lora_targets, name)
    rank = hparams.lora_rank
    alpha: Any = rank if hparams.lora_alpha is None else hparams.lora_alpha  # peft says int, and takes any number
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, bias="none")
    # peft puts its layers into the model itself, and leaves a note on it that would make transformers save adapters
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "fan_in_fan_out")  # which peft sets itself where it must be
        LoraModel(model, config, "default")
    del model.peft_config
    for key, parameter in model.named_parameters():
        parameter.requires_grad_(".lora_" in key or not in_encoder(key, model))


def targets_of(model: Any, wanted: str, name: str) -> list[str]:
    """The paths of the layers that get adapters.

    Args:
        wanted: `auto`, `all`, or names of layers with blanks between them.
    """
    linear = list(_linear(model))
    there = dict.fromkeys(path.rpartition(".")[2] for path in linear)
    if wanted == ALL:
        return linear
    names: tuple[str, ...]
    if wanted == AUTO:
        names = next((pair for pair in QUERY_VALUE if all(part in there for part in pair)), ())
    else:
        names = tuple(wanted.split())
    unknown = [part for part in names if part not in there]
    if not names or unknown:
        why = "" if unknown else ": auto finds none that it knows"
        rule = f"must be linear layers of {name!r} ({' '.join(there)}), or all{why}"
        raise UnfitError("lora_targets", rule, " ".join(unknown) or wanted)
    return [path for path in linear if path.rpartition(".")[2] in names]


def _linear(model: Any) -> Iterator[str]:
    for path, module in model.named_modules():
        if in_encoder(path, model) and isinstance(module, nn.Linear | Conv1D):
            yield path


def merge_adapters(model: Any) -> None:
    """Add adapters to the weights that they are beside, in place: the model is then of its own class again."""
    from peft.tuners.lora import LoraLayer

    for path, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            parent, _, child = path.rpartition(".")
            setattr(model.get_submodule(parent), child, module.get_base_layer())
