"""What becomes of the head that a pretrained model has already: it follows its labels, or it is made anew.

As run_ner.py of transformers does, a head is kept where it knows the labels of the data, in whatever order; but here
its rows are put into the data's order, not the data's labels into the head's.
"""

import re
from collections.abc import Sequence
from typing import Any, Literal

from nerbb_ray.training.model_files import few

UNNAMED = re.compile(r"LABEL_\d+")  # what transformers calls labels without a name
SHOWN = 6

Fate = Literal["kept", "aligned", "new"]


def labels_of(config: Any) -> tuple[str, ...]:
    """The labels of a configuration, in the order of the head's rows."""
    return tuple(str(label) for _, label in sorted((int(index), label) for index, label in config.id2label.items()))


def fate_of(labels: Sequence[str], tags: Sequence[str]) -> Fate:
    """What becomes of a head for `labels` with data that have `tags`."""
    if tuple(labels) == tuple(tags):
        return "kept"
    same = sorted(labels) == sorted(tags)
    return "aligned" if same else "new"


def note_on_head(name: str, labels: Sequence[str], tags: Sequence[str]) -> str:
    """What a user should know of the head that a model came with."""
    fate = fate_of(labels, tags)
    if fate == "kept":
        return f"model {name!r}: its head knows the labels of the data and is kept: every seed begins with the same one"
    if fate == "aligned":
        return (
            f"model {name!r}: its head knows the labels of the data in another order; its rows are put into the data's"
        )
    known = f"{len(labels)} labels without names" if all(map(UNNAMED.fullmatch, labels)) else few(labels, SHOWN)
    return f"model {name!r}: its head is for other labels ({known}); every seed begins with a new one for the data's"


def note_on_misfit(
    name: str,
    labels: Sequence[str],
    tags: Sequence[str],
    weight: str,
    sizes: tuple[Sequence[int], Sequence[int]] | None,
) -> str:
    """What a user should know of a head that is new since its weights are not those of a head for its own labels.

    Args:
        weight: the first that does not fit.
        sizes: that it has, and that it should have; None: it is missing.
    """
    if fate_of(labels, tags) == "new":  # for which its size is no wonder
        return note_on_head(name, labels, tags)
    found = "is missing" if sizes is None else "is {} instead of {}".format(*(" x ".join(map(str, s)) for s in sizes))
    return (
        f"model {name!r}: the weights of its head do not fit its own labels ({weight} {found}); every seed begins with "
        "a new one"
    )
