"""What a notebook shows, in a real kernel: progress in one place, and the example from its first cell to its last."""

import os
import shutil
import warnings
from pathlib import Path

import nbformat
import pytest

with warnings.catch_warnings():  # of the event loop, while it is imported
    warnings.simplefilter("ignore")
    from nbclient import NotebookClient

EXAMPLE = "examples/first_experiment.ipynb"
PROGRESS = """
import sys; sys.path.insert(0, "TESTS")
from pathlib import Path
from types import SimpleNamespace
from fixtures.jobs import job
from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.trials import expand
from nerbb_ray.tune import notebook
from nerbb_ray.tune.trial_plan import TrialPlan

notebook.EVERY_S = 0.0
spec = build_spec("politics", params={"dataset_name": "d", "pretrained_model_name": "m", "lr_max": [1e-4, 3e-4]})
trials = {trial.name: trial for trial in expand(spec)}
book = SimpleNamespace(of=lambda config: job(trials[config["name"]], storage=Path("FOLDER")))
assert notebook.in_notebook()
shown = notebook.NotebookProgress(TrialPlan(spec, 1), book)
for number, name in enumerate(trials):
    one = SimpleNamespace(config={"name": name}, last_result={})
    shown.on_trial_start(trial=one)
    for epoch in range(3):
        report = {"epoch": epoch, "stage": "WARMUP_OR_CONSTANT", "lr": 1e-4, "val/loss": 0.5}
        shown.on_trial_result(trial=one, result={**report, "val/entity/micro/f1": 0.6 + 0.05 * number - 0.01 * epoch})
    shown.on_trial_complete(trial=one)
shown.on_experiment_end()
"""


def run(notebook: nbformat.NotebookNode, folder: Path, seconds: int) -> nbformat.NotebookNode:
    with warnings.catch_warnings():  # of the client's event loop and sockets
        warnings.simplefilter("ignore")
        return NotebookClient(notebook, timeout=seconds, resources={"metadata": {"path": str(folder)}}).execute()


def shown(cell: nbformat.NotebookNode, kind: str) -> list[str]:
    outputs = [output for output in cell.outputs if output.output_type in ("display_data", "execute_result")]
    return [output.data[kind] for output in outputs if kind in output.data]


@pytest.fixture(autouse=True)
def package(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel finds the code that is tested."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]))


def test_progress_is_one_output_that_changes_in_its_place(root: Path, tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell(PROGRESS.replace("TESTS", str(root / "tests")).replace("FOLDER", str(tmp_path)))
    (done,) = run(nbformat.v4.new_notebook(cells=[cell]), tmp_path, 120).cells
    (html,) = shown(done, "text/html")
    assert "politics  2/2 done, best .650 runA(lr_max=3e-4)" in html
    assert html.index(".650") < html.index(".600", html.index("<tbody>"))
    assert "execute_result" not in {output.output_type for output in done.outputs}


def test_example_is_a_clean_notebook_whose_code_can_be_compiled(root: Path) -> None:
    notebook = nbformat.read(root / EXAMPLE, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) > 5
    for cell in code:
        assert (cell.outputs, cell.execution_count) == ([], None)
        compile(cell.source, EXAMPLE, "exec")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_example_runs_from_its_first_cell_to_its_last(root: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    shutil.copytree(root / "store/datasets/quickstart", tmp_path / "store/datasets/quickstart")
    notebook = run(nbformat.read(root / EXAMPLE, as_version=4), tmp_path / "examples", 1000)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    html = [text for cell in code for text in shown(cell, "text/html")]
    assert any("first_experiment  4/4 done" in text for text in html), "progress"
    assert any("means over the seeds" in text for text in html), "results"
    assert any("<mark" in text for text in html), "entities"
    assert (tmp_path / "store/results/reports/first_experiment.html").is_file()
