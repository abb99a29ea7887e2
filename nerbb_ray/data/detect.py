"""Which format a file has, by what is in it. One more format is one file in `formats/` and one line here."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from nerbb_ray.data.content import Content
from nerbb_ray.data.csv_records import csv_records
from nerbb_ray.data.formats import (
    bioc_json,
    brat,
    cluener,
    columns,
    conll2012,
    conllu,
    dataturks,
    docbin,
    germeval,
    gliner,
    hipe,
    label_studio,
    label_studio_conll,
    parquet,
    prodigy,
    pubtator,
    rows,
    spacy_json,
    spacy_train_data,
    spans,
    tokens,
    uner,
    webanno,
    word_records,
)
from nerbb_ray.data.joined_words import with_lists, with_parsed
from nerbb_ray.data.options import AUTO, ReadingOptions, option
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.split_column import of_splits
from nerbb_ray.data.split_names import Unclear, splits_in
from nerbb_ray.data.unknown_records import unknown
from nerbb_ray.data.word_places import check_lists
from nerbb_ray.errors import DataError
from nerbb_ray.spelling import did_you_mean


class OfText(NamedTuple):
    """A format of lines, or of bytes: the whole file is looked at."""

    detect: Callable[[Content], bool]
    read: Callable[[Content], Reading]


class OfRecords(NamedTuple):
    """A format of JSON values: every value is looked at, and all values of a file are of one format."""

    detect: Callable[[Any], bool]
    read: Callable[[Sequence[Record], ReadingOptions], Reading]


# the first that recognises a value has it: those with marks of their own come before those that many write
OF_RECORDS: dict[str, OfRecords] = {
    "gliner": OfRecords(gliner.detect, gliner.read),
    "tokens": OfRecords(tokens.detect, tokens.read),
    "label_studio": OfRecords(label_studio.detect, label_studio.read),
    "prodigy": OfRecords(prodigy.detect, prodigy.read),
    "spacy_train_data": OfRecords(spacy_train_data.detect, spacy_train_data.read),
    "spacy_json": OfRecords(spacy_json.detect, spacy_json.read),
    "bioc_json": OfRecords(bioc_json.detect, bioc_json.read),
    "cluener": OfRecords(cluener.detect, cluener.read),
    "dataturks": OfRecords(dataturks.detect, dataturks.read),
    "spans": OfRecords(spans.detect, spans.read),
}
OF_TEXT: dict[str, OfText] = {
    "spacy": OfText(docbin.detect, docbin.read),
    "brat": OfText(brat.detect, brat.read),
    "webanno": OfText(webanno.detect, webanno.read),
    "conll2012": OfText(conll2012.detect, conll2012.read),
    "hipe": OfText(hipe.detect, hipe.read),
    "pubtator": OfText(pubtator.detect, pubtator.read),
    "conllu": OfText(conllu.detect, conllu.read),
    "uner": OfText(uner.detect, uner.read),
    "germeval": OfText(germeval.detect, germeval.read),
    "label_studio_conll": OfText(label_studio_conll.detect, label_studio_conll.read),
    "rows": OfText(rows.detect, rows.read),
    "columns": OfText(columns.detect, columns.read),
}
_OTHER = re.compile(r"\s*<[?!](?:doctype )?(xml|html)\b", re.IGNORECASE)
FORMATS = (*OF_RECORDS, word_records.NAME, *OF_TEXT)
_LOOKED_AT = 50  # records that tell whether what is in strings is worth a look
# options of which a format can do without all others
_OF_TABLES = ("separator", "word_column", "tag_column")
OPTIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("columns", "rows", "conllu", "uner", "germeval", "hipe"), _OF_TABLES),
    "tokens": ("word_column", "tag_column"),
    word_records.NAME: ("word_column", "tag_column"),
    "webanno": ("tag_column",),
    "spans": ("tag_column", "annotator"),
    "label_studio": ("word_column", "tag_column", "annotator"),
    "prodigy": ("annotator",),
}
# what a file of a folder must end in to be taken for data; a file that the user names may be called anything
SUFFIXES = (
    *(".csv", ".jsonl", ".conll", ".txt", ".iob", ".iob2", ".bio", ".tsv", ".json", ".ndjson", ".conllu", ".conllup"),
    *(
        ".data",
        ".dat",
        ".col",
        ".iob1",
        ".bmes",
        ".bioes",
        ".iobes",
        ".bilou",
        ".ner",
        ".tok",
        ".annotated",
        ".pubtator",
        ".v4_gold_conll",
        ".v4_auto_conll",
        parquet.SUFFIX,
    ),
    *(brat.ANNOTATIONS, docbin.SUFFIX),
)


def read_file(path: Path, options: ReadingOptions = AUTO) -> Reading:
    """All sentences of one file (or of a text and its annotations).

    Raises:
        DataError: the format is not known, or the file is not what it seems to be; or what is what is not sure.
    """
    if path.is_dir():
        raise DataError("cannot be read: is a directory", path)
    if options.format is not None and options.format not in FORMATS:
        meant = did_you_mean(options.format, FORMATS)
        raise DataError(f"{option('format')}: there is no format {options.format!r}; {meant}")
    content = Content(path, options)
    reading = _read(content)
    _check_options(reading, options, path)
    reading.notes[:0] = content.notes
    reading.choices |= content.choices
    return replace(reading, source=str(path))


def _read(content: Content) -> Reading:
    name = content.options.format
    if name is None or name in OF_RECORDS or name == word_records.NAME:
        records = _records(content)
        if records is not None:
            return read_records(records, content.options)
        if name is not None:
            raise DataError(f"{option('format')} {name} is one of JSON; this is none", content.path)
    is_text = content.suffix not in (docbin.SUFFIX, parquet.SUFFIX)
    other = _OTHER.match(content.text) if name is None and is_text else None
    if other is not None:
        raise DataError(f"is {other[1].upper()}, which is not read: convert it, or export another form", content.path)
    found = (key for key, format_ in OF_TEXT.items() if format_.detect(content))
    name = name or next(found, "columns")
    return replace(OF_TEXT[name].read(content), format=name)


def _check_options(reading: Reading, options: ReadingOptions, path: Path) -> None:
    """An option that means nothing here is a mistake that must not pass in silence."""
    for name in (*_OF_TABLES, "annotator"):
        if reading.format and getattr(options, name) is not None and name not in OPTIONS.get(reading.format, ()):
            raise DataError(
                f"{option(name)} means nothing for a file of the format {reading.format}: leave it out", path
            )


def _records(content: Content) -> list[Record] | None:
    """The values or rows of a file that has some; None for all others."""
    if docbin.detect(content) or brat.detect(content):
        return None
    if parquet.detect(content):
        return parquet.records_of(content)
    if content.records is not None or content.suffix not in (".csv", ".tsv"):
        return content.records
    rows = csv_records(content.text, content.path) or []
    known = next((row for row in rows if any(format_.detect(row.value) for format_ in OF_RECORDS.values())), None)
    return None if known is None or tokens.lacks_words(known.value) else rows


def read_records(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """All sentences of JSON values, or of rows that are like them.

    Raises:
        DataError: values are of no known format, or of several.
    """
    if not records:
        return Reading()
    records = _unwrapped(records)
    if not any(format_.detect(record.value) for record in records[:_LOOKED_AT] for format_ in OF_RECORDS.values()):
        records = with_parsed(records)
    if options.format == word_records.NAME or (options.format is None and word_records.detect(records)):
        return replace(word_records.read(records, options), format=word_records.NAME)
    records = with_lists(records)
    name = options.format if options.format in OF_RECORDS else _format_of(records, options)
    return replace(_by_splits(records, lambda part: OF_RECORDS[name].read(part, options)), format=name)


def _by_splits(records: Sequence[Record], read: Callable[[Sequence[Record]], Reading]) -> Reading:
    """The records with the split of every sentence, if a key says that of every record."""
    first = records[0].value
    for key in first if isinstance(first, dict) else ():
        splits = splits_in(key, (row.get(key) if isinstance(row, dict) else None for row, _ in records))
        if isinstance(splits, Unclear):
            return replace(read(records), splits_unclear=str(records[splits.row].place.error(splits.rule)))
        if splits:
            parts = {
                split: read([record for record, own in zip(records, splits, strict=True) if own == split])
                for split in dict.fromkeys(splits)
            }
            return of_splits(parts, f"the key {key!r}")
    return read(records)


def _unwrapped(records: Sequence[Record]) -> Sequence[Record]:
    """The rows in an object around them: of its only list, or of a table by columns and rows as pandas writes it."""
    value, place = records[0]
    if len(records) > 1 or not isinstance(value, dict) or any(f.detect(value) for f in OF_RECORDS.values()):
        return records
    lists = [part for part in value.values() if isinstance(part, list) and part and isinstance(part[0], dict | list)]
    keys = [part.keys() for part in value.values() if isinstance(part, dict)]
    rows: list[Any] = lists[0] if len(lists) == 1 else []
    if value and len(keys) == len(value) and all(own == keys[0] for own in keys):
        rows = [{column: part[key] for column, part in value.items()} for key in keys[0]]
    inner = [Record(row, Place(place.path, None, i, place.name)) for i, row in enumerate(rows, 1)]
    is_known = any(format_.detect(row) for row in rows[:1] for format_ in OF_RECORDS.values())
    return inner if is_known or (inner and word_records.detect(inner)) else records


def _are_spans(records: Sequence[Record], options: ReadingOptions) -> bool:
    """Whether those that may be tasks of Label Studio are records of entities by their places that have none."""
    tasks = [record.value for record in records if label_studio.detect(record.value)]
    return all(map(label_studio.is_bare, tasks)) and spans.takes_all(records, options)


def _format_of(records: Sequence[Record], options: ReadingOptions) -> str:
    kinds: dict[str, Record] = {}
    for record in records:
        kinds.setdefault(next((name for name, f in OF_RECORDS.items() if f.detect(record.value)), ""), record)
    known = [kind for kind in kinds if kind]
    if "" in kinds and set(known) <= {"tokens"}:
        check_lists(records)
    if set(known) == {"tokens", "spans"} and spans.takes_all(records, options):
        return "spans"
    if set(known) == {"label_studio", "spans"} and _are_spans(records, options):
        return "spans"
    if len(known) > 1:
        first, other = (kinds[kind].place for kind in known[:2])
        place = f"line {first.line}" if first.record is None else f"record {first.record}"
        message = f"one file has one format; got {known[1]}, but {place} is of {known[0]}"
        raise other.error(f"{message}. If all are of one, say it with {option('format')}")
    if known:
        return known[0]
    raise unknown(kinds[""], tuple(OF_RECORDS))
