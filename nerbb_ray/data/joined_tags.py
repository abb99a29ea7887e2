"""Several tags at one word, joined in one field: `I-ORG|B-LOC` where an entity stands inside of another."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from nerbb_ray.data.options import ReadingOptions, option
from nerbb_ray.data.overlaps import WAY_OUT, kept_of
from nerbb_ray.data.places import Place, Span
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.tag_errors import place_of
from nerbb_ray.errors import DataError
from nerbb_ray.ner.notation import STANDARD
from nerbb_ray.ner.tags import OUTSIDE, SourceScheme, convert, entities_lenient, recognise

_JOINTS = "|;,+&/#"

Parts = Mapping[str, tuple[str, ...]]


def find_joined(tags: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Those of some tags that are several, with what they are: each part has a letter, or is O or a tag elsewhere.

    What a word has twice it has once, and O beside another tag says nothing: `B-X|O` and `B-X;B-X` are one tag.
    """
    found = {}
    for tag in tags:
        for joint in (joint for joint in _JOINTS if joint in tag):
            parts = [part.strip() for part in tag.split(joint)]
            if len(parts) > 1 and all(_is_tag(part, tags) for part in parts):
                found[tag] = tuple(dict.fromkeys(part for part in parts if part != OUTSIDE)) or (OUTSIDE,)
    # `a/b` may be a class of its own, if no other sign says that tags are joined
    lettered = any(STANDARD.standard(part) for parts in found.values() for part in parts)
    several = any(len(parts) > 1 for parts in found.values())
    return found if lettered or several else {}


def count_parts(counts: Counter[str], joined: Parts) -> Counter[str]:
    """The number of each tag, those that are joined by their first part."""
    found: Counter[str] = Counter()
    for tag, number in counts.items():
        found[joined.get(tag, (tag,))[0]] += number
    return found


def _is_tag(part: str, tags: Collection[str]) -> bool:
    return part == OUTSIDE or part in tags or STANDARD.standard(part) is not None


def settle_joined(readings: Mapping[str, Reading], joined: Parts, options: ReadingOptions) -> dict[str, Reading]:
    """The readings with one tag for each word, as the user has said.

    Args:
        joined: as `find_joined` gives them; other tags are O or in the usual spelling.
    Raises:
        DataError: the user has not said which tag is kept, or a field has the tags of a whole sentence.
    """
    _check_sentences(readings, joined)
    if options.overlaps == "error" and any(len(parts) > 1 for parts in joined.values()):
        raise _error(readings, {tag: parts for tag, parts in joined.items() if len(parts) > 1})
    rows = [[joined.get(tag, (tag,))[0] for tag in s.tags] for r in readings.values() for s in r.sentences]
    scheme = recognise(rows)
    settled = {}
    for split, reading in readings.items():
        left = 0
        sentences = []
        for sentence in reading.sentences:
            if joined.keys().isdisjoint(sentence.tags):
                sentences.append(sentence)
                continue
            spans = sorted(_spans(sentence, joined, scheme), key=lambda span: span.start)
            kept = kept_of(spans, options.overlaps)
            left += len(spans) - len(kept)
            sentences.append(replace(sentence, tags=_written(kept, len(sentence.tags), scheme)))
        rule = f"{option('overlaps')} {options.overlaps}"
        note = f"{split}: {left} entities that share words with others are left out ({rule})"
        settled[split] = replace(reading, sentences=sentences, notes=[*reading.notes, *([note] if left else [])])
    return settled


def _check_sentences(readings: Mapping[str, Reading], joined: Parts) -> None:
    """Refuse fields of several words that have as many tags: none of the latter is to be left out."""
    found = [
        (split, number, word, tag, sentence.tokens[word])
        for split, reading in readings.items()
        for number, sentence in enumerate(reading.sentences)
        for word, tag in enumerate(sentence.tags)
        if tag in joined
    ]
    sizes = [(len(token.split()), max(tag.count(joint) for joint in _JOINTS) + 1) for *_, tag, token in found]
    if found and all(words == tags > 1 for words, tags in sizes):
        split, number, word, tag, _ = found[0]
        place = place_of(readings[split], split, number, readings[split].sentences[number], word)
        way = f"put blanks between the tags instead, and say {option('format')} rows"
        raise place.error(f"a line is a whole sentence, with {sizes[0][1]} words and their tags {tag!r:.60}: {way}")


def _spans(sentence: Sentence, joined: Parts, scheme: SourceScheme) -> Iterator[Span]:
    """The entities of every class, each read as if there were no others; those that are there twice, once."""
    parts = [joined.get(tag, (tag,)) for tag in sentence.tags]
    seen: set[tuple[str, int, int]] = set()
    for depth in range(max(map(len, parts))):
        layer = [own[depth] if depth < len(own) else OUTSIDE for own in parts]
        for label in dict.fromkeys(tag for tag in layer if tag != OUTSIDE):
            name = _class_of(label, scheme)
            row = [next((tag for tag in own if _class_of(tag, scheme) == name), OUTSIDE) for own in parts]
            for entity in entities_lenient(row, scheme):
                if entity not in seen:
                    seen.add(entity)
                    yield Span(entity.start, entity.end, entity.label, Place(None))


def _class_of(tag: str, scheme: SourceScheme) -> str:
    return tag if scheme == "plain" else tag[2:]


def _written(spans: Sequence[Span], length: int, scheme: SourceScheme) -> tuple[str, ...]:
    tags = [OUTSIDE] * length
    for start, end, label, _ in spans:
        tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
    return tuple(convert(tags, "bio", scheme))


def _error(readings: Mapping[str, Reading], joined: Parts) -> DataError:
    count = sum(tag in joined for reading in readings.values() for s in reading.sentences for tag in s.tags)
    for split, reading in readings.items():
        for number, sentence in enumerate(reading.sentences):
            for word, tag in enumerate(sentence.tags):
                if tag in joined:
                    more = f" ({count} words are like it)" if count > 1 else ""
                    rule = f"a word has one tag; {sentence.tokens[word]!r} has {len(joined[tag])}: {tag!r}{more}"
                    return place_of(reading, split, number, sentence, word).error(f"{rule}. {WAY_OUT}")
    raise ValueError("no tag is joined")
