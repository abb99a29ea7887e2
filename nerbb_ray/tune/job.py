"""A trial with everything that it needs to run on any node; Tune itself sees only what varies, under its own name.

Tune's configuration of a trial is flat: `run`, `seed`, `fold` if there is one, and the parameters in which runs differ,
so that Tune's tables,
TensorBoard's HPARAMS page and Ray's dashboard can show it. The rest travels in a file of the experiment's folder.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nerbb_ray import atomic
from nerbb_ray.config.keys import written
from nerbb_ray.config.spec import ExperimentSpec, member_of
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.preparation.resources import Allotment
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.reports import TrialJob
from nerbb_ray.training.sources import ModelSource
from nerbb_ray.training.stop_request import withdraw

JOBS, STATES, ACTIVITIES = "jobs", "states", "activities"  # folders below `storage`
IDENTITY = "identity.json"  # beside the states of a trial
RESTARTS = 3  # of a trial whose process died or whose computer is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A trial with its paths, all of which are absolute.

    Args:
        identity: what it is going to be.
        data: file of the tokenised data set.
        checkpoint_dir: where the chosen model goes; None: it is not kept.
        log: the trial's log file.
        storage: shared folder for the state of the trials.
        first_position: of a sentence in a row without padding, found out by the driver; None: the model needs padding.
    """

    trial: TrialSpec
    identity: Identity
    data: Path
    source: ModelSource
    checkpoint_dir: Path | None
    log: Path
    storage: Path
    allotment: Allotment
    first_position: int | None

    @property
    def states(self) -> Path:
        """Where the trial's own states are until it has ended."""
        return self.storage / STATES / self.trial.name

    @property
    def activity(self) -> Path:
        """What the trial is doing now."""
        return self.storage / ACTIVITIES / f"{self.trial.name}.json"

    @property
    def begun(self) -> bool:
        """Whether an earlier attempt has left something to go on from."""
        return self.states.is_dir() and any(path.name != IDENTITY for path in self.states.iterdir())

    @property
    def tracked(self) -> TrialJob:
        """As the callbacks know it."""
        return TrialJob(self.trial, str(self.log), self.identity)

    def claim_states(self) -> str:
        """Delete what trials of another identity, or an earlier attempt's wish to end, have left.

        Returns:
            What was deleted and why, for the screen; empty if nothing was.
        """
        withdraw(self.states)
        if not self.states.is_dir():
            return ""
        why = self._foreign()
        if not why:
            return ""
        clear_states(self.storage, self.trial.name)
        return f"{self.trial.name} begins anew: the states of an earlier attempt are deleted ({why})"

    def mark_states(self) -> None:
        """Say whose states these are."""
        atomic.write_text(self.states / IDENTITY, json.dumps(self.identity.to_dict()))

    def _foreign(self) -> str:
        """Why states are not those of this trial; empty if they are."""
        try:
            stored = Identity.from_dict(json.loads((self.states / IDENTITY).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return "nobody knows of which data and model they are"
        except (OSError, ValueError, TypeError) as error:
            return f"{IDENTITY} cannot be read: {error}"
        return "; ".join(stored.differences(self.identity))

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `from_dict` is the exact inverse."""
        return {
            "trial": self.trial.to_dict(),
            "identity": self.identity.to_dict(),
            "data": str(self.data),
            "source": asdict(self.source),
            "checkpoint_dir": None if self.checkpoint_dir is None else str(self.checkpoint_dir),
            "log": str(self.log),
            "storage": str(self.storage),
            "allotment": asdict(self.allotment),
            "first_position": self.first_position,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Job":
        folder = values["checkpoint_dir"]
        return cls(
            trial=TrialSpec.from_dict(values["trial"]),
            identity=Identity.from_dict(values["identity"]),
            data=Path(values["data"]),
            source=ModelSource(**values["source"]),
            checkpoint_dir=None if folder is None else Path(folder),
            log=Path(values["log"]),
            storage=Path(values["storage"]),
            allotment=Allotment(**values["allotment"]),
            first_position=values["first_position"],
        )


class JobBook:
    """The jobs of an experiment, by Tune's configurations of their trials, in this process or another one.

    Args:
        folder: that all nodes share.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Job] = {}

    def __reduce__(self) -> tuple[type["JobBook"], tuple[Path]]:
        return type(self), (self.folder,)

    def put(self, job: Job) -> None:
        """Write a job down for whoever will run it."""
        atomic.write_text(self._path(job.trial.name), json.dumps(job.to_dict()))
        self._known[job.trial.name] = job

    def of(self, config: Mapping[str, Any]) -> Job:
        """The job behind a configuration."""
        name = name_of(config)
        if name not in self._known:
            self._known[name] = Job.from_dict(json.loads(self._path(name).read_text(encoding="utf-8")))
        return self._known[name]

    def tracked(self, config: Mapping[str, Any]) -> TrialJob:
        """The same as the callbacks know it."""
        return self.of(config).tracked

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def name_of(config: Mapping[str, Any]) -> str:
    """The name of the trial that Tune knows by this configuration."""
    return f"{config['run']}-{member_of(config['seed'], config.get('fold'))}"


def clear_states(storage: Path, trial: str) -> None:
    """Delete the states of a trial."""
    shutil.rmtree(storage / STATES / trial, ignore_errors=True)


def varying_keys(spec: ExperimentSpec) -> tuple[str, ...]:
    """The parameters in which runs differ, or whose values the search chooses, by INI key."""
    drawn = {key for run in spec.runs for key, _ in run.space}
    params = [{**asdict(run.dataset), **asdict(run.model), **asdict(run.hparams)} for run in spec.runs]
    return tuple(key for key in params[0] if key in drawn or len({written(run[key]) for run in params}) > 1)


def tune_config(trial: TrialSpec, varying: Iterable[str]) -> dict[str, Any]:
    """What Tune sees of a trial: flat, plain values."""
    params = trial.params()
    fold = {} if trial.fold is None else {"fold": trial.fold}
    return {"run": trial.run, "seed": trial.seed, **fold, **{key: params[key] for key in varying}}
