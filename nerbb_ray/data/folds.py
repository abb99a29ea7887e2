"""k folds of sentences: documents stay whole, and every fold gets its share of the entities of every class. Pure.

Iterative stratification (Sechidis et al. 2011, On the Stratification of Multi-Label Data, algorithm 1), over documents
with counts where the paper has examples with labels: the class of which the fewest entities are left is placed first,
each document into the fold that still lacks most of this class; of equal ones, that which lacks most sentences.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.errors import DataError

ALGORITHM = "1"  # raised with every change that makes other folds
FEWEST_WITH_TEST = 3  # folds that have a test part and a val part, and leave something to train on

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FoldParts:
    """What a fold makes of the sentences of train and val, by their number. *Shape:* (sentences of the part,) each

    Args:
        test: None: the test split stays as it is.
    """

    train: Ints
    val: Ints
    test: Ints | None = None


def fold_parts(folds: Ints, number: int, *, with_test: bool) -> FoldParts:
    """A fold is val, and the others are train; with a test part the fold is test, and the next one val.

    Args:
        folds: of every sentence, from 0. *Shape:* (sentences,)
        number: from 0.
    """
    if not with_test:
        return FoldParts(np.flatnonzero(folds != number), np.flatnonzero(folds == number))
    following = (number + 1) % (int(folds.max()) + 1)
    train = np.flatnonzero((folds != number) & (folds != following))
    return FoldParts(train, np.flatnonzero(folds == following), np.flatnonzero(folds == number))


def assign_folds(counts: Ints, documents: Ints, k: int, seed: int) -> Ints:
    """The fold of every sentence, from 0; always the same for the same arguments.

    Args:
        counts: entities of every class. *Shape:* (sentences, classes)
        documents: of every sentence; those of a document get into one fold. *Shape:* (sentences,)
        seed: decides where nothing else does.
    Raises:
        DataError: there are fewer documents than folds.
    """
    _, numbers = np.unique(documents, return_inverse=True)
    groups = int(numbers.max()) + 1 if len(numbers) else 0
    if groups < k:
        raise DataError(
            f"folds must be at most the number of documents (or sentences) of train and val, {groups}; got {k}"
        )
    of_group = np.zeros((groups, counts.shape[1]), np.int64)
    np.add.at(of_group, numbers, counts)
    sizes = np.bincount(numbers, minlength=groups)
    return _stratified(of_group, sizes, k, np.random.default_rng(seed))[numbers]


def _stratified(counts: Ints, sizes: Ints, k: int, rng: np.random.Generator) -> Ints:
    """The fold of every group. *Shape:* (groups, classes), (groups,) -> (groups,)"""
    lacking = np.repeat(counts.sum(axis=0, keepdims=True) / k, k, axis=0)  # (folds, classes)
    room = np.full(k, sizes.sum() / k)
    folds = np.full(len(counts), -1, np.int64)
    order, chance = rng.permutation(len(counts)), rng.random(k)

    def put(group: int, wish: NDArray[np.float64]) -> None:
        fold = np.lexsort((chance, room, wish))[-1]
        folds[group] = fold
        lacking[fold] -= counts[group]
        room[fold] -= sizes[group]
        chance[:] = rng.random(k)

    left = counts.sum(axis=0)
    while (left > 0).any():
        label = int(np.where(left > 0, left, np.iinfo(np.int64).max).argmin())
        open_groups = order[(folds[order] < 0) & (counts[order, label] > 0)]
        for group in open_groups[np.argsort(-counts[open_groups, label], kind="stable")]:
            put(int(group), lacking[:, label])
            left = left - counts[group]
    rest = order[folds[order] < 0]
    for group in rest[np.argsort(-sizes[rest], kind="stable")]:
        put(int(group), room)
    return _none_empty(folds, sizes, k)


def _none_empty(folds: Ints, sizes: Ints, k: int) -> Ints:
    """Give a fold without anything the smallest group of the one that has most groups."""
    while len(empty := np.setdiff1d(np.arange(k), folds)):
        fullest = int(np.bincount(folds, minlength=k).argmax())
        own = np.flatnonzero(folds == fullest)
        folds[own[sizes[own].argmin()]] = empty[0]
    return folds


def layout_of(documents: Ints) -> str:
    """What folds depend on beside the sentences and the numbers in the experiment file, as sha256 (hex)."""
    return hashlib.sha256(f"{ALGORITHM} {documents.tolist()}".encode()).hexdigest()
