"""Entities in flat arrays of tag ids, for many sentences at once."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.ner.tags import GRAMMARS, SourceScheme, split_tag

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class TagTable:
    """What the tags of a model mean, as arrays that are indexed by tag id.

    Args:
        classes: plain classes without O.
        label: (tags,) 0 for O, 1 + index of its class for any other.
        links: (tags, tags) whether the second tag carries on the entity of the first.
        starts, ends: (tags,) whether a well-formed entity may begin, or end, with the tag.
    """

    classes: tuple[str, ...]
    label: Ints
    links: Bools
    starts: Bools
    ends: Bools


@lru_cache(maxsize=16)
def tag_table(tags: tuple[str, ...], scheme: SourceScheme) -> TagTable:
    grammar = GRAMMARS[scheme]
    parts = [split_tag(tag, scheme) for tag in tags]
    classes = tuple(dict.fromkeys(label for _, label in parts if label))
    return TagTable(
        classes=classes,
        label=np.array([1 + classes.index(label) if label else 0 for _, label in parts], dtype=np.int64),
        links=np.array([[bool(a[1]) and a[1] == b[1] and (a[0], b[0]) in grammar.links for b in parts] for a in parts]),
        starts=np.array([prefix in grammar.starts for prefix, _ in parts]),
        ends=np.array([prefix in grammar.ends for prefix, _ in parts]),
    )


def entity_ends(ids: NDArray[np.integer], starts: Ints, table: TagTable) -> tuple[Ints, Ints]:
    """(strict, lenient), each (words,): where a word begins an entity, the end (exclusive) of that entity, else 0.

    Args:
        ids: (words,) tag ids.
        starts: (sentences + 1,) offset of the first word of each sentence, then the number of words.
    """
    n_words = len(ids)
    begins = np.ones(n_words, dtype=bool)
    begins[1:] = ~table.links[ids[:-1], ids[1:]]
    begins[starts[starts < n_words]] = True
    first = np.flatnonzero(begins)
    end = np.append(first[1:], n_words)[: len(first)]
    inside = table.label[ids[first]] > 0
    first, end = first[inside], end[inside]
    lenient = np.zeros(n_words, np.int64)
    lenient[first] = end
    strict = np.zeros(n_words, np.int64)
    well_formed = table.starts[ids[first]] & table.ends[ids[end - 1]]
    strict[first[well_formed]] = end[well_formed]
    return strict, lenient
