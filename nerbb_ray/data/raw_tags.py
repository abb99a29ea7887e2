"""From tags as files have them to O and `<letter>-<class>` (or plain classes): what all else here knows.

Judged over all files of a data set together, and only in one way: what is not certain is an error with the option that
settles it.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from nerbb_ray.data.joined_tags import find_joined, settle_joined
from nerbb_ray.data.label_names import given_names
from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.outside import likely_outside, outside_of
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.text_files import BLANK
from nerbb_ray.errors import DataError
from nerbb_ray.ner.notation import STANDARD, find_notation
from nerbb_ray.ner.tags import OUTSIDE, OUTSIDE_SPELLINGS, recognise

_NUMBER = re.compile(r"-?[0-9]+")
_SHOWN = 8
_NO_OUTSIDE = "no word is O: every word is in an entity. See whether these tags are those of the entities"

Readings = dict[str, Reading]


def standard_tags(given: Mapping[str, Reading], options: ReadingOptions) -> Readings:
    """The readings of a data set with their tags in the usual spelling. Those of a known scheme stay as they are.

    Raises:
        DataError: tags are numbers without names, or several at one word; or no word is outside of entities.
    """
    fixed = {split: reading for split, reading in given.items() if reading.scheme is not None}
    fixed = _renamed(fixed, _stripped_class)
    readings = {split: reading for split, reading in given.items() if reading.scheme is None}
    if any(reading.sentences for reading in readings.values()):
        for step in (_stripped, _named, _one_each, _with_outside, _in_usual_spelling):
            readings = step(readings, options)
    elif options.labels is not None and not any("labels" in reading.choices for reading in fixed.values()):
        raise DataError(f"{option('labels')} gives names to tags that are numbers; these data have none")
    if options.outside is not None and not readings:
        raise DataError(f"{option('outside')} is for tags of words; these data have entities by their places")
    if options.source_scheme is not None:
        fixed = {split: replace(reading, settled=True) for split, reading in fixed.items()}
        readings = {s: replace(r, scheme=options.source_scheme, settled=True) for s, r in readings.items()}
    return {split: {**fixed, **readings}[split] for split in given}


def count_tags(readings: Mapping[str, Reading]) -> Counter[str]:
    sentences = chain.from_iterable(reading.sentences for reading in readings.values())
    return Counter(chain.from_iterable(sentence.tags for sentence in sentences))


def _renamed(readings: Readings, rename: Callable[[str], str], note: str = "") -> Readings:
    """The readings with other tags; a note is put to the first of them."""
    names = {tag: rename(tag) for tag in count_tags(readings)}
    if all(tag == name for tag, name in names.items()):
        return readings
    found = {}
    for split, reading in readings.items():
        sentences = [
            s if all(names[tag] == tag for tag in s.tags) else replace(s, tags=tuple([names[tag] for tag in s.tags]))
            for s in reading.sentences
        ]
        found[split] = replace(reading, sentences=sentences)
    return _noted(found, note)


def _noted(readings: Readings, note: str, **choices: str) -> Readings:
    """A note is said once; choices are those of every file."""
    first = next(iter(readings))
    return {
        split: replace(
            reading,
            notes=[*reading.notes, note] if note and split == first else reading.notes,
            choices=reading.choices | choices,
        )
        for split, reading in readings.items()
    }


def _stripped_class(tag: str) -> str:
    """Blanks around the name of a class are no part of it: `B-PER` for `B- PER `."""
    letter, mark, label = tag.partition("-")
    return f"{letter}-{label.strip(BLANK)}" if mark and len(letter) == 1 and label.strip(BLANK) else tag


def _stripped(readings: Readings, options: ReadingOptions) -> Readings:  # noqa: ARG001  # a step like all others
    """Blanks around a tag are no part of it."""
    return _renamed(readings, lambda tag: tag.strip(BLANK))


def _named(readings: Readings, options: ReadingOptions) -> Readings:
    """Names instead of numbers, of the option or of a file beside the data."""
    counts = count_tags(readings)
    numbers = all(map(_NUMBER.fullmatch, counts)) and not OUTSIDE_SPELLINGS.issuperset(counts)
    if not numbers:
        if options.labels is not None:
            example = next(tag for tag in counts if not _NUMBER.fullmatch(tag)) if counts.keys() - {"0"} else OUTSIDE
            raise DataError(f"{option('labels')} gives names to tags that are numbers; got {example!r}")
        return readings
    if options.source_scheme == "plain" and options.labels is None:
        return readings
    if missing := sum(count for tag, count in counts.items() if tag.startswith("-")):
        rule = f"{_source(readings)}{missing} words have a negative number instead of a tag: nobody has labelled them"
        raise DataError(f"{rule}. Leave them out of the data (a whole split: {option('split_names')} test=none)")
    names = {} if options.labels is None else given_names(options.labels)
    for reading in readings.values():
        names = names or reading.names
    unknown = sorted(counts.keys() - names.keys(), key=int)
    if not unknown:
        said = ", ".join(f"{number} {names[number]}" for number in sorted(counts, key=int)[:_SHOWN])
        readings = _renamed(readings, names.__getitem__)
        return _noted(readings, f"tags are numbers, with the names {said}", labels=_listed(names))
    way = f"give their names with {option('labels')} O,B-PER,I-PER,... or a file of them (JSON, or a name a line)"
    if names:
        raise DataError(f"{_source(readings)}tag {unknown[0]} has no name; got {len(names)} names: {way}")
    seen = ", ".join(sorted(counts, key=int)[:_SHOWN])
    raise DataError(f"{_source(readings)}tags are numbers ({seen}), and nothing says what they mean: {way}")


def _listed(names: Mapping[str, str]) -> str:
    return ",".join(names[number] for number in sorted(names, key=int))


def _source(readings: Readings) -> str:
    source = next((reading.source for reading in readings.values() if reading.source), "")
    return f"{source}: " if source else ""


def _with_outside(readings: Readings, options: ReadingOptions) -> Readings:
    """O for what stands for it."""
    counts = count_tags(readings)
    outside = outside_of(counts, options.outside_spellings)
    if options.source_scheme == "plain" and not options.outside:
        outside &= OUTSIDE_SPELLINGS  # the user says that all others are classes
    missing = sorted(options.outside_spellings - counts.keys() - OUTSIDE_SPELLINGS)
    if missing and not options.outside_spellings & counts.keys():
        seen = ", ".join(repr(tag) for tag, _ in counts.most_common(_SHOWN))
        raise DataError(
            f"{_source(readings)}{option('outside')}: no tag is {missing[0]!r}; the most frequent are {seen}"
        )
    unusual = sorted((outside - OUTSIDE_SPELLINGS) & counts.keys())
    if not outside & counts.keys():
        _check_outside(readings, counts, options)
        return _noted(readings, _NO_OUTSIDE) if counts else readings
    if not unusual:
        usual = sorted(outside & counts.keys() - {OUTSIDE})
        note = f"O is written {' and '.join(map(repr, usual))}: {_share(counts, usual)}" if usual else ""
        return _renamed(readings, lambda tag: OUTSIDE if tag in outside else tag, note)
    written = " and ".join(repr(tag) if tag else "an empty field" for tag in unusual)
    note = f"O is written {written}: {_share(counts, unusual)}; if that is a class, say {option('outside')} O"
    readings = _renamed(readings, lambda tag: OUTSIDE if tag in outside else tag, note)
    return _noted(readings, "", outside=",".join(unusual))


def _share(counts: Counter[str], tags: Sequence[str]) -> str:
    return f"{sum(counts[tag] for tag in tags)} of {counts.total()} words"


def _check_outside(readings: Readings, counts: Counter[str], options: ReadingOptions) -> None:
    """Without O, plain classes are hardly what is meant; a scheme of letters may well have no word outside."""
    if options.source_scheme is not None or options.outside is not None or not counts:
        return
    rows = [sentence.tags for reading in readings.values() for sentence in reading.sentences]
    notation = find_notation(rows)
    if all(notation.standard(tag) for tag in counts):
        standard = [[notation.standard(tag) or tag for tag in row] for row in rows]
        if recognise(standard) != "plain":
            return
    seen = ", ".join(f"{tag!r} {count}" for tag, count in counts.most_common(_SHOWN))
    likely = likely_outside(counts)
    way = (
        f"{option('outside')} {likely!r} if that is O"
        if likely is not None
        else f"{option('outside')} NAME for what is O"
    )
    rule = f"no word is O (outside of entities); the most frequent of {len(counts)} tags are {seen}"
    way += f"; {option('tag_column')} if the tags are elsewhere; {option('scheme')} plain if all of them are classes"
    raise DataError(f"{_source(readings)}{rule}. Say {way}")


def _one_each(readings: Readings, options: ReadingOptions) -> Readings:
    joined = {} if options.source_scheme == "plain" else find_joined(count_tags(readings).keys())
    if not joined:
        return readings
    example = next(iter(joined))
    readings = settle_joined(readings, joined, options)
    return _noted(readings, f"several tags at a word are joined, such as {example}: {len(joined)} such tags are read")


def _in_usual_spelling(readings: Readings, options: ReadingOptions) -> Readings:
    """`B-PER` for `PER_B` and its like."""
    if options.source_scheme == "plain":
        return readings
    rows = (sentence.tags for reading in readings.values() for sentence in reading.sentences)
    notation = find_notation(rows, options.source_scheme)
    if notation is STANDARD:
        return readings
    example = next(tag for tag in count_tags(readings) if tag != OUTSIDE)
    note = f"tags are spelled {notation}, such as {example}, read as {notation.standard(example)}"
    return _renamed(readings, lambda tag: notation.standard(tag) or tag, note)
