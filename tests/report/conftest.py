"""Experiments in MLflow that look like real ones: curves that the stopping rule has ended, files, failures."""

import json
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from fixtures.fake_tune import at, tracked

from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.mlflow_store.events import Ended, Epoch, Files, Started
from nerbb_ray.mlflow_store.writer import MlflowWriter
from nerbb_ray.ner.metrics import Counts
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.training.adaptive import Replay, replay
from nerbb_ray.training.artifacts import confusion_csv

CLASSES = ("LOC", "ORG", "PER")
ERROR = """Traceback (most recent call last):
  File "loop.py", line 17, in train_epoch
    <loss> & gradients
RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB
"""


@dataclass
class Lab:
    """Writes trials of one experiment to the MLflow of a store, as an experiment that runs would.

    Args:
        seeds: per run, that it was to have.
        artifacts: where its files go; to those of the store if left out.
    """

    store: StorePaths
    name: str
    seeds: int = 3
    classes: tuple[str, ...] = CLASSES
    artifacts: str | None = None
    clock: int = 1_700_000_000_000

    def __post_init__(self) -> None:
        self.writer = MlflowWriter(self.store.tracking_uri, self.name, self.artifacts or str(self.store.artifacts))

    def trial(self, run: str, seed: int, **hparams: object) -> TrialSpec:
        return TrialSpec(
            run=run,
            seed=seed,
            dataset=DatasetParams(dataset_name="wnut17"),
            model=ModelParams(pretrained_model_name="bert-base-cased"),
            hparams=HParams(**hparams),  # type: ignore[arg-type]
            settings=Settings(multiple_runs=self.seeds),
        )

    def ok(self, trial: TrialSpec, f1: float, files: bool = True) -> Replay:
        """A trial that ends as the rule says; its test F1 is a little below `f1`."""
        outcome = self.expected(trial)
        self._begin(trial)
        self._epochs(trial, outcome, f1)
        val, test = self.counts(f1, trial.seed), self.counts(f1 - 0.03, trial.seed + 1000)
        if files:
            self._files(trial, test)
        metrics = val.metrics("val", outcome.values[outcome.best_epoch]) | test.metrics("test", 0.5)
        metrics["val/entity/micro/f1"], metrics["test/entity/micro/f1"] = f1, f1 - 0.03
        self._end(
            trial,
            TrialResult(
                trial.run,
                trial.seed,
                "ok",
                metrics,
                trial.params(),
                epochs=outcome.epochs,
                best_epoch=outcome.best_epoch,
                reason=outcome.reason,
                duration_s=11.5 * outcome.epochs,
                checkpoint=f"/models/{trial.name}",
                identity=Identity.of_record(trial.params(), "17cbf135"),
            ),
        )
        return outcome

    def expected(self, trial: TrialSpec) -> Replay:
        """What the rule makes of a trial that ends ok."""
        return replay(trial.hparams, losses(trial.seed), 10)

    def diverge(self, trial: TrialSpec) -> None:
        self._begin(trial)
        outcome = replay(trial.hparams, [0.9, 0.7, math.nan], 10)
        self._epochs(trial, outcome, 0.4)
        error = "val_loss is nan in epoch 2 (counted from 0)"
        result = TrialResult(trial.run, trial.seed, "diverged", {}, trial.params(), 3, error, duration_s=35.0)
        self._end(trial, replace(result, best_epoch=1, reason=outcome.reason))

    def fail(self, trial: TrialSpec, folder: Path, epochs: int = 1) -> None:
        """With the file that Ray leaves."""
        self._begin(trial)
        if epochs:
            self._epochs(trial, replay(replace(trial.hparams, max_epochs=epochs), [0.9], 10), 0.3)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "error.txt").write_text(ERROR)
        self.writer.deliver(Files(tracked(trial), *at(self.tick()), {}, (str(folder / "error.txt"),)))
        error = ERROR.splitlines()[-1]
        self._end(trial, TrialResult(trial.run, trial.seed, "failed", {}, trial.params(), epochs, error))

    def counts(self, f1: float, seed: int) -> Counts:
        rng = np.random.default_rng(seed)
        n = len(self.classes) + 1
        wrong = rng.integers(0, 9, (n, n))
        right = np.diag((60 * max(f1, 0.01) * (1 + np.arange(n))).astype(int) + 20)
        entity = wrong + right
        entity[0, 0] = 0
        return Counts(self.classes, 3 * wrong + 4 * right, entity, np.array([50, 90, 80]))

    def tick(self, ms: int = 1000) -> int:
        self.clock += ms
        return self.clock

    def _begin(self, trial: TrialSpec) -> None:
        self.writer.deliver(Started(tracked(trial), *at(self.tick())))

    def _end(self, trial: TrialSpec, result: TrialResult) -> None:
        self.writer.deliver(Ended(tracked(trial), *at(self.tick()), result))

    def _epochs(self, trial: TrialSpec, outcome: Replay, f1: float) -> None:
        for epoch, (value, rates) in enumerate(zip(outcome.values, outcome.learning_rates, strict=True)):
            values = {
                "lr": rates[-1],
                "elapsed_s": 11.5 * (epoch + 1),
                "train/loss": 1.1 * math.exp(-0.25 * epoch),
                "val/loss": value,
                "val/token/all/acc": 0.9,
                "val/entity/micro/f1": f1 * (1 - math.exp(-0.4 * epoch)),
            }
            self.writer.deliver(Epoch(tracked(trial), *at(self.tick(11_500)), epoch, values))

    def _files(self, trial: TrialSpec, test: Counts) -> None:
        environment = {"python": "3.11.2", "torch": "2.13.0", "device": "NVIDIA H100", "data_fingerprint": "17cbf135"}
        texts = {
            "classification_report.txt": test.report(),
            "confusion_matrix_token.csv": confusion_csv(test, "token"),
            "confusion_matrix_entity.csv": confusion_csv(test, "entity"),
            "seed.json": json.dumps({"seed": trial.seed}),
            "environment.json": json.dumps(environment | {"model_revision": "ab12cd"}),
        }
        self.writer.deliver(Files(tracked(trial), *at(self.tick()), texts))


def losses(seed: int) -> list[float]:
    """Of validation: they fall, then rise, with noise."""
    rng = random.Random(seed)
    length = rng.randint(7, 12)
    return [0.2 + 0.8 * math.exp(-0.4 * e) + 0.02 * max(0, e - length) + rng.gauss(0, 0.01) for e in range(60)]


@pytest.fixture(scope="session")
def report_store(tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """A store with one database for all tests: making one takes seconds."""
    store = StorePaths(tmp_path_factory.mktemp("reports") / "store")
    store.create()
    return store


@pytest.fixture(scope="session")
def lab() -> type[Lab]:
    """To write experiments with."""
    return Lab


class Part(HTMLParser):
    """What a reader sees of a section.

    Args:
        text: of everything, blanks made one.
        tables: rows of cells, without what their pictures say.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._texts: list[str] = []
        self._in_cell = self._in_svg = False
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self._in_svg |= tag == "svg"
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_svg &= tag != "svg"
        self._in_cell &= tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self._texts.append(data)
        if self._in_cell and not self._in_svg:
            self.tables[-1][-1][-1] += data


def read(html: str) -> dict[str, Part]:
    """The sections of a page by their titles."""
    pieces = re.split(r'<h2 id="[^"]*">(.*?)</h2>', html)
    return {title: Part(body) for title, body in zip(pieces[1::2], pieces[2::2], strict=True)}


@pytest.fixture(scope="session")
def sections() -> Callable[[str], dict[str, Part]]:
    """To read a page with."""
    return read
