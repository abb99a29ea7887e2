"""The rows of a head that was loaded: put into the order of the labels, or made anew (see head_labels)."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from nerbb_ray.training.head_labels import fate_of


def fit_head(model: Any, rows: Iterable[str], labels: Sequence[str], tags: Sequence[str]) -> None:
    """Give a head that was loaded the rows of the tags: its own in their order, or new ones.

    New rows come from torch's random state, which is left alone otherwise.

    Args:
        rows: names of the parameters with a row per label.
        labels: of the rows as they were stored.
    """
    fate = fate_of(labels, tags)
    if fate == "aligned":
        order = torch.tensor([list(labels).index(tag) for tag in tags])
        for parameter in map(model.get_parameter, rows):
            parameter.data = parameter.data[order]
    elif fate == "new":
        for path in dict.fromkeys(name.rpartition(".")[0] for name in rows):
            renew(model, model.get_submodule(path))


def rows_of_labels(model: Any) -> list[str]:
    """The names of the parameters that have one row per label: those whose size follows the number of labels."""
    small, large = (_shapes(model, model.config.num_labels + more) for more in (0, 1))
    return [name for name, shape in small.items() if large[name] != shape]


def _shapes(model: Any, labels: int) -> dict[str, torch.Size]:
    config = copy.deepcopy(model.config)
    config.num_labels = labels
    with torch.device("meta"):
        return {name: p.shape for name, p in type(model)(config).named_parameters()}


def renew(model: Any, module: torch.nn.Module) -> None:
    """Give a module, and those inside of it, new weights as the model begins with; NaN where it does not say how."""
    parts = list(module.modules())
    for part in parts:
        for name, parameter in list(part.named_parameters(recurse=False)):
            # a parameter without the mark of transformers that it was loaded
            setattr(part, name, torch.nn.Parameter(torch.full_like(parameter, torch.nan)))
    for part in reversed(parts):  # what contains others may have more to say of their weights
        model._init_weights(part)
