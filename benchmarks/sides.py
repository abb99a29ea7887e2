"""The two sides of the benchmark: how each is started, and where its time stamps are read."""

import json
import os
import re
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from comparison import Epoch, Trial

FIRST_SEED = 43
SPLITS = ("train", "val", "test")
DATA, NAME, RUN = "data", "bench", "runA"
TRAINED = re.compile(
    r"^(\S+ \S+) INFO nerbb_ray\.training\.\w+: epoch \d+ trained: (\d+) words in ([\d.]+) s$", re.MULTILINE
)
PRECISION = re.compile(r"nerbb_ray\.training\.\w+: device .*, \d+ threads, torch\.(\w+)")

# of an experiment of nerbb_ray, and of nerblackbox, whose keys these were first
HPARAMS = """\
[hparams]
batch_size = {batch_size}
max_seq_length = {max_seq_length}
max_epochs = {epochs}
early_stopping = False
lr_schedule = linear
lr_warmup_epochs = 1
"""
INI = f"""\
[dataset]
dataset_name = {{data}}
[model]
pretrained_model_name = {{model}}
[settings]
multiple_runs = {{trials}}
seed = {{seed}}
precision = {{precision}}
evaluate_checkpoint = last
[resources]
trainer = inprocess
cpus_per_worker = {{threads}}
max_concurrent_trials = {{at_once}}
{HPARAMS}lr_max = {{lr}}
"""


class NoTimesError(Exception):
    """A side ran, but what it left behind has no time stamps."""


@dataclass(frozen=True, slots=True)
class Task:
    """What both sides do.

    Args:
        model: as the experiment file names it.
        location: the folder of the model.
    """

    model: str
    location: Path
    epochs: int
    batch_size: int
    max_seq_length: int
    lr: float


@dataclass(frozen=True, slots=True)
class Side:
    """A tool, a form of it and a way to share out the CPUs.

    Args:
        form: the precision of nerbb_ray's side; of the Trainer's one of trainer_script.py: default and padded are fp32,
            best is what auto is here.
        trials: models to fine-tune, each with its own seed.
        threads: of each.
        at_once: how many of them run at the same time.
    """

    tool: Literal["nerbb_ray", "Trainer"]
    form: str
    trials: int
    threads: int
    at_once: int

    @property
    def name(self) -> str:
        where = f", {self.at_once} at a time" if self.trials > 1 else ""
        return f"{self.tool} {self.form}{where}"

    @property
    def seeds(self) -> range:
        return range(FIRST_SEED, FIRST_SEED + self.trials)

    def environment(self) -> dict[str, str]:
        """Offline, on the CPU, quiet, and with nothing of the caller's that would change threads or places."""
        dropped = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAY_ADDRESS", "MLFLOW_TRACKING_URI", "NERBB_STORE")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        threads = {} if self.tool == "nerbb_ray" else {"OMP_NUM_THREADS": str(self.threads)}
        return {**kept, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", **threads}

    def commands(self, task: Task, work: Path) -> list[list[str]]:
        """The processes to start, all in `work/store`."""
        return self._nerbb(task, work) if self.tool == "nerbb_ray" else self._trainer(task, work)

    def _nerbb(self, task: Task, work: Path) -> list[list[str]]:
        file = work / f"{NAME}.ini"
        file.write_text(
            INI.format(
                data=DATA,
                model=task.model,
                trials=self.trials,
                seed=FIRST_SEED - 1,
                precision=self.form,
                threads=self.threads,
                at_once=self.at_once,
                batch_size=task.batch_size,
                max_seq_length=task.max_seq_length,
                epochs=task.epochs,
                lr=task.lr,
            )
        )
        return [[sys.executable, "-m", "nerbb_ray.tune", str(file), "--store", str(work / "store"), "--json"]]

    def _trainer(self, task: Task, work: Path) -> list[list[str]]:
        options = {
            "--model": task.location,
            "--data": work / "store" / "datasets" / DATA,
            "--epochs": task.epochs,
            "--batch-size": task.batch_size,
            "--max-seq-length": task.max_seq_length,
            "--lr": task.lr,
            "--threads": self.threads,
            "--form": self.form,
        }
        shared = [str(part) for option in options.items() for part in option]
        # imported here: nerblackbox_script.py imports this file where nerbb_ray is not installed
        from nerbb_ray.preparation.resources import cpu_has_bf16

        if self.form == "best" and cpu_has_bf16():
            shared.append("--bf16")
        script = str(Path(__file__).with_name("trainer_script.py"))
        return [
            [sys.executable, script, *shared, "--seed", str(seed), "--out", str(work / f"{seed}.json")]
            for seed in self.seeds
        ]

    def read(self, work: Path, printed: Path) -> list[Trial]:
        """What the trials left behind.

        Args:
            printed: standard output of `python -m nerbb_ray.tune`.
        Raises:
            NoTimesError: a log has no lines about trained epochs.
        """
        if self.tool == "Trainer":
            return [_trainer_trial(work / f"{seed}.json") for seed in self.seeds]
        trials = [trial for run in json.loads(printed.read_text())["runs"] for trial in run["trials"]]
        return [
            Trial(
                trial["seed"], logged_epochs(Path(trial["log"]).read_text()), trial["metrics"]["test/entity/micro/f1"]
            )
            for trial in trials
        ]


def logged_epochs(log: str) -> tuple[Epoch, ...]:
    """The epochs in the log of a trial of nerbb_ray.

    Raises:
        NoTimesError: there are none.
    """
    epochs = []
    for stamp, words, seconds in TRAINED.findall(log):
        end = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S,%f").timestamp()
        epochs.append(Epoch(end - float(seconds), end, int(words)))
    if not epochs:
        raise NoTimesError("expected lines 'epoch 0 trained: 1234 words in 5.678 s' in the log of a trial; got none")
    return tuple(epochs)


def logged_precision(log: str) -> str:
    """bfloat16, float16 or float32: what `precision = auto` has become."""
    found = PRECISION.search(log)
    return found.group(1) if found else "?"


def _trainer_trial(path: Path) -> Trial:
    stored = json.loads(path.read_text())
    return Trial(stored["seed"], tuple(Epoch(**epoch) for epoch in stored["epochs"]), stored["f1"])


def write_data(source: Path, store: Path, sentences: int | None) -> None:
    """Copy the splits of a folder into a store; of each, the first sentences only if a number is given.

    Raises:
        ValueError: the tags are not BIO, which the Trainer's side needs.
    """
    target = store / "datasets" / DATA
    target.mkdir(parents=True)
    for split in SPLITS:
        lines = (source / f"{split}.jsonl").read_text().splitlines()[:sentences]
        tags = {tag for line in lines for tag in json.loads(line)["tags"]}
        if wrong := sorted(tag for tag in tags if tag != "O" and tag[:2] not in ("B-", "I-")):
            raise ValueError(f"{source}/{split}.jsonl: tags must be BIO; got {', '.join(wrong[:5])}")
        (target / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
