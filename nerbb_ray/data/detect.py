"""What a file holds, by its suffix and by what is in it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from nerbb_ray.data.formats.brat import ANNOTATIONS, annotations_of, read_brat
from nerbb_ray.data.formats.conll import read_conll
from nerbb_ray.data.formats.docbin import read_docbin
from nerbb_ray.data.formats.doccano import is_doccano, read_doccano
from nerbb_ray.data.formats.label_studio import is_label_studio, read_label_studio
from nerbb_ray.data.formats.store_files import read_csv, read_rows
from nerbb_ray.data.records import Record, json_file, json_lines
from nerbb_ray.data.sentences import Reading
from nerbb_ray.errors import DataError

Reader = Callable[[Path], Reading]


def read_file(path: Path) -> Reading:
    """All sentences of one file (or of a text and its annotations).

    Raises:
        DataError: the suffix is of no known kind, or the file is not what its suffix says.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"expected a file with one of {', '.join(READERS)}; got {path.name!r}", path)
    return replace(reader(path), source=str(path))


def _read_text_file(path: Path) -> Reading:
    """Columns, or a text of BRAT."""
    annotations = annotations_of(path)
    return read_conll(path) if annotations is None else read_brat([annotations])


def _read_json(path: Path) -> Reading:
    return _by_kind(json_file(path), path)


def _read_json_lines(path: Path) -> Reading:
    return _by_kind(list(json_lines(path)), path)


def _by_kind(records: Sequence[Record], path: Path) -> Reading:
    """Label Studio's, doccano's or the store's own: one file has one kind."""
    kinds: dict[str, Record] = {}
    for record in records:
        kinds.setdefault(_kind(record), record)
    known = [kind for kind in kinds if kind != UNKNOWN]
    if len(known) > 1:
        first, other = (kinds[kind].place for kind in known[:2])
        place = f"line {first.line}" if first.record is None else f"record {first.record}"
        raise other.error(f"one file has one format; got {known[1]}, but {place} is of {known[0]}")
    if not known and records and path.suffix.lower() == ".json":
        expected = "an export of Label Studio or doccano, or rows with tokens and tags, or text and tags"
        raise records[0].place.error(f"expected {expected}; got the keys {', '.join(records[0].value) or 'none'}")
    return KINDS[known[0] if known else OWN](records)


def _kind(record: Record) -> str:
    row = record.value
    if "tokens" in row or {"text", "tags"} <= row.keys():
        return OWN
    if is_label_studio(row):
        return LABEL_STUDIO
    return DOCCANO if is_doccano(row) else UNKNOWN


OWN, LABEL_STUDIO, DOCCANO, UNKNOWN = "the store", "Label Studio", "doccano", "nothing known"
KINDS: dict[str, Callable[[Sequence[Record]], Reading]] = {
    OWN: read_rows,
    LABEL_STUDIO: read_label_studio,
    DOCCANO: read_doccano,
}
READERS: dict[str, Reader] = {
    ".csv": read_csv,
    ".jsonl": _read_json_lines,
    ".conll": read_conll,
    ".txt": _read_text_file,
    **dict.fromkeys((".iob", ".iob2", ".bio", ".tsv"), read_conll),
    ".json": _read_json,
    ANNOTATIONS: lambda path: read_brat([path]),
    ".spacy": read_docbin,
}
