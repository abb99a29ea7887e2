"""Names of tags that are numbers: as the user gives them, or from a file that lies beside the data."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nerbb_ray.data.options import option, path_like
from nerbb_ray.errors import DataError

# T-NER and many scripts; transformers; datasets
BESIDE = ("label.json", "labels.json", "label2id.json", "id2label.json", "labels.txt", "label.txt", "dataset_info.json")
INFOS = ("dataset_infos.json", "README.md", "config.json")
_NUMBER = re.compile("[0-9]+")

Names = dict[str, str]


def given_names(labels: str) -> Names:
    """Number -> name, of the option: names with commas between them, or a file.

    Raises:
        DataError: the file has no names.
    """
    path = path_like(labels)
    if path is None:
        names = [name.strip() for name in labels.split(",")]
        if len(names) < 2 or not all(names):
            raise DataError(f"{option('labels')} must be names with commas between them, or a file; got {labels!r}")
        return {str(number): name for number, name in enumerate(names)}
    found = names_in(path)
    if not found:
        raise DataError("has no names of tags: expected a JSON object or list, or a name a line", path)
    return found


def names_beside(path: Path, key: str = "") -> tuple[Names, Path | None]:
    """The names in a file beside the data, and this file; none if there is no such file.

    Args:
        key: the column of the tags.
    """
    for folder in (path.parent, path.parent.parent) if path.parent.name in ("dataset", "data") else (path.parent,):
        for name in (*BESIDE, *INFOS):
            if (folder / name).is_file() and folder / name != path and (found := names_in(folder / name, key)):
                return found, folder / name
    return {}, None


def names_in(path: Path, key: str = "") -> Names:
    """Number -> name, of a file; empty if it has none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return {}
    if path.suffix.lower() == ".md":
        return _of_card(text, key)
    if path.suffix.lower() != ".json":
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        return {str(number): line for number, line in enumerate(lines)}
    try:
        return _names(json.loads(text), key)
    except (ValueError, RecursionError):
        return {}


def _names(value: Any, key: str) -> Names:
    """Of a list of names, name -> number, number -> name, or what holds one of them."""
    if isinstance(value, list):
        return {str(i): name for i, name in enumerate(value)} if value and _strings(value) else {}
    if not isinstance(value, dict) or not value:
        return {}
    if all(type(number) is int for number in value.values()):
        return {str(number): name for name, number in value.items()}
    if all(isinstance(name, str) and _NUMBER.fullmatch(number) for number, name in value.items()):
        return dict(value)
    for inner in ("id2label", "label2id", "names", "labels", "label_list"):
        if inner in value and (found := _names(value[inner], key)):
            return found
    return class_names(value.get("features"), key) or next(
        (
            found
            for part in value.values()
            if isinstance(part, dict) and (found := class_names(part.get("features"), key))
        ),
        {},
    )


def class_names(features: Any, key: str) -> Names:
    """Of a column, as the `datasets` library describes features; without a key, of the only one with names."""
    if not isinstance(features, dict):
        return {}
    own = {column: names for column, feature in features.items() if (names := _of_feature(feature))}
    return own.get(key) or (next(iter(own.values())) if len(own) == 1 and not key else {})


def _of_feature(feature: Any) -> Names:
    if not isinstance(feature, dict):
        return {}
    names = feature.get("names")
    if isinstance(names, list) and _strings(names):
        return {str(number): name for number, name in enumerate(names)}
    return _of_feature(feature.get("feature"))


def _of_card(text: str, key: str) -> Names:
    """Of the description in the card of a data set of the hub."""
    import yaml

    head = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
    try:
        info = (yaml.safe_load(head[1]) if head else None) or {}
    except yaml.YAMLError:
        return {}
    infos = info.get("dataset_info") if isinstance(info, dict) else None
    for part in infos if isinstance(infos, list) else [infos]:
        for feature in part.get("features", []) if isinstance(part, dict) else []:
            names = _card_names(feature) if isinstance(feature, dict) and feature.get("name") == key else {}
            if names:
                return names
    return {}


def _card_names(feature: Mapping[str, Any]) -> Names:
    inner = feature.get("sequence") or feature.get("list") or {}
    label = inner.get("class_label") if isinstance(inner, dict) else None
    names = label.get("names") if isinstance(label, dict) else None
    return {str(number): str(name) for number, name in names.items()} if isinstance(names, dict) else {}


def _strings(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def named(value: Any, feature: Any) -> Any:
    """A value of the `datasets` library with names of classes instead of their numbers.

    Args:
        feature: its description, as the library writes it into files.
    """
    if isinstance(feature, list) and len(feature) == 1:
        feature = {"feature": feature[0]}
    if not isinstance(feature, dict):
        return value
    names, inner = feature.get("names"), feature.get("feature")
    if isinstance(names, list):
        return names[value] if type(value) is int and 0 <= value < len(names) else value
    if inner is not None and isinstance(value, list):
        return [named(item, inner) for item in value]
    fields = inner if isinstance(inner, dict) and "_type" not in inner else feature
    if isinstance(value, dict):
        return {key: _named_field(part, fields.get(key), inner is not None) for key, part in value.items()}
    return value


def _named_field(part: Any, feature: Any, listed: bool) -> Any:
    return [named(item, feature) for item in part] if listed and isinstance(part, list) else named(part, feature)
