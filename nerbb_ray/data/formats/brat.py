"""BRAT: texts `x.txt`, each with its entities in `x.ann`. https://brat.nlplab.org/standoff.html"""

import re
from collections.abc import Iterable
from pathlib import Path

from nerbb_ray.data.documents import Document, Documents, Place, Span
from nerbb_ray.data.offsets import POINTS, Mark, resolve
from nerbb_ray.data.sentences import BYTE_ORDER_MARK, Reading, lines_of, read_text
from nerbb_ray.errors import DataError

ANNOTATIONS, TEXT = ".ann", ".txt"
# relations, events, attributes, modifications, normalisations; remarks; equivalences
_IGNORED = re.compile(r"[REAMN][0-9]\S*\s|#|\*\s")
_ENTITY = re.compile(r"(\S+) ([0-9]{1,15} [0-9]{1,15}(?:;[0-9]{1,15} [0-9]{1,15})*)")
_SHOWN_NOTES = 5


def read_brat(annotations: Iterable[Path]) -> Reading:
    """A document for each file of annotations; the text lies beside it.

    An entity of several fragments is read as the text from the first to the last of them, and noted.

    Raises:
        DataError: a text is missing, a line is no annotation, or an entity does not stand where the file says.
    """
    documents = Documents()
    for path in annotations:
        documents.found.append(_document(path, documents.notes))
    fragments = [note for note in documents.notes if "fragments" in note]
    if len(fragments) > _SHOWN_NOTES:
        documents.notes = [note for note in documents.notes if note not in fragments[_SHOWN_NOTES:]]
        documents.notes.append(f"{len(fragments) - _SHOWN_NOTES} more such entities")
    return documents.reading()


def text_of(annotations: Path) -> Path | None:
    """The text that belongs to a file of annotations."""
    beside = (annotations.with_suffix(suffix) for suffix in (TEXT, TEXT.upper()))
    return next((path for path in beside if path.is_file()), None)


def annotations_of(text: Path) -> Path | None:
    """The annotations that belong to a text."""
    beside = (text.with_suffix(suffix) for suffix in (ANNOTATIONS, ANNOTATIONS.upper()))
    return next((path for path in beside if path.is_file()), None)


def _document(path: Path, notes: list[str]) -> Document:
    source = text_of(path)
    if source is None:
        raise DataError(f"annotations of BRAT need their text beside them; there is no {path.stem}{TEXT}", path)
    text = read_text(source, keep_mark=True)  # BRAT counts the mark
    marked = [
        entity for number, line in lines_of(path) if (entity := _entity(line, Place(path, number), notes)) is not None
    ]
    resolved = resolve(text, [mark for mark, _, _ in marked])
    if resolved is None:
        raise _misplaced(text, marked, source)
    if resolved.counting != POINTS:
        notes.append(f"{path}: places are counted in {resolved.counting}: they fit the text so, and only so")
    spans = [
        Span(start, end, label, place) for (start, end), (_, label, place) in zip(resolved.places, marked, strict=True)
    ]
    return _without_mark(Document(text, spans, Place(path)))


def _entity(line: str, place: Place, notes: list[str]) -> tuple[Mark, str, Place] | None:
    """(mark, class, place) of a line `T1<TAB>PER 0 5<TAB>Anna B`; None if the line is about something else."""
    if not line.strip() or _IGNORED.match(line):
        return None
    fields = line.split("\t", 2)
    match = _ENTITY.fullmatch(fields[1].strip()) if len(fields) == 3 and line.startswith("T") else None
    if match is None:
        rule = "expected an annotation of BRAT, such as T1<TAB>PER 0 5<TAB>Annas, or R, E, A, M, N, # or *"
        raise place.error(f"{rule}; got {line[:60]!r}")
    label, places = match[1], match[2]
    fragments = [(int(a), int(b)) for a, b in (pair.split(" ") for pair in places.split(";"))]
    start, end = min(a for a, _ in fragments), max(b for _, b in fragments)
    if len(fragments) == 1:
        return Mark(start, end, fields[2]), label, place
    all_of_it = f"{len(fragments)} fragments; it is read as all from {start} to {end}"
    notes.append(f"{place.path}:{place.line}: {label} {places} has {all_of_it}")
    return Mark(start, end, None), label, place


def _misplaced(text: str, marked: list[tuple[Mark, str, Place]], source: Path) -> DataError:
    """The error on the first entity that cannot stand where its line says."""
    for mark, label, place in marked:
        if not 0 <= mark.start < mark.end <= len(text):
            rule = f"0 <= start < end <= {len(text)} (length of {source.name}) must hold"
            return place.error(f"{rule}; got {label} {mark.start} {mark.end}")
        if resolve(text, [mark]) is None:
            found = text[mark.start : mark.end]
            return place.error(
                f"{source.name} has {found!r} at {mark.start}-{mark.end}, but the line says {mark.surface!r}"
            )
    message = f"no way to count the characters of {source.name} fits all entities: some of them stand elsewhere"
    return marked[0][2].error(message)


def _without_mark(document: Document) -> Document:
    """The byte order mark is no part of the first word."""
    text, spans = document.text, document.spans
    if not text.startswith(BYTE_ORDER_MARK) or any(span.start == 0 for span in spans):
        return document
    return Document(text[1:], [s._replace(start=s.start - 1, end=s.end - 1) for s in spans], document.place)
