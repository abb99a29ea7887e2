"""How the results lie in MLflow: tags, names, and the way from an MLflow run back to a TrialResult.

    experiment (its name; tag nerbb.kind = experiment)
    +-- parent run per run of the grid (nerbb.kind = run): parameters, data set, `<metric>/mean`, `/sem`, ... of what
        |   people compare and a table of all means; `verdict/behind`, `verdict/p_holm`, tags nerbb.verdict and
        |   nerbb.verdict_words, and both as its description; the ensemble of its seeds: `val/ensemble/...`,
        |   `test/ensemble/...`, tag nerbb.ensemble
        +-- child run per trial (nerbb.kind = trial, nerbb.seed, with folds nerbb.fold, nerbb.identity): parameters,
            curves, final metrics, artifacts; final values of single classes as a table and as tags (class_values)

The trials of a trainable that knows nothing of nerbb_ray (tag nerbb.foreign) have metrics of any names, and their runs
all statistics of each; there is no verdict on them.
"""

import gc
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast, get_args

from nerbb_ray.config.spec import Member, member_of
from nerbb_ray.errors import NerbbError, ResultError
from nerbb_ray.logs import without_password
from nerbb_ray.mlflow_store.advice import advice
from nerbb_ray.mlflow_store.bookkeeping import counts_of, is_foreign, metrics_of
from nerbb_ray.mlflow_store.database import make_ready, sqlite_file
from nerbb_ray.mlflow_store.names import read_name, read_value
from nerbb_ray.mlflow_store.quiet import quiet_mlflow
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.run_ensemble import RunEnsemble, is_ensemble_metric
from nerbb_ray.results.trial_result import Status, TrialResult

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

KIND, RUN, SEED, FOLD = "nerbb.kind", "nerbb.run", "nerbb.seed", "nerbb.fold"
STATUS, ERROR, REASON, CHECKPOINT, LOG = "nerbb.status", "nerbb.error", "nerbb.reason", "nerbb.checkpoint", "nerbb.log"
DATA, NOTE, RUN_NOTE = "nerbb.data", "nerbb.note", "nerbb.run_note"
IDENTITY, ORDER = "nerbb.identity", "nerbb.order"
VERDICT, VERDICT_WORDS = "nerbb.verdict", "nerbb.verdict_words"
ENSEMBLE = "nerbb.ensemble"
HELD_BY, HELD_COUNT = "nerbb.held_by", "nerbb.held_count"  # of an experiment, while it is run
DESCRIPTION = "mlflow.note.content"
PARENT = "mlflow.parentRunId"

RUNS_PER_PAGE = 1000
STATUS_OF_MLFLOW: dict[str, Status] = {"FINISHED": "ok", "FAILED": "failed", "KILLED": "interrupted"}


def open_client(tracking_uri: str) -> "MlflowClient":
    """A quiet and impatient client. The first one of a process costs seconds of imports, a new database as well.

    Raises:
        ResultError: a database is locked, half-made, or of another version of MLflow.
    """
    quiet_mlflow()
    if database := sqlite_file(tracking_uri):
        make_ready(database)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri)


def find_runs(client: "MlflowClient", experiment_ids: Sequence[str], kind: str | None = None) -> Iterator["Run"]:
    """All our MLflow runs of some experiments, or those of one kind, in the order of their start."""
    if not experiment_ids:
        return
    condition = f"tags.`{KIND}` LIKE '%'" if kind is None else f"tags.`{KIND}` = '{kind}'"
    token: str | None = None
    while True:
        with paused_garbage_collection():
            page = client.search_runs(
                list(experiment_ids),
                condition,
                max_results=RUNS_PER_PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
        yield from page
        token = page.token
        if not token:
            return


@contextmanager
def paused_garbage_collection() -> Iterator[None]:
    """Reading 1,000 runs makes a million objects; the collector would triple the time by looking at them again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def trial_result(run: "Run") -> TrialResult:
    """The trial that a child run stands for."""
    tags, counts = run.data.tags, counts_of(run)
    epochs = counts["epochs"] if "epochs" in counts else counts["epoch"] + 1 if "epoch" in counts else None
    duration = counts.get("elapsed_s")
    if duration is None and run.info.end_time is not None:
        duration = (run.info.end_time - run.info.start_time) / 1000
    return TrialResult(
        run=tags[RUN],
        seed=int(tags[SEED]),
        fold=fold_of(tags.get(FOLD)),
        status=status_of(tags.get(STATUS, ""), run.info.status),
        metrics=metrics_of(run),
        params={read_name(key): value for key, value in run.data.params.items()},
        epochs=None if epochs is None else int(epochs),
        error=tags.get(ERROR) or None,
        checkpoint=tags.get(CHECKPOINT) or None,
        duration_s=duration,
        log=tags.get(LOG) or None,
        identity=_identity(run),
        best_epoch=int(counts["best_epoch"]) if "best_epoch" in counts else None,
        kept_epoch=int(counts["kept_epoch"]) if "kept_epoch" in counts else None,
        reason=tags.get(REASON) or None,
        note=tags.get(NOTE) or None,
        foreign=is_foreign(run),
        started_s=None if run.info.start_time is None else run.info.start_time / 1000,
        ended_s=None if run.info.end_time is None else run.info.end_time / 1000,
    )


def fold_of(text: str | None) -> int | None:
    """The fold that a tag names; None without folds."""
    return int(text) if text else None


def seeds_of(params: Mapping[str, object]) -> int:
    """How many trials a run is to have by the parameters of one of them: its seeds, with folds on every fold."""
    folds = _number(params.get("folds"), 0) * _number(params.get("repeats"), 1)
    return _number(params.get("multiple_runs"), 0) * max(1, folds)


def _number(value: object, otherwise: int) -> int:
    """What is no number is a parameter of somebody else's."""
    text = str(value or "")
    return int(text) if text.isdecimal() else otherwise


def ensemble_text(ensemble: RunEnsemble) -> str:
    """As a tag of its run has it, beside the metrics."""
    return json.dumps({"seeds": ensemble.seeds, "decoding": ensemble.decoding, "note": ensemble.note})


def run_ensemble(run: "Run") -> RunEnsemble | None:
    """That of the run that a parent run stands for; None if nobody has looked for one."""
    tag = run.data.tags.get(ENSEMBLE)
    if not tag:
        return None
    about = json.loads(tag)
    seeds = tuple(about["seeds"])
    known = {name: read_value(value) for name, value in run.data.metrics.items() if is_ensemble_metric(name)}
    # the values of an earlier one stay in MLflow
    return RunEnsemble(seeds, about["decoding"], known if seeds else {}, about["note"])


def status_of(tag: str, in_mlflow: str) -> Status:
    """The status of a trial: what its tag says, else what MLflow has."""
    return cast("Status", tag) if tag in get_args(Status) else STATUS_OF_MLFLOW.get(in_mlflow, "running")


def _identity(run: "Run") -> Identity:
    recorded = run.data.tags.get(IDENTITY)
    if recorded:
        return Identity.from_dict(json.loads(recorded))
    return Identity.of_record(run.data.params, run.data.tags.get(DATA) or None)


def order_of(run: "Run") -> tuple[int, int]:
    """The last event that an MLflow run has: number of the driver, and of the event among its own."""
    driver, _, number = run.data.tags.get(ORDER, "").partition(".")
    # before version 0.4 only the time told the order
    return (int(driver), int(number)) if number else (0, run.info.end_time or 0)


def newest_trials(runs: Iterable["Run"]) -> dict[tuple[str, Member], "Run"]:
    """Child runs by run and member; of several, the one that a driver has written to last."""
    newest: dict[tuple[str, Member], Run] = {}
    for run in runs:
        tags = run.data.tags
        key = (tags[RUN], member_of(int(tags[SEED]), fold_of(tags.get(FOLD))))
        if key not in newest or order_of(newest[key]) <= order_of(run):
            newest[key] = run
    return newest


@contextmanager
def reading(tracking_uri: str) -> Iterator["MlflowClient"]:
    """A client to read with.

    Raises:
        ResultError: MLflow cannot be reached or read.
    """
    try:
        yield open_client(tracking_uri)
    except NerbbError:
        raise
    except Exception as error:
        raise ResultError(
            f"MLflow at {without_password(tracking_uri)} cannot be read: {advice(error, tracking_uri)}"
        ) from error
