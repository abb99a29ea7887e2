"""A store with an experiment whose trials really were trained, as MLflow and the folders have it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from fixtures.fake_tune import at, tracked

from nerbb_ray import Store
from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.mlflow_store.events import Ended, Files, Started
from nerbb_ray.mlflow_store.writer import MlflowWriter
from nerbb_ray.model import Model
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.training.encoded_corpus import encode_once, load_encoded
from nerbb_ray.training.loop import train_trial
from nerbb_ray.training.sources import local_model
from nerbb_ray.training.tokenizer import load_tokenizer
from nerbb_ray.training.worker import TrialContext

MAX_SEQ_LENGTH = 32


@dataclass(frozen=True)
class Trained:
    """The store, and what the trials of its experiment `tiny` reported at their end."""

    store: StorePaths
    reports: dict[int, dict]
    trials: dict[int, TrialSpec]

    def checkpoint(self, seed: int = 43) -> Path:
        return Path(self.reports[seed]["checkpoint"])


def make_trial(seed: int) -> TrialSpec:
    values = {"lr_max": 5e-3, "max_epochs": 20, "lr_schedule": "linear", "early_stopping": False, "batch_size": 8}
    return TrialSpec(
        run="runA",
        seed=seed,
        dataset=DatasetParams(dataset_name="tiny"),
        model=ModelParams(pretrained_model_name="tiny-bert"),
        hparams=HParams(**values, lr_warmup_epochs=1, monitor="val_f1", max_seq_length=MAX_SEQ_LENGTH),
        settings=Settings(precision="fp32", multiple_runs=2, evaluate_checkpoint="last"),
    )


@pytest.fixture(scope="session")
def trained(tiny_model: Path, tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Seed 43 is fine-tuned; seed 44 stands for a failed one."""
    store = StorePaths(tmp_path_factory.mktemp("trained") / "store")
    store.create()
    data = copied_data(tiny_dataset, store.dataset("tiny"))
    source = local_model("tiny-bert", tiny_model)
    encoded = load_encoded(encode_once(load_corpus(data), load_tokenizer(source), MAX_SEQ_LENGTH, store.cache))
    trial, reports = make_trial(43), []
    folder = store.checkpoints("tiny", "runA", 43)
    context = TrialContext(report=reports.append, device=torch.device("cpu"), threads=1, checkpoint_dir=folder)
    train_trial(trial, encoded, source, context)
    record(
        store, "tiny", [(trial, ended(trial, reports[-1], encoded.fingerprint)), failed(make_trial(44))], reports[-1]
    )
    return Trained(store, {43: reports[-1]}, {43: trial})


def copied_data(source: Path, target: Path) -> Path:
    """The tiny data set, with sentences in its test split that need several slices."""
    target.mkdir(parents=True)
    for file in source.iterdir():
        (target / file.name).write_text(file.read_text())
    rows = [json.loads(line) for line in (source / "test.jsonl").read_text().splitlines()]
    long = {key: [value for row in rows for value in row[key]] for key in ("tokens", "tags")}
    with (target / "test.jsonl").open("a") as file:
        file.write(json.dumps(long) + "\n")
    return target


def ended(trial: TrialSpec, report: dict, fingerprint: str) -> TrialResult:
    return TrialResult(
        trial.run,
        trial.seed,
        "ok",
        report["chosen"],
        trial.params(),
        epochs=report["epochs"],
        checkpoint=report["checkpoint"],
        best_epoch=report["best_epoch"],
        reason=report["reason"],
        identity=Identity.of(trial, data=fingerprint),
    )


def failed(trial: TrialSpec) -> tuple[TrialSpec, TrialResult]:
    return trial, TrialResult(trial.run, trial.seed, "failed", params=trial.params(), error="out of memory")


def record(
    store: StorePaths, name: str, results: list[tuple[TrialSpec, TrialResult]], report: dict | None = None
) -> None:
    """Tell MLflow of trials, as the driver of an experiment does."""
    writer = MlflowWriter(store.tracking_uri, name, str(store.artifacts))
    for time_ms, (trial, result) in enumerate(results, start=1):
        writer.deliver(Started(tracked(trial), *at(time_ms)))
        if report and result.ok:
            writer.deliver(
                Files(tracked(trial), *at(time_ms), {"environment.json": report["artifacts"]["environment.json"]})
            )
        writer.deliver(Ended(tracked(trial), *at(time_ms), result))


@pytest.fixture(scope="session")
def record_trials() -> Callable[..., None]:
    """As `record`."""
    return record


@pytest.fixture
def in_store(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """Its store is the current one."""
    monkeypatch.setattr(Store, "chosen", trained.store.root)
    return trained


@pytest.fixture(scope="session")
def model(trained: Trained) -> Model:
    return Model.from_experiment("tiny", store=trained.store.root)


@pytest.fixture(scope="session")
def untrained(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes folders of models with random weights and any tags, which predict everything somewhere."""

    def make(tags: tuple[str, ...], seed: int = 0, **config: object) -> Path:
        from nerbb_ray.training.model import load_model, save_model

        source = local_model("tiny-bert", tiny_model)
        torch.manual_seed(seed)
        network = load_model(source, tags)
        with torch.no_grad():  # without a larger head, all words get the same tag
            network.classifier.weight.normal_(std=2.0)
            network.bert.embeddings.word_embeddings.weight.normal_(std=1.0)
        for key, value in config.items():
            setattr(network.config, key, value)
        folder = tmp_path_factory.mktemp("untrained") / "model"
        save_model(network, load_tokenizer(source), folder, max_seq_length=MAX_SEQ_LENGTH)
        return folder

    return make
