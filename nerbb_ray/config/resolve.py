"""From placed values to an experiment: presets, precedence, the grid of every run, rules between keys."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from nerbb_ray.config.check_keys import Placed, follow
from nerbb_ray.config.domains import Domain, is_domain
from nerbb_ray.config.grid import MAX_POINTS, count_points, points
from nerbb_ray.config.hparams import CrossProblem, HParams, cross_problems
from nerbb_ray.config.keys import point_name, run_problem
from nerbb_ray.config.known_keys import HOME, KEYS, RUN_KEYS
from nerbb_ray.config.search import NEEDS, Search
from nerbb_ray.config.spec import (
    FOLD_KEYS,
    MANDATORY,
    MISSING,
    NOT_SEARCHED,
    PRESETS,
    DatasetParams,
    ExperimentSpec,
    ModelParams,
    Resources,
    RunSpec,
    Settings,
    fold_problems,
    trials_problem,
    unequal_folds,
)
from nerbb_ray.config.syntax import Problems
from nerbb_ray.config.trials import draw, near_middle
from nerbb_ray.config.written import Written
from nerbb_ray.errors import ConfigError
from nerbb_ray.paths import folder_problem

Params = TypeVar("Params", DatasetParams, ModelParams, HParams)
Shared = TypeVar("Shared", Resources, Search)
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

    @property
    def space(self) -> dict[str, Domain]:
        return {key: self.values[key][0] for key in RUN_KEYS if key in self.values and is_domain(self.values[key][0])}


@dataclass(frozen=True, slots=True)
class _Point:
    """A run after its grid was expanded.

    Args:
        params: those that are no defaults.
        space: what the search is to choose.
        written: where the values stand.
    """

    name: str
    params: dict[str, Any]
    space: dict[str, Domain]
    written: Written

    def spec(self) -> RunSpec:
        return RunSpec(
            name=self.name,
            dataset=_part(DatasetParams, self.params),
            model=_part(ModelParams, self.params),
            hparams=_part(HParams, self.params),
            space=tuple(self.space.items()),
            written=self.written,
        )


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
    search = _section(Search, placed, problems)
    _check_drawn(runs, search, placed.bad.get("search", ()), problems)
    small = _small_enough(runs, settings, search, problems)
    resolved = [point for run in small for point in _points(run, settings, preset, search, problems)]
    _check_folds(resolved, settings, problems)
    _check_names([run.name for run in resolved], problems)
    resources = _section(Resources, placed, problems)
    problems.raise_if_any()
    try:
        return ExperimentSpec(
            name=name,
            runs=tuple(run.spec() for run in resolved),
            settings=settings,
            resources=resources,
            search=search,
        )
    except ConfigError as error:  # rules between sections
        _add(error, problems)
        raise ConfigError(problems) from None


def _section(cls: type[Shared], placed: Placed, problems: Problems) -> Shared:
    """[resources] or [search]; the defaults if its keys contradict each other."""
    bad = placed.bad.get(cls.section, set())  # what is needed, but misspelt, is one fault
    values = {key: value for key, value in placed.single(cls.section).items() if NEEDS.get(key) not in bad}
    try:
        return cls(**values)
    except ConfigError as error:
        _add(error, problems)
        return cls()


def _add(error: ConfigError, problems: Problems) -> None:
    for line in error.problems:
        where, _, message = line.partition(": ")
        problems.add(where, message)


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


def _check_drawn(runs: list[_Run], search: Search, bad: Collection[str], problems: Problems) -> None:
    """A domain needs a search that draws from it."""
    if search.algorithm != "grid" or "algorithm" in bad:
        return
    for run in runs:
        for key, domain in run.space.items():
            where = run.section if key in run.own else HOME[key]
            rule = "must be a value or a list of values with [search] algorithm = grid (random and optuna draw)"
            problems.add(f"[{where}] {key}", f"{rule}; got {domain}")


def _check_folds(resolved: list[_Point], settings: Settings, problems: Problems) -> None:
    """Folds are the same for all runs, and multiply their trials."""
    datasets = [_part(DatasetParams, point.params) for point in resolved]
    for key, rule in unequal_folds(datasets):
        problems.add(f"[dataset] {key}", rule)
    for key in dict.fromkeys(key for point in resolved for key in point.space if key in FOLD_KEYS):
        problems.add(f"[dataset] {key}", NOT_SEARCHED)
    most = max(datasets, key=lambda dataset: dataset.num_folds, default=None)
    if too_many := trials_problem(len(resolved), settings.multiple_runs, most):
        problems.add(*too_many)


def _small_enough(runs: list[_Run], settings: Settings, search: Search, problems: Problems) -> list[_Run]:
    """The runs whose grids are worth expanding; before that costs seconds, what is too large is a problem."""
    sizes = {run.section: count_points(run.axes) * (search.num_samples if run.space else 1) for run in runs}
    for section, size in sizes.items():
        if size > MAX_POINTS:
            problems.add(f"[{section}]", f"must have a grid of at most {MAX_POINTS} points; got {size}")
    small = [run for run in runs if sizes[run.section] <= MAX_POINTS]
    total = sum(sizes[run.section] for run in small)
    if too_many := trials_problem(total, settings.multiple_runs):
        problems.add(*too_many)
    return small if trials_problem(total, 1) is None else []


def _points(
    run: _Run, settings: Settings, preset: dict[str, Any], search: Search, problems: Problems
) -> Iterator[_Point]:
    """Every point of a run's grid, times those that are drawn at random."""
    space, axes = run.space, run.axes
    middle = {key: domain.middle() for key, domain in space.items()}
    written = Written(problems.origin, run.section, run.own, tuple(space.items()))
    given = preset | {key: values[0] for key, values in run.values.items()} | middle
    drawn: list[dict[str, Any]] = [{}]
    if search.algorithm == "random":
        wanted = (space, search.num_samples, settings.seed, run.section)
        # as Optuna does; where no point keeps the rules, all are told
        drawn = draw(*wanted, lambda more: all(_keeps_rules(given | p | more) for p in points(axes))) or draw(*wanted)
    seen: dict[tuple[tuple[str, str], ...], str] = {}
    for point in points(axes):
        for more in drawn:
            varied = point | more
            name = point_name(run.section, {key: varied[key] for key in run.values if key in varied})
            open_space = {} if more else space
            params = _followed(_in_the_middle(given | varied, open_space), open_space, run, problems)
            same = seen.setdefault(tuple(sorted((key, repr(value)) for key, value in params.items())), name)
            if same != name and not more:  # by a link: `0.5, lr_head` where lr_head is 0.5
                problems.add(f"[{name}]", f"the points of a grid must differ; got the same parameters as {same}")
            for broken in _broken_rules(params):
                if broken.involved & run.bad:
                    continue
                own = run.section if broken.involved & run.own else broken.section
                where = name if broken.involved & varied.keys() else own
                source = _source(broken, run, settings.preset, preset)
                problems.add(f"[{where}] {broken.key}", f"{broken.rule}; got {broken.value}{source}")
            yield _Point(name, params, open_space, written)


def _keeps_rules(params: dict[str, Any]) -> bool:
    """Whether the values of a point go together."""
    followed, bad = follow(params, ())
    return not (bad or _broken_rules(followed))


def _broken_rules(params: dict[str, Any]) -> list[CrossProblem]:
    return [*cross_problems(_part(HParams, params)), *fold_problems(_part(DatasetParams, params))]


def _in_the_middle(params: dict[str, Any], space: dict[str, Domain]) -> dict[str, Any]:
    """With values of the keys that a search chooses that go together, as near to the middle as they can be.

    Args:
        params: that have the very middle.
    """

    def are_told(values: dict[str, Any]) -> bool:
        followed, _ = follow(values, space)
        return any(broken.involved & space.keys() for broken in _broken_rules(followed))

    if not are_told(params):
        return params
    near = (params | values for values in near_middle(space))
    return next((values for values in near if not are_told(values)), params)


def _followed(params: dict[str, Any], open_keys: Collection[str], run: _Run, problems: Problems) -> dict[str, Any]:
    """The parameters of a point with the values of linked keys."""
    followed, bad = follow(params, open_keys)
    for link in bad:
        problems.add(f"[{run.section if link.key in run.own else HOME[link.key]}] {link.key}", link.message)
    return followed


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


def _part(cls: type[Params], params: dict[str, Any]) -> Params:
    return cls(**{key: params[key] for key in KEYS[cls.section] if key in params})
