"""What makes two trials the same thing, apart from their seed. Pure.

Resuming, running again, adding seeds, comparing and exporting ask this and nothing else: the mean over trials that
differ in any of it would be a mean of two things.
"""

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nerbb_ray.config.keys import AUTO
from nerbb_ray.config.known_keys import HOME, KEYS, default_text
from nerbb_ray.config.spec import KEPT_BY_AUTO
from nerbb_ray.config.trials import TrialSpec

# Raised with every change that gives trained models other numbers: trials of before and after are then not mixed.
NUMERICS = 5
# parameters that do not change what a trial computes; precision counts as what it was resolved to
FREE = frozenset(
    {
        "run",
        "seed",
        "fold",
        "repeats",
        "preset",
        "checkpoints",
        "logging_level",
        "multiple_runs",
        "save_minutes",
        "precision",
        "skip_validation",
    }
)
# key -> (value, numerics): the default before this number. Who has left the key out has changed nothing since.
FORMER_DEFAULTS = {"evaluate_checkpoint": ("best", 3)}
# other words for the same value
SAME = {("evaluate_checkpoint", AUTO): KEPT_BY_AUTO, ("label_smoothing", "-0.0"): "0.0"}
SHOWN = 12  # characters of a hash
LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Everything that shapes the training of a trial. What is not known is None, and agrees with anything.

    Args:
        params: by INI key, as texts, without those that change nothing.
        data: fingerprint of the data set.
        model: revision of the pretrained model: a hash over all of its files, or a commit of the hub.
        precision: fp32, bf16 or fp16.
        device: cpu or cuda.
        numerics: `NUMERICS` of the version that trained.
        layout: what folds depend on beside data and parameters: the borders of documents.
    """

    params: Mapping[str, str] = field(default_factory=dict)
    data: str | None = None
    model: str | None = None
    precision: str | None = None
    device: str | None = None
    numerics: int | None = None
    layout: str | None = None

    @classmethod
    def of(
        cls,
        trial: TrialSpec,
        *,
        data: str | None = None,
        model: str | None = None,
        precision: str | None = None,
        device: str | None = None,
        layout: str | None = None,
    ) -> "Identity":
        """Of a trial that this version trains."""
        params = {key: str(value) for key, value in trial.params().items() if key not in FREE}
        known = {"data": data, "model": model, "precision": precision, "device": device, "layout": layout}
        return cls(params=params, numerics=NUMERICS, **known)

    @classmethod
    def of_record(cls, params: Mapping[str, object], data: str | None) -> "Identity":
        """What a version before 0.4 has recorded of a trial."""
        return cls(params={k: str(v) for k, v in params.items() if k not in FREE}, data=data, numerics=1)

    def differences(self, now: "Identity") -> list[str]:
        """What was otherwise than it is now: `lr_max was 0.5, now 0.0001`; empty if both are the same thing."""
        found = self.param_differences(now)
        for name, words in _WORDS.items():
            was, is_ = getattr(self, name), getattr(now, name)
            if None not in (was, is_) and was != is_:
                found.append(words.format(str(was)[:SHOWN], str(is_)[:SHOWN]))
        return found

    def param_differences(self, now: "Identity") -> list[str]:
        """Those of the parameters, which are known before anything is prepared."""
        pairs = ((key, self._param(key), now._param(key)) for key in {**self.params, **now.params})
        return [
            f"{key} was {_as_written(key, was)}, now {_as_written(key, is_)}"
            for key, was, is_ in pairs
            if None not in (was, is_)
            and _meant(key, was) != _meant(key, is_)
            and not (self._had_default(key) and is_ == default_text(key))
        ]

    def evaluated_on(self, splits: Collection[str] = ("val", "test"), *, folds: bool = True) -> tuple[str, ...]:
        """The data, and the parts of them, that the metrics of some splits come from.

        Args:
            folds: whether those count into which train and val were cut: test is the same for all of them.
        """
        keys = ("dataset_name", *(f"prune_ratio_{split}" for split in splits))
        parts = (f"{key} = {self.params.get(key)}" for key in keys)
        cut = self.cut_into() if folds else ()
        return (*parts, f"fingerprint {(self.data or 'unknown')[:SHOWN]}", *cut)

    def cut_into(self) -> tuple[str, ...]:
        """The folds that train and val were cut into; empty without. Repeats only add others."""
        if not folds_in(self.params):
            return ()
        layout = (f"documents {self.layout[:SHOWN]}",) if self.layout else ()
        return (f"folds = {folds_in(self.params)}", f"split_seed = {self._param('split_seed')}", *layout)

    def digest(self) -> str:
        """sha256 (hex) of all of it."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `from_dict` is the exact inverse."""
        return {**asdict(self), "params": dict(self.params)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Identity":
        return cls(**values)

    def _param(self, key: str) -> str | None:
        """A key that the version which trained did not know had its default; nothing is known of no parameters."""
        return self.params.get(key) if key in self.params or not self.params else default_text(key)

    def _had_default(self, key: str) -> bool:
        """Whether it has the value that was the default of a version before."""
        value, until = FORMER_DEFAULTS.get(key, ("", 0))
        return self.numerics is not None and self.numerics < until and self.params.get(key) == value


def folds_in(params: Mapping[str, object]) -> int:
    """Into how many train and val were cut; 0 without folds, or from before there were any.

    Args:
        params: values, or texts as MLflow has them.
    """
    text = str(params.get("folds"))
    return int(text) if text.isdecimal() else 0


def _meant(key: str, text: str | None) -> str | None:
    """The same for what is only written otherwise; revision and fingerprint tell whether the files are the same."""
    if text is not None and key in ("dataset_name", "pretrained_model_name"):
        return os.path.normpath(text)
    return text if text is None else SAME.get((key, text), text)


def _as_written(key: str, text: str | None) -> str:
    """A recorded value in the words of an experiment file, which has no None."""
    if text != str(None) or key not in HOME:
        return str(text)
    try:
        return AUTO if KEYS[HOME[key]][key].parse(AUTO) is None else LEFT_OUT
    except ValueError:
        return LEFT_OUT


_WORDS = {
    "data": "the data had the fingerprint {}, now {}",
    "model": "the model had the revision {}, now {}",
    "precision": "precision was {}, now {}",
    "device": "it was trained on {}, now on {}",
    "layout": "the folds were made of documents {}, now {}",
    "numerics": "it was trained by a version with numerics {}, now {}",
}
