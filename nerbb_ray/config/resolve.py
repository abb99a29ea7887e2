"""From placed values to an experiment: presets, precedence, the grid of every run, rules between keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from nerbb_ray.config.grid import MAX_POINTS, count_points, points
from nerbb_ray.config.links import follow
from nerbb_ray.config.names import folder_problem, point_name, run_problem
from nerbb_ray.config.placement import Placed
from nerbb_ray.config.problems import Problems
from nerbb_ray.config.spec import (
    MANDATORY,
    MISSING,
    PRESETS,
    CrossProblem,
    DatasetParams,
    ExperimentSpec,
    HParams,
    ModelParams,
    Resources,
    RunSpec,
    Search,
    Settings,
    cross_problems,
    trials_problem,
)
from nerbb_ray.config.vocabulary import HOME, KEYS
from nerbb_ray.errors import ConfigError

Params = TypeVar("Params", DatasetParams, ModelParams, HParams)
DEFAULT_RUN = "runA"


@dataclass(frozen=True, slots=True)
class _Run:
    """A run section before its grid is expanded.

    Args:
        own: the keys that the section itself gives.
        values: all keys that the file gives for this run, in its order: the section's own replace the common ones.
        bad: keys whose values cannot be used.
    """

    section: str
    own: frozenset[str]
    values: dict[str, tuple[Any, ...]]
    bad: frozenset[str]

    @property
    def axes(self) -> dict[str, tuple[Any, ...]]:
        return {key: values for key, values in self.values.items() if len(values) > 1}


def resolve(name: str, placed: Placed, problems: Problems) -> ExperimentSpec:
    """The experiment of a file or of Python keywords.

    Raises:
        ConfigError: all problems, those of before included.
    """
    if rule := folder_problem(name):
        problems.add("", f"the name of the experiment {rule}; got {name!r}")
    settings = Settings(**placed.single("settings"))
    preset = PRESETS[settings.preset] if settings.preset else {}
    runs = [_run(section, placed) for section in placed.runs or [DEFAULT_RUN]]
    _check_given(runs, settings.preset, placed, problems)
    small = _small_enough(runs, settings.multiple_runs, problems)
    resolved = [point for run in small for point in _points(run, settings.preset, preset, problems)]
    _check_names([point for point, _ in resolved], problems)
    resources = _resources(placed, problems)
    problems.raise_if_any()
    return ExperimentSpec(
        name=name,
        runs=tuple(_run_spec(point, params) for point, params in resolved),
        settings=settings,
        resources=resources,
        search=Search(**placed.single("search")),
    )


def _resources(placed: Placed, problems: Problems) -> Resources:
    """[resources]; the defaults if its keys contradict each other."""
    try:
        return Resources(**placed.single("resources"))
    except ConfigError as error:
        for line in error.problems:
            where, _, message = line.partition(": ")
            problems.add(where, message)
        return Resources()


def _run(section: str, placed: Placed) -> _Run:
    own, bad_own = placed.values.get(section, {}), placed.bad.get(section, set())
    given = own.keys() | bad_own
    common = {key: values for key, values in placed.varying().items() if key not in given}
    bad = (placed.bad_varying() - own.keys()) | bad_own
    return _Run(section, frozenset(given), common | own, frozenset(bad))


def _check_given(runs: list[_Run], preset: str | None, placed: Placed, problems: Problems) -> None:
    """Every run must have the keys without a default: a key that no run has is missing once."""
    needed = [(section, key, MISSING) for section, key in MANDATORY.items()]
    if preset == "hybrid":
        needed.append(("hparams", "max_epochs", "is mandatory with preset = hybrid; got nothing"))
    for section, key, message in needed:
        if key in placed.meant:
            continue
        lacking = [run.section for run in runs if key not in run.values and key not in run.bad]
        for where in [section] if len(lacking) == len(runs) else lacking:
            problems.add(f"[{where}] {key}", message)


def _small_enough(runs: list[_Run], seeds: int, problems: Problems) -> list[_Run]:
    """The runs whose grids are worth expanding; before that costs seconds, what is too large is a problem."""
    sizes = {run.section: count_points(run.axes) for run in runs}
    for section, size in sizes.items():
        if size > MAX_POINTS:
            problems.add(f"[{section}]", f"must have a grid of at most {MAX_POINTS} points; got {size}")
    small = [run for run in runs if sizes[run.section] <= MAX_POINTS]
    total = sum(sizes[run.section] for run in small)
    if rule := trials_problem(total, seeds):
        problems.add("[settings] multiple_runs", rule)
    return small if trials_problem(total, 1) is None else []


def _points(
    run: _Run, preset_name: str | None, preset: dict[str, Any], problems: Problems
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, parameters) of every point of a run's grid; the parameters are those that are no defaults."""
    axes = run.axes
    given = preset | {key: values[0] for key, values in run.values.items()}
    for point in points(axes):
        name = point_name(run.section, point)
        params, bad_links = follow(given | point)
        for link in bad_links:
            problems.add(f"[{run.section if link.key in run.own else HOME[link.key]}] {link.key}", link.message)
        for broken in cross_problems(_part(HParams, params)):
            if broken.involved & run.bad:
                continue
            where = name if broken.involved & axes.keys() else run.section if broken.involved & run.own else "hparams"
            source = _source(broken, run, preset_name, preset)
            problems.add(f"[{where}] {broken.key}", f"{broken.rule}; got {broken.value}{source}")
        yield name, params


def _source(broken: CrossProblem, run: _Run, preset_name: str | None, preset: dict[str, Any]) -> str:
    """Where a value comes from that the file does not show."""
    if broken.key in run.values:
        return ""
    return f" (from preset = {preset_name})" if broken.key in preset else " (the default)"


def _check_names(names: list[str], problems: Problems) -> None:
    """The expanded names are folders, too: they must differ and must not be too long."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            problems.add(
                f"[{name}]", "must be the name of one run; got two (write them as [run...] sections of their own)"
            )
        elif rule := run_problem(name):
            problems.add(f"[{name}]", f"{rule}; got {name}")
        seen.add(name)


def _run_spec(name: str, params: dict[str, Any]) -> RunSpec:
    return RunSpec(
        name=name,
        dataset=_part(DatasetParams, params),
        model=_part(ModelParams, params),
        hparams=_part(HParams, params),
    )


def _part(cls: type[Params], params: dict[str, Any]) -> Params:
    return cls(**{key: params[key] for key in KEYS[cls.section] if key in params})
