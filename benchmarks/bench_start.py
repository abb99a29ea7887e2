"""What commands cost before they do anything: CPU seconds of `nerbb --help`, a dry run, and the list of experiments.

The list is that of a database with as many trials as asked for, each with all the metrics that a trial leaves behind.
A tiny experiment, whose training takes no time, is start and end alone: next to `python -c "import torch, transformers,
ray"`, in turn, and as a ratio to it. `--against TREE` runs that of another checkout of this repository, too.
"""

import argparse
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from process_tree import run_measured

ROOT = Path(__file__).resolve().parent.parent
SEEDS, EXPERIMENTS, METRICS = 5, 10, 60
TARGETS = {"--help": 0.3, "--dry-run": 2.0, "show_experiments": 2.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--against", type=Path, nargs="*", default=[], metavar="TREE")
    parser.add_argument("--only", choices=("commands", "experiment"))
    args = parser.parse_args()
    if args.only != "experiment":
        time_commands(args.trials, args.repeats)
    if args.only != "commands":
        time_experiment(args.repeats, [ROOT, *args.against])


def time_commands(trials: int, repeats: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        fill(store / "results" / "mlflow.db", trials)
        nerbb = [sys.executable, "-m", "nerbb_ray.cli"]
        commands = {
            "--help": [*nerbb, "--help"],
            "--dry-run": [sys.executable, "-m", "nerbb_ray.tune", "configs/quickstart.ini", "--dry-run"],
            "show_experiments": [*nerbb, "show_experiments", "--store", str(store)],
        }
        print("| command | CPU s, median | lowest | highest | wall s, median | target s |\n|---|---|---|---|---|---|")
        for name, command in commands.items():
            costs = [cost(command) for _ in range(repeats)]
            cpu = sorted(cpu for cpu, _ in costs)
            wall = statistics.median(wall for _, wall in costs)
            middle = statistics.median(cpu)
            print(
                f"| {name} | {middle:.2f} | {cpu[0]:.2f} | {cpu[-1]:.2f} | {wall:.2f} | {TARGETS[name]} |", flush=True
            )


def cost(command: Sequence[str]) -> tuple[float, float]:
    """CPU seconds of a command, user and system, and how long it took."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, check=True)
    took, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, took


IMPORTS = "import torch, transformers, ray"
TINY = """[dataset]
dataset_name = tiny
[model]
pretrained_model_name = tiny-bert
[settings]
multiple_runs = 1
[resources]
cpus_per_worker = 1
[hparams]
max_seq_length = 32
batch_size = 8
lr_max = 3e-3
max_epochs = 3
[runA]
"""


@dataclass(frozen=True)
class Cost:
    wall_s: float
    cpu_s: float
    peak_mb: float

    def over(self, other: "Cost") -> "Cost":
        return Cost(self.wall_s / other.wall_s, self.cpu_s / other.cpu_s, self.peak_mb / other.peak_mb)


def time_experiment(repeats: int, trees: Sequence[Path]) -> None:
    """Trees in turn, each next to the imports at about the same time, whose moods of the machine are its own."""
    costs: dict[str, list[tuple[Cost, Cost]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_tiny(folder / "made")
        for number in range(repeats):
            for tree in trees:
                store = folder / f"{number}-{len(costs)}-{tree.name}"
                shutil.copytree(folder / "made", store)
                command = [
                    sys.executable,
                    "-P",  # not from this folder, but from the tree
                    "-m",
                    "nerbb_ray.tune",
                    str(folder / "made" / "tiny.ini"),
                    "--store",
                    str(store),
                ]
                imports = measured([sys.executable, "-c", IMPORTS], tree, folder)
                costs.setdefault(str(tree), []).append((measured(command, tree, folder), imports))
    heads = ("one tiny experiment", "wall s", "CPU s", "peak MB", "wall / imports", "CPU / imports")
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for name, pairs in costs.items():
        ratios = [experiment.over(imports) for experiment, imports in pairs]
        experiments = [experiment for experiment, _ in pairs]
        values = [
            *([getattr(one, key) for one in experiments] for key in ("wall_s", "cpu_s", "peak_mb")),
            *([getattr(one, key) for one in ratios] for key in ("wall_s", "cpu_s")),
        ]
        shown = " | ".join(map(spread, values))
        print(f"| {Path(name).name} | {shown} |")


def spread(values: Iterable[float]) -> str:
    """Median [lowest, highest]"""
    found = sorted(values)
    digits = 0 if found[-1] > 500 else 1
    return f"{statistics.median(found):.{digits}f} [{found[0]:.{digits}f}, {found[-1]:.{digits}f}]"


def measured(command: Sequence[str], tree: Path, folder: Path) -> Cost:
    env = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    usage = run_measured([command], at_once=1, env=env, cpus=list(os.sched_getaffinity(0)), logs=[folder / "log"])
    return Cost(usage.wall_s, usage.cpu_s, usage.peak_mb)


def make_tiny(store: Path) -> None:
    """A store with 64 sentences and a BERT of two narrow layers, and an experiment for them."""
    from transformers import BertConfig, BertForTokenClassification, BertTokenizer

    model, data = store / "pretrained_models" / "tiny-bert", store / "datasets" / "tiny"
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "anna",
        "bert",
        "lives",
        "works",
        "in",
        "paris",
        "berlin",
        ".",
    ]
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    model.mkdir(parents=True)
    data.mkdir(parents=True)
    (model / "vocab.txt").write_text("\n".join(words) + "\n")
    BertForTokenClassification(BertConfig(vocab_size=len(words), **sizes)).save_pretrained(model)
    BertTokenizer(str(model / "vocab.txt")).save_pretrained(model)
    rows = [
        {"tokens": [person, verb, "in", place, "."], "tags": ["B-PER", "O", "O", "B-LOC", "O"]}
        for person in ("Anna", "Bert")
        for verb in ("lives", "works")
        for place in ("Paris", "Berlin")
    ]
    for split, size in (("train", 40), ("val", 12), ("test", 12)):
        lines = [json.dumps(rows[i * 3 % len(rows)]) for i in range(size)]
        (data / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    (store / "tiny.ini").write_text(TINY)


def fill(database: Path, trials: int) -> None:
    """Make a database of MLflow with finished trials: its tables by MLflow, their rows by hand, which takes seconds."""
    from nerbb_ray.mlflow_store.schema import open_client

    database.parent.mkdir(parents=True)
    client = open_client(f"sqlite:///{database}")
    ids = [client.create_experiment(f"exp{k}", tags={"nerbb.kind": "experiment"}) for k in range(EXPERIMENTS)]
    with closing(sqlite3.connect(database)) as connection, connection:
        for k in range(trials):
            add_trial(connection, k, int(ids[k % EXPERIMENTS]))


def add_trial(connection: sqlite3.Connection, k: int, experiment: int) -> None:
    run, within = f"{k:032x}", k // EXPERIMENTS
    connection.execute(
        "INSERT INTO runs (run_uuid, status, start_time, end_time, lifecycle_stage, experiment_id, user_id, name) "
        "VALUES (?, 'FINISHED', ?, ?, 'active', ?, 'user', 'trial')",
        (run, k, k + 1, experiment),
    )
    tags = {"kind": "trial", "run": f"run{within // SEEDS}", "seed": str(within % SEEDS), "status": "ok"}
    rows = [(f"nerbb.{key}", value, run) for key, value in tags.items()]
    connection.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", rows)
    params = [("multiple_runs", str(SEEDS), run), *((f"param{p}", "1", run) for p in range(25))]
    connection.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", params)
    names = ["val/entity/micro/f1", "test/entity/micro/f1", *(f"val/entity/label{m}/f1" for m in range(METRICS))]
    values = [(name, (k % 97) / 97, 0, 1, False, run) for name in names]
    columns = "key, value, timestamp, step, is_nan, run_uuid"
    connection.executemany(f"INSERT INTO latest_metrics ({columns}) VALUES (?, ?, ?, ?, ?, ?)", values)


if __name__ == "__main__":
    main()
