"""Splits that the data do not have: held out from train, document by document."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from nerbb_ray.data.sentences import Sentence
from nerbb_ray.errors import DataError

FEWEST = 3  # documents (or sentences) of which some can be held out


@dataclass(frozen=True, slots=True)
class HoldOut:
    """How much of train is held out for a split that is missing.

    Args:
        val, test: fraction of the sentences of train; 0 for an empty split.
        shuffle: whether chance decides what is held out; if not, it is the end of the data.
    """

    val: float = 0.1
    test: float = 0.1
    seed: int = 42
    shuffle: bool = True

    def __post_init__(self) -> None:
        for name, value in (("val_fraction", self.val), ("test_fraction", self.test)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise DataError(f"{name} must be a number; got {value!r}")
            if not 0 <= value < 1:
                raise DataError(f"0 <= {name} < 1 must hold; got {value}")
        if self.val + self.test >= 1:
            raise DataError(f"val_fraction + test_fraction < 1 must hold; got {self.val} + {self.test}")
        if type(self.seed) is not int:
            raise DataError(f"seed must be an integer; got {self.seed!r}")


DEFAULT = HoldOut()
NOTHING = HoldOut(val=0.0, test=0.0)  # what is missing is an empty split


def rule_of_training(*, folds: bool) -> HoldOut:
    """How missing splits were held out for trials: with folds not at all, since every sentence is held out of some.

    What would be held out of train now was training data of theirs.
    """
    return NOTHING if folds else DEFAULT


def hold_out(
    splits: dict[str, tuple[Sentence, ...]], documents: Sequence[int], rule: HoldOut, notes: list[str]
) -> dict[str, list[int]]:
    """Fill missing val and test from train: always the same sentences, in file order, of whole documents.

    Args:
        documents: for each sentence of train, the number of its document; empty if each stands for itself.
    Returns:
        Which sentences of train each split has that consists of some.
    """
    missing = [split for split in ("val", "test") if split not in splits]
    if not missing:
        return {"train": list(range(len(splits["train"])))}
    taken: dict[str, list[int]] = {}
    train = splits["train"]
    groups: dict[int, list[int]] = {}
    for number, document in enumerate(documents or range(len(train))):
        groups.setdefault(document, []).append(number)
    rest = list(groups.values())
    if rule.shuffle:
        random.Random(rule.seed).shuffle(rest)
    for position, split in enumerate(missing if rule.shuffle else reversed(missing)):
        fraction = rule.val if split == "val" else rule.test
        size = max(1, round(fraction * len(train))) if fraction and len(groups) >= FEWEST else 0
        held = _take(rest, size, keep=len(missing) - position, from_end=not rule.shuffle)
        taken[split] = sorted(k for group in held for k in group)
        splits[split] = tuple(train[k] for k in taken[split])
        what = f" ({len(held)} of {len(groups)} documents)" if documents else ""
        sizes = f"{len(splits[split])} of {len(train)} sentences of train"
        notes.append(f"no {split} data: {sizes} are held out for it{what}")
    taken["train"] = sorted(k for group in rest for k in group)
    splits["train"] = tuple(train[k] for k in taken["train"])
    return taken


def _take(rest: list[list[int]], size: int, *, keep: int, from_end: bool) -> list[list[int]]:
    """Remove groups that have `size` sentences together, or as few less as their order allows; one group at least.

    Args:
        keep: how many groups must remain.
    """
    if size == 0:
        return []
    order = range(len(rest) - 1, -1, -1) if from_end else range(len(rest))
    taken: set[int] = set()
    number = 0
    for i in order:
        fits = number + len(rest[i]) <= size
        if number == size or len(taken) == len(rest) - keep or (from_end and not fits):
            break
        if fits:
            taken.add(i)
            number += len(rest[i])
    if not taken:  # each is larger than what is wanted
        taken = {order[0] if from_end else min(order, key=lambda i: len(rest[i]))}
    held = [rest[i] for i in sorted(taken)]
    rest[:] = [group for i, group in enumerate(rest) if i not in taken]
    return held
