"""A training step in other ways than ours: torch's dropout, without padding (packing.py), compiled.

    python benchmarks/bench_step.py --dataset ../shared/datasets/wnut17
    python benchmarks/bench_step.py --sentences 32 --repeats 1 --without compiled    # does it work at all?

The ways take turns in one process with one thread, over the same batches of an epoch, after an untimed one, in which
`torch.compile` compiles. Times are CPU seconds of the process and of what it waited for; each ratio is that of one
turn.
"""

import argparse
import resource
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import torch
from bench_peak import make_session
from bench_trial import ROOT, say
from comparison import Spread, markdown
from packing import first_position, pack, packed_logits

from nerbb_ray.training.batches import IGNORED, make_batch, training_order
from nerbb_ray.training.dropout import FastDropout
from nerbb_ray.training.evaluation import cross_entropy

OURS = "as it is"
WAYS = (OURS, "torch's dropout", "without padding", "compiled")
Epoch = Callable[[], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--dataset", type=Path, default=ROOT / "store/datasets/quickstart", help="folder with {train,val,test}.jsonl")
    add("--sentences", type=int, default=96, help="the first so many (96)")
    add("--repeats", type=int, default=3)
    add("--without", nargs="+", choices=WAYS[1:], default=[], help="leave these out; compiling takes a minute or more")
    args = parser.parse_args()
    rows = []
    for precision in ("fp32", "bf16"):
        ways = {name: way(name, args, precision) for name in WAYS if name not in args.without}
        rows += measured(precision, ways, args.repeats)
    print(f"\n{args.dataset.name}, {args.sentences} sentences, one thread, {args.repeats} repetitions\n")
    titles = ["", "first epoch, CPU s", "CPU s per epoch", "times as long as ours"]
    print(markdown(titles, rows))


def measured(precision: str, ways: dict[str, Epoch], repeats: int) -> list[list[str]]:
    first, costs = {}, {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, epoch in ways.items():
            say(f"{precision}, turn {turn} of {repeats}: {name}")
            cost = cpu_seconds(epoch)
            if turn:
                costs[name].append(cost)
            else:
                first[name] = cost
    rows = []
    for name, found in costs.items():
        ratio = Spread.of([theirs / ours for theirs, ours in zip(found, costs[OURS], strict=True)])
        rows.append([f"{precision}: {name}", f"{first[name]:.2f}", f"{median(found):.2f}", ratio.text(2)])
    return rows


def way(name: str, args: argparse.Namespace, precision: str) -> Epoch:
    """An epoch of training, with a model and an optimizer of its own."""
    session = make_session(args.dataset, precision, args.sentences)
    if name == "compiled":
        session.model.forward = torch.compile(session.model.forward, dynamic=True)
    session.model.train()
    data, labels = session.data.train, session.data.train.labels(IGNORED)
    order = training_order(data.lengths, session.trial.hparams.batch_size, session.trial.seed, 0)
    # a graph cannot be compiled with our dropout in it, which draws its numbers outside of torch
    dropout = FastDropout([1]) if name in {OURS, "without padding"} else nullcontext()

    def loss(members: Any) -> torch.Tensor:
        if name == "without padding":
            packed = pack(data, labels, members, first_position(session.model))
            with dropout, torch.autocast("cpu", session.dtype, enabled=session.dtype != torch.float32):
                logits = packed_logits(session.model, packed)
            return cross_entropy(logits.float(), packed.labels)
        batch = make_batch(data, labels, members, session.pad)
        with dropout:
            logits = session.logits(batch.input_ids, batch.attention_mask)
        return cross_entropy(logits, batch.labels)

    def epoch() -> None:
        for members in order:
            session.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss(members) / len(members))
            session.optimizer.step()

    return epoch


def cpu_seconds(epoch: Epoch) -> float:
    """Of this process, and of the compilers that it started."""
    children = resource.RUSAGE_CHILDREN
    before = time.process_time() + sum(resource.getrusage(children)[:2])
    epoch()
    return time.process_time() + sum(resource.getrusage(children)[:2]) - before


if __name__ == "__main__":
    main()
