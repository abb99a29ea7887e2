"""What an experiment would do, as a table: `--dry-run`. Starts nothing and asks no server."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from nerbb_ray.config.idle_search import idle_keys, idle_scheduler
from nerbb_ray.config.keys import written
from nerbb_ray.config.search import OTHERS
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.config.trials import TrialSpec, expand, most_trials
from nerbb_ray.console import head_line
from nerbb_ray.errors import NerbbError
from nerbb_ray.preparation.options import RunOptions, starts_here
from nerbb_ray.preparation.prepare import Preparation, Prepared, lacking, notes_on, try_to_prepare
from nerbb_ray.preparation.resources import Allotment, allot, this_machine

SHOWN = ("run", "seed", "fold", "max_epochs", "early_stopping", "mode")  # mode follows from monitor


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A row of the plan.

    Args:
        varies: the parameters in which the runs of the experiment differ.
        max_epochs: the cap; early stopping may end sooner.
        steps_per_epoch: None if data or model are not on this machine.
        done: whether an earlier call has finished it.
    """

    run: str
    seed: int
    fold: int | None
    varies: dict[str, Any]
    max_epochs: int
    early_stopping: bool
    steps_per_epoch: int | None
    resources: str
    done: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What earlier calls have done.

    Args:
        trials: names of those that are finished.
        problems: why a call of now would be refused.
        nothing_left: whether a call of now would train nothing, and so needs neither data nor model.
    """

    trials: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    nothing_left: bool = False


Compare = Callable[[Mapping[str, Prepared]], Done]


@dataclass(frozen=True, slots=True)
class Plan:
    """All trials of an experiment that are known beforehand, and what is to be known of the rest.

    Args:
        most_trials: that there can be; a search may end sooner.
        problems: why it cannot run, as far as this machine shows: data or models that are missing or no good.
        missing: whether one of them is that data or a model is not here.
    """

    experiment: str
    trials: tuple[PlannedTrial, ...]
    most_trials: int
    concurrent: int
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    missing: bool
    nothing_left: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def table(self) -> Table:
        """One row per trial."""
        done = sum(trial.done for trial in self.trials)
        said = f" ({done} done before)" if done else ""
        title = f"{self.experiment}: trials {self.most_trials}{said}, at a time {self.concurrent}"
        table = Table(box=head_line(), title=title, title_justify="left", pad_edge=False)
        folds = any(trial.fold for trial in self.trials)
        fold_column = ("fold",) if folds else ()
        for column in ("run", "seed", *fold_column, "parameters that vary", "epochs", "steps/epoch", "resources"):
            numeric = column in ("seed", "fold", "epochs", "steps/epoch")
            table.add_column(column, justify="right" if numeric else "left", overflow="fold")
        for trial in self.trials:
            epochs = f"<= {trial.max_epochs}" if trial.early_stopping else str(trial.max_epochs)
            steps = "?" if trial.steps_per_epoch is None else str(trial.steps_per_epoch)
            varies = "\n".join(f"{key} = {written(value)}" for key, value in trial.varies.items())
            fold = [str(trial.fold)] if folds else []
            resources = "done before" if trial.done else trial.resources
            table.add_row(trial.run, str(trial.seed), *fold, varies, epochs, steps, resources)
        return table


def make_plan(
    spec: ExperimentSpec, preparation: Preparation, options: RunOptions, compare: Compare = lambda _: Done()
) -> Plan:
    """Expand an experiment.

    Args:
        compare: says what earlier calls have done, by the runs that could be prepared.
    Raises:
        ResourceError: a trial does not fit on this machine (on a cluster, that is checked when it starts).
    """
    trials = expand(spec)
    resources = options.apply(spec.resources)
    notes: list[str] = []
    try:
        allotment: Allotment = allot(resources, this_machine(), most_trials(spec))
    except NerbbError:
        if starts_here(options.address):
            raise
        notes.append("resources are worked out on the cluster")
        allotment = Allotment("torch_trainer", resources.num_workers, resources.cpus_per_worker or 1, 0, 1)
    prepared, problems, missing = prepared_here(spec, preparation)
    done = compare(prepared)
    if done.nothing_left:
        notes += ["nothing is left to do: a run would train nothing", *(f"not needed any more: {p}" for p in problems)]
        problems, missing = [], False
    notes += [*notes_on(prepared), *done.notes]
    varying = varying_keys(trials)
    notes += _search_notes(spec)
    return Plan(
        experiment=spec.name,
        most_trials=most_trials(spec),
        trials=tuple(
            PlannedTrial(
                run=trial.run,
                seed=trial.seed,
                fold=trial.fold,
                varies={key: trial.params()[key] for key in varying},
                max_epochs=trial.hparams.max_epochs,
                early_stopping=trial.hparams.early_stopping,
                steps_per_epoch=prepared[trial.run].steps_per_epoch if trial.run in prepared else None,
                resources=str(allotment),
                done=trial.name in done.trials,
            )
            for trial in trials
        ),
        concurrent=allotment.concurrent,
        notes=tuple(notes),
        problems=(*problems, *done.problems),
        missing=missing,
        nothing_left=done.nothing_left,
    )


def _search_notes(spec: ExperimentSpec) -> Iterator[str]:
    """What the search will decide as it goes."""
    search, members, folds = spec.search, len(spec.members), spec.num_folds
    if folds > 1:
        data, seeds = spec.runs[0].dataset, spec.settings.multiple_runs
        repeated = f" x {data.repeats} repeats" if data.repeats > 1 else ""
        yield f"folds: every run gets {seeds} seed{'s' * (seeds > 1)} on each of {data.folds} folds{repeated}"
    kind = "seeds" if folds == 1 else "trials (seeds on folds)"
    for run in spec.runs:
        if run.space:
            space = ", ".join(f"{key} = {domain}" for key, domain in run.space)
            trials = f"{search.num_samples} points x {members} {kind}"
            yield f"{run.name}: {trials}, chosen by {search.algorithm} from {space}"
    if search.racing:
        yield f"racing: {_race_words(spec, kind)}"
    yield from idle_keys(spec)
    if search.scheduler is not None and idle_scheduler(spec) is None:
        since = f"from epoch {search.grace_epochs} on"
        if (others := OTHERS[search.scheduler]) > 1:
            since = f"{since} and once {others} other runs have come as far"
        yield f"{search.scheduler} may cut the first seed of a run, {since}; such a run gets no further seeds"
    if search.warm_start:
        yield "warm start: points of other experiments on the same data are looked for when the search begins"
    for key in ("time_budget", "max_hours", "max_cost"):
        if getattr(search, key) is not None:
            yield f"{key} = {getattr(search, key):g} may end the search sooner"


def _race_words(spec: ExperimentSpec, kind: str) -> str:
    """What a race would spare."""
    members, first = len(spec.members), min(spec.search.min_seeds, len(spec.members))
    if most_trials(spec) == members:
        return f"there is one run, which races with none: it gets all of its {members} {kind}"
    if first == members:
        why = f"min_seeds is {spec.search.min_seeds}"
        return f"every run begins all of its {members} {kind}, since {why}; only trials that cannot catch up are cut"
    return f"every run gets {first} of {members} {kind}; the others only those that can still be the best"


def varying_keys(trials: tuple[TrialSpec, ...]) -> list[str]:
    """The parameters that are not the same in all trials and have no column of their own."""
    all_params = [trial.params() for trial in trials]
    return [
        key
        for key in (all_params[0] if all_params else ())
        if key not in SHOWN and len({str(p[key]) for p in all_params}) > 1
    ]


def prepared_here(spec: ExperimentSpec, preparation: Preparation) -> tuple[dict[str, Prepared], list[str], bool]:
    """The runs that can be prepared with what is on this machine, what is wrong with the others, and whether that is
    that something is not here."""
    prepared, problems = try_to_prepare(spec, preparation)
    return prepared, list(map(str, problems)), bool(problems) and lacking(spec, preparation)
