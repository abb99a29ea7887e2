"""What the driver of a search costs, however many trials and computers there are: trials that only report.

python benchmarks/bench_scale.py
python benchmarks/bench_scale.py --trials 10,100 --nodes 1,4
"""

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

EPOCHS = 8  # adaptive fine-tuning needs some more
SEEDS = 5
CLASSES = ("corporation", "creative-work", "group", "location", "person", "product")
TARGET_MS, TARGET_MB = 50, 1500
CPUS = 4  # of the one computer: trials that only report can share a real one
PATIENCE_S = 900  # of the simulated computers: all their worker processes start on this one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=_numbers, default=[10, 100, 1000], metavar="N,...", help="on one computer")
    parser.add_argument("--nodes", type=_numbers, default=[1, 4, 16, 64], metavar="N,...", help="simulated computers")
    parser.add_argument("--trials-per-node", type=int, default=4, metavar="N", help="of the second table (4)")
    parser.add_argument("--one", metavar="TRIALS,NODES", type=_numbers, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measured(*args.one)))
        return
    print(f"{EPOCHS} reports per trial; targets: {TARGET_MS} ms of driver CPU per report, {TARGET_MB} MB")
    _table("trials on one computer", [(trials, 0) for trials in args.trials])
    _table("simulated computers", [(max(8, nodes * args.trials_per_node), nodes) for nodes in args.nodes])


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _table(title: str, sizes: list[tuple[int, int]]) -> None:
    print(f"\n{title}\n")
    print("| trials | computers | wall s | driver CPU s | ms per report | driver peak MB | MLflow rows | ok |")
    print("|---|---|---|---|---|---|---|---|")
    for trials, nodes in sizes:
        command = [sys.executable, __file__, "--one", f"{trials},{nodes}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"| {trials} | {nodes or 1} | failed: {done.stderr.strip().splitlines()[-1][:200]} |", flush=True)
            continue
        got = json.loads(done.stdout.splitlines()[-1])
        print(
            f"| {trials} | {nodes or 1} | {got['wall_s']:.0f} | {got['cpu_s']:.1f} | {got['ms_per_report']:.1f} "
            f"| {got['peak_mb']:.0f} | {got['rows']} | {got['ok']} |",
            flush=True,
        )


def measured(trials: int, nodes: int) -> dict[str, float]:
    """Run a search in this process; what the start of Ray and of MLflow's database costs is left out.

    Args:
        nodes: simulated computers; 0: a Ray on this one, as without a cluster.
    """
    from nerbb_ray.mlflow_store.schema import open_client
    from nerbb_ray.paths import StorePaths
    from nerbb_ray.tune.ray_session import ray_session

    with tempfile.TemporaryDirectory() as folder:
        store = StorePaths(Path(folder) / "store")
        store.create()
        open_client(store.tracking_uri).search_experiments(max_results=1)
        address, stop = _cluster(nodes, -(-trials // max(1, nodes)))
        with ray_session(address, num_cpus=None if nodes else CPUS, dashboard=False):
            before, begun = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
            ok = _search(trials, store)
            after = resource.getrusage(resource.RUSAGE_SELF)
        stop()
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {
            "wall_s": time.monotonic() - begun,
            "cpu_s": cpu,
            "ms_per_report": 1000 * cpu / (trials * EPOCHS),
            "peak_mb": after.ru_maxrss * 1024 / 1e6,
            "rows": _rows(store.mlflow_db),
            "ok": ok,
        }


def _cluster(nodes: int, cpus: int) -> tuple[str | None, Callable[[], None]]:
    """As many computers with as many CPUs each; the address is None for this computer alone."""
    if not nodes:
        return None, lambda: None
    # a raylet gives up a worker process that has not registered in time, and starts another: for ever, if all are slow
    os.environ["RAY_worker_register_timeout_seconds"] = str(PATIENCE_S)  # noqa: SIM112  # Ray spells it so
    from ray.cluster_utils import Cluster

    small = {"num_cpus": cpus, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    for _ in range(nodes - 1):
        cluster.add_node(wait=False, **small)
    cluster.wait_for_nodes(timeout=600)
    return cluster.address, cluster.shutdown


def _search(trials: int, store: Any) -> int:
    """The search of the real program, with its callbacks; only the trials themselves are other ones."""
    from ray import tune

    from nerbb_ray.config.ini import build_spec
    from nerbb_ray.config.trials import TrialSpec
    from nerbb_ray.preparation.resources import allot
    from nerbb_ray.results.identity import Identity
    from nerbb_ray.results.reports import trial_result
    from nerbb_ray.training.sources import ModelSource
    from nerbb_ray.tune.job import Job, JobBook
    from nerbb_ray.tune.ray_session import ray_machine
    from nerbb_ray.tune.trial_plan import TrialPlan
    from nerbb_ray.tune.tuner import TrialKeeper, build_tuner, callbacks

    rates = [1e-5 * (1 + i) for i in range(-(-trials // SEEDS))]
    params = {"dataset_name": "none", "pretrained_model_name": "none", "lr_max": rates, "multiple_runs": SEEDS}
    spec = build_spec("scale", params={**params, "max_epochs": EPOCHS, "early_stopping": False}, preset=None)
    allotment = allot(spec.resources, ray_machine(), trials)
    plan, book = TrialPlan(spec, allotment.concurrent), JobBook(store.ray("scale") / "jobs")

    def make_job(trial: TrialSpec) -> Job:
        job = Job(
            trial=trial,
            identity=Identity.of(trial, data="f" * 64),
            data=store.cache / "none",
            source=ModelSource("none", "none", "0"),
            checkpoint_dir=None,
            log=store.logs("scale") / f"{trial.name}.log",
            storage=store.ray("scale"),
            allotment=allotment,
            first_position=None,
        )
        book.put(job)
        return job

    listening = callbacks(plan, book, store, allotment.concurrent, driver=1, ensembles=lambda _: {}, quiet=True)
    listening.append(TrialKeeper(book))
    trainable = tune.with_resources(only_reports, {"cpu": 1})
    grid = build_tuner(trainable, plan, make_job, book, allotment, listening, store, reuse_actors=True).fit()
    results = [trial_result(book.tracked(one.config), one.metrics or {}, one.error) for one in grid if one.config]
    return sum(result.ok for result in results)


def only_reports(config: dict[str, Any]) -> None:
    """A trial that says what a real one says, and does nothing."""
    from ray import tune

    from nerbb_ray.ner.metrics import Counts

    counts = Counts.zeros(CLASSES)

    def metrics(split: str, epoch: int) -> dict[str, float]:
        """A number for every metric, of each seed and epoch another one: an undefined or equal one costs less."""
        names = counts.metrics(split, 1.0)
        return {name: (config["seed"] * 31 + epoch * 7 + i) % 97 / 97 for i, name in enumerate(names)}

    for epoch in range(EPOCHS):
        report = {
            "run": config["run"],
            "seed": config["seed"],
            "epoch": epoch,
            "stage": "WARMUP_OR_CONSTANT",
            "lr": 1e-5,
            "train/loss": 1.0 / (epoch + 1),
            **metrics("val", epoch),
            "history": [1.0 / (e + 1) for e in range(epoch + 1)],
            "ends_itself": False,
            "elapsed_s": float(epoch),
        }
        if epoch == EPOCHS - 1:
            chosen = metrics("val", epoch) | metrics("test", epoch)
            report |= {"final": True, "diverged": False, "epochs": EPOCHS, "best_epoch": epoch, "chosen": chosen}
            report |= {"reason": "max_epochs reached", "checkpoint": "", "artifacts": {"report.txt": "nothing"}}
            report |= {"environment": {"data_fingerprint": "f" * 64}}
        tune.report(report)


def _rows(database: Path) -> int:
    with sqlite3.connect(database) as connection:
        tables = ("runs", "metrics", "latest_metrics", "params", "tags")
        return sum(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
