"""spaCy's binary files of documents (DocBin), if spaCy is installed."""

from pathlib import Path
from typing import Any

from nerbb_ray.data.content import Content
from nerbb_ray.data.documents import Document, Documents
from nerbb_ray.data.places import Place, Span
from nerbb_ray.data.sentences import Reading
from nerbb_ray.errors import DataError

SUFFIX = ".spacy"


def detect(content: Content) -> bool:
    return content.suffix == SUFFIX


def read(content: Content) -> Reading:
    """A document for each Doc, with its `ents`; spaCy's own words are not kept, only text and places.

    Raises:
        DataError: spaCy is not there, or the file is no DocBin.
    """
    path = content.path
    try:
        from spacy.tokens import DocBin
        from spacy.vocab import Vocab
    except ImportError as error:
        raise DataError(
            "a file of spaCy needs spaCy to be read: pip install spacy (or nerbb_ray[dev])", path
        ) from error
    data = content.data
    try:
        docs = list(DocBin().from_bytes(data).get_docs(Vocab()))
        documents = Documents([_document(doc, path, number) for number, doc in enumerate(docs, start=1)])
    except Exception as error:  # zlib, msgpack and numpy below have kinds of their own
        raise DataError(f"is no DocBin of spaCy: {error!r:.120}", path) from error
    spans_only = sum(not doc.ents and any(doc.spans.values()) for doc in docs)
    if spans_only:
        documents.notes.append(f"{path}: {spans_only} documents have span groups and no entities (doc.ents): not read")
    return documents.reading(content.options, "entities (doc.ents) of spaCy's documents")


def _document(doc: Any, path: Path, number: int) -> Document:
    place = Place(path, record=number)
    return Document(doc.text, [Span(e.start_char, e.end_char, e.label_, place) for e in doc.ents], place)
