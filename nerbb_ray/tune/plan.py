"""What an experiment would do, as a table: `--dry-run`. Starts nothing and asks no server."""

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from nerbb_ray.config.keys import written
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.config.trials import TrialSpec, expand
from nerbb_ray.errors import NerbbError
from nerbb_ray.store import StorePaths
from nerbb_ray.tune.options import RunOptions
from nerbb_ray.tune.resources import Allotment, allot, this_machine
from nerbb_ray.tune.session import cluster_address

SHOWN = ("run", "seed", "max_epochs", "early_stopping", "mode")  # mode follows from monitor


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A row of the plan.

    Args:
        varies: the parameters in which the runs of the experiment differ.
        max_epochs: the cap; early stopping may end sooner.
        steps_per_epoch: None if data or model are not on this machine.
    """

    run: str
    seed: int
    varies: dict[str, Any]
    max_epochs: int
    early_stopping: bool
    steps_per_epoch: int | None
    resources: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All trials of an experiment, and why some numbers are not known."""

    experiment: str
    trials: tuple[PlannedTrial, ...]
    concurrent: int
    notes: tuple[str, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    def table(self) -> Table:
        """One row per trial."""
        title = f"{self.experiment}: trials {len(self.trials)}, at a time {self.concurrent}"
        table = Table(title=title, title_justify="left", caption_justify="left")
        for column in ("run", "seed", "parameters that vary", "epochs", "steps/epoch", "resources"):
            numeric = column in ("seed", "epochs", "steps/epoch")
            table.add_column(column, justify="right" if numeric else "left", overflow="fold")
        for trial in self.trials:
            epochs = f"<= {trial.max_epochs}" if trial.early_stopping else str(trial.max_epochs)
            steps = "?" if trial.steps_per_epoch is None else str(trial.steps_per_epoch)
            varies = "\n".join(f"{key} = {written(value)}" for key, value in trial.varies.items())
            table.add_row(trial.run, str(trial.seed), varies, epochs, steps, trial.resources)
        return table


def make_plan(spec: ExperimentSpec, store: StorePaths, options: RunOptions) -> Plan:
    """Expand an experiment.

    Raises:
        ResourceError: a trial does not fit on this machine (on a cluster, that is checked when it starts).
    """
    trials = expand(spec)
    resources = options.apply(spec.resources)
    notes: list[str] = []
    try:
        allotment: Allotment = allot(resources, this_machine(), len(trials))
    except NerbbError:
        if cluster_address(options.address) is None:
            raise
        notes.append("resources are worked out on the cluster")
        allotment = Allotment("torch_trainer", resources.num_workers, resources.cpus_per_worker or 1, 0, 1)
    steps = _steps(spec, store, notes)
    varying = varying_keys(trials)
    return Plan(
        experiment=spec.name,
        trials=tuple(
            PlannedTrial(
                run=trial.run,
                seed=trial.seed,
                varies={key: trial.params()[key] for key in varying},
                max_epochs=trial.hparams.max_epochs,
                early_stopping=trial.hparams.early_stopping,
                steps_per_epoch=steps[trial.run],
                resources=str(allotment),
            )
            for trial in trials
        ),
        concurrent=allotment.concurrent,
        notes=tuple(notes),
    )


def varying_keys(trials: tuple[TrialSpec, ...]) -> list[str]:
    """The parameters that are not the same in all trials and have no column of their own."""
    all_params = [trial.params() for trial in trials]
    return [key for key in all_params[0] if key not in SHOWN and len({str(p[key]) for p in all_params}) > 1]


def _steps(spec: ExperimentSpec, store: StorePaths, notes: list[str]) -> dict[str, int | None]:
    """Steps per epoch of every run, as far as its data and model are on this machine."""
    from nerbb_ray.tune.prepare import Preparation

    steps: dict[str, int | None] = {}
    # nothing is left behind, and the store may be read-only
    with tempfile.TemporaryDirectory() as cache:
        preparation = Preparation(store, Path.cwd(), Path(cache), ask_hub=False)
        for run in spec.runs:
            try:
                steps[run.name] = preparation.run(spec, run).steps_per_epoch
            except NerbbError as error:
                steps[run.name] = None
                note = f"steps per epoch are not known yet: {error}"
                if note not in notes:
                    notes.append(note)
    return steps
