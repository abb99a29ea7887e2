"""Experiments from Python: define, run, get results."""

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray.arguments import optional_text, path_of
from nerbb_ray.config.ini import build_spec, difference, read_ini, write_ini
from nerbb_ray.config.keys import keys_of
from nerbb_ray.config.spec import MANDATORY, ExperimentSpec, Resources
from nerbb_ray.console import shown_width
from nerbb_ray.errors import ConfigError, ResourceError, StoreError
from nerbb_ray.interruption import Termination
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import RunOptions
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.metric_names import metric_name, require_metric
from nerbb_ray.spelling import nearest
from nerbb_ray.store import Store, current_store

if TYPE_CHECKING:
    from nerbb_ray.results.seed_mean import SeedMean
    from nerbb_ray.verdict.outcome import Verdict

with lazy_modules():  # to define an experiment takes none of the libraries that run, judge and draw it
    from nerbb_ray.mlflow_store import overview
    from nerbb_ray.report import page
    from nerbb_ray.tune import run_tuner
    from nerbb_ray.verdict import table
    from nerbb_ray.verdict import verdict as judge

DEFAULT_PRESET = "adaptive"
Name = str | os.PathLike[str]


class Experiment:
    """An experiment of the current store.

    Args:
        name: of the experiment and its file `<store>/experiment_configs/<name>.ini`.
        from_config: read the file. Without it, `model` and `dataset` are mandatory, and the file is written.
        model: hub id, name of a local model, or a folder; a list of them is an axis of the grid.
        dataset: name of a local data set, or of one of the hub; a list of them is an axis of the grid.
        from_preset: adaptive, original, stable, hybrid or None; gives the hyperparameters that are not in `params`.
        overwrite: replace a file of the same name that says something else.
        params: any key of an experiment file, e.g. lr_max=3e-5; a list is an axis of the grid: lr_max=[2e-5, 3e-5].
    Raises:
        ConfigError: everything that is wrong with the definition, or a file of this name that says something else.
        StoreError: with from_config, there is no such file.
    """

    def __init__(
        self,
        name: str,
        from_config: bool = False,
        model: Name | Sequence[Name] | None = None,
        dataset: Name | Sequence[Name] | None = None,
        from_preset: str | None = DEFAULT_PRESET,
        *,
        overwrite: bool = False,
        **params: object,
    ) -> None:
        self.name = name
        self.store: StorePaths = current_store()
        self._results: ExperimentResult | None = None
        if from_config:
            changes = None if from_preset == DEFAULT_PRESET else from_preset
            _refuse_changes({"model": model, "dataset": dataset, "from_preset": changes, **params})
            self.spec: ExperimentSpec = read_ini(self.store.find_config(name))
        else:
            self.spec = _define(name, {"model": model, "dataset": dataset}, from_preset, params)
            _write(self.spec, self.store.config(name), overwrite=overwrite)

    def __repr__(self) -> str:
        seeds = self.spec.settings.multiple_runs
        folds = f" x {self.spec.num_folds} folds" if self.spec.num_folds > 1 else ""
        return f"<Experiment {self.name}: {len(self.spec.runs)} runs x {seeds} seeds{folds}, file {self.config}>"

    @property
    def config(self) -> Path:
        """The experiment's file; of one that was run from a file elsewhere, the copy in the store."""
        own, copy = self.store.config(self.name), self.store.config_copy(self.name)
        return copy if copy.is_file() and not own.is_file() else own

    def show_config(self) -> None:
        """Print the experiment's file."""
        print(self.config.read_text(encoding="utf-8-sig"))

    def run(
        self,
        *,
        address: str | None = None,
        resume: bool = False,
        overwrite: bool = False,
        quiet: bool = False,
        **resources: object,
    ) -> None:
        """Run what is missing of the experiment, and print the results table.

        A trial that fails does so alone: the table and `results` name it.

        Args:
            address: of a Ray cluster; "auto": the one on this machine. None starts Ray here.
            resume: an error if there is nothing to go on from.
            overwrite: forget earlier trials of this name.
            quiet: print nothing.
            resources: replace keys of [resources], e.g. num_workers=2.
        Raises:
            NerbbError: before anything starts: data, models, resources, or parameters that differ from earlier trials'.
            KeyboardInterrupt: it was interrupted; what is done is kept.
        """
        _check_resources(resources)
        optional_text("address", address, ResourceError)
        options = RunOptions(
            address=address, resume=resume, overwrite=overwrite, quiet=quiet, resources=tuple(resources.items())
        )
        options.apply(self.spec.resources)  # refuses wrong values now, not after minutes of preparation
        self._results = run_tuner.run_experiment(self.spec, self.store, options)
        if not quiet:
            where = str(Store.chosen) if Store.chosen else None
            print(table.results_text(self._results, shown_width(pipe=100), where))
        if Termination.asked:
            signal.raise_signal(signal.SIGTERM)  # to whoever handled it before the search; usually the process ends
        if any(trial.status == "interrupted" for trial in self._results.trials):
            raise KeyboardInterrupt("interrupted; call run() again to go on")

    @property
    def results(self) -> "ExperimentResult":
        """Runs and trials: those of the last `run`, else what MLflow knows of the experiment.

        Raises:
            ResultError: it was never run.
        """
        return (
            overview.for_users(self._results, self.store)
            if self._results
            else overview.results_of(self.store, self.name)
        )

    def report(self, path: Name | None = None) -> Path:
        """Write the results as one HTML page: means, curves, classes, errors; it needs no server and no network.

        Args:
            path: of the file; `<store>/results/reports/<name>.html` if left out.
        Returns:
            Its absolute path.
        Raises:
            ResultError: it was never run.
        """
        target = None if path is None else Path(path_of("the file of a report", path, StoreError))
        return page.write_report(self.name, self.store, target)

    def get_result(
        self,
        metric: str = "f1",
        level: str = "entity",
        label: str = "micro",
        phase: str = "test",
        average: bool = False,
    ) -> "float | SeedMean":
        """One metric of the best trial, or with `average` its mean over the seeds of the best run.

        Best: highest entity micro F1 on the validation data.

        Args:
            metric: f1, precision, recall, support, loss, acc.
            level: entity or token.
            label: micro, macro, or a class.
            phase: test or val.
        Raises:
            ResultError: there is no such metric (the message lists what there is), or no trial ended ok.
        """
        return self.results.get(metric=metric, level=level, label=label, phase=phase, average=average)

    def verdict(self, metric: str = "f1", level: str = "entity", label: str = "micro", phase: str = "val") -> "Verdict":
        """Which run is better than which, as far as the seeds can tell.

        Args:
            metric, level, label, phase: as in `get_result`.
        Returns:
            Means, differences to the best run with intervals and tests, and the runs that are tied with it;
            `str()` of it says it in words.
        Raises:
            ResultError: there is no such metric, or the experiment was never run.
        """
        name, results = metric_name(metric, level, label, phase), self.results
        asked = {"metric": metric, "level": level, "label": label, "phase": phase}
        require_metric(name, {known for run in results.runs for known in run.metric_names}, asked)
        return judge.verdict(results, name)


def _refuse_changes(given: Mapping[str, object]) -> None:
    problems = [
        f"{keyword}: belongs into the file of an experiment with from_config=True; got {value!r}"
        for keyword, value in given.items()
        if value is not None
    ]
    if problems:
        raise ConfigError(problems)


def _define(
    name: str, sources: Mapping[str, object], preset: str | None, params: Mapping[str, object]
) -> ExperimentSpec:
    """The experiment of keywords.

    Args:
        sources: model and dataset; None is missing.
    Raises:
        ConfigError: all problems.
    """
    problems = [
        f"{MANDATORY[what]}: is given as {what}=...; got it as well" for what in sources if MANDATORY[what] in params
    ]
    problems += [
        f"{what}: is mandatory without from_config=True; got nothing"
        for what, value in sources.items()
        if value is None
    ]
    # a stand-in for what is missing: the other problems are to be reported, too
    given = {MANDATORY[what]: "missing" if value is None else value for what, value in sources.items()}
    try:
        spec = build_spec(name, params={**params, **given}, preset=preset)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from None
    if problems:
        raise ConfigError(problems)
    return spec


def _write(spec: ExperimentSpec, path: Path, *, overwrite: bool) -> None:
    """Write the experiment's file, unless it says the same already: comments in it survive.

    Raises:
        ConfigError: it says something else.
    """
    if path.exists() and not overwrite:
        earlier = read_ini(path)
        if earlier != spec:
            raise ConfigError(
                [
                    f"experiment {spec.name} has a file that says something else: {path}",
                    *difference(earlier, spec),
                    "run the file as it is (from_config=True, no other keywords), choose another name, "
                    "or replace the file (overwrite=True)",
                ]
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_ini(spec, path)


def _check_resources(given: Mapping[str, object]) -> None:
    known = keys_of(Resources)
    unknown = [keyword for keyword in given if keyword not in known]
    hints = {keyword: nearest(keyword, known) for keyword in unknown}
    if unknown:
        raise ConfigError(
            f"{keyword}: unknown keyword of run(); "
            + (
                f"did you mean {hint!r}?"
                if hint
                else f"there are address, resume, overwrite, quiet, {', '.join(known)}"
            )
            for keyword, hint in hints.items()
        )
