"""How well `nerbb plan --calibrate` foresees the wall time: five experiments are planned, then run.

    python benchmarks/bench_plan.py [--data ../shared/datasets]
    python benchmarks/bench_plan.py --only 1 --only 3                # some of them; 5 needs 4 before it

Estimated at eight minutes on two quiet CPUs. Nothing else may run: the plan would be of another machine than the run.

The experiments differ in data, lengths, batch sizes, number of trials, trials at a time and stopping. Both times are
those of a fresh process; the time of the calibration is not part of the run. The target is a ratio of 0.7 to 1.4.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMON = """
[model]
pretrained_model_name = sentence-transformers/all-MiniLM-L6-v2
[settings]
checkpoints = False
multiple_runs = {seeds}
seed = {seed}
[dataset]
dataset_name = {data}
prune_ratio_train = {ratio}
prune_ratio_val = {ratio}
prune_ratio_test = {ratio}
[resources]
{resources}
[hparams]
{hparams}
"""
FIXED = "early_stopping = False\nlr_schedule = linear\n"
ADAPTIVE = "max_epochs = 12\nmonitor = val_f1\npatience = 1\nlr_cooldown_epochs = 3\n"
EXPERIMENTS = {
    "quickstart: 2 trials, fixed": ("quickstart", 1.0, 2, 42, "", FIXED + "max_epochs = 3\nlr_max = 3e-4\n"),
    "crossner: 6 trials, batch size 4, 8 and 32": (
        *("crossner_politics", 0.25, 2, 42, ""),
        FIXED + "max_epochs = 3\nlr_max = 3e-4\nbatch_size = 4, 8, 32\n",
    ),
    "wnut17: 1 trial at a time, 2 threads, length 64": (
        *("wnut17", 0.06, 2, 42, "max_concurrent_trials = 1"),
        FIXED + "max_epochs = 3\nlr_max = 3e-4\nmax_seq_length = 64\n",
    ),
    "crossner: 4 trials, adaptive, first of its kind": (
        *("crossner_politics", 0.2, 4, 42, ""),
        ADAPTIVE + "lr_max = 4e-4\n",
    ),
    "crossner: 6 trials, adaptive, as one before": (
        *("crossner_politics", 0.2, 3, 52, ""),
        ADAPTIVE + "lr_max = 3e-4, 5e-4\n",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "datasets")
    parser.add_argument("--only", type=int, action="append", choices=range(1, len(EXPERIMENTS) + 1), help="by number")
    args = parser.parse_args()
    print(f"load at the start: {os.getloadavg()[0]:.1f}\n")
    print("| experiment | trials | predicted s (8 of 10) | actual s | predicted / actual |")
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        _linked(store, args.data)
        for number, (title, values) in enumerate(EXPERIMENTS.items(), start=1):
            if args.only and number not in args.only:
                continue
            try:
                print(_row(store, f"plan{number}", title, values), flush=True)
            except subprocess.CalledProcessError as error:
                print(f"| {title} | - | - | - | failed: {error} |", flush=True)


def _linked(store: Path, data: Path) -> None:
    """A store with links to the data sets."""
    command = [sys.executable, "-m", "nerbb_ray.cli", "create", "--store", str(store)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for name in ("crossner_politics", "wnut17"):
        (store / "datasets" / name).symlink_to((data / name).resolve())
    quickstart = Path(__file__).parents[1] / "store" / "datasets" / "quickstart"
    if not (store / "datasets" / "quickstart").exists():
        (store / "datasets" / "quickstart").symlink_to(quickstart)


def _row(store: Path, name: str, title: str, values: tuple) -> str:
    data, ratio, seeds, seed, resources, hparams = values
    config = store / "experiment_configs" / f"{name}.ini"
    config.write_text(
        COMMON.format(data=data, ratio=ratio, seeds=seeds, seed=seed, resources=resources, hparams=hparams)
    )
    plan = _nerbb("plan", name, "--calibrate", "--json", "--store", str(store))
    low, predicted, high = plan["wall_s"]
    begun = time.monotonic()
    _nerbb("run_experiment", name, "--quiet", "--json", "--store", str(store))
    actual = time.monotonic() - begun
    return (
        f"| {title} | {plan['trials']} | {predicted:.0f} ({low:.0f} to {high:.0f}) | {actual:.0f} "
        f"| {predicted / actual:.2f} |"
    )


def _nerbb(*words: str) -> dict:
    command = [sys.executable, "-m", "nerbb_ray.cli", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
