"""How much each tag counts in the loss."""

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.config.class_weights import INVERSE, weights_of
from nerbb_ray.errors import UnfitError
from nerbb_ray.ner.tags import split_tag
from nerbb_ray.training.encoded_corpus import EncodedCorpus
from nerbb_ray.training.encoding import EncodedSplit

UNLABELLED = -1


def tag_weights(data: EncodedCorpus, wanted: str) -> NDArray[np.float64] | None:
    """The weight of every tag; None: all are 1. *Shape:* (tags,)

    Args:
        data: pruned to what is trained on.
        wanted: a value of `loss_weights`.
    Raises:
        UnfitError: a weight is for a class that the data does not have.
    """
    if wanted == INVERSE:
        return inverse(counts_of(data.train, len(data.tags)))
    given = weights_of(wanted)
    if not given:
        return None
    classes = {split_tag(tag, data.scheme)[1] for tag in data.tags} - {""}
    unknown = sorted(given.keys() - classes - set(data.tags))
    if unknown:
        has = ", ".join([*sorted(classes), *data.tags])
        raise UnfitError(
            "loss_weights", f"must be for classes or tags of data set {data.name!r} ({has})", ", ".join(unknown)
        )
    return np.array([given.get(tag, given.get(split_tag(tag, data.scheme)[1], 1.0)) for tag in data.tags])


def counts_of(split: EncodedSplit, tags: int) -> NDArray[np.int64]:
    """How often each tag labels a sub-token. *Shape:* (tags,)"""
    labels = split.labels(UNLABELLED)
    return np.bincount(labels[labels != UNLABELLED], minlength=tags)


def inverse(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """N / (number of tags x count of the tag): all tags weigh the same in sum. A tag that never occurs counts as once.

    Source: King and Zeng 2001, Logistic Regression in Rare Events Data; `class_weight="balanced"` of scikit-learn.
    """
    weights: NDArray[np.float64] = counts.sum() / (len(counts) * np.maximum(counts, 1))
    return weights
