"""From a folder with data to a model that can be handed on, with nothing but the commands of nerbb."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.paths import StorePaths

SCRIPT = Path(__file__).with_name("journey.sh")


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(900)
def test_a_user_gets_from_data_to_a_model(shared: Path, tmp_path: Path) -> None:
    source = shared / "datasets/crossner_politics"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", SCRIPT, source], cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    store = StorePaths(tmp_path / "store")

    assert load_corpus(store.datasets / "politics").train[0].tokens == load_corpus(source).train[0].tokens
    result = load_result(store.tracking_uri, "journey")
    assert [(trial.name, trial.status) for trial in result.trials] == [
        (f"run{run}-{seed}", "ok") for run in "AB" for seed in (43, 44)
    ]
    mean = result.best_run().mean("test/entity/micro/f1")
    assert result.best_run().run == "runA"
    assert mean.mean > 0.2, "five epochs with 200 sentences"
    # the number is the same wherever it is shown
    assert str(mean) in done.stdout
    assert f"{mean.mean:.4f}" in (tmp_path / "report.html").read_text()
    assert f"{mean.mean:.4f}" in (tmp_path / "exported/README.md").read_text()
    assert "politics" in (tmp_path / "politics.html").read_text()

    text = (tmp_path / "texts.txt").read_text().rstrip("\n")
    (from_file,) = [json.loads(line) for line in (tmp_path / "entities.jsonl").read_text().splitlines()]
    ((from_export),) = json.loads((tmp_path / "exported.json").read_text())
    assert from_file["text"] == from_export["text"] == text
    assert from_file["tags"], "it finds something"
    assert [(e["char_start"], e["char_end"], e["tag"]) for e in from_file["tags"]] == [
        (e["char_start"], e["char_end"], e["tag"]) for e in from_export["tags"]
    ]
    assert json.loads((tmp_path / "evaluation.json").read_text())["metrics"]["test/entity/micro/f1"] > 0.2
