"""The curves of experiments that have run, as one small JSON file: what bench_racing.py races over again.

    python benchmarks/record_curves.py OUT.json STORE EXPERIMENT ...

Per experiment and run: the parameters that vary, and per seed the val F1 after every epoch, the chosen epoch's value
and the duration in seconds.
"""

import json
import sys
from pathlib import Path
from typing import Any

METRIC = "val/entity/micro/f1"


def main() -> None:
    out, store, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    curves = {name: recorded(store, name) for name in names}
    out.write_text(json.dumps(curves, indent=None, separators=(",", ":")) + "\n")
    for name, runs in curves.items():
        print(name, {run: len(seeds) for run, seeds in runs.items()})


def recorded(store: Path, name: str) -> dict[str, Any]:
    from nerbb_ray.tracking.mlflow_records import RUN, SEED, find_runs, newest_trials, open_client

    client = open_client(f"sqlite:///{store}/results/mlflow.db")
    experiment = client.get_experiment_by_name(name)
    found: dict[str, Any] = {}
    for run in newest_trials(find_runs(client, [experiment.experiment_id], kind="trial")).values():
        history = client.get_metric_history(run.info.run_id, METRIC)
        points = dict(sorted((point.step, point.value) for point in history))
        chosen = points.pop(max(points))  # the last one is that of the kept weights
        found.setdefault(run.data.tags[RUN], {})[run.data.tags[SEED]] = {
            "curve": [round(value, 4) for value in points.values()],
            "value": round(chosen, 4),
            "seconds": round(run.data.metrics["elapsed_s"], 1),
        }
    return found


if __name__ == "__main__":
    main()
