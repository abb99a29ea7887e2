"""What a search has found as numbers: the parameters that vary, the score of every point, and what mattered."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nerbb_ray.html.without_paths import last_part
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.frames import typed_params
from nerbb_ray.results.trial_result import SELECTION_METRIC, RunResult

if TYPE_CHECKING:
    import optuna

FEWEST_POINTS = 5  # by which importance can be told
LOG_SPAN = 20  # a parameter whose values differ by more is drawn on a logarithmic axis
IGNORED = ("multiple_runs",)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that varies.

    Args:
        values: run -> its value; of a path, the last part.
        numeric: whether all of them are numbers.
    """

    name: str
    values: Mapping[str, object]
    numeric: bool

    @property
    def log(self) -> bool:
        """Whether the axis is to be logarithmic."""
        if not self.numeric:
            return False
        numbers = [float(str(value)) for value in self.values.values()]
        return min(numbers) > 0 and max(numbers) / min(numbers) >= LOG_SPAN

    @property
    def categories(self) -> list[str]:
        """What its values are called, sorted; of a parameter that is no number."""
        return sorted({str(value) for value in self.values.values()})

    def place(self, run: str) -> float:
        """Where a run lies on the axis: its number, or that of its category."""
        value = self.values[run]
        return float(str(value)) if self.numeric else float(self.categories.index(str(value)))


@dataclass(frozen=True, slots=True)
class Point:
    """A run with its mean val F1, and that of each of its seeds."""

    run: str
    mean: float
    seeds: tuple[float, ...]


def points_of(result: ExperimentResult) -> list[Point]:
    """The runs that have a val F1."""
    found = []
    for run in result.runs:
        mean = run.mean_if_any(SELECTION_METRIC)
        if mean.n:
            scores = (trial.metrics.get(SELECTION_METRIC, math.nan) for trial in run.ok_trials)
            found.append(Point(run.run, mean.mean, tuple(score for score in scores if math.isfinite(score))))
    return found


def parameters_of(result: ExperimentResult, keys: Sequence[str], points: Sequence[Point]) -> list[Parameter]:
    """Those in which the points differ, and that every one of them has."""
    runs = {run.run: run for run in result.runs}
    found = []
    for key in keys:
        values = {point.run: _value(runs[point.run], key) for point in points}
        different = {str(value) for value in values.values()}
        if key in IGNORED or None in values.values() or len(different) < 2:
            continue
        numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values.values())
        found.append(Parameter(key, values, numeric))
    return found


def _value(run: RunResult, key: str) -> object:
    params = typed_params(run.trials[0].params)
    value = params.get(key)
    return last_part(value) if isinstance(value, str) else value


def importance(parameters: Sequence[Parameter], points: Sequence[Point]) -> dict[str, float]:
    """How much each parameter matters for being among the best, as Optuna computes it; shares, the largest first.

    Empty where the points are too few, or all as good as each other.

    Source: Watanabe, Bansal, Hutter 2023, PED-ANOVA, https://arxiv.org/abs/2304.10255
    """
    if len(points) < FEWEST_POINTS or not parameters or len({point.mean for point in points}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        spaces = {parameter.name: _space(parameter) for parameter in parameters}
        study = optuna.create_study(direction="maximize")
        for point in points:
            params = {parameter.name: _param(parameter, point.run) for parameter in parameters}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=spaces, value=point.mean))
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        found = optuna.importance.get_param_importances(study, evaluator=evaluator, normalize=False)
    total = sum(found.values())
    shares = {name: value / total for name, value in found.items()} if total > 0 and math.isfinite(total) else {}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _space(parameter: Parameter) -> "optuna.distributions.BaseDistribution":
    import optuna

    if not parameter.numeric:
        return optuna.distributions.CategoricalDistribution(parameter.categories)
    numbers = [float(str(value)) for value in parameter.values.values()]
    return optuna.distributions.FloatDistribution(min(numbers), max(numbers), log=parameter.log)


def _param(parameter: Parameter, run: str) -> float | str:
    return parameter.place(run) if parameter.numeric else str(parameter.values[run])


def best_so_far(result: ExperimentResult) -> list[tuple[float, float]]:
    """(hours since the first trial began, highest val F1 of a single trial until then), a step for each trial that
    ended ok; empty where the times are not known."""
    ended = [
        (trial.ended_s, trial.metrics[SELECTION_METRIC])
        for trial in result.trials
        if trial.ok and trial.ended_s is not None and math.isfinite(trial.metrics.get(SELECTION_METRIC, math.nan))
    ]
    begun = [trial.started_s for trial in result.trials if trial.started_s is not None]
    if not ended or not begun:
        return []
    best, steps = -math.inf, []
    for end, score in sorted(ended):
        best = max(best, score)
        steps.append(((end - min(begun)) / 3600, best))
    return steps
