"""From Tune's reports and error files to results."""

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from nerbb_ray.results.reports import curve_point, error_line, failure_of, result_of

TRACEBACK = """Failure # 1 (occurred at 2025-01-01_00-00-00)
\x1b[36mray::ImplicitFunc.train()\x1b[39m (pid=1, ip=1.2.3.4, actor_id=5)
  File "trainable.py", line 331, in train
    raise skipped from exception_cause(skipped)
  File "loop.py", line 3, in train_trial
    step()
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB: GPU 0
hint: use less of it
"""


@pytest.fixture
def callback() -> MagicMock:
    """Nothing is written."""
    return MagicMock()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TRACEBACK, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB: GPU 0"),
        ("ValueError: first\n\nFailure # 2\nKeyError: 'second'\n", "KeyError: 'second'"),
        (
            "ray.exceptions.ActorDiedError: The actor died.\n\tclass_name: X\n",
            "ray.exceptions.ActorDiedError: The actor died.",
        ),
        ("AssertionError\n", "AssertionError"),
        ("The worker was lost\n\n", "The worker was lost"),
        ("", "failed without a message"),
    ],
)
def test_line_that_names_the_error_is_found(text: str, line: str) -> None:
    assert error_line(text) == line


def test_trial_that_failed_before_its_first_report_has_an_error_and_a_log(driver: Any, tmp_path: Path) -> None:
    log, error = tmp_path / "trial.log", tmp_path / "error.txt"
    error.write_text(TRACEBACK)
    trial = driver.start(log=str(log))
    trial.error_file = str(error)
    assert failure_of(driver.jobs[trial.trial_id], trial).log == str(error)
    log.write_text("all of it")
    failure = failure_of(driver.jobs[trial.trial_id], trial)
    assert (failure.status, failure.epochs, failure.log) == ("failed", None, str(log))
    assert failure.error is not None
    assert failure.error.startswith("torch.OutOfMemoryError")


def test_failed_trial_without_a_file_is_still_a_failure(driver: Any) -> None:
    trial = driver.start()
    trial.error_file = "/no/such/file"
    assert failure_of(driver.jobs[trial.trial_id], trial).error == "failed without a message"


def test_curves_are_those_of_the_epoch_and_metrics_those_of_the_chosen_checkpoint(driver: Any) -> None:
    job = driver.jobs[driver.start().trial_id]
    report = {"final": True, "epoch": 3, "stage": "STOPPED", "lr": 0.1, "val/loss": 1, "val/token/PER/f1": 0.5}
    report |= {"val/entity/PER/f1": 0.25, "chosen": {"val/loss": 0.5, "test/entity/PER/f1": 0.125}}
    assert curve_point(report) == {"lr": 0.1, "val/loss": 1.0, "val/entity/PER/f1": 0.25}
    assert result_of(job, report).metrics == {"val/loss": 0.5, "test/entity/PER/f1": 0.125}


def test_trial_without_any_report_is_running(driver: Any) -> None:
    result = result_of(driver.jobs[driver.start().trial_id], None)
    assert (result.status, result.epochs, dict(result.metrics)) == ("running", None, {})
