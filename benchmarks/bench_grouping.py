"""Batches of similar length against batches of any length: what they save, and what they do to F1.

More of the padding is saved where the batches are cut from larger groups of sorted sentences; but batches that are all
of one length are no good sample of the data.

    python benchmarks/bench_grouping.py
    python benchmarks/bench_grouping.py --sentences 24 --epochs 1 --seeds 1    # does it work at all?

Each seed is trained in every way in this process, with one thread; CPU seconds are those of training alone. F1 is that
of the validation split after the last epoch.
"""

import argparse
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench_peak import make_session
from bench_trial import ROOT
from comparison import markdown

from nerbb_ray.training import batches

ANY, OURS = "any length", f"similar length: groups of {batches.BATCHES_PER_GROUP} batches, as it is"
WAYS = {ANY: 1, OURS: batches.BATCHES_PER_GROUP, "similar length: groups of 16 batches": 16}


@dataclass(frozen=True, slots=True)
class Found:
    """Of one trial.

    Args:
        padded: sub-tokens of an epoch, padding included, for each one that is none.
    """

    f1: float
    cpu_s: float
    padded: float


def trained(session: Any, epochs: int) -> Found:
    """Train a session as a trial would be: linear learning rate after one epoch of warm-up."""
    from nerbb_ray.training.adaptive import learning_rates, rule_of, start
    from nerbb_ray.training.epoch import train_epoch
    from nerbb_ray.training.evaluation import evaluate

    hparams, seed, lengths = session.trial.hparams, session.trial.seed, session.data.train.lengths
    steps, state = session.data.steps_per_epoch(hparams.batch_size), start(rule_of(hparams))
    begun = time.process_time()
    for epoch in range(epochs):
        train_epoch(session, epoch, learning_rates(replace(state, epoch=epoch), hparams, steps))
    cpu_s = time.process_time() - begun
    order = batches.training_order(lengths, hparams.batch_size, seed, 0)
    padded = sum(len(members) * int(lengths[members].max()) for members in order) / int(lengths.sum())
    return Found(evaluate(session, session.data.val).metrics("val")["val/entity/micro/f1"], cpu_s, padded)


def compare(
    dataset: Path, sentences: int, epochs: int, seeds: int, ways: Iterable[str] = WAYS
) -> dict[str, list[Found]]:
    """Every seed in all ways, in turn."""
    found: dict[str, list[Found]] = {way: [] for way in ways}
    for seed in range(43, 43 + seeds):
        for way in found:
            batches.BATCHES_PER_GROUP = WAYS[way]
            hparams = {"lr_schedule": "linear", "lr_warmup_epochs": 1, "lr_max": 5e-4, "max_epochs": epochs}
            found[way].append(trained(make_session(dataset, "auto", sentences, seed, **hparams), epochs))
    batches.BATCHES_PER_GROUP = WAYS[OURS]
    return found


def behind(trials: Sequence[Found], others: Sequence[Found]) -> str:
    """How far F1 is from that of batches of any length, seed by seed."""
    differences = [ours.f1 - theirs.f1 for ours, theirs in zip(trials, others, strict=True)]
    if trials is others or len(differences) < 2:
        return "-"
    return f"{statistics.fmean(differences):+.3f} +- {statistics.stdev(differences) / len(differences) ** 0.5:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--dataset", type=Path, default=ROOT / "store/datasets/quickstart", help="folder with {train,val,test}.jsonl")
    add("--sentences", type=int, default=192, help="the first so many of each split (192)")
    add("--epochs", type=int, default=8)
    add("--seeds", type=int, default=5, help="how many (5)")
    args = parser.parse_args()
    found = compare(args.dataset, args.sentences, args.epochs, args.seeds)
    rows = [
        [
            way,
            f"{statistics.fmean(one.f1 for one in trials):.3f}",
            behind(trials, found[ANY]),
            " ".join(f"{one.f1:.3f}" for one in trials),
            f"{statistics.median(one.cpu_s for one in trials):.2f}",
            f"{statistics.fmean(one.padded for one in trials):.2f}",
        ]
        for way, trials in found.items()
    ]
    print(
        markdown(
            [
                "batches of",
                "mean val F1",
                "difference, +- its standard error",
                "of each seed",
                "CPU s, median",
                "places per sub-token",
            ],
            rows,
        )
    )


if __name__ == "__main__":
    main()
