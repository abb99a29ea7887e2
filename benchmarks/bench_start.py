"""What commands cost before they do anything: CPU seconds of `nerbb --help`, a dry run, and the list of experiments.

The list is that of a database with as many trials as asked for, each with all the metrics that a trial leaves behind.
"""

import argparse
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEEDS, EXPERIMENTS, METRICS = 5, 10, 60
TARGETS = {"--help": 0.3, "--dry-run": 2.0, "show_experiments": 2.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        fill(store / "results" / "mlflow.db", args.trials)
        nerbb = [sys.executable, "-m", "nerbb_ray.cli"]
        commands = {
            "--help": [*nerbb, "--help"],
            "--dry-run": [sys.executable, "-m", "nerbb_ray.tune", "configs/quickstart.ini", "--dry-run"],
            "show_experiments": [*nerbb, "show_experiments", "--store", str(store)],
        }
        print("| command | CPU s, median | lowest | highest | wall s, median | target s |\n|---|---|---|---|---|---|")
        for name, command in commands.items():
            costs = [cost(command) for _ in range(args.repeats)]
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
