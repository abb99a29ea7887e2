"""Tags that break the scheme of all others: one slip must not turn a whole data set into one of plain classes."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path

from nerbb_ray.data.options import option
from nerbb_ray.data.places import Place
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.errors import DataError
from nerbb_ray.ner.notation import letters_of
from nerbb_ray.ner.tags import (
    GRAMMARS,
    LETTERS,
    OUTSIDE,
    OUTSIDE_SPELLINGS,
    SCHEMES,
    SourceScheme,
    explain,
    recognise,
    split_tag,
)

# a class that begins like a tag; and one that is spelled like a tag in another way, if all classes are
_DASHED = re.compile(f"[{LETTERS}]-")
_SPELLED = re.compile(f"[{LETTERS}][-_:/].+|.+[-_:/][{LETTERS}]", re.DOTALL)
_GLUED = re.compile(f"[{LETTERS}].+", re.DOTALL)  # BPER, IPER
# marks of a scheme, as a letter or a word, anywhere in a name
_MARK = re.compile(r"(?<![^\W_])(?:[BIELSUM]|(?i:begin|beginning|inside|start|middle|end|last|single|unit))(?![^\W_])")
_BEGINNINGS, _INSIDES = {"b", "begin", "beginning", "start"}, {"i", "inside", "m", "middle"}
_SHOWN = 3
_FEW = 0.1  # of the words of entities
_FORMS: tuple[SourceScheme, ...] = ("bilou", "bioes", "bmes", "bmewo", "biewo", "bio")


def place_of(reading: Reading, split: str, number: int, sentence: Sentence, word: int = 0) -> Place:
    """Of a word, for messages: by file and line, or by what else the data are called.

    Args:
        number: of the sentence in its split, from 0.
    """
    line = sentence.line(word)
    if line is not None and reading.source:
        return Place(Path(reading.source), line)
    where = f"{split}, sentence {number + 1}"
    return Place(None, name=f"{reading.source}: {where}" if reading.source else where)


def refuse_stray_tags(readings: Mapping[str, Reading], splits: Mapping[str, Sequence[Sentence]]) -> None:
    """Only for data without a scheme that explains all of their tags, and that are not called plain.

    Plain classes may look like anything, so that tags are stray only if most others have a form, and some class has
    both a B- and an I- tag.

    Args:
        splits: the cleaned sentences of the readings.
    Raises:
        DataError: naming the first stray tag.
    """
    counts = Counter(tag for rows in splits.values() for row in rows for tag in row.tags if tag != OUTSIDE)
    classes = [{tag[2:] for tag in counts if tag.startswith(prefix)} - {""} for prefix in ("B-", "I-")]
    if not classes[0] & classes[1]:
        return
    for form in _FORMS:
        own = {tag for tag in counts if _fits(tag, form)}
        covered = sum(counts[tag] for tag in own)
        rest = [[tag if tag in own else OUTSIDE for tag in row.tags] for rows in splits.values() for row in rows]
        if 2 * covered > counts.total() and recognise(rest) in (form, "iob1" if form == "bio" else form):
            raise _error(readings, splits, own, form)


def refuse_other_tags(
    readings: Mapping[str, Reading], splits: Mapping[str, Sequence[Sentence]], scheme: SourceScheme
) -> None:
    """Where the scheme is known.

    Raises:
        DataError: naming the first tag that is none of it.
    """
    tags = {tag for rows in splits.values() for row in rows for tag in row.tags}
    own = {tag for tag in tags if _fits(tag, scheme)}
    if tags - own - OUTSIDE_SPELLINGS:
        raise _error(readings, splits, own, scheme)


def _fits(tag: str, form: SourceScheme) -> bool:
    try:
        return bool(split_tag(tag, form)[1])
    except DataError:
        return False


def _error(
    readings: Mapping[str, Reading], splits: Mapping[str, Sequence[Sentence]], own: set[str], form: SourceScheme
) -> DataError:
    places = list(_stray(splits, own))
    split, number, word = places[0]
    sentence = splits[split][number]
    expected = ", ".join(f"{prefix}-<class>" for prefix in GRAMMARS[form].prefixes)
    message = (
        f"a tag must be O, {expected}, like most tags of these data; got {sentence.tags[word]!r} for "
        f"{sentence.tokens[word]!r}{_more(len(places) - 1)}. Mend it, or set annotation_scheme = {_ways_out(splits)} "
        f"(nerbb set_up_dataset: {option('scheme')})"
    )
    return place_of(readings[split], split, number, sentence, word).error(message)


def _ways_out(splits: Mapping[str, Sequence[Sentence]]) -> str:
    tags = [row.tags for rows in splits.values() for row in rows]
    forms = [scheme for scheme in SCHEMES if explain(tags, scheme)]
    return " or ".join([*forms, "plain"]) + ", if that is what all of them are"


def _more(count: int) -> str:
    return f" (and {count} more like it)" if count else ""


def _stray(splits: Mapping[str, Sequence[Sentence]], own: set[str]) -> Iterator[tuple[str, int, int]]:
    """(split, sentence, word) of every tag that is not one of them."""
    for split, rows in splits.items():
        for number, sentence in enumerate(rows):
            for word, tag in enumerate(sentence.tags):
                if tag not in own and tag not in OUTSIDE_SPELLINGS:
                    yield split, number, word


def refuse_tags_as_classes(
    readings: Mapping[str, Reading],
    splits: Mapping[str, Sequence[Sentence]],
    sources: Mapping[str, SourceScheme],
) -> None:
    """A class that looks like a tag (B-PER, M-NAME, B-) is most likely one, of a scheme that was not recognised.

    Not where the user has named the scheme, and inside of a recognised scheme only if nearly all of one is there twice:
    B-B-PER and I-I-PER are, B-U-boat and I-U-boat are not.

    Raises:
        DataError: naming the first word of such a class.
    """
    judged = [split for split in splits if not readings[split].settled]
    counts: Counter[str] = Counter()
    odd: set[str] = set()
    for fixed in (False, True):
        own = [split for split in judged if (readings[split].scheme is not None) == fixed]
        tags = Counter(chain.from_iterable(row.tags for split in own for row in splits[split]))
        labels = Counter({tag: n for tag, n in tags.items() if tag != OUTSIDE})
        if own and sources[own[0]] != "plain":
            labels = Counter[str]()
            for tag, number in tags.items():
                if tag != OUTSIDE:
                    labels[tag[2:]] += number
        counts += labels
        odd |= _odd_classes(labels.keys(), recognised=bool(own) and not fixed and sources[own[0]] != "plain")
        if not fixed and own and sources[own[0]] == "plain":
            rows = (row.tags for split in own for row in splits[split])
            odd |= _wrapped(labels.keys(), {pair for tags in rows for pair in pairwise(tags)})
    if odd:
        found = {split: splits[split] for split in judged}
        others = counts.total() - sum(counts[label] for label in odd)
        form = next(_forms_of(odd), None)
        if form and 0 < others <= _FEW * counts.total() and all(sources[split] == "plain" for split in judged):
            raise _error(readings, found, odd, form)  # a slip, which has made plain classes of all tags
        raise _odd_error(readings, found, sources, odd, counts)


def _odd_classes(labels: Collection[str], *, recognised: bool) -> set[str]:
    """Those that look like tags."""
    dashed = {label for label in labels if _DASHED.match(label)}
    if recognised:
        rests = Counter(label[2:] for label in dashed)
        return {label for label in dashed if not label[2:] or rests[label[2:]] > 1}
    alone = {label for label in labels if label in ("B", "I")}
    spelled = {label for label in labels if _SPELLED.fullmatch(label)}
    glued = _glued(labels)
    return dashed | (alone if len(alone) > 1 else set()) | (spelled if len(spelled) == len(labels) else glued)


def _wrapped(labels: Collection[str], neighbours: Collection[tuple[str, str]]) -> set[str]:
    """Those with a mark of a scheme anywhere (<B-PER>, NER:B-PER, Begin_PER, PER_start), if most classes have one, and
    the inside of one of them follows its beginning: start_date and end_date are classes.

    Args:
        neighbours: tags of words that follow each other.
    """
    marked = {label: _marks(label) for label in labels}
    found = {label for label, marks in marked.items() if marks}
    inside = any(
        one in _BEGINNINGS and other in _INSIDES
        for first, second in neighbours
        if first != second and first in found and second in found
        for around, one in marked[first].items()
        for other in [marked[second].get(around)]
    )
    return found if inside and 2 * len(found) > len(labels) else set()


def _marks(label: str) -> dict[tuple[str, str], str]:
    """What stands around each mark of a scheme -> the mark."""
    found = {(label[: m.start()], label[m.end() :]): m[0].lower() for m in _MARK.finditer(label)}
    return {around: mark for around, mark in found.items() if any(map(str.isalnum, "".join(around)))}


def _glued(labels: Collection[str]) -> set[str]:
    """All of some classes, if each begins with a letter of a scheme and most are there with B and another one."""
    rests = Counter(label[1:] for label in labels if _GLUED.fullmatch(label))
    begun = {label[1:] for label in labels if label[0] == "B" and rests[label[1:]] > 1}
    pairs = sum(rests[rest] for rest in begun)
    return set(labels) if rests.total() == len(labels) and 2 * pairs > len(labels) else set()


def _forms_of(tags: Collection[str]) -> Iterator[SourceScheme]:
    """The schemes that have the letters of some tags, those with the fewest letters first."""
    letters = letters_of(tags) or {name[0] for name in tags}
    fitting = (form for form, g in GRAMMARS.items() if form != "plain" and letters <= set(g.prefixes))
    yield from sorted(fitting, key=lambda form: len(GRAMMARS[form].prefixes))


def _odd_error(
    readings: Mapping[str, Reading],
    splits: Mapping[str, Sequence[Sentence]],
    sources: Mapping[str, SourceScheme],
    odd: set[str],
    counts: Counter[str],
) -> DataError:
    split, number, word = next(
        (split, number, word)
        for split, rows in splits.items()
        for number, sentence in enumerate(rows)
        for word, tag in enumerate(sentence.tags)
        if tag in odd or tag[2:] in odd
    )
    sentence = splits[split][number]
    tag = sentence.tags[word]
    label = tag if sources[split] == "plain" else tag[2:]
    others = f", as do {len(odd) - 1} other classes" if len(odd) > 1 else ""
    share = f"{sum(counts[label] for label in odd)} of {counts.total()} words of entities"
    rule = f"the class {label!r} of {sentence.tokens[word]!r} looks like a tag{others} ({share})"
    forms = list(_forms_of(odd))[:_SHOWN]
    if readings[split].scheme is not None:
        way = "an entity has the plain class, such as PER: mend the export"
    elif not any(_SPELLED.fullmatch(label) or _DASHED.match(label) for label in odd) and all(map(_marks, odd)):
        way = "they differ in a mark of the beginning or inside of an entity: write them as B-PER and I-PER"
    elif any(not label[2:] for label in odd if _DASHED.match(label)):
        way = "a class is missing behind its letter: mend it"
    elif forms:
        way = f"say {option('scheme')} {' or '.join(forms)} if they are tags"
    else:
        way = "no known scheme has these letters: mend them"
    message = f"{rule}; {way}, {option('scheme')} plain if they are names of classes"
    return place_of(readings[split], split, number, sentence, word).error(message)
