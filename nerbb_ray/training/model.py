"""Pretrained models: loaded, checked and saved. No code of a model is ever executed."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nerbb_ray import atomic
from nerbb_ray.errors import ModelError
from nerbb_ray.training.sources import ModelSource

DECODING = "decoding.json"  # beside the weights: how their tags are found


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Loading without progress bars and load reports; errors still come through."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def load_tokenizer(source: ModelSource, uncased: bool | None = None, *, trained: bool = False) -> Any:
    """The fast tokenizer of a model, ready for words that are split already.

    Args:
        uncased: whether it lowercases; None derives it from the tokenizer, or from a name that says "uncased".
        trained: the model is fine-tuned: its files know how, whatever its name says.
    Raises:
        ModelError: there is no fast tokenizer, or it cannot be made to lowercase (or not to).
    """
    from transformers import AutoTokenizer

    def load(**options: Any) -> Any:
        with quiet_transformers(), _as_model_error(source):
            return AutoTokenizer.from_pretrained(source.location, trust_remote_code=False, **source.options, **options)

    tokenizer = load()
    if not tokenizer.is_fast:
        raise ModelError(f"model {source.name!r} has no fast tokenizer, which is needed to map sub-tokens to words")
    options: dict[str, Any] = {}
    if '"ByteLevel"' in tokenizer.backend_tokenizer.to_str():
        # byte-level BPE knows a word inside a sentence by the blank before it
        options["add_prefix_space"] = True
    wanted = uncased if uncased is not None else _says_uncased(source, tokenizer, trained)
    if wanted != lowercases(tokenizer):
        options["do_lower_case"] = wanted
    if options:
        tokenizer = load(**options)
    if wanted != lowercases(tokenizer):
        raise ModelError(f"[settings] uncased = {wanted}: the tokenizer of {source.name!r} cannot be switched to it")
    return tokenizer


def _says_uncased(source: ModelSource, tokenizer: Any, trained: bool) -> bool:
    """A tokenizer's own files decide; the name does where it says "uncased", and where there is only a vocabulary."""
    name, folder = source.name.lower(), Path(source.location)
    described = any((folder / file).is_file() for file in ("tokenizer.json", "tokenizer_config.json"))
    if trained and (described or not folder.is_dir()):
        return lowercases(tokenizer)
    if "uncased" in name:
        return True
    if "cased" in name and folder.is_dir() and not described:
        return False  # the default of transformers would be to lowercase
    return lowercases(tokenizer)


def lowercases(tokenizer: Any) -> bool:
    """Whether a tokenizer maps A to a before it looks a word up."""
    normalizer = tokenizer.backend_tokenizer.normalizer
    return normalizer is not None and normalizer.normalize_str("A") == "a"


def check_length(source: ModelSource, max_seq_length: int) -> None:
    """Raises ModelError if the model has no positions for sequences of this length."""
    from transformers import AutoConfig

    with quiet_transformers(), _as_model_error(source):
        config = AutoConfig.from_pretrained(source.location, trust_remote_code=False, **source.options)
    limit = longest_sequence(config)
    if limit is not None and max_seq_length > limit:
        raise ModelError(f"max_seq_length must be <= {limit}, the length of {source.name!r}; got {max_seq_length}")


def longest_sequence(config: Any) -> int | None:
    """Sub-tokens that a model has positions for; None without a limit."""
    limit = getattr(config, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit <= 0:
        return None
    # their positions count from padding_idx + 1
    return limit - 2 if config.model_type in ("roberta", "xlm-roberta", "camembert", "longformer") else limit


def load_model(source: ModelSource, tags: Sequence[str]) -> Any:
    """The encoder with a head for these tags; a head of another size is new, from torch's random state.

    Raises:
        ModelError: the weights cannot be loaded, or only by executing code.
    """
    from transformers import AutoModelForTokenClassification

    labels = dict(enumerate(tags))
    with quiet_transformers(), _as_model_error(source):
        return AutoModelForTokenClassification.from_pretrained(
            source.location,
            **source.options,
            num_labels=len(tags),
            id2label=labels,
            label2id={tag: index for index, tag in labels.items()},
            ignore_mismatched_sizes=True,
            trust_remote_code=False,
            dtype="float32",
        )


def load_trained(source: ModelSource) -> Any:
    """A model with the head that it was fine-tuned with, ready to predict; its config.id2label has the tags.

    Raises:
        ModelError: it has no such head, or cannot be loaded without executing code.
    """
    from transformers import AutoModelForTokenClassification

    with quiet_transformers(), _as_model_error(source):
        model, found = AutoModelForTokenClassification.from_pretrained(
            source.location,
            **source.options,
            trust_remote_code=False,
            dtype="float32",
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    kinds = [name for name in model.config.architectures or () if not name.endswith("ForTokenClassification")]
    missing = sorted({*found["missing_keys"], *(key for key, *_ in found["mismatched_keys"])})
    if kinds or missing:
        why = f"it is a {kinds[0]}" if kinds else f"its weights lack, or have in another size, {', '.join(missing[:3])}"
        raise ModelError(
            f"model {source.name!r} is not fine-tuned for named entity recognition: {why}. "
            "Fine-tune it in an experiment, or name a model for token classification"
        )
    return model.eval()


@contextlib.contextmanager
def _as_model_error(source: ModelSource) -> Iterator[None]:
    import pickle

    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, pickle.UnpicklingError, SafetensorError) as error:
        raise ModelError(f"model {source.name!r} at {source.location} cannot be loaded: {error}") from error


@contextlib.contextmanager
def save_model(model: Any, tokenizer: Any, folder: Path, max_seq_length: int | None = None) -> Iterator[Path]:
    """Write model and tokenizer in the format of transformers; an interrupted save leaves the old folder whole.

    The context is given the folder as it is written, for further files.

    Args:
        max_seq_length: that it was trained with; becomes the tokenizer's model_max_length.
    """
    if max_seq_length is not None:
        tokenizer.model_max_length = max_seq_length
    with atomic.new_folder(folder) as scratch:
        with quiet_transformers():
            model.save_pretrained(scratch)
            tokenizer.save_pretrained(scratch)
        yield scratch
        atomic.give_everybody(scratch)  # transformers writes weights for their owner only
