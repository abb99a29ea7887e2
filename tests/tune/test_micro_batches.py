"""A batch that does not fit into memory is worked on in halves, once; the same batch, the same losses."""

from pathlib import Path

import pytest
import torch
from fixtures.experiments import job_of

from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.trials import expand
from nerbb_ray.preparation.prepare import Preparation
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.reports import result_of
from nerbb_ray.training import epoch
from nerbb_ray.tune.job import Job, clear_states
from nerbb_ray.tune.run_job import run_job
from nerbb_ray.verdict.table import results_text

CPU = torch.device("cpu")


@pytest.fixture
def job(store, experiment) -> Job:
    spec = read_ini(experiment())
    prepared = Preparation(store, Path.cwd(), store.cache).run(spec, spec.runs[0])
    return job_of(expand(spec)[0], prepared, store, Identity())


@pytest.fixture
def memory(monkeypatch) -> dict[str, int]:
    """How many sentences fit into memory."""
    room = {"sentences": 1000}
    real = epoch.make_batch

    def make_batch(data, labels, members):
        if len(members) > room["sentences"]:
            raise torch.OutOfMemoryError(f"tried to allocate room for {len(members)} sentences")
        return real(data, labels, members)

    monkeypatch.setattr(epoch, "make_batch", make_batch)
    return room


def losses(job: Job) -> tuple[list[float], dict]:
    reports: list[dict] = []
    run_job(job, reports.append, CPU)
    return [report["val/loss"] for report in reports], reports[-1]


@pytest.mark.slow
def test_half_a_batch_that_fits_is_enough(job, memory) -> None:
    whole, last = losses(job)
    assert last["micro_batch"] is None
    clear_states(job.storage, job.trial.name)
    memory["sentences"] = 4
    halves, last = losses(job)
    assert last["micro_batch"] == 4
    assert halves == pytest.approx(whole, rel=0.05)  # dropout draws other masks
    assert job.log.read_text().count("out of memory") == 1
    # a trial that is started again knows
    assert losses(job)[0] == halves[-1:]
    assert job.log.read_text().count("out of memory") == 1
    result = result_of(job.tracked, last)
    table = results_text(ExperimentResult.of("exp", [result]))
    assert "note on runA-43: memory was short: micro-batches of 4 sentences" in table


def test_memory_that_takes_no_half_fails_the_trial(job, memory) -> None:
    memory["sentences"] = 3
    with pytest.raises(torch.OutOfMemoryError):
        losses(job)
    assert "Traceback" in job.log.read_text()
