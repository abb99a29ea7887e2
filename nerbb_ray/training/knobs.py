"""What hyperparameters change of a model before it is trained: dropout, new layers, frozen layers, adapters.

Each of them is checked, before anything starts, on a tiny copy of the model (`unfit`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from nerbb_ray.config.hparams import HParams
from nerbb_ray.errors import ModelError, UnfitError
from nerbb_ray.training.head import renew
from nerbb_ray.training.layers import Stack, in_encoder, stack_of
from nerbb_ray.training.lora import add_adapters

# hyperparameter -> what configurations call it; all that one has are set
DROPOUTS = {
    "hidden_dropout": (
        *("hidden_dropout_prob", "hidden_dropout", "dropout", "dropout_rate", "resid_pdrop"),
        *("embd_pdrop", "emb_pdrop", "embed_dropout", "embedding_dropout", "mlp_dropout", "resid_dropout"),
        "residual_dropout",
    ),
    "attention_dropout": ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop"),
}

OF_LAYERS = {"freeze_layers": 0, "reinit_layers": 0, "lr_layer_decay": 1.0}  # and where they change nothing
COUNTS = ("freeze_layers", "reinit_layers", "lora_rank")  # of which 1 is as good as more, to see what a model can do


def dropouts_of(config: Any, hparams: HParams, name: str) -> dict[str, float]:
    """Key of a model's configuration -> what is to be set.

    Raises:
        UnfitError: it has no such dropout.
    """
    if missing := _no_dropout(config, hparams, name):
        raise missing[0]
    changed: dict[str, float] = {}
    for key, names in DROPOUTS.items():
        wanted = getattr(hparams, key)
        changed |= dict.fromkeys(_there(config, names), wanted) if wanted is not None else {}
    return changed


def _no_dropout(config: Any, hparams: HParams, name: str) -> list[UnfitError]:
    asked = [key for key, names in DROPOUTS.items() if getattr(hparams, key) is not None and not _there(config, names)]
    rule = f"must be auto: the configuration of {name!r} has no such dropout"
    return [UnfitError(key, rule, getattr(hparams, key)) for key in asked]


def _there(config: Any, names: Sequence[str]) -> list[str]:
    return [its for its in names if isinstance(getattr(config, its, None), int | float)]


def adapt(model: Any, hparams: HParams, name: str) -> Mapping[str, int]:
    """Change a model that was loaded; what is new follows from torch's random state.

    Returns:
        How deep its parameters lie (see `layers.Stack`); empty where nothing depends on it.
    Raises:
        UnfitError: the model is not made for it.
    """
    _set_head_dropout(model, hparams.classifier_dropout, name)
    if hparams.lr_head != 1 and not any(in_encoder(key, model) for key, _ in model.named_parameters()):
        rule = f"must be 1: the head of {name!r} cannot be told apart from its encoder"
        raise UnfitError("lr_head", rule, hparams.lr_head)
    depth: Mapping[str, int] = {}
    if used := [key for key, off in OF_LAYERS.items() if getattr(hparams, key) != off]:
        stack = _stack(model, name, used[0], hparams)
        depth = stack.depth
        if too_many := _more_layers(hparams, len(stack.layers), name):
            raise too_many[0]
        for layer in stack.layers[len(stack.layers) - hparams.reinit_layers :]:
            _begin_anew(model, layer, name, hparams.reinit_layers)
        for key, parameter in model.named_parameters():
            # with the embeddings; what lies below all that is trained needs no backward pass either
            if hparams.freeze_layers and depth.get(key, hparams.freeze_layers + 1) <= hparams.freeze_layers:
                parameter.requires_grad_(False)
    if hparams.lora_rank:
        add_adapters(model, hparams, name)
    return depth


def _stack(model: Any, name: str, key: str, hparams: HParams) -> Stack:
    """The layers of a model, which `key` is about."""
    try:
        return stack_of(model, name)
    except ModelError as error:
        raise UnfitError(key, f"must be {OF_LAYERS[key]}: {error}", getattr(hparams, key)) from None


def _more_layers(hparams: HParams, layers: int, name: str) -> list[UnfitError]:
    """Where more is to be frozen or new than there is."""
    frozen, new = hparams.freeze_layers, hparams.reinit_layers
    asked = {"freeze_layers": frozen, "reinit_layers": new}
    rule = f"must be <= {layers}, the layers of {name!r}"
    found = [UnfitError(key, rule, wanted) for key, wanted in asked.items() if wanted > layers]
    if not found and frozen + new > layers:
        rule = f"must be <= {layers - new} with reinit_layers = {new}, since {name!r} has {layers} layers"
        found = [UnfitError("freeze_layers", f"{rule}: one that is new and frozen would never be trained", frozen)]
    return found


def _set_head_dropout(model: Any, wanted: float | None, name: str) -> None:
    if wanted is None:
        return
    found = [m for path, m in model.named_modules() if isinstance(m, nn.Dropout) and not in_encoder(path, model)]
    if not found:
        raise UnfitError("classifier_dropout", f"must be auto: the head of {name!r} has no dropout", wanted)
    for module in found:
        module.p = wanted


def _begin_anew(model: Any, layer: nn.Module, name: str, wanted: int) -> None:
    """Give a layer the random weights that it had before it was pretrained."""
    renew(model, layer)
    if any(parameter.isnan().any() for parameter in layer.parameters()):
        rule = f"must be 0: {name!r} does not say how all weights of a layer begin"
        raise UnfitError("reinit_layers", rule, wanted)


def unfit(
    model: Any, config: Any, hparams: HParams, name: str, heeds: Callable[[Sequence[str]], bool]
) -> list[UnfitError]:
    """What a model cannot be changed to.

    Args:
        model: a small copy, which is changed.
        config: of the model itself.
        heeds: whether the training of a copy depends on some dropouts of the configuration.
    """
    layers, width = (getattr(config.get_text_config(), key, None) for key in ("num_hidden_layers", "hidden_size"))
    found = _no_dropout(config, hparams, name)
    for key, names in DROPOUTS.items():
        if getattr(hparams, key) is not None and (there := _there(config, names)) and not heeds(there):
            rule = f"must be auto: {name!r} makes no use of {' and '.join(there)} in its configuration"
            found.append(UnfitError(key, rule, getattr(hparams, key)))
    if isinstance(layers, int):
        found += _more_layers(hparams, layers, name)
    if isinstance(width, int) and hparams.lora_rank > width:
        rule = f"must be <= {width}, the width of {name!r}: a product of that rank can be any matrix"
        found.append(UnfitError("lora_rank", rule, hparams.lora_rank))
    few = {key: min(getattr(hparams, key), 1) for key in COUNTS}
    few |= {error.key: OF_LAYERS[error.key] for error in found if error.key in OF_LAYERS}  # each fault once
    try:
        adapt(model, replace(hparams, **few), name)
    except UnfitError as error:
        found.append(error)
    return found
