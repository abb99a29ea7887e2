"""What hyperparameters change of a model before it is trained: dropout, new layers, frozen layers, adapters.

Each of them is checked, before anything starts, on a tiny copy of the model (`refuse_unfit`).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from nerbb_ray.config.hparams import HParams
from nerbb_ray.errors import ModelError
from nerbb_ray.training.head import renew
from nerbb_ray.training.layers import in_encoder, stack_of
from nerbb_ray.training.lora import add_adapters

# hyperparameter -> what configurations call it; all that one has are set
DROPOUTS = {
    "hidden_dropout": (
        *("hidden_dropout_prob", "hidden_dropout", "dropout", "dropout_rate", "resid_pdrop"),
        *("embd_pdrop", "embedding_dropout", "mlp_dropout"),
    ),
    "attention_dropout": ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop"),
}

COUNTS = ("freeze_layers", "reinit_layers", "lora_rank")  # of which 1 is as good as more, to see what a model can do


def dropouts_of(config: Any, hparams: HParams, name: str) -> dict[str, float]:
    """Key of a model's configuration -> what is to be set.

    Raises:
        ModelError: it has no such dropout.
    """
    changed: dict[str, float] = {}
    for key, names in DROPOUTS.items():
        wanted = getattr(hparams, key)
        there = [its for its in names if isinstance(getattr(config, its, None), int | float)]
        if wanted is not None and not there:
            raise ModelError(f"{key} must be auto: the configuration of {name!r} has no such dropout; got {wanted}")
        changed |= dict.fromkeys(there, wanted) if wanted is not None else {}
    return changed


def adapt(model: Any, hparams: HParams, name: str) -> Mapping[str, int]:
    """Change a model that was loaded; what is new follows from torch's random state.

    Returns:
        How deep its parameters lie (see `layers.Stack`); empty where nothing depends on it.
    Raises:
        ModelError: the model is not made for it.
    """
    _set_head_dropout(model, hparams.classifier_dropout, name)
    if hparams.lr_head != 1 and not any(in_encoder(key, model) for key, _ in model.named_parameters()):
        raise ModelError(f"lr_head must be 1: the head of {name!r} cannot be told apart from its encoder")
    depth: Mapping[str, int] = {}
    if hparams.freeze_layers or hparams.reinit_layers or hparams.lr_layer_decay < 1:
        stack = stack_of(model, name)
        depth = stack.depth
        refuse_more_layers(hparams, len(stack.layers), name)
        for layer in stack.layers[len(stack.layers) - hparams.reinit_layers :]:
            _begin_anew(model, layer, name)
        for key, parameter in model.named_parameters():
            # with the embeddings; what lies below all that is trained needs no backward pass either
            if hparams.freeze_layers and depth.get(key, hparams.freeze_layers + 1) <= hparams.freeze_layers:
                parameter.requires_grad_(False)
    if hparams.lora_rank:
        add_adapters(model, hparams, name)
    return depth


def refuse_more_layers(hparams: HParams, layers: int, name: str) -> None:
    """Raises ModelError if more is to be frozen or new than there is."""
    frozen, new = hparams.freeze_layers, hparams.reinit_layers
    for key, wanted in (("freeze_layers", frozen), ("reinit_layers", new)):
        if wanted > layers:
            raise ModelError(f"{key} must be <= {layers}, the layers of {name!r}; got {wanted}")
    if frozen + new > layers:
        raise ModelError(
            f"freeze_layers + reinit_layers must be <= {layers}, the layers of {name!r}: a layer that is new and "
            f"frozen would never be trained; got {frozen} + {new}"
        )


def _set_head_dropout(model: Any, wanted: float | None, name: str) -> None:
    if wanted is None:
        return
    found = [m for path, m in model.named_modules() if isinstance(m, nn.Dropout) and not in_encoder(path, model)]
    if not found:
        raise ModelError(f"classifier_dropout must be auto: the head of {name!r} has no dropout; got {wanted}")
    for module in found:
        module.p = wanted


def _begin_anew(model: Any, layer: nn.Module, name: str) -> None:
    """Give a layer the random weights that it had before it was pretrained."""
    renew(model, layer)
    if any(parameter.isnan().any() for parameter in layer.parameters()):
        raise ModelError(f"reinit_layers must be 0: {name!r} does not say how all weights of a layer begin")


def refuse_unfit(model: Any, config: Any, hparams: HParams, name: str) -> None:
    """Raises ModelError if a model cannot be changed like this.

    Args:
        model: a small copy, which is changed.
        config: of the model itself.
    """
    layers, width = (getattr(config.get_text_config(), key, None) for key in ("num_hidden_layers", "hidden_size"))
    if isinstance(layers, int):
        refuse_more_layers(hparams, layers, name)
    if isinstance(width, int) and hparams.lora_rank > width:
        raise ModelError(
            f"lora_rank must be <= {width}, the width of {name!r}: a product of that rank can be any matrix; got "
            f"{hparams.lora_rank}"
        )
    dropouts_of(config, hparams, name)
    few = replace(hparams, **{key: min(getattr(hparams, key), 1) for key in COUNTS})
    adapt(model, few, name)
