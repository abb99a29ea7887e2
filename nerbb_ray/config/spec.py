"""An experiment as frozen data: what is trained on which data, how often, and with what.

Every class here is one section of the experiment file and its fields are the keys of the section. A field that is given
a value outside its rule raises ConfigError, naming all such fields at once.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from nerbb_ray.config import keys
from nerbb_ray.config.domains import Domain
from nerbb_ray.config.hparams import CrossProblem, HParams, cross_problems
from nerbb_ray.config.keys import run_problem
from nerbb_ray.errors import ConfigError
from nerbb_ray.paths import folder_problem

Member = int | str

PRESETS: dict[str, dict[str, Any]] = {
    "adaptive": {"max_epochs": 250, "early_stopping": True, "lr_schedule": "constant"},
    "original": {"max_epochs": 5, "early_stopping": False, "lr_schedule": "linear"},
    "stable": {"max_epochs": 20, "early_stopping": False, "lr_schedule": "linear"},
    "hybrid": {"early_stopping": False, "lr_schedule": "hybrid"},
}

# the keys that have no default, by section
MANDATORY = {"dataset": "dataset_name", "model": "pretrained_model_name"}
MISSING = "is mandatory; got nothing"
SEARCH_METRIC = re.compile(r"val/loss|val/token/all/acc|val/(entity|token)/.+/(precision|recall|f1)")
NOT_SEARCHED = "must be one value: runs are compared fold by fold, and a search cannot choose the folds"
FOLD_MARK = "-fold"
FOLD_KEYS = ("folds", "split_seed", "repeats")  # of [dataset], the same for all runs
MAX_TRIALS = 100_000  # of an experiment; a slip of the pen in the experiment file must not fill the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetParams(keys.Checked):
    """[dataset]: the data and how much of it."""

    section = "dataset"
    dataset_name: str = keys.text("")
    dataset_subset_name: str | None = keys.text(None)
    annotation_scheme: str = keys.choice("auto", "auto", "plain", "bio", "bilou")
    prune_ratio_train: float = keys.number(1.0, low=0, high=1)
    prune_ratio_val: float = keys.number(1.0, low=0, high=1)
    prune_ratio_test: float = keys.number(1.0, low=0, high=1)
    train_on_val: bool = keys.boolean(False)
    train_on_test: bool = keys.boolean(False)
    folds: int = keys.integer(0, low=2, off=0)
    split_seed: int = keys.integer(42, low=0)
    repeats: int = keys.integer(1, low=1)

    @property
    def num_folds(self) -> int:
        """Those of all repeats; 1 without folds. Counted without a list: a slip of the pen may make many."""
        return self.folds * self.repeats or 1

    @property
    def fold_numbers(self) -> tuple[int | None, ...]:
        """The folds that every seed is trained on, those of the repeats after each other; (None,) without folds."""
        return tuple(range(1, self.num_folds + 1)) if self.folds else (None,)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParams(keys.Checked):
    """[model]: the pretrained encoder."""

    section = "model"
    pretrained_model_name: str = keys.text("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(keys.Checked):
    """[settings]: what all runs of an experiment share, so that they can be compared seed by seed."""

    section = "settings"
    preset: str | None = keys.choice(None, keys.NONE, *PRESETS)
    checkpoints: bool = keys.boolean(True)
    logging_level: str = keys.choice("info", "info", "debug")
    multiple_runs: int = keys.integer(1, low=1)
    seed: int = keys.integer(42, low=1)
    precision: str = keys.choice("auto", "auto", "fp32", "bf16", "fp16")
    evaluate_checkpoint: str = keys.choice("auto", "auto", "best", "best_f1", "last")
    decoding: str = keys.choice("auto", "auto", "argmax", "constrained", "bigrams")
    uncased: bool | None = keys.optional(bool)
    save_minutes: float = keys.number(10.0, low=0)
    skip_validation: bool = keys.boolean(False)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of every run: seed + 1 ... seed + multiple_runs."""
        return tuple(self.seed + 1 + i for i in range(self.multiple_runs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources(keys.Checked):
    """[resources]: what one trial gets. None (`auto`) is worked out from the machine or the cluster."""

    section = "resources"
    num_workers: int = keys.integer(1, low=1)
    cpus_per_worker: float | None = keys.optional(float, open_low=True)
    gpus_per_worker: float | None = keys.optional(float)
    max_concurrent_trials: int | None = keys.optional(int, low=1)
    trainer: str = keys.choice("auto", "auto", "inprocess", "torch_trainer")

    def __post_init__(self) -> None:
        keys.Checked.__post_init__(self)
        if self.trainer == "inprocess" and self.num_workers > 1:
            rule = f"must be auto or torch_trainer with num_workers = {self.num_workers}: inprocess has one worker"
            raise ConfigError([f"[{self.section}] trainer: {rule} per trial; got {self.trainer}"])
        gpus = self.gpus_per_worker or 0
        if gpus > 1 and gpus % 1:
            rule = "must be a whole number above 1: a fraction is of one GPU"
            raise ConfigError([f"[{self.section}] gpus_per_worker: {rule}; got {gpus:g}"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(keys.Checked):
    """[search]: how the points of a search are chosen, how many seeds they get, and when it ends.

    Time is in hours, `price_per_hour` in any currency per hour of the whole machine or cluster. None (`auto`) is no
    limit, and no price.
    """

    section = "search"
    algorithm: str = keys.choice("grid", "grid", "random", "optuna")
    num_samples: int = keys.integer(10, low=1)
    metric: str = keys.text("val/entity/micro/f1")
    racing: bool = keys.boolean(False)
    scheduler: str | None = keys.choice(None, keys.NONE, "asha", "median")
    grace_epochs: int = keys.integer(4, low=1)
    warm_start: bool = keys.boolean(False)
    min_seeds: int = keys.integer(3, low=2)
    confidence: float = keys.number(0.95, low=0.5, high=0.9999)
    time_budget: float | None = keys.optional(float, open_low=True)
    max_hours: float | None = keys.optional(float, open_low=True)
    max_cost: float | None = keys.optional(float, open_low=True)
    price_per_hour: float | None = keys.optional(float)

    def __post_init__(self) -> None:
        keys.Checked.__post_init__(self)
        problems = []
        if not SEARCH_METRIC.fullmatch(self.metric):
            rule = (
                "must be a metric of the val data, such as val/entity/micro/f1 or val/loss (test data choose nothing)"
            )
            problems.append(f"[{self.section}] metric: {rule}; got {self.metric}")
        if self.max_cost is not None and not self.price_per_hour:
            rule = "must come with price_per_hour > 0"
            problems.append(f"[{self.section}] max_cost: {rule}; got {self.max_cost} alone")
        if self.warm_start and self.algorithm != "optuna":
            rule = "must be False without algorithm = optuna, which alone learns from points"
            problems.append(f"[{self.section}] warm_start: {rule}; got True")
        if problems:
            raise ConfigError(problems)

    @property
    def may_cut(self) -> bool:
        """Whether single trials may be ended because others do better."""
        return self.racing or self.scheduler is not None

    @property
    def hours(self) -> float | None:
        """The end of the search by `max_hours` and `max_cost`, whichever comes first."""
        limits = [] if self.max_hours is None else [self.max_hours]
        if self.max_cost is not None and self.price_per_hour:
            limits.append(self.max_cost / self.price_per_hour)
        return min(limits, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """One point of the grid: every parameter of it is resolved.

    Args:
        name: the name of its section, with the point of the grid in brackets if the section spans several.
        space: keys whose values the search chooses, with what it may choose from; the run is then the pattern of those
            that are trained (`concrete`), and these keys have values somewhere in the middle.
    """

    name: str
    dataset: DatasetParams
    model: ModelParams
    hparams: HParams = HParams()  # noqa: RUF009  # frozen
    space: tuple[tuple[str, Domain], ...] = ()

    def __post_init__(self) -> None:
        broken = (*cross_problems(self.hparams), *fold_problems(self.dataset))
        problems = [f"[{p.section}] {p.key}: {p.rule}; got {p.value}" for p in broken]
        problems += [f"[dataset] {key}: {NOT_SEARCHED}" for key, _ in self.space if key in FOLD_KEYS]
        given = {"dataset": self.dataset.dataset_name, "model": self.model.pretrained_model_name}
        problems += [f"[{section}] {MANDATORY[section]}: {MISSING}" for section, value in given.items() if not value]
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSpec:
    """A whole experiment.

    Args:
        name: of the experiment, its file and its MLflow experiment.
        runs: at least one, resolved, with unique names that begin with `run`, in the order of the file.
    """

    name: str
    runs: tuple[RunSpec, ...]
    settings: Settings = Settings()
    resources: Resources = Resources()
    search: Search = Search()

    def __post_init__(self) -> None:
        counts = Counter(run.name for run in self.runs)
        checked = [("experiment", self.name, folder_problem(self.name))]
        checked += [("run", name, run_problem(name)) for name in counts]
        problems = [f"the name of the {kind}: {rule}; got {name!r}" for kind, name, rule in checked if rule]
        problems += [f"the name of the run: must be unique; got {name!r} twice" for name, n in counts.items() if n > 1]
        if not self.runs:
            problems.append(f"experiment {self.name!r}: must have at least one run; got none")
        problems += [f"[dataset] {key}: {rule}" for key, rule in unequal_folds([run.dataset for run in self.runs])]
        if self.settings.skip_validation and self.search.may_cut:
            cuts = "racing = True" if self.search.racing else f"scheduler = {self.search.scheduler}"
            reason = f"must be False with [search] {cuts}, which compares the epochs of runs; got True"
            problems.append(f"[settings] skip_validation: {reason}")
        if self.settings.skip_validation and self.settings.evaluate_checkpoint != "last":
            choosing = f"evaluate_checkpoint = {self.settings.evaluate_checkpoint}, which chooses among all epochs"
            problems.append(f"[settings] skip_validation: must be False with {choosing}; got True")
        if rule := trials_problem(len(self.runs), self.settings.multiple_runs, self.num_folds):
            problems.append(f"[settings] multiple_runs: {rule}")
        if problems:
            raise ConfigError(problems)

    @property
    def num_folds(self) -> int:
        """That every seed of a run is trained on, those of all repeats; 1 without folds."""
        return self.runs[0].dataset.num_folds if self.runs else 1

    @property
    def members(self) -> Mapping[Member, tuple[int, int | None]]:
        """The trials of every run: member -> its seed and its fold. The folds of the first seed come first."""
        return _members(self.settings.seeds, self.runs[0].dataset.fold_numbers)


@cache
def _members(seeds: tuple[int, ...], folds: tuple[int | None, ...]) -> Mapping[Member, tuple[int, int | None]]:
    return {member_of(seed, fold): (seed, fold) for seed in seeds for fold in folds}


def member_of(seed: int, fold: int | None) -> Member:
    """What tells a trial from the others of its run: its seed; with folds, as in `runA-43-fold2`, the fold, too."""
    return seed if fold is None else f"{seed}{FOLD_MARK}{fold}"


def seed_and_fold(member: Member) -> tuple[int, int]:
    """The inverse of `member_of`, with 0 for no fold; members in the order of this are in the order of the trials."""
    seed, _, fold = str(member).partition(FOLD_MARK)
    return int(seed), int(fold or 0)


def trials_problem(runs: int, seeds: int, folds: int = 1) -> str | None:
    """What is wrong with so many runs of so many seeds on so many folds."""
    if runs * seeds * folds <= MAX_TRIALS:
        return None
    named, counts = ("points of the grid x multiple_runs", f"{runs} x {seeds}")
    if folds > 1:
        named, counts = f"{named} x folds x repeats", f"{counts} x {folds}"
    return f"must make at most {MAX_TRIALS} trials ({named}); got {counts}"


def fold_problems(dataset: DatasetParams) -> list[CrossProblem]:
    """Every rule about folds that a data set breaks."""
    found: list[tuple[str, str]] = []
    if dataset.folds:
        leak = "must be False with folds: what it would train on is what other folds are measured on"
        found += [(key, leak) for key in ("train_on_val", "train_on_test") if getattr(dataset, key)]
    else:
        unused = {"repeats": 1, "split_seed": 42}
        found += [(key, "needs folds") for key, default in unused.items() if getattr(dataset, key) != default]
    return [CrossProblem(key, frozenset({key, "folds"}), rule, getattr(dataset, key), "dataset") for key, rule in found]


def unequal_folds(datasets: Sequence[DatasetParams]) -> list[tuple[str, str]]:
    """(key, rule) of what is not the same for all runs, which are compared fold by fold."""
    values = {key: list(dict.fromkeys(getattr(dataset, key) for dataset in datasets)) for key in FOLD_KEYS}
    return [
        (key, f"must be the same for all runs, which are compared fold by fold; got {', '.join(map(str, found))}")
        for key, found in values.items()
        if len(found) > 1
    ]
