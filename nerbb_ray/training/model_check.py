"""Whether a model can be trained as it is asked for: found out once, before anything starts.

An ordinary BERT (see plain_bert) is known by its files. Any other model is loaded as a trial would load it, and tried
on a tiny copy: one pass of the longest sequence, one forward and backward pass in the number format of the trials, a
sentence with and without padding, and sentences in a row.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from nerbb_ray.config.hparams import HParams
from nerbb_ray.errors import ModelError, UnfitError
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.training.plain_bert import PlainBert, plain_bert
from nerbb_ray.training.sources import ModelSource, check_whole, on_this_machine

if TYPE_CHECKING:
    from nerbb_ray.training.tiny_copy import TinyCopy

with lazy_modules():  # an ordinary BERT does without torch and transformers, whose import takes seconds
    from nerbb_ray.training import forward, knobs, model, tiny_copy, tokenizer

FALLBACK = "fp32"


@dataclass(frozen=True, slots=True)
class CheckedModel:
    """A model that can be trained.

    Args:
        tokenizer: that encodes the data: a fast one of transformers, or a PlainTokenizer.
        precision: the number format for its trials: as the settings have it, or fp32 where their `auto` must not
            become another one.
        notes: what a user should know of it.
        first_position: of a sentence in a row without padding; None: it needs padding.
    """

    tokenizer: Any
    precision: str
    notes: tuple[str, ...]
    first_position: int | None


@lru_cache(maxsize=8)
def model_check(source: ModelSource, uncased: bool | None, precision: str) -> "ModelCheck":
    """The check of a model, the same one for all that ask: the revision in its source says that it is the same."""
    return ModelCheck(source, uncased, precision)


class ModelCheck:
    """What is found out about a model, each thing once.

    Args:
        source: of the model.
        uncased, precision: of [settings].
    """

    def __init__(self, source: ModelSource, uncased: bool | None, precision: str) -> None:
        self.source, self.uncased, self.wanted = source, uncased, precision
        self._longest: dict[int, int] = {}
        self._load_notes: dict[tuple[str, ...], list[str]] = {}

    def check(self, tags: Sequence[str], max_seq_length: int) -> CheckedModel:
        """
        Raises:
            ModelError: the model cannot be loaded, or not be trained like this; it says what to do.
            UnfitError: it has no room for sequences of so many sub-tokens.
        """
        folder = on_this_machine(self.source)
        if folder is not None:
            check_whole(self.source.name, folder)
        self.check_length(max_seq_length)
        loaded = self._notes_on_loading(tuple(tags))
        precision, in_fp32 = self._precision
        notes = (*loaded, in_fp32, self._mask_note)
        return CheckedModel(self._tokenizer, precision, tuple(note for note in notes if note), self._first_position)

    def check_length(self, max_seq_length: int) -> None:
        """Raises UnfitError if the model has no room for sequences of so many sub-tokens."""
        if max_seq_length not in self._longest:
            longest = self._copy.longest(max_seq_length) if self._plain is None else self._plain.positions
            self._longest[max_seq_length] = longest
        longest = self._longest[max_seq_length]
        if max_seq_length > longest:
            rule = f"must be <= {longest}, the length of {self.source.name!r}"
            raise UnfitError("max_seq_length", rule, max_seq_length)

    def unfit_knobs(self, hparams: HParams) -> list[UnfitError]:
        """The hyperparameters that change something of the model that it does not have."""
        if not hparams.changes_model:
            return []
        return knobs.unfit(
            copy.deepcopy(self._copy.model), self._config, hparams, self.source.name, self._copy.heeds_dropout
        )

    @cached_property
    def _plain(self) -> PlainBert | None:
        return plain_bert(self.source, self.uncased)

    @cached_property
    def _tokenizer(self) -> Any:
        if self._plain is not None:
            return self._plain.tokenizer
        return tokenizer.load_tokenizer(self.source, self.uncased)

    @cached_property
    def _copy(self) -> "TinyCopy":
        return tiny_copy.TinyCopy(self._config, self.source.name)

    @cached_property
    def _config(self) -> Any:
        return model.load_config(self.source)

    def _notes_on_loading(self, tags: tuple[str, ...]) -> list[str]:
        if tags not in self._load_notes:
            self._load_notes[tags] = self._loaded(tags) if self._plain is None else self._plain.notes(tags)
        return self._load_notes[tags]

    def _loaded(self, tags: tuple[str, ...]) -> list[str]:
        """Load the weights as a trial does."""
        loaded, notes = model.load_with_notes(self.source, tags)
        tokenizer.check_vocabulary(self._tokenizer, loaded, self.source.name)
        return notes

    @cached_property
    def _precision(self) -> tuple[str, str | None]:
        """The number format, and a note where it is not the fastest."""
        if self._plain is not None:
            return self.wanted, None
        if self.wanted != "auto":
            self._refuse_failure(self.wanted)
            return self.wanted, None
        failure = self._copy.failure_in("bf16")
        if failure is None:
            return self.wanted, None
        self._refuse_failure(FALLBACK)
        return FALLBACK, f"model {self.source.name!r} cannot be trained in bf16 ({failure}): {FALLBACK} is used"

    def _refuse_failure(self, precision: str) -> None:
        failure = self._copy.failure_in(precision)
        if failure is not None:
            way_out = "choose another model" if precision == FALLBACK else f"set [settings] precision = {FALLBACK}"
            raise ModelError(f"model {self.source.name!r} cannot be trained in {precision}: {failure}; {way_out}")

    @cached_property
    def _first_position(self) -> int | None:
        if self._plain is not None:
            return self._plain.first_position
        return forward.first_position_of(self._copy)

    @cached_property
    def _mask_note(self) -> str | None:
        if self._plain is not None or self._copy.keeps_to_mask():
            return None
        return (
            f"model {self.source.name!r} does not leave padding out of account (the attention mask): what it predicts "
            "for a sentence depends on the lengths of the others in its batch"
        )
