"""An ordinary BERT by its files, without transformers, which brings torch with it and takes seconds.

A plan is printed sooner like this (1.5 CPU seconds instead of 6), and so does the process that starts the trials, which
does not train, come to it. Whatever is not exactly as transformers itself would put it together, and every model that
could fail to train, is left to transformers: the result is None.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from nerbb_ray.errors import ModelError
from nerbb_ray.training.head_labels import note_on_head
from nerbb_ray.training.model_files import Tensor, tensors_of, weight_files
from nerbb_ray.training.sources import ModelSource, own_name

FILES = ("tokenizer", "tokenizer_config", "special_tokens_map", "config")
CLASSES = ("BertTokenizer", "BertTokenizerFast")
SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
SURPRISES = ("auto_map", "additional_special_tokens", "extra_special_tokens", "never_split")
SIZES = (
    *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("max_position_embeddings", "type_vocab_size"),
)
ACTIVATIONS = ("gelu", "relu", "gelu_new")
# of a configuration; they change what a model computes, or how it is loaded
OTHER_MODELS = (
    *("auto_map", "quantization_config", "is_decoder", "add_cross_attention", "chunk_size_feed_forward"),
    *("transformers_weights", "attn_implementation", "_attn_implementation"),
)
ABSOLUTE = "absolute"  # positions; transformers knows no other kind of a BERT any more
FORMATS = ("F32", "F16", "BF16")
HEAD, BIAS = "classifier.weight", "classifier.bias"


@dataclass(frozen=True, slots=True)
class PlainTokenizer:
    """A tokenizer that does nothing but encode."""

    backend_tokenizer: Tokenizer


@dataclass(frozen=True, slots=True)
class PlainBert:
    """A model that certainly can be loaded and trained, in whatever number format.

    Args:
        positions: sub-tokens of the longest sequence.
        head: the labels of the head that its weights have; None: they have none.
    """

    name: str
    tokenizer: PlainTokenizer
    positions: int
    head: tuple[str, ...] | None

    first_position = 0  # of a sentence in a row without padding

    def notes(self, tags: Sequence[str]) -> list[str]:
        """What a user should know of it, with data that have these tags."""
        return [] if self.head is None else [note_on_head(self.name, self.head, tags)]


def plain_bert(source: ModelSource, uncased: bool | None) -> PlainBert | None:
    """The model in a folder, if it is certain what transformers would make of it.

    Args:
        uncased: as in `load_tokenizer`.
    """
    folder = Path(source.location)
    described, settings, names, config = (_read(folder / f"{name}.json") for name in FILES)
    lowercases = settings.get("do_lower_case", True)
    wanted = uncased if uncased is not None else lowercases or "uncased" in own_name(source)
    if wanted != lowercases or not _is_usual_config(config) or not _is_usual(described, settings, names):
        return None
    tensors, labels = _tensors(folder), _labels(config)
    if not _are_usual_weights(tensors, config, len(labels)) or _rows(described) > config["vocab_size"]:
        return None

    try:
        tokenizer = PlainTokenizer(Tokenizer.from_file(str(folder / "tokenizer.json")))
    except Exception:  # the library knows no other kind; transformers will say what is wrong
        return None
    return PlainBert(source.name, tokenizer, config["max_position_embeddings"], labels if HEAD in tensors else None)


def _is_usual_config(config: dict[str, Any]) -> bool:
    return (
        config.get("model_type") == "bert"
        and all(type(config.get(key)) is int and config[key] > 0 for key in SIZES)
        and config["hidden_size"] % config["num_attention_heads"] == 0
        and config.get("hidden_act", "gelu") in ACTIVATIONS
        and not any(config.get(key) for key in OTHER_MODELS)
        and config.get("position_embedding_type", ABSOLUTE) == ABSOLUTE
    )


def _labels(config: dict[str, Any]) -> tuple[str, ...]:
    """The labels of a configuration; none if they are not one for every number."""
    found = config.get("id2label", {"0": "LABEL_0", "1": "LABEL_1"})  # as transformers has it
    try:
        by_number = {int(number): str(label) for number, label in found.items()}
    except (AttributeError, ValueError):
        return ()
    numbers = range(len(by_number))
    return tuple(by_number[n] for n in numbers) if set(by_number) == set(numbers) else ()


def _rows(described: dict[str, Any]) -> int:
    """Word embeddings that a tokenizer needs."""
    return int(max(described["model"]["vocab"].values())) + 1


def _tensors(folder: Path) -> dict[str, Tensor]:
    """Of the weights, without the name of the encoder; empty where they are not one safetensors file."""
    try:
        (path,) = weight_files(folder)
        found = tensors_of(path) if path.suffix == ".safetensors" else {}
    except (ModelError, ValueError):
        return {}
    return {name.removeprefix("bert."): tensor for name, tensor in found.items()}


def _are_usual_weights(tensors: dict[str, Tensor], config: dict[str, Any], labels: int) -> bool:
    encoder = {name: tensor for name, tensor in tensors.items() if name.startswith(("embeddings.", "encoder."))}
    encoder.pop("embeddings.position_ids", None)  # of older versions
    head = {HEAD: (labels, config["hidden_size"]), BIAS: (labels,)}
    found = {name: tensors[name][1] for name in head if name in tensors}
    return (
        {name: shape for name, (_, shape) in encoder.items()} == dict(_encoder_shapes(config))
        and all(number in FORMATS for number, _ in encoder.values())
        and labels > 0
        and found in ({}, head)
    )


def _encoder_shapes(config: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    vocabulary, width, layers, _, inner, positions, types = (config[key] for key in SIZES)
    for name, rows in (("word", vocabulary), ("position", positions), ("token_type", types)):
        yield f"embeddings.{name}_embeddings.weight", (rows, width)
    maps = {f"attention.self.{name}": (width, width) for name in ("query", "key", "value")}
    maps |= {
        "attention.output.dense": (width, width),
        "intermediate.dense": (inner, width),
        "output.dense": (width, inner),
    }
    modules = {f"encoder.layer.{n}.{name}": shape for n in range(layers) for name, shape in maps.items()}
    for name, shape in modules.items():
        yield f"{name}.weight", shape
        yield f"{name}.bias", shape[:1]
    norms = [f"encoder.layer.{n}.{name}output.LayerNorm" for n in range(layers) for name in ("attention.", "")]
    for name in ("embeddings.LayerNorm", *norms):
        yield f"{name}.weight", (width,)
        yield f"{name}.bias", (width,)


def _read(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_usual(described: dict[str, Any], settings: dict[str, Any], names: dict[str, Any]) -> bool:
    """Whether a BertTokenizer of transformers has nothing to add to the description, and nothing to change in it."""
    model = dict(described.get("model") or {})
    vocabulary = model.pop("vocab", None)
    if not isinstance(vocabulary, dict) or not vocabulary.keys() >= set(SPECIAL.values()):
        return False
    parts = _usual_parts(settings, vocabulary)
    tokens = {str(token.pop("id")): token for token in map(dict, parts["added_tokens"])}
    return (
        settings.get("tokenizer_class") in CLASSES
        and not any(settings.get(key) or names.get(key) for key in SURPRISES)
        and settings.get("added_tokens_decoder", tokens) == tokens
        and all(found.get(key, token) == token for key, token in SPECIAL.items() for found in (settings, names))
        and {**described, "model": model} == {**described, **parts}
    )


def _usual_parts(settings: dict[str, Any], vocabulary: dict[str, int]) -> dict[str, Any]:
    """What BertTokenizer puts together, in the words of tokenizer.json."""
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = [{"id": vocabulary[token], "content": token, **flags, "special": True} for token in SPECIAL.values()]
    cls, sep = ({"SpecialToken": {"id": token, "type_id": 0}} for token in ("[CLS]", "[SEP]"))
    first, second = ({"Sequence": {"id": name, "type_id": kind}} for kind, name in enumerate("AB"))
    return {
        "added_tokens": sorted(added, key=lambda token: token["id"]),
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": settings.get("tokenize_chinese_chars", True),
            "strip_accents": settings.get("strip_accents"),
            "lowercase": settings.get("do_lower_case", True),
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [cls, first, sep],
            "pair": [cls, first, sep, second, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
            "special_tokens": {
                token: {"id": token, "ids": [vocabulary[token]], "tokens": [token]} for token in ("[CLS]", "[SEP]")
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
        },
    }
