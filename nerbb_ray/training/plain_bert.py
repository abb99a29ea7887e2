"""The tokenizer of an ordinary BERT from its files, without transformers, which brings torch with it and takes seconds.

A plan is printed sooner like this, and so does the process that starts the trials, which does not train. Whatever is
not written exactly as transformers itself would put it together is left to transformers: the result is None.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerbb_ray.training.sources import ModelSource

if TYPE_CHECKING:
    from tokenizers import Tokenizer

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


@dataclass(frozen=True, slots=True)
class PlainTokenizer:
    """A tokenizer that does nothing but encode."""

    backend_tokenizer: "Tokenizer"


def plain_tokenizer(source: ModelSource, uncased: bool | None, max_seq_length: int) -> PlainTokenizer | None:
    """The tokenizer that transformers would load, if that is certain, and the model has room for such sequences.

    Args:
        uncased: as in `load_tokenizer`.
    """
    folder = Path(source.location)
    described, settings, names, config = (_read(folder / f"{name}.json") for name in FILES)
    lowercases = settings.get("do_lower_case", True)
    wanted = uncased if uncased is not None else lowercases or "uncased" in source.name.lower()
    if wanted != lowercases or not _has_room(config, max_seq_length) or not _is_usual(described, settings, names):
        return None
    from tokenizers import Tokenizer

    return PlainTokenizer(Tokenizer.from_file(str(folder / "tokenizer.json")))


def _read(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _has_room(config: dict[str, Any], max_seq_length: int) -> bool:
    positions = config.get("max_position_embeddings")
    is_bert = config.get("model_type") == "bert" and "auto_map" not in config
    return is_bert and isinstance(positions, int) and max_seq_length <= positions


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
