"""Pretrained models: loaded, checked and saved. No code of a model is ever executed."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModelForTokenClassification
from transformers.utils import find_adapter_config_file

from nerbb_ray import atomic
from nerbb_ray.data.words_of_text import FORMER, WordSplitting
from nerbb_ray.errors import ModelError
from nerbb_ray.ner.decoding import Decoder, argmax
from nerbb_ray.training.head import see_to_head
from nerbb_ray.training.head_labels import labels_of
from nerbb_ray.training.layers import in_encoder
from nerbb_ray.training.load_errors import as_model_error
from nerbb_ray.training.model_files import IS_ADAPTER, few
from nerbb_ray.training.sources import ModelSource, file_of
from nerbb_ray.training.tokenizer import quiet_transformers

WORDS = "word_splitting"  # a key of config.json
CHECKPOINTING = "gradient_checkpointing"  # a key of config.json of models of former years

log = logging.getLogger(__name__)

DECODING = "decoding.json"  # beside the weights: how their tags are found


def load_config(source: ModelSource) -> Any:
    """The configuration of a model, without gradient checkpointing.

    That is how somebody else saved memory. Layers that are computed a second time, in the backward pass, would have
    another dropout than in the forward pass.

    Raises:
        ModelError: it cannot be loaded, or only by executing code, or it has an adapter.
    """
    with as_model_error(source), quiet_transformers():
        _refuse_adapter(source)
        config = AutoConfig.from_pretrained(source.location, trust_remote_code=False, **source.options)
        if hasattr(config, CHECKPOINTING):
            setattr(config, CHECKPOINTING, False)
        return config


def _refuse_adapter(source: ModelSource) -> None:
    """Where a model has an adapter, also on the hub: asked as transformers itself asks before it loads one."""
    found = find_adapter_config_file(source.location, **source.options)
    if found:
        raise ModelError(f"model {source.name!r} cannot be loaded: {found}: {IS_ADAPTER}")


def load_model(source: ModelSource, tags: Sequence[str], changes: Mapping[str, Any] | None = None) -> Any:
    """The encoder with a head for these tags; what is to be known of it is logged.

    Args:
        changes: values of its configuration that are to be others.
    Raises:
        ModelError: as `load_with_notes`.
    """
    model, notes = load_with_notes(source, tags, changes)
    for note in notes:
        log.warning(note)
    return model


def load_with_notes(
    source: ModelSource, tags: Sequence[str], changes: Mapping[str, Any] | None = None
) -> tuple[Any, list[str]]:
    """The encoder with a head for these tags, and what a user should know of it: what became of the head it had.

    The rows of a head that knows the same labels, and is whole, follow them; any other head is new, from torch's random
    state.

    Raises:
        ModelError: the weights cannot be loaded, or only by executing code, are not all there, or are quantised.
    """
    config = load_config(source)
    _refuse_quantised(config, source)
    labels = dict(enumerate(tags))
    in_one_pass = {CHECKPOINTING: False} if hasattr(config, CHECKPOINTING) else {}
    with as_model_error(source), quiet_transformers():
        stored = labels_of(config)
        model, found = AutoModelForTokenClassification.from_pretrained(
            source.location,
            **source.options,
            num_labels=len(tags),
            id2label=labels,
            label2id={tag: index for index, tag in labels.items()},
            ignore_mismatched_sizes=True,
            trust_remote_code=False,
            dtype="float32",
            output_loading_info=True,
            **in_one_pass,
            **(changes or {}),
        )
    unloaded = {*found["missing_keys"], *(key for key, *_ in found["mismatched_keys"])}
    _refuse_part_of_encoder(source, model, unloaded)
    _refuse_not_finite(source, model, unloaded)
    notes = (
        see_to_head(model, found, stored, tags, source.name),
        _note_on_unused(source.name, model, found["unexpected_keys"]),
    )
    return model, [note for note in notes if note]


def _refuse_not_finite(source: ModelSource, model: Any, new: set[str]) -> None:
    """Training would diverge in its first epoch, and nothing would say why.

    Args:
        new: weights that are not those of the files.
    """
    for name, value in model.named_parameters():
        if name not in new and not value.isfinite().all():
            rule = f"its weights {name} are not all finite numbers (NaN or infinite)"
            raise ModelError(
                f"model {source.name!r} cannot be trained: {rule}: download it again, or choose another one"
            )


def _refuse_quantised(config: Any, source: ModelSource) -> None:
    """Rounded weights have no gradient, and of a method that it does not know transformers loads them as numbers."""
    found = getattr(config, "quantization_config", None)
    if found:
        method = found.get("quant_method") if isinstance(found, dict) else getattr(found, "quant_method", None)
        raise ModelError(
            f"model {source.name!r}: its weights are quantised ({method or 'quantization_config'} in its config.json) "
            "and cannot be trained; choose the model that they were made of"
        )


def _refuse_part_of_encoder(source: ModelSource, model: Any, unloaded: set[str]) -> None:
    encoder = [key for key, _ in model.named_parameters() if in_encoder(key, model)]
    lacking = [key for key in encoder if key in unloaded]
    if lacking:
        raise ModelError(
            f"model {source.name!r} at {source.location}: {len(lacking)} of the {len(encoder)} tensors of its encoder "
            f"are not in its weights, or have another size than its config.json says: {few(lacking)}. Download its "
            "files again, or choose another model"
        )


def _note_on_unused(name: str, model: Any, unexpected: Iterable[str]) -> str | None:
    """A library that has dropped a part of an architecture loads the rest without a word."""
    parts = {part for part, _ in model.base_model.named_children()}
    unused = sorted(
        key for key in unexpected if key.removeprefix(f"{model.base_model_prefix}.").partition(".")[0] in parts
    )
    if not unused:
        return None
    return (
        f"model {name!r}: this transformers has no place for {len(unused)} of the tensors of its encoder and leaves "
        f"them out ({few(unused)}): it may not be the model that was pretrained"
    )


def load_trained(source: ModelSource) -> Any:
    """A model with the head that it was fine-tuned with, ready to predict; its config.id2label has the tags.

    Raises:
        ModelError: it has no such head, or cannot be loaded without executing code.
    """
    with as_model_error(source), quiet_transformers():
        _refuse_adapter(source)
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
    note = _note_on_unused(source.name, model, found["unexpected_keys"])
    if note:
        log.warning(note)
    return model.eval()


def write_decoder(decoder: Decoder, tags: Sequence[str], folder: Path) -> None:
    """Beside the weights of a model with these tags."""
    (folder / DECODING).write_text(json.dumps({"tags": list(tags), **decoder.to_dict()}), encoding="utf-8")


def decoder_of(source: ModelSource, tags: Sequence[str]) -> Decoder:
    """How the tags of a model are found, as it says itself; a model that does not say it is decoded by argmax.

    Args:
        tags: of the model, in any order.
    Raises:
        ModelError: what it says cannot be read, or is for other tags.
    """
    file = file_of(source, DECODING)
    if file is None:
        return argmax(len(tags))
    way_out = "put the file back as it was, or delete it, to decode by argmax"
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        decoder, its_tags = Decoder.from_dict(stored), [str(tag) for tag in stored["tags"]]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ModelError(f"model {source.name!r}: {file} does not say how to decode ({error!r}); {way_out}") from error
    if sorted(its_tags) != sorted(tags) or len(decoder.first) != len(tags):
        theirs = f"{few(its_tags)}; the model has {few(list(tags))}"
        raise ModelError(f"model {source.name!r}: {file} is for the tags {theirs}; {way_out}")
    return decoder.arranged([its_tags.index(tag) for tag in tags])


def splitting_of(config: Any) -> WordSplitting:
    """How a model's training cut text into words, as its config.json says; of models that do not say it, as 0.3.0 did.

    Raises:
        ModelError: what it says is none of the ways that are known.
    """
    stored = getattr(config, WORDS, None)
    try:
        return WordSplitting(FORMER) if stored is None else WordSplitting.of(stored)
    except ValueError as error:
        raise ModelError(f"{WORDS} of config.json: {error}; was it written by a later version?") from error


def save_model(
    model: Any,
    tokenizer: Any,
    folder: Path,
    max_seq_length: int | None = None,
    splitting: WordSplitting | None = None,
    add_files: Callable[[Path], None] = lambda _: None,
) -> None:
    """Write model and tokenizer in the format of transformers; an interrupted save leaves the old folder whole.

    Args:
        max_seq_length: that it was trained with; becomes the tokenizer's model_max_length.
        splitting: how text is cut into words like those that it was trained with; is kept in config.json.
        add_files: writes further files into the folder.
    """
    if splitting is not None:
        setattr(model.config, WORDS, splitting.to_dict())
    if max_seq_length is not None:
        tokenizer.model_max_length = max_seq_length
    with atomic.new_folder(folder) as scratch:
        with quiet_transformers():
            model.save_pretrained(scratch)
            tokenizer.save_pretrained(scratch)
        add_files(scratch)
        atomic.give_everybody(scratch)  # transformers writes weights for their owner only
