"""The runs of an experiment, best first: their means with strips of the seeds, and the parameters that vary."""

import math
from collections.abc import Sequence

from nerbb_ray.errors import ResultError
from nerbb_ray.html.document import folded, paragraph, run_name, table
from nerbb_ray.html.render import macros
from nerbb_ray.html.without_paths import without_paths
from nerbb_ray.report.matrices import STRIP
from nerbb_ray.report.strip import Scale, axis, strip
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC, RunResult
from nerbb_ray.verdict.marks import BEST, legend, means_legend
from nerbb_ray.verdict.parts import part_lines
from nerbb_ray.verdict.table import epochs_text, fold_sentences, marks_of_runs
from nerbb_ray.verdict.verdict import verdict

LISTED_EPOCHS = 5
OPEN_ROWS = 40
OF_A_TRIAL = ("run", "seed", "fold")  # parameters that are no choice


def ranked(result: ExperimentResult) -> tuple[RunResult, ...]:
    """Highest mean val entity micro F1 first; those without one last, in the order of the experiment."""
    means = {run.run: run.mean_if_any(SELECTION_METRIC).mean for run in result.runs}
    return tuple(sorted(result.runs, key=lambda run: -means[run.run] if math.isfinite(means[run.run]) else math.inf))


def best_run(result: ExperimentResult) -> str | None:
    """Its name; None without anything to choose from."""
    try:
        return result.best_run().run
    except ResultError:
        return None


def shown_mean(mean: SeedMean, interval: bool = False) -> str:
    """`0.5480 ± 0.0041 [0.537, 0.559]`; a single value without uncertainty; `-` without any."""
    return (mean.with_interval() if interval else mean.brief()).replace("+-", "±")


def runs_section(result: ExperimentResult) -> str:
    runs, marks = ranked(result), marks_of_runs(result, verdict(result))
    said = legend(marks.values(), kind=f"{result.member}s")
    means = means_legend([run.mean_if_any(metric) for run in runs for metric in (SELECTION_METRIC, TEST_METRIC)])
    strips = f"In the strips: a dot per {result.member}, a tick for the mean, a bar for its interval."
    about = f"{means.replace('+-', '±')}. {strips}" if means else strips
    scales = [Scale.of(runs, metric) for metric in (SELECTION_METRIC, TEST_METRIC)]
    header = ["run", "ok", "epochs", *_headers(scales), "not ok"]
    rows = [_row(run, marks[run.run], scales) for run in runs]
    parts = "".join(paragraph(line, "warn") for line in part_lines(result))
    spreads = "".join(map(paragraph, fold_sentences(result)))
    return parts + paragraph(f"{said}. {about}" if said else about) + spreads + best_first(header, rows, numeric=(1, 2))


def _headers(scales: Sequence[Scale]) -> list[object]:
    above = macros(STRIP).above
    names = ("val entity micro F1", "test entity micro F1")
    return [above(name, axis(scale)) for name, scale in zip(names, scales, strict=True)]


def _row(run: RunResult, mark: str, scales: Sequence[Scale]) -> list[object]:
    parts, name = macros(STRIP), run_name(f"{mark}\u00a0{run.run}" if mark else run.run)  # a mark is alone on no line
    name = parts.strong(name) if mark == BEST else name
    strips = [
        parts.above(shown_mean(run.mean_if_any(metric), interval=True), strip(run, metric, scale))
        for metric, scale in zip((SELECTION_METRIC, TEST_METRIC), scales, strict=True)
    ]
    return [name, f"{run.n_ok}/{run.n_total}", epochs_text(run, LISTED_EPOCHS, spread=True), *strips, _not_ok(run)]


def _not_ok(run: RunResult) -> str:
    """`failed: seed 45, 46; not started: 1 of 5`"""
    seeds: dict[str, list[str]] = {}
    for trial in run.trials:
        if not trial.ok:
            seeds.setdefault(trial.status, []).append(str(trial.member))
    parts = [f"{status}: {run.member} {', '.join(numbers)}" for status, numbers in seeds.items()]
    if missing := run.n_total - len(run.trials):
        why = "left out by the search" if run.note else "not started"
        parts.append(f"{why}: {missing} of {run.n_total}")
    return "; ".join(parts)


def varying(result: ExperimentResult) -> tuple[str, ...]:
    """The parameters that are not the same in all trials, in their order."""
    values: dict[str, set[str]] = {}
    for trial in result.trials:
        for key, value in trial.params.items():
            values.setdefault(key, set()).add(str(value))
    return tuple(key for key, found in values.items() if len(found) > 1 and key not in OF_A_TRIAL)


def parameters_section(result: ExperimentResult) -> str:
    """Empty where nothing varies."""
    keys = varying(result)
    if not keys:
        return ""
    rows = [[run_name(run.run), *(_value(run, key) for key in keys)] for run in ranked(result)]
    return folded(f"Parameters that vary: {', '.join(keys)}", best_first(["run", *keys], rows))


def best_first(header: Sequence[object], rows: Sequence[Sequence[object]], numeric: Sequence[int] = ()) -> str:
    """A table, of which what is far from the best is shown on a click."""
    shown, others = rows[:OPEN_ROWS], rows[OPEN_ROWS:]
    more = folded(f"the other {len(others)} runs", table(header, others, numeric=numeric)) if others else ""
    return table(header, shown, numeric=numeric) + more


def _value(run: RunResult, key: str) -> str:
    values = dict.fromkeys(str(trial.params[key]) for trial in run.trials if key in trial.params)
    return without_paths(" or ".join(values)) or "-"
