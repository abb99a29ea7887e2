"""The curves of experiments that have run, as one small JSON file: what bench_racing.py races over again.

    python benchmarks/record_curves.py OUT.json STORE EXPERIMENT ...

Per experiment, run and seed: the val F1 after every epoch, that of the kept weights, and the duration in seconds. Only
trials that ended ok, and only the seeds that all runs have. Other experiments that the file has stay in it.
"""

import json
import sys
from pathlib import Path
from typing import Any

METRIC = "val/entity/micro/f1"


def main() -> None:
    out, store, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    curves = json.loads(out.read_text()) if out.exists() else {}
    curves |= {name: recorded(store, name) for name in names}
    out.write_text(json.dumps(curves, indent=None, separators=(",", ":")) + "\n")
    for name in names:
        print(name, {run: len(seeds) for run, seeds in curves[name].items()})


def recorded(store: Path, name: str) -> dict[str, Any]:
    from nerbb_ray.mlflow_store.reader import finished_curves, load_result

    uri = f"sqlite:///{store}/results/mlflow.db"
    trials = {(trial.run, trial.seed): trial for trial in load_result(uri, name).trials}
    found: dict[str, dict[str, Any]] = {}
    for (run, seed), curve in finished_curves(uri, name, METRIC).items():
        trial = trials[run, seed]
        found.setdefault(run, {})[str(seed)] = {
            "curve": [round(value, 4) for value in curve],
            "value": round(trial.metrics[METRIC], 4),
            "seconds": round(trial.duration_s, 1),
        }
    shared = sorted(set.intersection(*(set(seeds) for seeds in found.values())))
    return {run: {seed: seeds[seed] for seed in shared} for run, seeds in found.items()}


if __name__ == "__main__":
    main()
