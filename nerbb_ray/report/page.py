"""The report of an experiment: everything that is known of it on one page that needs no server and no network."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from nerbb_ray import atomic
from nerbb_ray.errors import StoreError
from nerbb_ray.html.document import Section, document, heading, paragraph
from nerbb_ray.html.without_paths import without_paths
from nerbb_ray.logs import without_password
from nerbb_ray.mistakes.found import Mistakes
from nerbb_ray.mlflow_store.details import TrialDetails, TrialKey, Wanted, read_details
from nerbb_ray.mlflow_store.overview import results_of
from nerbb_ray.paths import StorePaths
from nerbb_ray.report import matrices, setting, trials
from nerbb_ray.report.classes import classes_section
from nerbb_ray.report.curves import NAMES, curves_section, shown_trials
from nerbb_ray.report.ensembles import ensembles_section
from nerbb_ray.report.learning_curve import Curves, learning_curve_section, learning_curves
from nerbb_ray.report.mistakes import best_runs_mistakes, mistakes_section
from nerbb_ray.report.runs import parameters_section, ranked, runs_section
from nerbb_ray.report.search import search_section
from nerbb_ray.report.summary import summary_section
from nerbb_ray.report.verdict import statistics_section, verdict_words
from nerbb_ray.results.experiment_result import ExperimentResult

CURVES_OF_RUNS = 6
FILES_OF_RUNS = 30


def write_report(name: str, store: StorePaths, path: Path | None = None) -> Path:
    """Write the report of an experiment.

    Args:
        path: of the file; `<store>/results/reports/<name>.html` if left out. An older one is replaced.
    Returns:
        The absolute path.
    Raises:
        ResultError: the experiment has no results, or MLflow cannot be read.
        StoreError: the file cannot be written.
    """
    target = Path(path).expanduser().absolute() if path is not None else store.report(name)
    _check_place(target)
    result = results_of(store, name)
    details = read_details(store.tracking_uri, name, wanted(result))
    made = f"made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC{_server(store.tracking_uri)}"
    config = store.config(name) if store.config(name).is_file() else None
    found, curves = best_runs_mistakes(store, result), learning_curves(store, result, config)
    _replace(target, report_html(result, details, made, config, found, curves))
    return target


def _server(tracking_uri: str) -> str:
    """Where a database lies on this computer is nobody's business."""
    return f" from MLflow at {without_password(tracking_uri)}" if tracking_uri.startswith("http") else ""


def wanted(result: ExperimentResult) -> dict[TrialKey, Wanted]:
    """What has to be read for the report: not everything of a large experiment."""
    wishes: dict[TrialKey, Wanted] = {}
    runs = ranked(result)
    for run in runs[:FILES_OF_RUNS]:
        for trial in matrices.shown_trials(run):
            wishes[trial.run, trial.member] = Wanted(files=(*matrices.FILES.values(), setting.ENVIRONMENT))
    for trial in trials.failed_trials(result)[: trials.MAX_ERRORS]:
        wishes[trial.run, trial.member] = trials.WANTED_OF_FAILED
    for run in runs[:CURVES_OF_RUNS]:
        for trial in shown_trials(run):
            key = trial.run, trial.member
            wishes[key] = replace(wishes.get(key, Wanted()), curves=NAMES)
    return wishes


def report_html(
    result: ExperimentResult,
    details: Mapping[TrialKey, TrialDetails],
    made: str,
    config: Path | None,
    found: Mistakes | str,
    curves: Curves = (),
) -> str:
    """The page: the same arguments give the same text.

    Args:
        made: a line that says when and from what.
        config: the experiment's file, where it is at hand.
        found: the mistakes of the best run, or why there are none.
        curves: of what was trained with several fractions of the data, or why there are none.
    """
    sections = list(_sections(result, details, config, found, curves))
    return document(f"Experiment {result.name}", sections, about=[made])


def _sections(
    result: ExperimentResult,
    details: Mapping[TrialKey, TrialDetails],
    config: Path | None,
    found: Mistakes | str,
    curves: Curves,
) -> Iterator[Section]:
    runs = ranked(result)
    with_results = [run for run in runs if run.n_ok]
    shown = with_results[:FILES_OF_RUNS]
    yield Section("Summary", summary_section(result, details))
    results = (runs_section, verdict_words, ensembles_section, parameters_section)
    yield Section("Results", "".join(part(result) for part in results))
    if searched := search_section(result):
        yield Section("Search", searched)
    if curves:
        yield Section("More training data", learning_curve_section(curves))
    yield Section("Learning curves", curves_section(runs[:CURVES_OF_RUNS], details, len(runs)))
    yield Section("Classes", classes_section(result))
    yield Section("Confusion matrices", matrices.matrices_section(shown, details, len(with_results)))
    yield Section("Mistakes", mistakes_section(result, found))
    yield Section("Trials", trials.failures_section(result, details) + trials.slowest_section(result))
    environment = setting.environment_section(result, details) + _problems(details)
    configuration = heading("Configuration") + setting.configuration_section(result, config)
    yield Section("Environment", environment + configuration)
    if statistics := statistics_section(result):
        yield Section("Statistics", statistics)


def _problems(details: Mapping[TrialKey, TrialDetails]) -> str:
    """One line for all trials with the same reason."""
    trials_of: dict[str, list[str]] = {}
    for (run, seed), read in details.items():
        if read.problem:
            trials_of.setdefault(read.problem, []).append(f"{run}-{seed}")
    return "".join(
        paragraph(
            f"Files of {names[0] if len(names) == 1 else f'{len(names)} trials'} cannot be read: {without_paths(why)}",
            "warn",
        )
        for why, names in trials_of.items()
    )


def _check_place(path: Path) -> None:
    """Before anything is read, which can take a while.

    Raises:
        StoreError: the path is that of a folder, or lies below a file.
    """
    parent = next(folder for folder in path.parents if folder.exists())
    if path.is_dir() or not parent.is_dir():
        problem = "it is a folder" if path.is_dir() else f"{parent} is no folder"
        raise StoreError(f"the report {path} cannot be written: {problem}; name another file")


def _replace(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees a part of it.

    Raises:
        StoreError: it cannot be written there.
    """
    try:
        atomic.write_text(path, text)
    except OSError as error:
        raise StoreError(f"the report {path} cannot be written: {error.strerror}; name another file") from error
