"""The files that a trial leaves behind besides its model, as text; whoever tracks the trial stores them."""

import csv
import io
import json
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.ner.metrics import Counts, sentence_counts
from nerbb_ray.training.encoded_corpus import EncodedCorpus
from nerbb_ray.training.sources import ModelSource

SPLITS = ("train", "val", "test")
PACKAGES = ("nerbb_ray", "torch", "transformers", "tokenizers", "datasets", "ray", "mlflow", "numpy", "seqeval")
TEST_SENTENCES = "test_sentences.csv"


def files(trial: TrialSpec, test: Counts, environment: dict[str, str]) -> dict[str, str]:
    """File name -> content."""
    return {
        "classification_report.txt": test.report(),
        **{f"confusion_matrix_{level}.csv": confusion_csv(test, level) for level in ("token", "entity")},
        "config.json": json.dumps(trial.params(), indent=2) + "\n",
        "environment.json": json.dumps(environment, indent=2) + "\n",
    }


def confusion_csv(counts: Counts, level: str) -> str:
    """Rows are the true labels, columns the predicted ones; the first row and column name them."""
    labels, matrix = counts.confusion(level)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["true\\predicted", *labels])
    writer.writerows([label, *row] for label, row in zip(labels, matrix.tolist(), strict=True))
    return text.getvalue()


def sentences_csv(data: EncodedCorpus, predicted: NDArray[np.int64]) -> str:
    """Right, invented and missed entities of every test sentence, numbered from 0 in the order of the file.

    Args:
        predicted: tag ids of the words of the test split.
    """
    counts = sentence_counts(data.test.gold, predicted, data.test.sentence_starts, data.tags, data.scheme)
    rows = (f"{number},{tp},{fp},{fn}\n" for number, (tp, fp, fn) in enumerate(counts.tolist()))
    return "sentence,tp,fp,fn\n" + "".join(rows)


def environment(source: ModelSource, data: EncodedCorpus, device: torch.device, dtype: torch.dtype) -> dict[str, str]:
    """What one needs to know to get the same numbers again."""
    return {
        **_software(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu",
        "threads": str(torch.get_num_threads()),
        "precision": str(dtype).removeprefix("torch."),
        "model": source.name,
        "model_revision": source.revision,
        "data": data.name,
        "data_fingerprint": data.fingerprint,
        "sentences": ", ".join(f"{split} {len(getattr(data, split).sentence_starts) - 1}" for split in SPLITS),
        "annotation_scheme": data.scheme,
    }


@cache
def _software() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {"python": platform.python_version(), "platform": platform.platform(), **versions, "git_commit": _commit()}


def _commit() -> str:
    """The commit of the source tree that runs; empty for an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except OSError:  # no git on this machine
        return ""
    return done.stdout.strip()
