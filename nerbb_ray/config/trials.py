"""From an experiment to the list of its trials: every run with every seed, on every fold if there are folds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import chain, combinations, islice, product
from random import Random
from typing import Any

from nerbb_ray.config.domains import Domain
from nerbb_ray.config.hparams import HParams
from nerbb_ray.config.keys import keys_of, point_name
from nerbb_ray.config.known_keys import RUN_KEYS
from nerbb_ray.config.spec import (
    DatasetParams,
    ExperimentSpec,
    Member,
    ModelParams,
    RunSpec,
    Settings,
)
from nerbb_ray.config.trial_name import NamedTrial
from nerbb_ray.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSpec(NamedTrial):
    """One fine-tuning: a run with a seed, and with folds on one of them.

    Args:
        fold: from 1, those of the repeats after each other; None without folds.
    """

    run: str
    seed: int
    dataset: DatasetParams
    model: ModelParams
    hparams: HParams
    settings: Settings
    fold: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain nested dictionaries of JSON values; `from_dict` is the exact inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrialSpec":
        return cls(
            run=values["run"],
            seed=values["seed"],
            dataset=DatasetParams(**values["dataset"]),
            model=ModelParams(**values["model"]),
            hparams=HParams(**values["hparams"]),
            settings=Settings(**values["settings"]),
            fold=values.get("fold"),
        )

    def params(self) -> dict[str, Any]:
        """Every resolved parameter, flat, by its INI key (and `run`, `seed`, `fold`), as MLflow shows them."""
        sections = (self.dataset, self.model, self.hparams, self.settings)
        flat = {key: value for section in sections for key, value in asdict(section).items()}
        # `seed` of [settings] is the base of all seeds; the trial's own replaces it
        fold = {} if self.fold is None else {"fold": self.fold}
        return {"run": self.run, **flat, "seed": self.seed, **fold}


def expand(spec: ExperimentSpec) -> tuple[TrialSpec, ...]:
    """All trials of an experiment, seed by seed (and fold by fold), so that every run has its first one before any has
    its second.

    A run whose values the search is yet to choose has none.
    """
    runs = [run for run in spec.runs if not run.space]
    return tuple(trial_of(spec, run, member) for member in spec.members for run in runs)


def trial_of(spec: ExperimentSpec, run: RunSpec, member: Member) -> TrialSpec:
    """The trial of a run with a member of the experiment."""
    seed, fold = spec.members[member]
    return TrialSpec(
        run=run.name,
        seed=seed,
        dataset=run.dataset,
        model=run.model,
        hparams=run.hparams,
        settings=spec.settings,
        fold=fold,
    )


def any_trial_of(spec: ExperimentSpec, run: RunSpec) -> TrialSpec:
    """The first one of a run, where any of them will do."""
    return trial_of(spec, run, next(iter(spec.members)))


def most_trials(spec: ExperimentSpec) -> int:
    """How many trials an experiment can have; racing and limits may end it sooner."""
    runs = sum(spec.search.num_samples if run.space else 1 for run in spec.runs)
    return runs * spec.settings.multiple_runs * spec.num_folds


FEW_ALLOWED = 10_000  # draws in a row that break a rule: a space with so few points that keep them is not meant
PATIENCE = 100  # draws in a row that were there before: what is left of a small space is not worth looking for


def draw(
    space: Mapping[str, Domain],
    count: int,
    seed: int,
    section: str,
    allowed: Callable[[dict[str, Any]], bool] = lambda _: True,
) -> list[dict[str, Any]]:
    """Different points of a space; one that is empty has a single, empty one.

    The same seed and section give the same points, and more of them begin with the fewer ones.

    Args:
        allowed: whether the values of a point go together; others are passed over.
    Returns:
        `count` points, or fewer where the space has no more.
    """
    if not space:
        return [{}]
    # a text: Python's seeding of other values may change with them
    rng = Random(f"{seed} {section}")
    found: list[dict[str, Any]] = []
    in_vain = refused = 0
    while len(found) < count and in_vain < PATIENCE and refused < FEW_ALLOWED:
        point = {key: domain.draw(rng) for key, domain in space.items()}
        if not allowed(point):
            refused += 1
            continue
        refused, in_vain = 0, in_vain + 1 if point in found else 0
        if not in_vain:
            found.append(point)
    return found


def near_middle(space: Mapping[str, Domain]) -> Iterator[dict[str, Any]]:
    """Points of a space: all values in the middle, then one of them at an end of its domain, then two, and so on.

    Some keys exclude each other, so that the middle itself may be no point that can be trained.
    """
    middle = {key: domain.middle() for key, domain in space.items()}
    moved = chain.from_iterable(combinations(space, count) for count in range(len(space) + 1))
    found = (
        middle | dict(zip(keys, ends, strict=True))
        for keys in moved
        for ends in product(*(space[key].ends() for key in keys))
    )
    return islice(found, FEW_ALLOWED)


def run_near(pattern: RunSpec, fixed: Mapping[str, Any]) -> RunSpec | None:
    """The point of a pattern that has some values, and of the others the middle, as far as all go together."""
    others = {key: domain for key, domain in pattern.space if key not in fixed}
    for point in near_middle(others):
        try:
            return concrete(pattern, {**fixed, **point})
        except ConfigError:
            continue
    return None


def proposed_run(spec: ExperimentSpec, name: str, params: Mapping[str, object]) -> RunSpec | None:
    """The point of one of an experiment's patterns that a trial of an earlier process belongs to.

    Args:
        name: of the trial's run.
        params: of the trial, as texts or values.
    """
    for pattern in spec.runs:
        if not pattern.space:
            continue
        try:
            point = {key: RUN_KEYS[key].recorded(str(params[key])) for key, _ in pattern.space}
            if not all(domain.holds(point[key]) for key, domain in pattern.space):
                continue
            run = concrete(pattern, point)
        except (KeyError, ValueError, ConfigError):
            continue
        if run.name == name:
            return run
    return None


def concrete(run: RunSpec, point: Mapping[str, Any], *, exact: bool = False) -> RunSpec:
    """The run of one point of a pattern's space: `runA(lr_max=3e-05)`.

    Args:
        point: a value for every key of `run.space`.
        exact: take the values as they are; else numbers are rounded to what the name shows.
    Raises:
        ConfigError: these values do not go together.
    """
    fitted = {key: point[key] if exact else domain.fitted(point[key]) for key, domain in run.space}
    # what follows from a key that is drawn follows from it anew
    drawn = {"mode": None, **fitted} if "monitor" in fitted else fitted
    parts = {
        cls.section: replace(getattr(run, cls.section), **{k: v for k, v in drawn.items() if k in keys_of(cls)})
        for cls in (DatasetParams, ModelParams, HParams)
    }
    section, bracket, others = run.name.partition("(")
    name = point_name(section, fitted)
    if bracket:  # the pattern is itself a point of a grid
        name = f"{name[:-1]},{others}"
    return RunSpec(name=name, written=run.written, **parts)
