"""An experiment as frozen data: what is trained on which data, how often, and with what.

Every class here is one section of the experiment file and its fields are the keys of the section. A field that is given a
value outside its rule raises ConfigError, naming all such fields at once.
"""

from dataclasses import dataclass
from typing import Any, Literal

from nerbb_ray.config import keys
from nerbb_ray.errors import ConfigError

Mode = Literal["min", "max"]
MODE_OF_MONITOR: dict[str, Mode] = {"val_loss": "min", "val_acc": "max", "val_f1": "max"}

PRESETS: dict[str, dict[str, Any]] = {
    "adaptive": {"max_epochs": 250, "early_stopping": True, "lr_schedule": "constant"},
    "original": {"max_epochs": 5, "early_stopping": False, "lr_schedule": "linear"},
    "stable": {"max_epochs": 20, "early_stopping": False, "lr_schedule": "linear"},
    "hybrid": {"early_stopping": False, "lr_schedule": "hybrid"},
}


class _Checked:
    """Checks every field against the rule of its key."""

    __slots__ = ()
    section = ""

    def __post_init__(self) -> None:
        problems = [
            f"[{self.section}] {name}: must be {key.rule}; got {getattr(self, name)!r}"
            for name, key in keys.keys_of(self).items()
            if not key.check(getattr(self, name))
        ]
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetParams(_Checked):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParams(_Checked):
    """[model]: the pretrained encoder."""

    section = "model"
    pretrained_model_name: str = keys.text("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(_Checked):
    """[settings]: what all runs of an experiment share, so that they can be compared seed by seed."""

    section = "settings"
    preset: str | None = keys.choice(None, *PRESETS)
    checkpoints: bool = keys.boolean(True)
    logging_level: str = keys.choice("info", "info", "debug")
    multiple_runs: int = keys.integer(1, low=1)
    seed: int = keys.integer(42, low=1)
    precision: str = keys.choice("auto", "auto", "fp32", "bf16", "fp16")
    evaluate_checkpoint: str = keys.choice("best", "best", "last")
    uncased: bool | None = keys.optional(bool)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of every run: seed + 1 ... seed + multiple_runs."""
        return tuple(self.seed + 1 + i for i in range(self.multiple_runs))


@dataclass(frozen=True, slots=True, kw_only=True)
class HParams(_Checked):
    """[hparams]: the hyperparameters of one run.

    `mode` may be left out: it follows from `monitor`. Lengths are in sub-tokens, warm-up and cool-down in epochs.
    """

    section = "hparams"
    batch_size: int = keys.integer(16, low=1)
    max_seq_length: int = keys.integer(128, low=8)
    max_epochs: int = keys.integer(250, low=1)
    early_stopping: bool = keys.boolean(True)
    monitor: str = keys.choice("val_loss", *MODE_OF_MONITOR)
    min_delta: float = keys.number(0.0, low=0)
    patience: int = keys.integer(0, low=0)
    mode: Mode = keys.choice(None, "min", "max")
    lr_warmup_epochs: int = keys.integer(2, low=0)
    lr_max: float = keys.number(2e-5, low=0, open_low=True)
    lr_schedule: str = keys.choice("constant", "constant", "linear", "cosine", "cosine_with_hard_restarts", "hybrid")
    lr_num_cycles: int = keys.integer(4, low=1)
    lr_cooldown_restarts: bool = keys.boolean(True)
    lr_cooldown_epochs: int = keys.integer(7, low=0)

    def __post_init__(self) -> None:
        # named: a zero-argument super() does not work in a dataclass with slots
        _Checked.__post_init__(self)
        if self.mode is None:
            object.__setattr__(self, "mode", MODE_OF_MONITOR[self.monitor])


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources(_Checked):
    """[resources]: what one trial gets. None (`auto`) is worked out from the machine or the cluster."""

    section = "resources"
    num_workers: int = keys.integer(1, low=1)
    cpus_per_worker: float | None = keys.optional(float, open_low=True)
    gpus_per_worker: float | None = keys.optional(float)
    max_concurrent_trials: int | None = keys.optional(int, low=1)
    trainer: str = keys.choice("auto", "auto", "inprocess", "torch_trainer")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """One point of the grid: every parameter of it is resolved.

    Args:
        name: the name of its section, with the point of the grid in brackets if the section spans several.
    """

    name: str
    dataset: DatasetParams
    model: ModelParams
    hparams: HParams = HParams()

    def __post_init__(self) -> None:
        problems = cross_problems(self.hparams)
        for section, key, value in (
            ("dataset", "dataset_name", self.dataset.dataset_name),
            ("model", "pretrained_model_name", self.model.pretrained_model_name),
        ):
            if not value:
                problems.append((section, key, "is mandatory; got nothing"))
        if problems:
            raise ConfigError(f"[{section}] {key}: {message}" for section, key, message in problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSpec:
    """A whole experiment.

    Args:
        name: of the experiment, its file and its MLflow experiment.
        runs: resolved, with unique names, in the order of the file.
    """

    name: str
    runs: tuple[RunSpec, ...]
    settings: Settings = Settings()
    resources: Resources = Resources()


def cross_problems(hparams: HParams) -> list[tuple[str, str, str]]:
    """(section, key, rule and value) of every rule between two keys that the hyperparameters break."""
    problems = []
    expected = MODE_OF_MONITOR[hparams.monitor]
    if hparams.mode != expected:
        problems.append(("hparams", "mode", f"must be {expected} for monitor = {hparams.monitor}; got {hparams.mode}"))
    if hparams.lr_schedule == "hybrid":
        if hparams.early_stopping:
            message = "lr_schedule = hybrid has a fixed number of epochs: early_stopping must be False; got True"
            problems.append(("hparams", "early_stopping", message))
        if hparams.lr_cooldown_epochs > hparams.max_epochs:
            message = (
                f"must be <= max_epochs = {hparams.max_epochs} for lr_schedule = hybrid; got {hparams.lr_cooldown_epochs}"
            )
            problems.append(("hparams", "lr_cooldown_epochs", message))
    return problems
