"""What trials left in MLflow besides their results: the curves over their epochs, and their files."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from nerbb_ray.config.spec import Member
from nerbb_ray.errors import ResultError
from nerbb_ray.mlflow_store.moved import artifacts_folder
from nerbb_ray.mlflow_store.names import INFINITY, read_name, write_name
from nerbb_ray.mlflow_store.schema import find_runs, newest_trials, reading
from nerbb_ray.results.reports import CURVE

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

TrialKey = tuple[str, Member]
MAX_BYTES = 64_000  # of the end of a file: logs can be long


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read of a trial.

    Args:
        curves: names of metrics.
        files: names or patterns of names: `*.log`.
        whole: not only the end of long files.
    """

    curves: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class TrialDetails:
    """What there is of a trial.

    Args:
        curves: metric -> epoch (counted from 0) -> value, NaN where it is not finite; without the metrics of the
            chosen checkpoint, which MLflow has under the same names.
        files: name -> text; of a long one its end, unless the whole was asked for.
        problem: why files that MLflow has could not be read.
    """

    curves: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None


def read_details(tracking_uri: str, name: str, wanted: Mapping[TrialKey, Wanted]) -> dict[TrialKey, TrialDetails]:
    """Of an experiment that exists; a trial that MLflow does not have is left out.

    Raises:
        ResultError: MLflow cannot be read. Files alone that cannot be read are a `problem` of their trial.
    """
    with reading(tracking_uri) as client:
        experiment = client.get_experiment_by_name(name)
        ids = [experiment.experiment_id] if experiment else []
        runs = newest_trials(find_runs(client, ids, kind="trial"))
        return {key: _read(client, runs[key], wish) for key, wish in wanted.items() if key in runs}


def read_curves(
    tracking_uri: str, name: str, metrics: Sequence[str] | None
) -> dict[TrialKey, dict[str, dict[int, float]]]:
    """What the trials of an experiment have reported after every epoch.

    Args:
        metrics: by full name; None: all that their curves show.
    Raises:
        ResultError: MLflow cannot be read.
    """
    with reading(tracking_uri) as client:
        experiment = client.get_experiment_by_name(name)
        ids = [experiment.experiment_id] if experiment else []
        runs = newest_trials(find_runs(client, ids, kind="trial"))
        return {key: _curves(client, run.info.run_id, metrics or _of_curves(run)) for key, run in runs.items()}


def _of_curves(run: "Run") -> list[str]:
    return sorted(name for name in map(read_name, run.data.metrics) if CURVE.fullmatch(name))


def find_file(tracking_uri: str, name: str, trial: TrialKey, file: str, folder: Path) -> Path | None:
    """A file that a trial of an experiment has left; None if there is none.

    Args:
        folder: what does not lie on this machine is copied into a folder of the trial in it.
    Raises:
        ResultError: MLflow, or the place of its files, cannot be read.
    """
    with reading(tracking_uri) as client:
        experiment = client.get_experiment_by_name(name)
        runs = newest_trials(find_runs(client, [experiment.experiment_id], kind="trial")) if experiment else {}
        if trial not in runs:
            return None
        own = str(folder / runs[trial].info.run_id)
        try:
            return next((path for _, path in _found(client, runs[trial], [file], own)), None)
        except Exception as error:  # the places of files are of many kinds, each with errors of its own
            raise ResultError((str(error).splitlines() or [type(error).__name__])[0]) from error


def _read(client: "MlflowClient", run: "Run", wish: Wanted) -> TrialDetails:
    files, problem = _files(client, run, wish) if wish.files else ({}, None)
    return TrialDetails(_curves(client, run.info.run_id, wish.curves), files, problem)


def _curves(client: "MlflowClient", run_id: str, names: Iterable[str]) -> dict[str, dict[int, float]]:
    epochs: dict[int, float] | None = None
    curves = {}
    for name in names:
        epochs = _history(client, run_id, "epoch") if epochs is None else epochs
        values = _history(client, run_id, name)
        curves[name] = {epoch: values[epoch] for epoch in sorted(epochs) if epoch in values}
    return curves


def _history(client: "MlflowClient", run_id: str, name: str) -> dict[int, float]:
    """Step -> value; of several values of one step, the one that came last."""
    history = sorted(client.get_metric_history(run_id, write_name(name)), key=lambda metric: metric.timestamp)
    return {metric.step: metric.value if abs(metric.value) < INFINITY else math.nan for metric in history}


def _files(client: "MlflowClient", run: "Run", wish: Wanted) -> tuple[dict[str, str], str | None]:
    texts = {}
    with TemporaryDirectory() as folder:
        try:
            for name, path in _found(client, run, wish.files, folder):
                texts[name] = path.read_text(encoding="utf-8") if wish.whole else _tail(path)
        except Exception as error:  # the places of files are of many kinds, each with errors of its own
            return texts, (str(error).splitlines() or [type(error).__name__])[0]
    return texts, None


def _found(client: "MlflowClient", run: "Run", patterns: Iterable[str], folder: str) -> Iterator[tuple[str, Path]]:
    """Names and paths; what does not lie on this machine is copied into `folder`."""

    def is_wanted(name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in patterns)

    location = urlsplit(run.info.artifact_uri or "")
    if location.scheme == "file":  # 50 times as fast as through MLflow
        here = artifacts_folder(Path(url2pathname(location.path)), client.tracking_uri)
        found = sorted(here.iterdir()) if here.is_dir() else []
        yield from ((path.name, path) for path in found if is_wanted(path.name) and path.is_file())
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    for entry in client.list_artifacts(run.info.run_id):
        if is_wanted(entry.path) and not entry.is_dir:
            yield entry.path, Path(client.download_artifacts(run.info.run_id, entry.path, folder))


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_BYTES))
        return file.read().decode(errors="replace")
