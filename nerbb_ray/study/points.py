"""The results of a study: for every data set and model, the approaches at each fraction of the training data. Pure.

An approach is what a run section is called after: `[run_adaptive]` is adaptive.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nerbb_ray.config.keys import RUN_PREFIX
from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.errors import ResultError
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import TEST_METRIC, RunResult
from nerbb_ray.verdict.verdict import compare


@dataclass(frozen=True, slots=True)
class Point:
    """One approach with one fraction of the training data: a run of an experiment with all of its seeds."""

    experiment: str
    approach: str
    fraction: float
    run: RunResult

    def score(self, metric: str) -> SeedMean:
        return self.run.mean_if_any(metric)

    @property
    def epochs(self) -> SeedMean:
        """Of the trials that ended ok."""
        known = (trial.epochs for trial in self.run.ok_trials)
        values = (float(epochs) for epochs in known if epochs is not None)
        return SeedMean.of(values, self.run.n_total, share=False)


@dataclass(frozen=True, slots=True)
class Panel:
    """All points of a data set and a model.

    Args:
        fractions: smallest first.
        approaches: in the order of the files.
        points: by fraction and approach; not every approach has every fraction.
    """

    dataset: str
    model: str
    fractions: tuple[float, ...]
    approaches: tuple[str, ...]
    points: Mapping[tuple[float, str], Point]

    @property
    def title(self) -> str:
        return f"{self.dataset}, {self.model}"

    def of_approach(self, approach: str) -> list[Point]:
        """Smallest fraction first."""
        return [self.points[key] for fraction in self.fractions if (key := (fraction, approach)) in self.points]

    def best(self, fraction: float, metric: str) -> tuple[str, ...]:
        """The approaches that cannot be told from the best, itself included; none for less than two seeds.

        Each over its own seeds, at 5 % after Holm's correction (see verdict).
        """
        values = {
            approach: {
                trial.member: trial.metrics[metric]
                for trial in self.points[fraction, approach].run.ok_trials
                if math.isfinite(trial.metrics.get(metric, math.nan))
            }
            for approach in self.approaches
            if (fraction, approach) in self.points
        }
        found = compare({approach: known for approach, known in values.items() if known}, metric)
        return found.tie_set if found.differences else ()


@dataclass(frozen=True, slots=True)
class Study:
    """What is known of a study so far."""

    name: str
    metric: str
    panels: tuple[Panel, ...]

    @property
    def trials(self) -> tuple[int, int]:
        """How many ended ok, and how many there are to be."""
        runs = [point.run for panel in self.panels for point in panel.points.values()]
        return sum(run.n_ok for run in runs), sum(run.n_total for run in runs)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what is undefined is NaN."""
        panels = [
            {"dataset": panel.dataset, "model": panel.model, "points": list(_rows(panel, self.metric))}
            for panel in self.panels
        ]
        return {"study": self.name, "metric": self.metric, "panels": panels}


def study_of(
    name: str, experiments: Iterable[tuple[ExperimentSpec, ExperimentResult | None]], metric: str = TEST_METRIC
) -> Study:
    """Every run of every experiment in its place; results of runs that a file no longer has are left out.

    Args:
        experiments: what was to be run, and what is known of it; None: nothing so far.
    Raises:
        ResultError: two runs have the same approach, fraction, data and model: the table has one place for them.
    """
    panels: dict[tuple[str, str], dict[tuple[float, str], Point]] = {}
    for spec, result in experiments:
        known = {run.run: run for run in result.runs} if result else {}
        for run in spec.runs:
            found = known.get(run.name, RunResult(run.name, ()))
            counted = RunResult(run.name, found.trials, max(found.n_seeds, len(spec.members)))
            point = Point(spec.name, approach_of(run), run.dataset.prune_ratio_train, counted)
            _place(point, panels.setdefault((dataset_of(run), run.model.pretrained_model_name), {}), name)
    return Study(name, metric, tuple(_panel(*key, points) for key, points in panels.items()))


def approach_of(run: RunSpec) -> str:
    """`run_adaptive(prune_ratio_train=0.1)` -> adaptive."""
    section = run.name.partition("(")[0]
    return section.removeprefix(RUN_PREFIX).strip("_- ") or section


def dataset_of(run: RunSpec) -> str:
    subset = run.dataset.dataset_subset_name
    return run.dataset.dataset_name + (f" {subset}" if subset else "")


def _place(point: Point, points: dict[tuple[float, str], Point], study: str) -> None:
    key = (point.fraction, point.approach)
    if key in points:
        both = " and ".join(f"{one.experiment}: {one.run.run}" for one in (points[key], point))
        raise ResultError(
            f"study {study}: runs on the same data with the same model must differ in approach (the name of their "
            f"section) or prune_ratio_train; got {both}"
        )
    points[key] = point


def _panel(dataset: str, model: str, points: Mapping[tuple[float, str], Point]) -> Panel:
    fractions = tuple(sorted({fraction for fraction, _ in points}))
    return Panel(dataset, model, fractions, tuple(dict.fromkeys(approach for _, approach in points)), points)


def _rows(panel: Panel, metric: str) -> Iterable[dict[str, Any]]:
    for fraction in panel.fractions:
        best: Sequence[str] = panel.best(fraction, metric)
        for approach in panel.approaches:
            if point := panel.points.get((fraction, approach)):
                yield {
                    "fraction": fraction,
                    "approach": approach,
                    "experiment": point.experiment,
                    "run": point.run.run,
                    "n_ok": point.run.n_ok,
                    "n_total": point.run.n_total,
                    "among_best": approach in best,
                    "score": asdict(point.score(metric)),
                    "epochs": asdict(point.epochs),
                }
