"""The experiment behind a learning curve: one run of another experiment, at fractions of its training data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nerbb_ray.config.keys import point_name
from nerbb_ray.config.search import Search
from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.errors import ConfigError
from nerbb_ray.spelling import did_you_mean

KEY = "prune_ratio_train"
# even on the logarithmic axis of the law; all trainings together cost three of the whole data
FRACTIONS = (0.125, 0.1875, 0.25, 0.375, 0.5, 0.75, 1.0)
SEEDS = 3
SUFFIX = "_learning_curve"


@dataclass(frozen=True, slots=True)
class Family:
    """Runs that differ in nothing but the fraction of the training data.

    Args:
        title: their name without the fraction.
        runs: by `prune_ratio_train`, smallest first.
    """

    title: str
    runs: Mapping[float, RunSpec]


def families(spec: ExperimentSpec) -> tuple[Family, ...]:
    """The runs of an experiment, sorted by what else they are."""
    found: dict[RunSpec, dict[float, RunSpec]] = {}
    for run in spec.runs:
        found.setdefault(_apart_from_fraction(run), {}).setdefault(run.dataset.prune_ratio_train, run)
    return tuple(Family(key.name, dict(sorted(runs.items()))) for key, runs in found.items())


def has_curve(spec: ExperimentSpec) -> bool:
    """Whether an experiment trains something with several fractions of the data by itself, without folds."""
    return spec.num_folds == 1 and any(len(family.runs) > 1 for family in families(spec))


def curve_spec(
    spec: ExperimentSpec,
    run: str | None = None,
    fractions: Sequence[float] | None = None,
    seeds: int | None = None,
    earlier: ExperimentSpec | None = None,
) -> ExperimentSpec:
    """The experiment that trains a run of another one with fractions of the training data that it uses.

    Its models are not kept: nobody needs those of fractions.

    Args:
        run: its name; may be left out if there is one.
        fractions: 0 < fraction <= 1; `FRACTIONS` if left out, or those of earlier.
        seeds: of every fraction; `SEEDS` if left out, or those of earlier.
        earlier: what the experiment of this curve was until now: its fractions and seeds stay.
    Raises:
        ConfigError: which run is meant is not clear, it is one of a search, or it has folds.
    """
    _refuse_folds(spec)
    chosen = _chosen(spec, run)
    base = chosen.dataset.prune_ratio_train
    wanted = {round(fraction * base, 9) for fraction in fractions or (() if earlier else FRACTIONS)}
    wanted |= {known.dataset.prune_ratio_train for known in (earlier.runs if earlier else ())}
    number = max(seeds or (0 if earlier else SEEDS), earlier.settings.multiple_runs if earlier else 0)
    return replace(
        spec,
        name=spec.name + SUFFIX,
        runs=tuple(_at(chosen, ratio) for ratio in sorted(wanted)),
        settings=replace(spec.settings, multiple_runs=number, checkpoints=False),
        search=Search(),  # every fraction gets all of its seeds
    )


def _refuse_folds(spec: ExperimentSpec) -> None:
    """Whichever run is meant: all have the same."""
    first = spec.runs[0]
    if first.dataset.folds:
        why = "the scores of folds are those of other sentences, and would pass for noise of the seeds"
        rule = f"[dataset] folds: must be left out for a learning curve: {why}; got {first.dataset.folds}"
        raise ConfigError([f"{first.written.origin} {rule}".lstrip()])


def _chosen(spec: ExperimentSpec, run: str | None) -> RunSpec:
    runs = {known.name: known for known in spec.runs}
    if run is not None and run not in runs:
        raise ConfigError([f"experiment {spec.name} has no run {run!r}; {did_you_mean(run, list(runs), str)}"])
    fixed = [known.name for known in spec.runs if not known.space]
    if run is None and len(runs) > 1 and fixed:
        raise ConfigError(
            [f"experiment {spec.name} has several runs: say which with --run, one of {', '.join(_shown(fixed))}"]
        )
    chosen = runs[run] if run is not None else spec.runs[0]
    if chosen.space:
        keys = ", ".join(key for key, _ in chosen.space)
        raise ConfigError(
            [f"run {chosen.name} of experiment {spec.name} is a search over {keys}: write the values of its best run "
             "into an experiment file of its own, and ask for the curve of that"]
        )  # fmt: skip
    return chosen


def _shown(runs: Iterable[str], limit: int = 8) -> list[str]:
    names = list(runs)
    return names if len(names) <= limit else [*names[:limit], "..."]


def _apart_from_fraction(run: RunSpec) -> RunSpec:
    return replace(run, name=_title(run), dataset=replace(run.dataset, prune_ratio_train=1.0))


def _title(run: RunSpec) -> str:
    """`runA(lr_max=2e-05,prune_ratio_train=0.5)` -> `runA(lr_max=2e-05)`"""
    section, _, point = run.name.partition("(")
    kept = [part for part in point.removesuffix(")").split(",") if part and not part.startswith(f"{KEY}=")]
    return f"{section}({','.join(kept)})" if kept else section


def _at(run: RunSpec, ratio: float) -> RunSpec:
    section, _, point = _title(run).partition("(")
    name = point_name(section, {KEY: ratio})
    if point:
        name = f"{section}({point.removesuffix(')')},{name.partition('(')[2]}"
    return replace(run, name=name, dataset=replace(run.dataset, prune_ratio_train=ratio))
