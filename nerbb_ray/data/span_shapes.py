"""One entity by its places, as tools write it: `[start, end, class]`, or an object with a key for each of them.

What says the same in another shape is brought into one of these two, if there is only one way to understand it.
"""

from collections.abc import Sequence
from typing import Any

from nerbb_ray.data.label_names import Names
from nerbb_ray.data.offsets import Mark
from nerbb_ray.data.options import option
from nerbb_ray.data.places import Place

START = (
    "start",
    "start_offset",
    "char_start",
    "begin",
    "start_char",
    "startOffset",
    "start_idx",
    "start_index",
    "from",
    "start_pos",
)
END = (
    "end",
    "end_offset",
    "char_end",
    "stop",
    "end_char",
    "endOffset",
    "end_idx",
    "end_index",
    "to",
    "end_pos",
)
# entity and name last: they may be what the text says there, if another key has the class
LABEL = (
    *("label", "tag", "type", "entity_type", "entity_group", "class", "category", "label_name"),
    *("tag_name", "label_type", "entity", "name"),
)
# not value: Rasa may give a synonym in it
SURFACE = ("text", "token", "word", "surface", "mention", "span", "entity_text", "entity", "name")
SHAPES = '[start, end, "class"], or an object such as {"start": int, "end": int, "label": "class"}'
_PAIRS = ("span", "pos", "offsets", "position")


def is_usual(item: Any) -> bool:
    """Whether this is an entity in one of the two usual shapes; a class may be a number."""
    if isinstance(item, dict):
        return value_of(item, START, int) is not None and value_of(item, END, int) is not None
    if not isinstance(item, list | tuple):
        return False
    return [type(part) for part in item] in ([int, int, str], [int] * 3)


def is_entity(item: Any) -> bool:
    """Whether this says the places and the class of an entity, in any shape that is understood."""
    return is_usual(shaped := usual(item)) and has_class(shaped)


def has_class(item: Any) -> bool:
    """Whether an entity says its class."""
    return not isinstance(item, dict) or any(type(item.get(name)) in (str, int) for name in LABEL)


def label_of(item: Any) -> Any:
    """The class of an entity in a usual shape; None if it has none."""
    return value_of(item, LABEL, str) if isinstance(item, dict) else item[2]


def value_of(item: dict[str, Any], names: Sequence[str], kind: type) -> Any:
    """What the first of some keys has that has a value of a kind; None if there is none."""
    return next((item[name] for name in names if type(item.get(name)) is kind), None)


def usual(item: Any) -> Any:
    """An entity in a usual shape; what cannot be brought into one, as it is."""
    if isinstance(item, list | tuple):
        return _usual_list(list(item))
    return _usual_object(item) if isinstance(item, dict) else item


def _usual_list(parts: list[Any]) -> Any:
    """`["PER", 0, 9]` (and what the text says there, behind it), `["0", "9", "PER"]`."""
    numbers = [_number(part) for part in parts]
    if len(parts) == 3 and numbers[0] is not None and numbers[1] is not None and numbers[2] is None:
        return [numbers[0], numbers[1], parts[2]]
    is_first = len(parts) in (3, 4) and isinstance(parts[0], str) and None not in numbers[1:3]
    if not is_first or (numbers[0] is not None and type(parts[1]) is str):
        return parts
    if len(parts) == 3:
        return [numbers[1], numbers[2], parts[0]]
    if isinstance(parts[3], str):
        return {"start": numbers[1], "end": numbers[2], "label": parts[0], "text": parts[3]}
    return parts


def _usual_object(item: dict[str, Any]) -> dict[str, Any]:
    """The places as numbers in keys of their own, the class as a string."""
    label = item.get("label")
    if isinstance(label, list) and len(label) == 1 and isinstance(label[0], str):
        item = item | {"label": label[0]}
    if is_usual(item):
        return item
    strings = [_number(value_of(item, names, str)) for names in (START, END)]
    if None not in strings:
        return item | {"start": strings[0], "end": strings[1]}
    pairs = [item[key] for key in _PAIRS if isinstance(item.get(key), list | tuple)]
    if len(pairs) == 1 and [type(part) for part in pairs[0]] == [int, int] and not _has_places(item):
        return item | {"start": pairs[0][0], "end": pairs[0][1]}
    if type(item.get("offset")) is type(item.get("length")) is int and not _has_places(item):
        return item | {"start": item["offset"], "end": item["offset"] + item["length"]}
    return item


def _has_places(item: dict[str, Any]) -> bool:
    """Whether some other key says where the entity begins or ends, if not in a way that is known."""
    return any(name in item for name in (*START, *END))


def _number(value: Any) -> int | None:
    """A place, also as digits in a string."""
    if type(value) is int:
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else None


def entity_of(item: Any, names: Names, place: Place) -> tuple[Mark, str]:
    """
    Args:
        names: of classes that are numbers.
    Raises:
        DataError: it is none, or the name of its class is not known.
    """
    given, item = item, _with_name(usual(item), names)
    if isinstance(item, dict):
        start, end = value_of(item, START, int), value_of(item, END, int)
        label = value_of(item, LABEL, str)
        if start is not None and end is not None and label is not None:
            used = next(name for name in LABEL if type(item.get(name)) is str)
            surfaces = [name for name in SURFACE if name != used and isinstance(item.get(name), str)]
            return Mark(start, end, item[surfaces[0]] if surfaces else None), label
        if type(item.get("label")) is int:
            raise place.error(_unnamed(item["label"]))
    elif isinstance(item, list) and [type(part) for part in item] == [int, int, str]:
        return Mark(item[0], item[1], None), item[2]
    elif isinstance(item, list) and [type(part) for part in item] == [int] * 3:
        raise place.error(_unnamed(item[2]))
    raise place.error(f"an entity must be {SHAPES}; got {given!r:.100}")


def _with_name(item: Any, names: Names) -> Any:
    if isinstance(item, dict) and type(item.get("label")) is int:
        return item | {"label": names.get(str(item["label"]), item["label"])}
    if isinstance(item, list) and len(item) == 3 and type(item[2]) is int:
        return [*item[:2], names.get(str(item[2]), item[2])]
    return item


def _unnamed(label: int) -> str:
    missing = f"the name of a class is not in the file, only its number {label}"
    way = f"export it with the text of labels (doccano: JSONL (Text label)), or say {option('labels')} FILE"
    return f'{missing}: {way}, of {{"PER": {label}, ...}}'
