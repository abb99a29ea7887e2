"""The curves of every trial for TensorBoard, under the names that MLflow has."""

import math
import time
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from ray.tune import Callback
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.hparams.summary_v2 import Metric, hparams_pb

# its own writer: tensorboardX would bring torch into a process that does not train
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from nerbb_ray.results.reports import Reports, TuneTrial
from nerbb_ray.results.safe_hook import never_raises
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC

# the columns of the HPARAMS page beside the parameters
COMPARED = {
    SELECTION_METRIC: "val F1",
    TEST_METRIC: "test F1",
    "test/entity/micro/precision": "test precision",
    "test/entity/micro/recall": "test recall",
    "val/loss": "val loss",
}


class CurveCallback(Callback):  # type: ignore[misc]  # Ray has no types
    """Writes to `<directory>/<run>/<seed>`; a resumed trial replaces its curves from the epoch where it goes on.

    Args:
        directory: absolute.
        reports: how the reports of trials are read.
    """

    def __init__(self, directory: str | Path, reports: Reports) -> None:
        self._directory, self._reports = Path(directory), reports
        self._writers: dict[str, Any] = {}
        self._described = False

    def __reduce__(self) -> tuple[type["CurveCallback"], tuple[Path, Reports]]:
        # Tune pickles its callbacks; open files stay here
        return type(self), (self._directory, self._reports)

    @never_raises
    def on_trial_start(self, *, trial: TuneTrial, **_info: Any) -> None:
        # an attempt that was cut off ends here; the next report opens a file of its own
        self._close(trial.trial_id)

    @never_raises
    def on_trial_result(self, *, trial: TuneTrial, result: dict[str, Any], **_info: Any) -> None:
        point = self._reports.point(result)
        if point is None:
            return
        step, values = point
        self._write(trial, values, step)
        outcome = self._reports.outcome(trial, result)
        if outcome is not None:
            self._write(trial, dict(outcome.metrics), max(step + 1, outcome.epochs or 0))
            self._end(trial.trial_id, ok=outcome.ok)

    @never_raises
    def on_trial_complete(self, *, trial: TuneTrial, **_info: Any) -> None:
        self._end(trial.trial_id, ok=True)

    @never_raises
    def on_trial_error(self, *, trial: TuneTrial, **_info: Any) -> None:
        self._end(trial.trial_id, ok=False)

    @never_raises
    def on_experiment_end(self, **_info: Any) -> None:
        for trial_id in list(self._writers):
            self._close(trial_id)

    def _write(self, trial: TuneTrial, values: dict[str, float], step: int) -> None:
        if trial.trial_id not in self._writers:
            self._writers[trial.trial_id] = self._open(trial, step)
        scalars = [
            Summary.Value(tag=name, simple_value=value) for name, value in values.items() if math.isfinite(value)
        ]
        event = Event(wall_time=time.time(), step=step, summary=Summary(value=scalars))
        self._writers[trial.trial_id].add_event(event)
        self._writers[trial.trial_id].flush()

    def _open(self, trial: TuneTrial, step: int) -> Any:
        """A new file, which hides what earlier ones have from this step on, with the configuration for HPARAMS."""
        tracked = self._reports.trial(trial)
        folder = self._directory / tracked.run / str(tracked.member)
        # without a suffix, a second file of the same second could replace the first one
        writer = EventFileWriter(str(folder), filename_suffix=f".{time.time_ns()}")
        writer.add_event(Event(wall_time=time.time(), step=step, session_log=SessionLog(status=SessionLog.START)))
        shown = {key: _shown(value) for key, value in {**trial.config, **tracked.params}.items()}
        self._describe(shown, trial.config)
        writer.add_event(Event(wall_time=time.time(), summary=hparams_pb(shown, trial_id=tracked.name)))
        return writer

    def _describe(self, shown: Iterable[str], vary: Container[str]) -> None:
        """Say once, for all trials, which parameters and which metrics the HPARAMS page has.

        Args:
            vary: parameters that differ among the trials: they come first, and of all the page shows five columns.
        """
        if self._described:
            return

        about = api_pb2.Experiment(
            hparam_infos=[api_pb2.HParamInfo(name=key, differs=key in vary) for key in shown],
            metric_infos=[Metric(tag, display_name=name).as_proto() for tag, name in COMPARED.items()],
        )
        data = plugin_data_pb2.HParamsPluginData(experiment=about)
        writer = EventFileWriter(str(self._directory), filename_suffix=f".{time.time_ns()}")
        writer.add_event(Event(wall_time=time.time(), summary=_summary(metadata.EXPERIMENT_TAG, data)))
        writer.close()
        self._described = True

    def _end(self, trial_id: str, *, ok: bool) -> None:
        """Say what became of a trial, which the HPARAMS page shows, and close its file."""
        if trial_id not in self._writers:
            return

        self._writers[trial_id].add_event(Event(wall_time=time.time(), summary=_session_end(ok=ok)))
        self._close(trial_id)

    def _close(self, trial_id: str) -> None:
        writer = self._writers.pop(trial_id, None)
        if writer is not None:
            writer.close()


def _session_end(*, ok: bool) -> Summary:
    status = api_pb2.STATUS_SUCCESS if ok else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=time.time())
    return _summary(metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=end))


def _summary(tag: str, data: plugin_data_pb2.HParamsPluginData) -> Summary:
    """TensorBoard's own makers leave out what becomes of a trial, and which parameters differ."""
    about = metadata.create_summary_metadata(data)
    return Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)])


def _shown(value: Any) -> bool | float | str:
    """What the HPARAMS page can show: numbers, truth values and texts."""
    return value if isinstance(value, bool | int | float | str) else str(value)
