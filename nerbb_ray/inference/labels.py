"""What the outputs of a model mean: tags and their scheme, read from its config.id2label."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from nerbb_ray.errors import ModelError
from nerbb_ray.ner.notation import BARE, NOTATIONS, STANDARD, spelled_in
from nerbb_ray.ner.tags import CLOSING, GRAMMARS, OUTSIDE, OUTSIDE_SPELLINGS, SourceScheme, split_tag

log = logging.getLogger(__name__)

_IN_BRACKETS = ("cls", "sep", "pad", "unk", "mask", "s", "/s", "start", "stop")
SPECIAL = frozenset(f"{left}{name}{right}" for name in _IN_BRACKETS for left, right in ("[]", "<>"))
# beside tags with prefixes: of sub-tokens that begin no word, and of special tokens
WORDLESS = frozenset({"X", "PAD", "CLS", "SEP", "UNK"})


class Labels(NamedTuple):
    """Tags, O first, and the output of the model where each of them is.

    Args:
        columns: outputs that no word can have are in none of them, so that they are never predicted.
    """

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
    tags = {index: name for index, name in names.items() if index != outside[0] and name.lower() not in SPECIAL}
    of_words = {index: name for index, name in tags.items() if name not in WORDLESS}
    scheme, standard = _read(list(of_words.values()))
    if scheme == "plain":  # where X may be a class
        of_words, standard = tags, list(tags.values())
        _warn_of_prefixes(standard, model)
    else:
        standard = [f"{prefix}-{label}" for prefix, label in (split_tag(tag, scheme) for tag in standard)]
    return Labels((OUTSIDE, *standard), scheme, (outside[0], *of_words))


def _read(tags: Sequence[str]) -> tuple[SourceScheme, list[str]]:
    """The scheme of a model's tags without O, and the tags in the usual spelling (see ner.notation)."""
    for notation in NOTATIONS:
        standard = list(spelled_in(tags, notation).values())
        scheme = scheme_of(standard)
        # plain classes may look like anything (I_date, B), so that another spelling must give a class several letters
        sure = notation is STANDARD or _several(standard)
        if notation is BARE:
            sure = {"B"} < {tag[0].upper() for tag in standard} & {"B", "I", "M"}
        if scheme != "plain" and sure:
            return scheme, standard
    return "plain", list(tags)


def scheme_of(tags: Iterable[str]) -> SourceScheme:
    """The scheme of a model's tags without O: unlike the tags of data, a model has nearly all of every class.

    bio and iob1 differ in classes that no B- begins. Of a scheme that marks the end of an entity some letters may be
    missing (B, I and S alone), if there is B- and a class has several: U-boat and L-dopa are plain classes.
    """
    tags = list(tags)
    found = [(tag[0].upper(), tag[2:]) for tag in spelled_in(tags, STANDARD).values()]
    prefixes = {prefix for prefix, _ in found}
    if "I" in prefixes and prefixes <= {"B", "I"}:
        begun = {label for prefix, label in found if prefix == "B"}
        return "bio" if {label for _, label in found} == begun else "iob1"
    if not _several(tags):
        return "plain"
    if prefixes == {"I", "E"}:
        return "ioe2"
    closing = (scheme for scheme in CLOSING if prefixes <= set(GRAMMARS[scheme].prefixes))
    return next(closing, "plain") if "B" in prefixes else "plain"


def _several(tags: Sequence[str]) -> bool:
    """Whether a class has tags with several letters."""
    return len({tag[2:] for tag in tags}) < len(tags)


def _warn_of_prefixes(tags: Sequence[str], model: str) -> None:
    """Say where the labels look like tags, and yet are none that can be read."""
    for notation in set(NOTATIONS) - {BARE}:
        standard = [one for one in map(notation.standard, tags) if one is not None]
        if 2 * len(standard) > len(tags) and _several(standard):
            log.warning(
                "model %r: most of its labels have prefixes, but all together are of no scheme (%s): each label is "
                "taken for a class of its own, so that an entity may come in pieces; mend id2label in its config.json",
                model,
                ", ".join(tags[:8]),
            )
            return


def classes_of(tags: Iterable[str], scheme: SourceScheme) -> tuple[str, ...]:
    """The classes of some tags, sorted, without O."""
    return tuple(sorted({split_tag(tag, scheme)[1] for tag in tags} - {""}))
