"""Writes what happens to the trials to MLflow. Idempotent: what is told twice is there once, also after a restart."""

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray.config.spec import Member
from nerbb_ray.mlflow_store import calls
from nerbb_ray.mlflow_store import schema as records
from nerbb_ray.mlflow_store.advice import advice
from nerbb_ray.mlflow_store.bookkeeping import FOREIGN, count_name, end_values
from nerbb_ray.mlflow_store.class_values import MEANS_TABLE, table_tag
from nerbb_ray.mlflow_store.events import Ended, Ensembled, Epoch, Event, Files, RunClosed, Started
from nerbb_ray.mlflow_store.known_runs import Child, Parent, child_of, newest_ms, parent_of
from nerbb_ray.mlflow_store.names import write_name
from nerbb_ray.mlflow_store.outbox import Unreachable
from nerbb_ray.mlflow_store.run_metrics import changes, contains, means_table, run_metrics, run_status
from nerbb_ray.mlflow_store.run_verdict import Standing, description, standing_of
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.reports import TrackedTrial
from nerbb_ray.results.trial_result import RunResult, TrialResult
from nerbb_ray.verdict.outcome import Verdict
from nerbb_ray.verdict.verdict import verdict

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

log = logging.getLogger(__name__)

# verdicts that later trials will change write to every run: one that takes longer is followed by a pause, so that they
# get this share of the time
QUICK_S, VERDICT_SHARE = 0.5, 0.05
REFUSALS = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "BAD_REQUEST")


class MlflowWriter:
    """Keeps one MLflow experiment.

    Args:
        artifact_location: where a new experiment of a database keeps its artifacts; a server has its own place.
    """

    def __init__(self, tracking_uri: str, experiment: str, artifact_location: str | None = None) -> None:
        self._tracking_uri, self._experiment = tracking_uri, experiment
        self._artifact_location = calls.place_of_artifacts(tracking_uri, artifact_location)
        self._client: MlflowClient | None = None
        self._experiment_id = ""
        self._children: dict[tuple[str, Member], Child] = {}
        self._parents: dict[str, Parent] = {}
        self._clock_ms = 0
        self._verdict: tuple[tuple[RunResult, ...], Verdict] | None = None  # the latest, and of what
        self._told: Verdict | tuple[RunResult, ...] | None = None  # what the runs have: the verdict, or their means
        self._judge_after = -math.inf

    def deliver(self, event: Event) -> None:
        """Write an event.

        Raises:
            Unreachable: MLflow cannot take anything now.
            Exception: MLflow, or the place of its artifacts, refuses this event.
        """
        try:
            client = self._connected()
        except Exception as error:
            raise Unreachable(advice(error, self._tracking_uri)) from error
        from mlflow.exceptions import MlflowException

        try:
            self._write(client, event)
        except MlflowException as error:
            if error.error_code in REFUSALS:
                raise
            # what has arrived is not known: look again
            self._client = None
            raise Unreachable(advice(error, self._tracking_uri)) from error

    def _connected(self) -> "MlflowClient":
        """Connect if necessary, and learn what is there already."""
        if self._client is None:
            client = records.open_client(self._tracking_uri)
            self._experiment_id = calls.open_experiment(client, self._experiment, self._artifact_location)
            runs = list(records.find_runs(client, [self._experiment_id]))
            trials = (run for run in runs if run.data.tags[records.KIND] == "trial")
            self._children = {key: child_of(run) for key, run in records.newest_trials(trials).items()}
            parents = (run for run in runs if run.data.tags[records.KIND] == "run")
            self._parents = {run.data.tags[records.RUN]: parent_of(run) for run in parents}
            # a clock may have gone back meanwhile, and of one step MLflow shows the value with the latest time
            self._clock_ms = max(map(newest_ms, runs), default=0)
            self._client = client
        return self._client

    def _write(self, client: "MlflowClient", event: Event) -> None:
        match event:
            case Started():
                self._start(client, event)
            case Epoch():
                self._epoch(client, event)
            case Files():
                self._files(client, event)
            case Ended():
                self._end(client, event)
            case RunClosed():
                self._update_parent(client, event, closed=True, note=event.note)
                self._update_verdict(client)
            case Ensembled():
                self._ensemble(client, event)

    def _start(self, client: "MlflowClient", event: Started) -> None:
        child = self._child(client, event)
        if event.order <= child.order:  # an old event that had to wait
            return
        if child.result.known_identity().differences(event.trial.identity or Identity()):
            child = self._anew(client, event, child)
        child.attempt_begins = True
        if child.result.status != "running":
            running = TrialResult(
                event.trial.run, event.trial.seed, "running", identity=event.trial.identity, fold=event.trial.fold
            )
            running = replace(running, foreign=event.trial.foreign)
            self._set_result(client, child, running, event)
        self._update_parent(client, event)

    def _epoch(self, client: "MlflowClient", event: Epoch) -> None:
        child = self._child(client, event)
        if event.order <= child.order:
            return
        if child.attempt_begins and event.epoch == 0 <= child.last_epoch:
            child = self._anew(client, event, child)
        # later ones of the attempt have a higher epoch, which tells as much and is there anyway: a tag costs a fifth
        first = child.attempt_begins or event.order[0] != child.order[0]
        child.attempt_begins = False
        if event.epoch > child.last_epoch:
            values = {**event.values, count_name("epoch", foreign=event.trial.foreign): float(event.epoch)}
            tags = {records.ORDER: calls.order_text(event.order)} if first else {}
            calls.log_metrics(client, child.run_id, values, event.time_ms, event.epoch, tags)
            child.last_epoch, child.order = event.epoch, event.order

    def _anew(self, client: "MlflowClient", event: Event, child: Child) -> Child:
        """The trial has begun anew: what its earlier attempt left would mix with it, and be the latest at its end."""
        client.delete_run(child.run_id)
        del self._children[event.trial.run, event.trial.member]
        return self._child(client, event, start_ms=child.start_ms)

    def _files(self, client: "MlflowClient", event: Files) -> None:
        calls.store_files(client, self._child(client, event).run_id, event)
        gone = [path for path in event.paths if not Path(path).is_file()]
        if gone:
            log.warning("files of trial %s were deleted before MLflow took them: %s", event.trial.name, ", ".join(gone))

    def _end(self, client: "MlflowClient", event: Ended) -> None:
        child, result = self._child(client, event), event.result
        if event.order <= child.order:  # an old event that had to wait
            return
        if not contains(child.final, result.metrics):
            step = max(result.epochs or 0, child.last_epoch + 1)
            calls.log_metrics(client, child.run_id, end_values(result), event.time_ms, step)
            child.final = result.metrics
        self._set_result(client, child, result, event)
        self._update_parent(client, event)
        # seeds that still run are about to change it
        if time.monotonic() >= self._judge_after and not self._some_run():
            self._update_verdict(client)

    def _some_run(self) -> bool:
        return any(child.result.status == "running" for child in self._children.values())

    def _set_result(self, client: "MlflowClient", child: Child, result: TrialResult, event: Event) -> None:
        calls.set_result(client, child.run_id, result, max(event.time_ms, child.start_ms), event.order)
        child.result, child.order = result, event.order

    def _update_parent(self, client: "MlflowClient", event: Event, closed: bool = False, note: str = "") -> None:
        """Means over the seeds that have ended, and whether all have."""
        parent = self._parent(client, event)
        trials = [child.result for (run, _), child in self._children.items() if run == event.trial.run]
        parent.n_seeds, parent.note = event.trial.n_seeds, note or None
        run = RunResult(event.trial.run, tuple(trials), parent.n_seeds, parent.note)
        if closed:
            client.set_tag(parent.run_id, records.RUN_NOTE, note)
        found = run_status(run, closed)
        self._log_changes(client, parent, run_metrics(run, whole=found != "running"))
        means = means_table(run) if found != "running" else None
        if means is not None and means != parent.means:
            calls.store_text(client, parent.run_id, MEANS_TABLE, means)
            calls.set_tags(client, parent.run_id, table_tag(MEANS_TABLE))
            parent.means = means
        status = calls.STATUS_IN_MLFLOW[found]
        if status != parent.status:
            calls.set_status(client, parent.run_id, status, event.time_ms)
            parent.status = status

    def _ensemble(self, client: "MlflowClient", event: Ensembled) -> None:
        parent = self._parent(client, event)
        self._log_changes(client, parent, event.ensemble.metrics)
        parent.ensemble = event.ensemble
        tags = {records.ENSEMBLE: records.ensemble_text(event.ensemble)}
        result = self._result()
        tags[records.DESCRIPTION] = description(result, self._judge(result), event.trial.run)
        calls.set_tags(client, parent.run_id, tags)

    def _log_changes(self, client: "MlflowClient", parent: Parent, values: Mapping[str, float]) -> None:
        changed = changes(parent.metrics, {write_name(name): value for name, value in values.items()})
        # always at step 0: MLflow draws a bar per run; of one step, the latest time counts
        self._clock_ms = max(self._clock_ms + 1, int(time.time() * 1000))
        calls.log_metrics(client, parent.run_id, changed, self._clock_ms, 0)
        parent.metrics |= changed

    def _update_verdict(self, client: "MlflowClient") -> None:
        """How every run stands against the best; a seed of one run may change that of all."""
        begun = time.monotonic()
        result = self._result()
        # of a trainable of which nothing is known, no metric says which run is better
        found = None if result.foreign else self._judge(result)
        told = found or result.runs
        if told is self._told or (found is None and told == self._told):  # many runs are closed at the same time
            return
        for run, parent in self._parents.items():
            standing = Standing({}, {}) if found is None else standing_of(run, found)
            self._log_changes(client, parent, standing.metrics)
            tags = {**standing.tags, records.DESCRIPTION: description(result, found, run)}
            if tags != parent.verdict:
                calls.set_tags(client, parent.run_id, tags)
                parent.verdict = tags
        client.set_experiment_tag(self._experiment_id, records.DESCRIPTION, description(result, found))
        self._told, ended = told, time.monotonic()
        took = ended - begun
        self._judge_after = ended + took / VERDICT_SHARE if took > QUICK_S else -math.inf

    def _judge(self, result: ExperimentResult) -> Verdict:
        """The verdict on a result; ensembles do not change it, and of each run one comes at the end."""
        judged = tuple(replace(run, ensemble=None) for run in result.runs)
        if self._verdict is None or self._verdict[0] != judged:
            self._verdict = judged, verdict(result)
        return self._verdict[1]

    def _result(self) -> ExperimentResult:
        """What MLflow has of the experiment."""
        trials = [child.result for child in self._children.values()]
        n_seeds = max((parent.n_seeds for parent in self._parents.values()), default=0)
        notes = {run: parent.note or "" for run, parent in self._parents.items()}
        ensembles = {run: parent.ensemble for run, parent in self._parents.items() if parent.ensemble is not None}
        return ExperimentResult.of(self._experiment, trials, n_seeds, notes, ensembles)

    def _parent(self, client: "MlflowClient", event: Event) -> Parent:
        name = event.trial.run
        if name not in self._parents:
            tags = {records.KIND: "run", records.RUN: name}
            run = client.create_run(self._experiment_id, start_time=event.time_ms, tags=tags, run_name=name)
            self._parents[name] = parent_of(run)
        parent = self._parents[name]
        if not parent.has_params:
            calls.log_params(client, parent.run_id, event.trial.run_params)
            parent.has_params = True
        identity = event.trial.identity
        if not parent.has_data and identity is not None and identity.data:
            self._log_data(client, parent.run_id, event.trial, identity.data)
            parent.has_data = True
        return parent

    def _log_data(self, client: "MlflowClient", run_id: str, trial: TrackedTrial, fingerprint: str) -> None:
        asked = str(trial.params.get("dataset_name", "data"))
        calls.log_data(client, run_id, Path(asked).name, fingerprint, asked)

    def _child(self, client: "MlflowClient", event: Event, start_ms: int | None = None) -> Child:
        trial = event.trial
        key = (trial.run, trial.member)
        if key not in self._children:
            tags = {
                records.KIND: "trial",
                records.RUN: trial.run,
                records.SEED: str(trial.seed),
                records.PARENT: self._parent(client, event).run_id,
                records.STATUS: "running",
                records.IDENTITY: calls.identity_text(trial.identity),
            }
            if trial.fold is not None:
                tags[records.FOLD] = str(trial.fold)
            if trial.foreign:
                tags[FOREIGN] = "yes"
            start = start_ms or event.time_ms
            run = client.create_run(self._experiment_id, start_time=start, tags=tags, run_name=trial.name)
            self._children[key] = child_of(run)
        child = self._children[key]
        if not child.has_params:
            calls.log_params(client, child.run_id, trial.params)
            child.has_params = True
        return child
