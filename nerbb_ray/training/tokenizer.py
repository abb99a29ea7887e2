"""The tokenizer of a model: fast, ready for words that are split already, in the case that is wanted."""

import contextlib
from collections.abc import Iterator
from typing import Any

from transformers import AutoTokenizer
from transformers.utils import logging

from nerbb_ray.errors import ModelError
from nerbb_ray.training.load_errors import as_model_error
from nerbb_ray.training.sources import ModelSource, on_this_machine, own_name
from nerbb_ray.training.word_starts import with_word_starts


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Loading without progress bars and load reports; errors still come through."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def load_tokenizer(source: ModelSource, uncased: bool | None = None, *, trained: bool = False) -> Any:
    """The fast tokenizer of a model, which gives words the sub-tokens that they have in running text.

    Args:
        uncased: whether it lowercases; None derives it from the tokenizer, or from a name that says "uncased".
        trained: the model is fine-tuned: its files know how, whatever its name says.
    Raises:
        ModelError: there is no fast tokenizer, or it cannot be made to lowercase (or not to), or to see where words
            begin.
    """

    def load(**options: Any) -> Any:
        with as_model_error(source), quiet_transformers():
            return AutoTokenizer.from_pretrained(source.location, trust_remote_code=False, **source.options, **options)

    tokenizer = load()
    if not tokenizer.is_fast:
        raise ModelError(
            f"model {source.name!r} has no fast tokenizer, which is needed to map sub-tokens to words; "
            "choose a model that has one (tokenizer.json)"
        )
    # where all of its files are missing, transformers makes one that knows nothing
    if len({*tokenizer.get_vocab()} - {*tokenizer.all_special_tokens}) <= 1:
        raise ModelError(
            f"model {source.name!r} at {source.location} has no tokenizer: put tokenizer.json, or the vocabulary that "
            "it was trained with, beside its weights"
        )
    options: dict[str, Any] = {}
    wanted = uncased if uncased is not None else _says_uncased(source, tokenizer, trained)
    if wanted != lowercases(tokenizer):
        options["do_lower_case"] = wanted
        tokenizer = load(**options)
    if wanted != lowercases(tokenizer):
        given = f"[settings] uncased = {wanted}" if uncased is not None else 'its name says "uncased"'
        way_out = "" if uncased is not None else "; say [settings] uncased = False if it is not"
        raise ModelError(f"{given}: the tokenizer of {source.name!r} cannot be switched to it{way_out}")
    if trained and tokenizer.init_kwargs.get("add_prefix_space"):
        return tokenizer  # whether or not its class heeds that: the model was fine-tuned with it as it is
    found = with_word_starts(tokenizer, lambda: load(**options, add_prefix_space=True))
    if found is None:
        raise ModelError(
            f"model {source.name!r}: its tokenizer gives the words Hello and Anna other sub-tokens than the text "
            "'Hello Anna' has, and cannot be made to see where words begin; choose another model"
        )
    return found


def _says_uncased(source: ModelSource, tokenizer: Any, trained: bool) -> bool:
    """A tokenizer's own files decide; the name does where it says "uncased", and where there is only a vocabulary."""
    name, folder = own_name(source), on_this_machine(source)
    described = folder is None or any((folder / file).is_file() for file in ("tokenizer.json", "tokenizer_config.json"))
    if trained and described:
        return lowercases(tokenizer)
    if "uncased" in name:
        return True
    if "cased" in name and not described:
        return False  # the default of transformers would be to lowercase
    return lowercases(tokenizer)


def lowercases(tokenizer: Any) -> bool:
    """Whether a tokenizer maps A to a before it looks a word up."""
    normalizer = tokenizer.backend_tokenizer.normalizer
    return normalizer is not None and "a" in normalizer.normalize_str("A")


def check_vocabulary(tokenizer: Any, model: Any, name: str) -> None:
    """Raises ModelError if a tokenizer has ids that a model has no word embeddings for."""
    try:
        rows = len(model.get_input_embeddings().weight)
    except (AttributeError, NotImplementedError):  # it has no table of them
        return
    largest = max(tokenizer.backend_tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if largest >= rows:
        raise ModelError(
            f"model {name!r}: its tokenizer has ids up to {largest}, but there are only {rows} word embeddings: "
            "tokenizer and weights do not belong together; put back the tokenizer that the weights came with"
        )
