"""What models say of sentences that they were not trained on: of all of them, put together from the folds of a seed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nerbb_ray.config.spec import Member, seed_and_fold
from nerbb_ray.results.log_probs import LogProbs, SplitLogProbs


def on_the_same_words(said: Mapping[Member, LogProbs], split: str) -> dict[Member, LogProbs]:
    """The members of a run with what they say of a split, all of them of the same words.

    Without folds, and of a test split that folds leave untouched, these are the trials. Where the split is a part of
    each fold, they are the seeds (with repeats: `43-repeat2`), each with what its fold models say of all sentences of
    train and val, in their order; a seed whose folds are not all there is left out.
    """
    if all(one.splits[split].places is None for one in said.values()):
        return dict(said)
    groups: dict[tuple[int, int], list[LogProbs]] = {}
    for member, one in said.items():
        seed, fold = seed_and_fold(member)
        groups.setdefault((seed, (fold - 1) // one.folds), []).append(one)
    repeated = any(repeat for _, repeat in groups)
    return {
        f"{seed}-repeat{repeat + 1}" if repeated else seed: _joined(parts, split)
        for (seed, repeat), parts in groups.items()
        if len(parts) == parts[0].folds
    }


def _joined(parts: Sequence[LogProbs], split: str) -> LogProbs:
    """One file of all folds. Its decoder is chosen anew for all of them, among those of the first fold."""
    own = [part.splits[split] for part in parts]
    places = np.concatenate([_places(one) for one in own])
    order = np.argsort(places, kind="stable")
    lengths = np.concatenate([np.diff(one.starts) for one in own])
    begins = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    starts = np.concatenate([[0], np.cumsum(lengths[order])]).astype(np.int64)
    words = np.arange(starts[-1]) + np.repeat(begins[order] - starts[:-1], lengths[order])
    log_probs, gold = (np.concatenate([getattr(one, name) for one in own])[words] for name in ("log_probs", "gold"))
    whole = SplitLogProbs(log_probs, gold, starts, places[order])
    decoder = parts[0].decoders.choose(log_probs, gold, starts)[0]
    return replace(parts[0], decoder=decoder, splits={split: whole})


def _places(one: SplitLogProbs) -> np.ndarray:
    if one.places is None:
        raise ValueError("folds and whole splits cannot be put together")
    return one.places
