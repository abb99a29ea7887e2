"""A training step in other ways than ours: with padding, with torch's dropout, with less of the last layer, compiled.

    python benchmarks/bench_step.py --dataset ../shared/datasets/wnut17
    python benchmarks/bench_step.py --sentences 32 --repeats 1 --without compiled    # does it work at all?

The ways take turns in one process with one thread, batch by batch, so that the moods of the machine meet all of them
alike. An untimed epoch comes first, in which `torch.compile` compiles. Padded batches are drawn like ours, or "similar
length": cut from groups of 4 batches that are sorted by length, as up to version 0.6. "Labelled only": the feed-forward
of the last layer and the head see the labelled sub-tokens alone (BERT and its like). Times are CPU seconds of the
process and of what it waited for; each ratio is that of one epoch.
"""

import argparse
import resource
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from bench_peak import make_session
from bench_trial import ROOT, say
from comparison import Spread, markdown

from nerbb_ray.training.batches import IGNORED, make_batch, training_order
from nerbb_ray.training.dropout import FastDropout
from nerbb_ray.training.evaluation import cross_entropy

OURS = "as it is"
SIMILAR = "padded, similar length"
LABELLED = "labelled only in the last layer"
WAYS = (OURS, SIMILAR, "padded", "torch's dropout", LABELLED, "compiled")
GROUP = 4  # batches
Step = Callable[[int], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--dataset", type=Path, default=ROOT / "store/datasets/quickstart", help="folder with {train,val,test}.jsonl")
    add("--sentences", type=int, default=96, help="the first so many (96)")
    add("--repeats", type=int, default=3)
    add("--without", nargs="+", choices=WAYS[1:], default=[], help="leave these out; compiling takes a minute or more")
    add("--precisions", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    args = parser.parse_args()
    rows = []
    for precision in args.precisions:
        ways = {name: way(name, args, precision) for name in WAYS if name not in args.without}
        rows += measured(precision, ways, args.repeats)
    print(f"\n{args.dataset.name}, {args.sentences} sentences, one thread, {args.repeats} repetitions\n")
    titles = ["", "first epoch, CPU s", "CPU s per epoch", "times as long as ours"]
    print(markdown(titles, rows))


def measured(precision: str, ways: dict[str, tuple[Step, int]], repeats: int) -> list[list[str]]:
    first, costs = {}, {name: [] for name in ways}
    for turn in range(repeats + 1):
        say(f"{precision}, turn {turn} of {repeats}")
        epoch = dict.fromkeys(ways, 0.0)
        for number in range(max(steps for _, steps in ways.values())):
            for name, (step, _) in ways.items():
                epoch[name] += cpu_seconds(lambda step=step, number=number: step(number))
        for name, cost in epoch.items():
            if turn:
                costs[name].append(cost)
            else:
                first[name] = cost
    rows = []
    for name, found in costs.items():
        ratio = Spread.of([theirs / ours for theirs, ours in zip(found, costs[OURS], strict=True)])
        rows.append([f"{precision}: {name}", f"{first[name]:.2f}", f"{median(found):.2f}", ratio.text(2)])
    return rows


def way(name: str, args: argparse.Namespace, precision: str) -> tuple[Step, int]:
    """A step of an epoch of training, with a model and an optimizer of its own, and how many there are."""
    session = make_session(args.dataset, precision, args.sentences)
    data, labels = session.data.train, session.data.train.labels(IGNORED)
    forward, size = session.forward, session.trial.hparams.batch_size
    if name in (SIMILAR, "padded"):
        forward = replace(forward, first_position=None)
    if name == "compiled":
        session.model.forward = torch.compile(session.model.forward, dynamic=True)
    session.model.train()
    order = similar(data.lengths, size) if name == SIMILAR else training_order(data.num_slices, size, 43, 0)
    # a graph cannot be compiled with our dropout in it, which draws its numbers outside of torch
    dropout = nullcontext() if name in ("torch's dropout", "compiled") else FastDropout([1])

    labelled = Labelled(session.model) if name == LABELLED else None

    def step(number: int) -> None:
        batch = make_batch(data, labels, order[number])
        targets = batch.labels
        if labelled:
            labelled.places = (targets != IGNORED).nonzero()[:, 0]
            targets = targets[labelled.places]
        session.optimizer.zero_grad(set_to_none=True)
        with dropout:
            logits = forward.logits(batch)
        torch.autograd.backward(cross_entropy(logits, targets) / len(batch.lengths))
        session.optimizer.step()

    return step, len(order)


class Labelled:
    """Lets the feed-forward of the last layer of a BERT see some of the sub-tokens of a row only."""

    def __init__(self, model: Any) -> None:
        self.places = torch.arange(0)
        last = model.base_model.encoder.layer[-1]
        last.intermediate.register_forward_pre_hook(lambda _, args: (self.of(args[0]),))
        last.output.register_forward_pre_hook(lambda _, args: (args[0], self.of(args[1])))

    def of(self, hidden: torch.Tensor) -> torch.Tensor:
        """*Shape:* (1, N, width) -> (1, places, width)"""
        return hidden.index_select(1, self.places)


def similar(lengths: Any, size: int) -> list[Any]:
    """Batches of similar length."""
    random = np.random.default_rng([43, 0])
    groups = np.split(random.permutation(len(lengths)), np.arange(size * GROUP, len(lengths), size * GROUP))
    members = np.concatenate([group[np.argsort(lengths[group], kind="stable")] for group in groups])
    batches = np.split(members, np.arange(size, len(lengths), size))
    return [batches[i] for i in random.permutation(len(batches))]


def cpu_seconds(action: Callable[[], None]) -> float:
    """Of this process, and of the compilers that it started."""
    children = resource.RUSAGE_CHILDREN
    before = time.process_time() + sum(resource.getrusage(children)[:2])
    action()
    return time.process_time() + sum(resource.getrusage(children)[:2]) - before


if __name__ == "__main__":
    main()
