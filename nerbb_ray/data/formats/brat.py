"""BRAT: texts `x.txt`, each with its entities in `x.ann`. https://brat.nlplab.org/standoff.html"""

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from nerbb_ray.data.content import Content
from nerbb_ray.data.documents import Document, Documents
from nerbb_ray.data.offsets import POINTS, Mark, resolve
from nerbb_ray.data.options import AUTO, ReadingOptions
from nerbb_ray.data.places import Place, Span
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.text_files import BYTE_ORDER_MARK, lines_of, read_text
from nerbb_ray.errors import DataError

ANNOTATIONS, TEXT = ".ann", ".txt"
# relations, events, attributes, modifications, normalisations; remarks; equivalences
_IGNORED = re.compile(r"[REAMN][0-9]\S*\s|#|\*\s")
_ENTITY = re.compile(r"(\S+) ([0-9]{1,15} [0-9]{1,15}(?:;[0-9]{1,15} [0-9]{1,15})*)")
_SHOWN_NOTES = 5


def detect(content: Content) -> bool:
    """Whether this is a file of annotations, or a text with one beside it."""
    if content.suffix == ANNOTATIONS:
        return True
    return content.suffix == TEXT and annotations_of(content.path) is not None


def read(content: Content) -> Reading:
    """A text and its annotations, by either of them."""
    return read_brat([annotations_of(content.path) or content.path], content.options)


def read_brat(annotations: Iterable[Path], options: ReadingOptions = AUTO) -> Reading:
    """A document for each file of annotations; the text lies beside it.

    An entity of several fragments is read as the text from the first to the last of them; noted, unless there are only
    blanks between them, as at the end of a line.

    Raises:
        DataError: a text is missing, a line is no annotation, or an entity does not stand where the file says.
    """
    documents, fragments = Documents(), list[str]()
    for path in annotations:
        documents.found.append(_document(path, options, documents.notes, fragments))
    documents.notes += fragments[:_SHOWN_NOTES]
    if len(fragments) > _SHOWN_NOTES:
        documents.notes.append(f"{len(fragments) - _SHOWN_NOTES} more such entities")
    number = len(documents.found)
    return documents.reading(options, f"{number} {'text' if number == 1 else 'texts'} with annotations")


def text_of(annotations: Path) -> Path | None:
    """The text that belongs to a file of annotations."""
    beside = (annotations.with_suffix(suffix) for suffix in (TEXT, TEXT.upper()))
    return next((path for path in beside if path.is_file()), None)


def annotations_of(text: Path) -> Path | None:
    """The annotations that belong to a text."""
    beside = (text.with_suffix(suffix) for suffix in (ANNOTATIONS, ANNOTATIONS.upper()))
    return next((path for path in beside if path.is_file()), None)


class _Entity(NamedTuple):
    mark: Mark
    label: str
    place: Place
    fragments: list[tuple[int, int]]


def _document(path: Path, options: ReadingOptions, notes: list[str], fragments: list[str]) -> Document:
    source = text_of(path)
    if source is None:
        raise DataError(f"annotations of BRAT need their text beside them; there is no {path.stem}{TEXT}", path)
    decoded = read_text(source, options.encoding)
    notes += [decoded.note] if decoded.note else []
    text = decoded.text  # with its byte order mark, which BRAT counts
    lines = lines_of(read_text(path, options.encoding).text.removeprefix(BYTE_ORDER_MARK))
    found = [entity for number, line in lines if (entity := _entity(line, Place(path, number))) is not None]
    resolved = resolve(text, [entity.mark for entity in found])
    if resolved is None:
        raise _misplaced(text, found, source)
    if resolved.counting != POINTS:
        notes.append(f"{path}: places are counted in {resolved.counting}: they fit the text so, and only so")
    fragments += [_remark(entity) for entity in found if _has_gap(text, entity)]
    spans = [
        Span(start, end, entity.label, entity.place)
        for (start, end), entity in zip(resolved.places, found, strict=True)
    ]
    return _without_mark(Document(text, spans, Place(path)))


def _entity(line: str, place: Place) -> _Entity | None:
    """Of a line `T1<TAB>PER 0 5<TAB>Anna B`; None if the line is about something else."""
    if not line.strip() or _IGNORED.match(line):
        return None
    fields = line.split("\t", 2)
    match = _ENTITY.fullmatch(fields[1].strip()) if len(fields) == 3 and line.startswith("T") else None
    if match is None:
        rule = "expected an annotation of BRAT, such as T1<TAB>PER 0 5<TAB>Annas, or R, E, A, M, N, # or *"
        raise place.error(f"{rule}; got {line[:60]!r}")
    fragments = [(int(a), int(b)) for a, b in (pair.split(" ") for pair in match[2].split(";"))]
    start, end = min(a for a, _ in fragments), max(b for _, b in fragments)
    return _Entity(Mark(start, end, fields[2] if len(fragments) == 1 else None), match[1], place, fragments)


def _has_gap(text: str, entity: _Entity) -> bool:
    """Whether words stand between the fragments."""
    ordered = sorted(entity.fragments)
    return any(text[end:start].strip() for (_, end), (start, _) in pairwise(ordered))


def _remark(entity: _Entity) -> str:
    places = ";".join(f"{start} {end}" for start, end in entity.fragments)
    all_of_it = f"{len(entity.fragments)} fragments; it is read as all from {entity.mark.start} to {entity.mark.end}"
    return f"{entity.place.path}:{entity.place.line}: {entity.label} {places} has {all_of_it}"


def _misplaced(text: str, found: list[_Entity], source: Path) -> DataError:
    """The error on the first entity that cannot stand where its line says."""
    for mark, label, place, _ in found:
        if not 0 <= mark.start < mark.end <= len(text):
            rule = f"0 <= start < end <= {len(text)} (length of {source.name}) must hold"
            return place.error(f"{rule}; got {label} {mark.start} {mark.end}")
        if resolve(text, [mark]) is None:
            there = f"{source.name} has {text[mark.start : mark.end]!r} at {mark.start}-{mark.end}"
            return place.error(f"{there}, but the line says {mark.surface!r}")
    message = f"no way to count the characters of {source.name} fits all entities: some of them stand elsewhere"
    return found[0].place.error(message)


def _without_mark(document: Document) -> Document:
    """The byte order mark is no part of the first word."""
    text, spans = document.text, document.spans
    if not text.startswith(BYTE_ORDER_MARK) or any(span.start == 0 for span in spans):
        return document
    return Document(text[1:], [s._replace(start=s.start - 1, end=s.end - 1) for s in spans], document.place)
