"""Fine-tuning by nerbb_ray against a plain `transformers.Trainer`: one trial, and four trials on the same CPUs.

python benchmarks/bench_trial.py
python benchmarks/bench_trial.py --dataset ../shared/datasets/wnut17 --sentences 512 --json wnut17.json
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from comparison import Repeats, gains, gains_table, measures, measures_table, nothing_learnt
from process_tree import CommandError, run_measured
from sides import NAME, RUN, NoTimesError, Side, Task, logged_precision, write_data

from nerbb_ray.errors import NerbbError
from nerbb_ray.training.sources import find_model

ROOT = Path(__file__).resolve().parents[1]
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGES = ("nerbb_ray", "torch", "transformers", "accelerate", "ray")
Runs = dict[str, list[dict[str, float]]]  # by side, one per repetition


def one_trial(cores: int) -> list[Side]:
    """Each gets all CPUs."""
    return [
        Side("nerbb_ray", "auto", 1, cores, 1),
        Side("Trainer", "best", 1, cores, 1),
        Side("Trainer", "default", 1, cores, 1),
        Side("Trainer", "padded", 1, cores, 1),
        Side("nerbb_ray", "fp32", 1, cores, 1),
    ]


def four_trials(cores: int) -> list[Side]:
    """Ours two at a time; theirs one after the other with all CPUs, and two at a time with half of them each."""
    half = max(1, cores // 2)
    return [
        Side("nerbb_ray", "auto", 4, half, 2),
        Side("Trainer", "best", 4, cores, 1),
        Side("Trainer", "best", 4, half, 2),
        Side("Trainer", "default", 4, cores, 1),
    ]


SECTIONS = {"one": one_trial, "four": four_trials}


def pairs(sides: list[Side]) -> list[tuple[str, str]]:
    """auto against all of theirs, fp32 against those that are fp32."""
    ours = [side for side in sides if side.tool == "nerbb_ray"]
    theirs = [side for side in sides if side.tool == "Trainer"]
    return [(a.name, b.name) for a in ours for b in theirs if a.form == "auto" or b.form != "best"]


class Bench:
    """Runs sides with temporary stores of their own.

    Args:
        cpus: the numbers of the CPUs that the measured processes may use.
    """

    def __init__(self, task: Task, args: argparse.Namespace, cpus: list[int], scratch: Path) -> None:
        self.task, self.args, self.cpus, self.scratch = task, args, cpus, scratch
        self.details: list[dict[str, Any]] = []

    def section(self, title: str, sides: list[Side]) -> Runs:
        """All sides in turn, as often as asked for; every other time in the opposite order."""
        runs: Runs = {side.name: [] for side in sides}
        for repeat in range(self.args.repeats):
            for side in sides if repeat % 2 == 0 else sides[::-1]:
                say(f"{title}, repetition {repeat + 1} of {self.args.repeats}: {side.name}")
                runs[side.name].append(self.run(side, f"{title}-{repeat}"))
        return runs

    def run(self, side: Side, label: str) -> dict[str, float]:
        work = self.scratch / f"{label}-{side.name}".replace(" ", "_").replace(",", "")
        work.mkdir()
        write_data(self.args.dataset, work / "store", self.args.sentences)
        commands = side.commands(self.task, work)
        printed = work / "printed.json"
        usage = run_measured(
            commands,
            at_once=side.at_once,
            env=side.environment(),
            cpus=self.cpus,
            logs=[work / f"command-{i}.log" for i in range(len(commands))],
            out=printed if side.tool == "nerbb_ray" else None,
        )
        trials = side.read(work, printed)
        found = measures(trials, usage.started, asdict(usage))
        detail = {"label": label, "side": side.name, "usage": asdict(usage), "trials": [asdict(t) for t in trials]}
        if side.tool == "nerbb_ray":
            log = work / "store" / "results" / "logs" / NAME / f"{RUN}-{trials[0].seed}.log"
            detail["precision"] = logged_precision(log.read_text())
        self.details.append(detail)
        return found

    def words(self) -> dict[str, int]:
        """Labelled words of one epoch as each tool counts them: the same, unless sentences were cut."""
        return {detail["side"].split()[0]: detail["trials"][0]["epochs"][0]["words"] for detail in self.details}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def machine(cpus: list[int]) -> dict[str, str]:
    """Where the numbers come from."""
    names = [
        line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model n" in line
    ]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cpus_used": str(len(cpus)),
        "cpus_there": str(os.cpu_count()),
        "load_at_start": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in PACKAGES},
    }


def heading(title: str, sides: list[Side]) -> str:
    first = sides[0]
    return "One trial" if title == "one" else f"{first.trials} trials, nerbb_ray {first.at_once} at a time"


def settings_lines(args: argparse.Namespace, bench: Bench, about: dict[str, str]) -> list[str]:
    words = " / ".join(f"{number} words per epoch ({tool})" for tool, number in bench.words().items())
    auto = {detail["precision"] for detail in bench.details if "nerbb_ray auto" in detail["side"]}
    return [
        f"{', '.join(f'{name} {value}' for name, value in about.items())}.",
        f"Data {args.dataset.name}, {args.sentences or 'all'} sentences per split, {words}; {args.epochs} epochs, "
        f"batch size {args.batch_size}, learning rate {args.lr:g}, {args.repeats} repetitions"
        + (f"; auto was {', '.join(sorted(auto))}." if auto else "."),
    ]


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--dataset", type=Path, default=ROOT / "store/datasets/quickstart", help="folder with {train,val,test}.jsonl")
    add("--sentences", type=int, help="use the first so many of each split (all)")
    add("--model", default=MODEL, help="name as in an experiment file, or folder")
    add("--epochs", type=int, default=3)
    add("--batch-size", type=int, default=16)
    add("--max-seq-length", type=int, default=128)
    add("--lr", type=float, default=5e-4)
    add("--repeats", type=int, default=3)
    add("--cores", type=int, default=2, help="CPUs that every measured process is bound to (2)")
    add("--only", choices=SECTIONS, help="only one trial, or only four")
    add(
        "--without",
        nargs="+",
        choices=("best", "default", "padded", "fp32"),
        default=[],
        help="leave these forms of both sides out",
    )
    add("--json", type=Path, metavar="FILE", help="also write every measurement")
    args = parser.parse_args(argv)
    if args.epochs < 2:
        parser.error(
            f"--epochs must be >= 2: an epoch with its validation ends where the next begins; got {args.epochs}"
        )
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    cpus = sorted(os.sched_getaffinity(0))[: args.cores]
    about = machine(cpus)
    location = Path(find_model(args.model, ROOT / "store/pretrained_models", Path.cwd()).location)
    model = args.model if args.model == MODEL else str(location)
    task = Task(model, location, args.epochs, args.batch_size, args.max_seq_length, args.lr)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        bench = Bench(task, args, cpus, Path(scratch))
        sections = {
            name: [side for side in SECTIONS[name](len(cpus)) if side.form not in args.without]
            for name in ([args.only] if args.only else SECTIONS)
        }
        runs = {name: bench.section(name, sides) for name, sides in sections.items()}
    print("\n\n".join(settings_lines(args, bench, about)))
    for name, sides in sections.items():
        print(
            f"\n### {heading(name, sides)}\n\n{measures_table(runs[name])}\n\n{gains_table(runs[name], pairs(sides))}"
            f"{nothing_learnt(runs[name])}"
        )
    if args.json:
        args.json.write_text(json.dumps(as_json(about, args, bench, runs, sections), indent=2) + "\n")
    return 0


def as_json(
    about: dict[str, str],
    args: argparse.Namespace,
    bench: Bench,
    runs: dict[str, Runs],
    sections: dict[str, list[Side]],
) -> dict[str, Any]:
    """Every measurement and every ratio."""
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(args).items()}
    return {
        "machine": about,
        "settings": settings,
        "measures": runs,
        "gains": {
            name: {f"{a} against {b}": _gains(runs[name][a], runs[name][b]) for a, b in pairs(sides)}
            for name, sides in sections.items()
        },
        "details": bench.details,
    }


def _gains(ours: Repeats, theirs: Repeats) -> dict[str, dict[str, float]]:
    return {name: asdict(spread) for name, spread in gains(ours, theirs).items()}


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is ended, too
    try:
        sys.exit(main())
    except (CommandError, NoTimesError, NerbbError) as error:
        sys.exit(f"error: {error}")
