"""Fixtures that every room's tests share."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# Ray gives way to other programs with the processes of trials: beside other tests they would wait for minutes
os.environ.setdefault("RAY_worker_niceness", "0")
if "PYTEST_XDIST_WORKER" in os.environ:  # more threads than CPUs wait for each other, and burn time with it
    os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
pytest_plugins = ["fixtures.experiments", "fixtures.fake_tune"]


@cache
def has(path: str, word: str) -> bool:
    """Whether a file of tests has a word."""
    return word in (ROOT / path).read_text(encoding="utf-8")


def shares_ray(path: str) -> bool:
    """Whether its tests use the Ray of their process; others start programs that have one of their own, or none."""
    return has(path, "ray_here")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several processes (`make test`): a file's tests in one of them, and all that share a Ray in the same."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return "ray" if shares_ray(path) else path

    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several processes, those that start Ray come first: they take longest, and what is short fills the end."""
    if hasattr(config, "workerinput"):

        def later(item: pytest.Item) -> tuple[bool, bool]:
            path = item.nodeid.partition("::")[0]
            return not shares_ray(path), not has(path, "mark.ray")

        items.sort(key=later)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference data next to the repository; a fresh clone does not have it."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("reference data (../shared) is not there")
    return path


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the caller's shell changes what a test sees."""
    for name in ("MLFLOW_TRACKING_URI", "NERBB_STORE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random two-layer BERT and a small uncased vocabulary, in the format of transformers."""
    import torch
    from transformers import BertConfig, BertForTokenClassification, BertTokenizer

    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    pieces = [*letters, *(f"##{letter}" for letter in letters), *"0123456789.,:;!?-'\"()"]
    words = ["the", "in", "at", "and", "paris", "berlin", "anna", "bert", "acme", "##corp", "works", "lives", "for"]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces, *words]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    BertForTokenClassification(config).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 40 / 12 / 12 pretokenised sentences with two classes, which a tiny model can learn."""
    folder = tmp_path_factory.mktemp("datasets") / "tiny"
    folder.mkdir()
    people, places = ["Anna", "Bert"], ["Paris", "Berlin"]
    rows = [
        {"tokens": [person, verb, "in", place, "."], "tags": ["B-PER", "O", "O", "B-LOC", "O"]}
        for verb in ("works", "lives", "and")
        for person in people
        for place in places
    ] + [{"tokens": ["the", "acmecorp", "works"], "tags": ["O", "O", "O"]}] * 4
    for split, size in (("train", 40), ("val", 12), ("test", 12)):
        lines = [json.dumps(rows[i * 7 % len(rows)]) for i in range(size)]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return folder
