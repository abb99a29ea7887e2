"""What the outputs of a model mean: tags and their scheme, read from its config.id2label."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nerbb_ray.errors import ModelError
from nerbb_ray.ner.tags import GRAMMARS, OUTSIDE, OUTSIDE_SPELLINGS, SourceScheme, split_tag

_PREFIXED = re.compile("([BILUESbilues])-(.+)", re.DOTALL)


class Labels(NamedTuple):
    """Tags, O first, and the output of the model where each of them is."""

    tags: tuple[str, ...]
    scheme: SourceScheme
    columns: tuple[int, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Without O and prefixes, sorted."""
        return classes_of(self.tags, self.scheme)


def read_labels(id2label: Mapping[int, str], model: str) -> Labels:
    """
    Raises:
        ModelError: they are no tags of entities, of which one is O.
    """
    names = dict(sorted((int(index), str(name)) for index, name in id2label.items()))
    outside = [index for index, name in names.items() if name in OUTSIDE_SPELLINGS]
    if len(outside) != 1 or len(set(names.values())) < len(names) or list(names) != list(range(len(names))):
        raise ModelError(
            f"model {model!r} must have one tag O among its labels, each of them once; got "
            f"{', '.join(map(repr, list(names.values())[:8]))}: it is not one for named entities, "
            "or its config.json lacks the names of its labels (id2label)"
        )
    columns = (outside[0], *(index for index in names if index != outside[0]))
    tags = [names[index] for index in columns[1:]]
    scheme = scheme_of(tags)
    if scheme != "plain":
        tags = [f"{prefix}-{label}" for prefix, label in (split_tag(tag, scheme) for tag in tags)]
    return Labels((OUTSIDE, *tags), scheme, columns)


def scheme_of(tags: Iterable[str]) -> SourceScheme:
    """The scheme of a model's tags without O: unlike the tags of data, a model has nearly all of every class.

    bilou and bioes have all four prefixes, bio and iob1 have I-; the two differ in classes that no B- begins.
    """
    matches = [_PREFIXED.fullmatch(tag) for tag in tags]
    found = [(match[1].upper(), match[2]) for match in matches if match]
    prefixes = {prefix for prefix, _ in found}
    if len(found) < len(matches) or "I" not in prefixes:
        return "plain"
    for scheme in ("bilou", "bioes"):
        if prefixes == set(GRAMMARS[scheme].prefixes):
            return scheme
    if not prefixes <= {"B", "I"}:
        return "plain"
    return "bio" if {label for _, label in found} == {label for prefix, label in found if prefix == "B"} else "iob1"


def classes_of(tags: Iterable[str], scheme: SourceScheme) -> tuple[str, ...]:
    """The classes of some tags, sorted, without O."""
    return tuple(sorted({split_tag(tag, scheme)[1] for tag in tags} - {""}))
