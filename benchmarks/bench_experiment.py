"""A whole experiment, some learning rates x some seeds, against the same done with transformers alone.

    python benchmarks/bench_experiment.py --dataset ../shared/datasets/wnut17 --sentences 256
    python benchmarks/bench_experiment.py --sentences 32 --epochs 1 --lrs 3e-4 --seeds 2    # does it work at all?

nerbb_ray: one experiment file, two trials at a time, precision auto and (where that is bf16) fp32; tests and saves
every model, and writes MLflow, TensorBoard and logs. "nerbb_ray race" is auto with `racing = True`: runs that are worse
than the best one get no more seeds, so that it is compared by its answer (the best learning rate) and not by the mean
of all trials. The other sides are those of search_script.py and, where --nerblackbox names a Python that has it,
nerblackbox_script.py, which also tests and saves. Each starts in a fresh process, and all of its processes count. The
sides take turns.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

from bench_trial import MODEL, ROOT, machine, say
from comparison import NOTHING, Spread, markdown, nothing_learnt
from process_tree import run_measured
from sides import DATA, FIRST_SEED, NAME, Side, Task, write_data

from nerbb_ray.preparation.resources import cpu_has_bf16
from nerbb_ray.training.sources import find_model

COLUMNS = {
    "wall_s": ("s in all", 1),
    "cpu_s": ("CPU s", 1),
    "peak_mb": ("peak MB", 0),
    "f1": ("val F1", 3),
    "best_f1": ("of best lr", 3),
}
OURS = ("nerbb_ray auto", "nerbb_ray race", "nerbb_ray fp32")
SEARCH, LOOP = "hyperparameter_search", "loop padded"
BLACKBOX = "nerblackbox"
THEIRS = (SEARCH, LOOP, BLACKBOX)
VAL = "val/entity/micro/f1"
Measure = dict[str, float]


class Bench:
    """Runs each side in a folder of its own."""

    def __init__(self, args: argparse.Namespace, scratch: Path) -> None:
        self.args, self.scratch = args, scratch
        self.cpus = sorted(os.sched_getaffinity(0))[:2]
        self.location = Path(find_model(MODEL, ROOT / "store/pretrained_models", Path.cwd()).location)
        self.seeds = list(range(FIRST_SEED, FIRST_SEED + args.seeds))

    def sides(self) -> dict[str, Callable[[Path], Measure]]:
        wanted = {
            OURS[0]: lambda work: self.ours(work, "auto"),
            OURS[1]: lambda work: self.ours(work, "auto", "[search]\nracing = True\n"),
            SEARCH: lambda work: self.theirs(work, "search"),
            LOOP: lambda work: self.theirs(work, "loop"),
        }
        if cpu_has_bf16():
            wanted[OURS[2]] = lambda work: self.ours(work, "fp32")
        if self.args.nerblackbox:
            wanted[BLACKBOX] = self.nerblackbox
        return {name: run for name, run in wanted.items() if not self.args.only or name in self.args.only}

    def run(self, name: str, repeat: int) -> Measure:
        work = self.scratch / f"{name}-{repeat}".replace(" ", "_")
        work.mkdir()
        write_data(self.args.dataset, work / "store", self.args.sentences)
        return self.sides()[name](work)

    def ours(self, work: Path, precision: str, search: str = "") -> Measure:
        half = max(1, len(self.cpus) // 2)
        side = Side("nerbb_ray", precision, len(self.seeds), half, 2)
        task = Task(
            MODEL, self.location, self.args.epochs, self.args.batch_size, self.args.max_seq_length, self.args.lrs[0]
        )
        commands = side.commands(task, work)
        with (work / f"{NAME}.ini").open("a") as file:
            file.write(search)
            file.writelines(f"[run{k}]\nlr_max = {lr}\n" for k, lr in enumerate(self.args.lrs))
        costs = self.cost(commands[0], work, side.environment())
        runs = json.loads((work / "printed").read_text())["runs"]
        trials = [
            {"lr": lr, "f1": trial["metrics"][VAL]}
            for lr, run in zip(self.args.lrs, runs, strict=True)
            for trial in run["trials"]
            if VAL in trial["metrics"]
        ]
        return costs | self.answer(trials, whole=not search)

    def theirs(self, work: Path, mode: str) -> Measure:
        threads, at_once = (len(self.cpus), 1) if mode == "loop" else (1, len(self.cpus))
        options = {"--mode": mode, "--model": self.location, "--threads": threads, "--at-once": at_once}
        environment = Side("Trainer", "default", len(self.seeds), threads, at_once).environment()
        return self.script("search_script.py", options, work, environment)

    def nerblackbox(self, work: Path) -> Measure:
        python, model = self.args.nerblackbox, work / "bert"  # it looks for the family in the folder's name
        model.symlink_to(self.location)
        environment = Side("Trainer", "default", len(self.seeds), len(self.cpus), 1).environment()
        # it starts `python` by its name
        environment |= {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
        options = {"--model": model, "--store": work / "nerblackbox"}
        return self.script("nerblackbox_script.py", options, work, environment, str(python))

    def script(
        self,
        name: str,
        own: dict[str, object],
        work: Path,
        environment: dict[str, str],
        python: str = sys.executable,
    ) -> Measure:
        """What a script beside this one costs that trains all trials, with its own options and those of all."""
        options = own | {
            "--data": work / "store" / "datasets" / DATA,
            "--out": work / "out.json",
            "--epochs": self.args.epochs,
            "--batch-size": self.args.batch_size,
            "--max-seq-length": self.args.max_seq_length,
        }
        command = [python, str(Path(__file__).with_name(name))]
        command += [str(part) for option in options.items() for part in option]
        command += ["--lrs", *map(str, self.args.lrs), "--seeds", *map(str, self.seeds)]
        costs = self.cost(command, work, environment)
        return costs | self.answer(json.loads((work / "out.json").read_text()), whole=True)

    def answer(self, trials: list[dict[str, Any]], whole: bool) -> Measure:
        """Mean F1 of all trials (none if some were dropped), the best learning rate, and its mean F1.

        Args:
            whole: every learning rate must have every seed.
        """
        means = {lr: fmean(trial["f1"] for trial in trials if trial["lr"] == lr) for lr in self.args.lrs}
        complete = len(trials) == len(self.seeds) * len(self.args.lrs)
        assert complete or not whole, f"{len(trials)} trials"
        best = max(means, key=means.__getitem__)
        mean = fmean(trial["f1"] for trial in trials) if complete else NOTHING
        return {"f1": mean, "best_f1": means[best], "best_lr": best, "trials": len(trials)}

    def cost(self, command: list[str], work: Path, environment: dict[str, str]) -> Measure:
        usage = run_measured(
            [command],
            at_once=1,
            env=environment,
            cpus=self.cpus,
            logs=[work / "command.log"],
            out=work / "printed",
        )
        return {"wall_s": usage.wall_s, "cpu_s": usage.cpu_s, "peak_mb": usage.peak_mb}


def costs_table(measured: dict[str, list[Measure]]) -> str:
    rows = [
        [
            name,
            *(Spread.of([one[key] for one in repeats]).text(digits) for key, (_, digits) in COLUMNS.items()),
            *(", ".join(f"{one[key]:g}" for one in repeats) for key in ("best_lr", "trials")),
        ]
        for name, repeats in measured.items()
    ]
    return markdown(["", *(title for title, _ in COLUMNS.values()), "best lr", "trials"], rows)


def ratios_table(measured: dict[str, list[Measure]]) -> str:
    """Theirs over ours, repetition by repetition; of F1 ours minus theirs."""
    rows = []
    for ours in (name for name in OURS if name in measured):
        for theirs in (name for name in THEIRS if name in measured):
            pairs = list(zip(measured[ours], measured[theirs], strict=True))
            cells = [Spread.of([b[key] / a[key] for a, b in pairs]).text(2) for key in ("wall_s", "cpu_s", "peak_mb")]
            cells += [Spread.of([a[key] - b[key] for a, b in pairs]).text(3, "+") for key in ("f1", "best_f1")]
            rows.append([f"{ours} against {theirs}", *cells])
    titles = [title for title, _ in COLUMNS.values()]
    return markdown(["times better (> 1: nerbb_ray is)", *titles[:3], *(f"{t} (difference)" for t in titles[3:])], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--dataset", type=Path, default=ROOT / "store/datasets/quickstart", help="folder with {train,val,test}.jsonl")
    add("--sentences", type=int, help="use the first so many of each split (all)")
    add("--epochs", type=int, default=2)
    add("--batch-size", type=int, default=16)
    add("--max-seq-length", type=int, default=128)
    add("--lrs", type=float, nargs="+", default=[1e-4, 3e-4, 5e-4])
    add("--seeds", type=int, default=3, help="how many (3)")
    add("--repeats", type=int, default=1)
    add("--only", nargs="+", choices=(*OURS, *THEIRS), help="some of the sides")
    add("--nerblackbox", type=Path, metavar="PYTHON", help="of an environment that has nerblackbox 1.0.0: a side more")
    args = parser.parse_args()
    if args.nerblackbox is None:
        say(f"without {BLACKBOX}: --nerblackbox names no Python that has it (nerblackbox_script.py says what it needs)")
    about = machine(sorted(os.sched_getaffinity(0))[:2])
    measured: dict[str, list[Measure]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        bench = Bench(args, Path(scratch))
        if missing := sorted(set(args.only or ()) - set(bench.sides())):
            parser.error(
                f"--only {', '.join(missing)}: not here ({OURS[2]} needs a processor with bf16, "
                f"else auto is fp32; {BLACKBOX} needs --nerblackbox PYTHON)"
            )
        for repeat in range(args.repeats):
            for name in bench.sides() if repeat % 2 == 0 else reversed(bench.sides()):
                say(f"repetition {repeat + 1} of {args.repeats}: {name}")
                measured.setdefault(name, []).append(bench.run(name, repeat))
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(
        f"\nData {args.dataset.name}, {args.sentences or 'all'} sentences per split, {len(args.lrs)} learning rates x "
        f"{args.seeds} seeds, {args.epochs} epochs, batch size {args.batch_size}, {args.repeats} repetitions\n"
    )
    print(f"{costs_table(measured)}\n\n{ratios_table(measured)}{nothing_learnt(measured)}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is ended, too
    main()
