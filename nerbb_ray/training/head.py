"""The rows of a head that was loaded: put into the order of the labels, or made anew (see head_labels)."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from nerbb_ray.training.head_labels import fate_of, note_on_head, note_on_misfit
from nerbb_ray.training.layers import in_encoder


def see_to_head(
    model: Any, found: Mapping[str, Any], stored: Sequence[str], tags: Sequence[str], name: str
) -> str | None:
    """Fit the head of a model that was loaded for `tags`: what a user should know of it.

    Args:
        found: what transformers says of the loading: weights that are missing, or are there in another size.
        stored: labels of the head that the weights may have.
        name: of the model.
    """
    sizes = {key: (there, expected) for key, there, expected in found["mismatched_keys"]}
    head = {key: p for key, p in model.named_parameters() if not in_encoder(key, model)}
    new = [key for key in head if key in sizes or key in found["missing_keys"]]
    if not new and fate_of(stored, tags) == "kept":
        return note_on_head(name, stored, tags)
    if any(key not in new and len(p) == len(tags) for key, p in head.items()):
        rows = rows_of_labels(model)
        misfits = [key for key in rows if key in new]
        if not misfits:
            fit_head(model, rows, stored, tags)
            return note_on_head(name, stored, tags)
        if len(misfits) < len(rows):  # of a head of another kind, such as one for whole texts without a bias
            _renew_rows(model, rows)
            return note_on_misfit(name, stored, tags, misfits[0], sizes.get(misfits[0]))
    other_size = next((key for key in new if key in sizes), None)
    return note_on_misfit(name, stored, tags, other_size, sizes[other_size]) if other_size else None


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
        _renew_rows(model, rows)


def _renew_rows(model: Any, rows: Iterable[str]) -> None:
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
