"""How well trials fill their places: 8 trials, two at a time with one thread each, and one at a time with two.

With --growth 1, 2, 4 and 8 trials instead, two at a time: how time and memory grow with their number.

    python benchmarks/bench_makespan.py
    python benchmarks/bench_makespan.py --growth
    python benchmarks/bench_makespan.py --sentences 32 --trials 3 --repeats 1    # does it work at all?

The times are those of the trials' own logs. A trial lasts from its first step to its last report, with its validations,
its test and the saved model in between. The share of the ideal is the sum of these over the number of places and the
time from the first trial's first step to the last trial's end. The gap is the time from a trial's end to the first step
of the next one in its place: loading, and all that Ray Tune does in between.
"""

import argparse
import os
import re
import signal
import statistics
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench_trial import MODEL, ROOT, machine, say
from comparison import NOTHING, Spread, markdown
from process_tree import run_measured
from sides import NAME, RUN, Side, Task, logged_epochs, write_data

from nerbb_ray.training.sources import find_model

REPORTED = re.compile(r"^(\S+ \S+) INFO nerbb_ray\.training\.loop: epoch \d+ [A-Z]", re.MULTILINE)
TITLES = ("% of the ideal", "gap s, median", "gap s, longest", "makespan s", "s in all", "CPU s", "peak MB")


@dataclass(frozen=True, slots=True)
class Stay:
    """When a trial was in its place, in seconds since 1970."""

    begin: float
    end: float


def gaps(stays: list[Stay], places: int) -> list[float]:
    """From the end of each trial to the beginning of the one that took its place."""
    free: list[float] = []
    found = []
    for k, stay in enumerate(sorted(stays, key=lambda stay: stay.begin)):
        if k >= places:
            # the place that has been free for the shortest time: a trial does not wait while another place is free
            last = max((end for end in free if end <= stay.begin), default=min(free))
            free.remove(last)
            found.append(stay.begin - last)
        free.append(stay.end)
    return found


def share_of_ideal(stays: list[Stay], places: int) -> float:
    makespan = max(stay.end for stay in stays) - min(stay.begin for stay in stays)
    return sum(stay.end - stay.begin for stay in stays) / places / makespan


def stay_in_log(log: str) -> Stay:
    last = REPORTED.findall(log)[-1]
    return Stay(logged_epochs(log)[0].begin, datetime.strptime(last, "%Y-%m-%d %H:%M:%S,%f").timestamp())


def measure(side: Side, task: Task, args: argparse.Namespace, work: Path) -> list[float]:
    """The columns of the table."""
    work.mkdir()
    write_data(args.dataset, work / "store", args.sentences)
    cpus = sorted(os.sched_getaffinity(0))[:2]
    usage = run_measured(
        side.commands(task, work),
        at_once=1,
        env=side.environment(),
        cpus=cpus,
        logs=[work / "command.log"],
        out=work / "printed.json",
    )
    logs = work / "store" / "results" / "logs" / NAME
    stays = [stay_in_log((logs / f"{RUN}-{seed}.log").read_text()) for seed in side.seeds]
    between = gaps(stays, side.at_once)
    return [
        100 * share_of_ideal(stays, min(side.at_once, side.trials)),
        statistics.median(between) if between else NOTHING,
        max(between, default=NOTHING),
        max(stay.end for stay in stays) - min(stay.begin for stay in stays),
        usage.wall_s,
        usage.cpu_s,
        usage.peak_mb,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--dataset", type=Path, default=ROOT / "store/datasets/quickstart", help="folder with {train,val,test}.jsonl")
    add("--sentences", type=int, default=160, help="the first so many of each split (160)")
    add("--trials", type=int, default=8)
    add("--epochs", type=int, default=2)
    add("--repeats", type=int, default=1)
    add("--growth", action="store_true", help="1, 2, 4 and 8 trials, two at a time")
    args = parser.parse_args()
    location = Path(find_model(MODEL, ROOT / "store/pretrained_models", Path.cwd()).location)
    task = Task(MODEL, location, args.epochs, batch_size=16, max_seq_length=128, lr=3e-4)
    if args.growth:
        names = {Side("nerbb_ray", "auto", trials, 1, 2): f"{trials} trials" for trials in (1, 2, 4, 8)}
    else:
        ways = [Side("nerbb_ray", "auto", args.trials, 1, 2), Side("nerbb_ray", "auto", args.trials, 2, 1)]
        names = {side: f"{side.at_once} x {side.threads} thread{'s' * (side.threads > 1)}" for side in ways}
    sides = list(names)
    measured: dict[Side, list[list[float]]] = {side: [] for side in sides}
    about = machine(sorted(os.sched_getaffinity(0))[:2])
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        for repeat in range(args.repeats):
            for side in sides if repeat % 2 == 0 else sides[::-1]:
                say(f"repetition {repeat + 1} of {args.repeats}: {names[side]}")
                measured[side].append(
                    measure(side, task, args, Path(scratch) / f"{repeat}-{side.at_once}-{side.trials}")
                )
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    trials = "" if args.growth else f"{args.trials} trials, "
    print(f"\n{trials}{args.sentences} sentences per split, {args.epochs} epochs\n")
    rows = []
    for side, repeats in measured.items():
        rows.append([names[side], *(Spread.of(column).text(1) for column in zip(*repeats, strict=True))])
    print(markdown(["places", *TITLES], rows))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is ended, too
    main()
