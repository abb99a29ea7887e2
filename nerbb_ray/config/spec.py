"""An experiment as frozen data: what is trained on which data, how often, and with what.

Every class here is one section of the experiment file and its fields are the keys of the section. A field that is given
a value outside its rule raises ConfigError, naming all such fields at once.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from nerbb_ray.config import keys
from nerbb_ray.config.domains import Domain
from nerbb_ray.config.hparams import CrossProblem, HParams, cross_problems
from nerbb_ray.config.keys import run_problem
from nerbb_ray.config.search import Search
from nerbb_ray.config.written import Written
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
KEPT_BY_AUTO = "best_f1"  # what `evaluate_checkpoint = auto` means: see benchmarks/README.md
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
class RunSpec:
    """One point of the grid: every parameter of it is resolved.

    Args:
        name: the name of its section, with the point of the grid in brackets if the section spans several.
        space: keys whose values the search chooses, with what it may choose from; the run is then the pattern of those
            that are trained (`concrete`), and these keys have values somewhere in the middle.
        written: where its values stand, for errors.
    """

    name: str
    dataset: DatasetParams
    model: ModelParams
    hparams: HParams = HParams()  # noqa: RUF009  # frozen
    space: tuple[tuple[str, Domain], ...] = ()
    written: Written = field(default=Written(), compare=False, repr=False)

    def __post_init__(self) -> None:
        broken = (*cross_problems(self.hparams), *fold_problems(self.dataset))
        problems = [f"[{p.section}] {p.key}: {p.rule}; got {p.value}" for p in broken]
        problems += [f"[dataset] {key}: {NOT_SEARCHED}" for key, _ in self.space if key in FOLD_KEYS]
        given = {"dataset": self.dataset.dataset_name, "model": self.model.pretrained_model_name}
        problems += [f"[{section}] {MANDATORY[section]}: {MISSING}" for section, value in given.items() if not value]
        if problems:
            raise ConfigError(problems)

    @property
    def most_epochs(self) -> int:
        """That a trial of this run can have."""
        drawn = dict(self.space).get("max_epochs")
        return self.hparams.max_epochs if drawn is None else int(max(drawn.ends()))


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
    search: Search = Search()  # noqa: RUF009  # frozen

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
        most = max((run.dataset for run in self.runs), key=lambda dataset: dataset.num_folds, default=None)
        if too_many := trials_problem(len(self.runs), self.settings.multiple_runs, most):
            problems.append(": ".join(too_many))
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


def member_kind(*members: Member) -> str:
    """What one of them is called."""
    return "fold model" if any(FOLD_MARK in str(member) for member in members) else "seed"


def member_title(*members: Member) -> str:
    """How a sentence names them: `seed 43`, `fold model 43-fold2, 43-fold3`."""
    return f"{member_kind(*members)} {', '.join(map(str, members))}"


def parse_member(text: str) -> Member:
    """The inverse of `str(member)`.

    Raises:
        ValueError: it is neither a seed nor a seed with a fold.
    """
    if not re.fullmatch(rf"[0-9]+({FOLD_MARK}[1-9][0-9]*)?", text):
        raise ValueError(text)
    return text if FOLD_MARK in text else int(text)


def seed_and_fold(member: Member) -> tuple[int, int]:
    """The inverse of `member_of`, with 0 for no fold; members in the order of this are in the order of the trials."""
    seed, _, fold = str(member).partition(FOLD_MARK)
    return int(seed), int(fold or 0)


def trials_problem(runs: int, seeds: int, dataset: DatasetParams | None = None) -> tuple[str, str] | None:
    """(`[section] key`, rule) where so many runs of so many seeds, on the folds of a data set, are too many trials."""
    if runs * seeds * (1 if dataset is None else dataset.num_folds) <= MAX_TRIALS:
        return None
    where, named, counts = "[settings] multiple_runs", "points of the grid x multiple_runs", f"{runs} x {seeds}"
    if dataset is not None and dataset.folds:
        named, counts = f"{named} x folds x repeats", f"{counts} x {dataset.folds} x {dataset.repeats}"
        if runs * seeds <= MAX_TRIALS:
            where = f"[dataset] {'repeats' if runs * seeds * dataset.folds <= MAX_TRIALS else 'folds'}"
    return where, f"must make at most {MAX_TRIALS} trials ({named}); got {counts}"


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
