"""Sentences in csv and jsonl files. Every reader gives back a Reading; `read_text` is how all of them open a file.

Lines end at a line feed and nowhere else, blanks are ASCII: a word may well contain U+0085, U+2028 or U+00A0.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import OUTSIDE, SourceScheme
from nerbb_ray.ner.text import split_words

BLANK = " \t\r"
_PREFIXED = re.compile("[BILUES]-.")
HEADERS = (["tags", "text"], ["labels", "text"])


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence with a tag for each of its words.

    Args:
        tokens: as they stand in the file; "" and invisible ones keep their place.
        text, spans: the raw text and, per token, its (start, end) in it, where a format has raw text.
        lines: of the file, from 1, where the words stand: one per token, or the only one of a sentence on one line.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    text: str | None = None
    spans: tuple[tuple[int, int], ...] | None = None
    lines: Sequence[int] = field(default=(), compare=False, repr=False)

    def line(self, word: int = 0) -> int | None:
        """The line of the file where a word stands, if the reader knows it."""
        if len(self.lines) == len(self.tokens):
            return self.lines[word] if self.lines else None
        return self.lines[0] if self.lines else None


@dataclass(slots=True)
class Reading:
    """What one file holds.

    Args:
        scheme: of the tags, where the format fixes it.
        notes: what a user should know, for the log.
        source: the file, or what else people look it up by; empty if nobody has said.
    """

    sentences: list[Sentence] = field(default_factory=list)
    scheme: SourceScheme | None = None
    notes: list[str] = field(default_factory=list)
    source: str = ""


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without byte order mark.

    Raises:
        DataError: naming file, line and byte that is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path) from error
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"must be UTF-8; byte 0x{data[error.start]:02x} at position {error.start} is not. Convert the file"
        raise DataError(message, path, line) from error


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end) of the lines of a file."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        yield number, line.rstrip("\r")


def read_csv(path: Path) -> Reading:
    """Lines `tags<TAB>text`, both joined by blanks. Nothing is quoted: a `"` is a character like any other."""
    reading = Reading()
    for number, line in lines_of(path):
        columns = line.split("\t")
        if not line.strip(BLANK) or (number == 1 and columns in HEADERS):
            continue
        if len(columns) != 2:
            raise DataError(f"expected tags<TAB>text, 2 columns; got {len(columns)}", path, number)
        tags, tokens = ([word for word in column.split(" ") if word] for column in columns)
        _check_lengths(tokens, tags, path, number)
        reading.sentences.append(Sentence(tuple(tokens), tuple(tags), lines=(number,)))
    return reading


def read_jsonl(path: Path) -> Reading:
    """Lines {"tokens": [...], "tags": [...]}, or {"text": "...", "tags": [...]} with entities by their place."""
    reading = Reading()
    kinds: dict[str, int] = {}
    lines: list[int] = []
    for number, line in lines_of(path):
        if not line.strip(BLANK):
            continue
        row = _json_object(line, path, number)
        kind = "text" if "text" in row and "tokens" not in row else "tokens"
        kinds.setdefault(kind, number)
        if len(kinds) > 1:
            message = f'one file has one format, "tokens" or "text"; line {min(kinds.values())} has the other'
            raise DataError(message, path, number)
        reading.sentences.append(_standard(row, path, number) if kind == "text" else _pretokenised(row, path, number))
        lines.append(number)
    if "text" in kinds:
        reading.scheme = "bio"
        _check_classes(reading.sentences, lines, path)
    return reading


def _check_classes(sentences: list[Sentence], lines: list[int], path: Path) -> None:
    """Refuse entities whose classes are tags of a scheme: a model would learn B-B-PER."""
    begins = [(tag[2:], n) for s, n in zip(sentences, lines, strict=True) for tag in s.tags if tag.startswith("B-")]
    # nothing but U-boat or L-dopa may well be classes; tags of a scheme have B- or I-, too
    if begins and all(_PREFIXED.match(label) for label, _ in begins) and any(la[0] in "BI" for la, _ in begins):
        label, number = begins[0]
        message = f'"tag" must be the plain class, such as {label[2:]!r}; got {label!r} (all tags here have a prefix)'
        raise DataError(message, path, number)


def _json_object(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
        if "\\ud" in line.lower():
            json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise DataError(f"half of a surrogate pair is not text: {error.object[error.start]!r}", path, number) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"expected one JSON object per line; got {line[:40]!r}: {error}", path, number) from error
    if not isinstance(row, dict):
        raise DataError(f"expected one JSON object per line; got {line[:40]!r}", path, number)
    return row


def _pretokenised(row: dict[str, Any], path: Path, number: int) -> Sentence:
    for key in ("tokens", "tags"):
        values = row.get(key)
        if not isinstance(values, list):
            raise DataError(f'"{key}" must be a list of strings; got {_shown(row, key)}', path, number)
        wrong = next((value for value in values if not isinstance(value, str)), None)
        if wrong is not None or None in values:
            raise DataError(f'"{key}" must be a list of strings; got {wrong!r} in it', path, number)
    _check_lengths(row["tokens"], row["tags"], path, number)
    return Sentence(tuple(row["tokens"]), tuple(row["tags"]), lines=(number,))


def _standard(row: dict[str, Any], path: Path, number: int) -> Sentence:
    text, annotations = row["text"], row.get("tags")
    if not isinstance(text, str):
        raise DataError(f'"text" must be a string; got {text!r}', path, number)
    if not isinstance(annotations, list):
        raise DataError(f'"tags" must be a list of entities; got {_shown(row, "tags")}', path, number)
    entities = sorted(_entity(annotation, text, path, number) for annotation in annotations)
    for (_, end, first), (start, _, second) in pairwise(entities):
        if start < end:
            message = f"entities must not overlap; {first} ends at {end}, {second} starts at {start}"
            raise DataError(message, path, number)
    spans = split_words(text, [border for start, end, _ in entities for border in (start, end)])
    tags = [OUTSIDE] * len(spans)
    for start, end, label in entities:
        words = [i for i, span in enumerate(spans) if start <= span[0] and span[1] <= end]
        if not words:
            raise DataError(f"{label} at {start}-{end} covers no word: {text[start:end]!r}", path, number)
        for word in words:
            tags[word] = f"{'B' if word == words[0] else 'I'}-{label}"
    return Sentence(tuple(text[start:end] for start, end in spans), tuple(tags), text, tuple(spans), lines=(number,))


def _entity(annotation: Any, text: str, path: Path, number: int) -> tuple[int, int, str]:
    """(start, end, class) of one checked annotation."""
    keys = {"token": str, "tag": str, "char_start": int, "char_end": int}
    if not isinstance(annotation, dict) or any(type(annotation.get(key)) is not kind for key, kind in keys.items()):
        expected = '{"token": str, "tag": str, "char_start": int, "char_end": int}'
        raise DataError(f"an entity must be {expected}; got {annotation!r}", path, number)
    start, end, label = annotation["char_start"], annotation["char_end"], annotation["tag"]
    if not 0 <= start < end <= len(text):
        message = f"0 <= char_start < char_end <= {len(text)} (length of text) must hold; got {start}, {end}"
        raise DataError(message, path, number)
    if text[start:end] != annotation["token"]:
        message = f"text[{start}:{end}] is {text[start:end]!r}, but the entity's token is {annotation['token']!r}"
        raise DataError(message, path, number)
    if not label.strip(BLANK):
        raise DataError(f"an entity must have a tag; got {label!r} for {annotation['token']!r}", path, number)
    return start, end, label


def _check_lengths(tokens: list[str], tags: list[str], path: Path, number: int) -> None:
    if len(tokens) != len(tags):
        raise DataError(f"expected one tag per token; got {len(tokens)} tokens and {len(tags)} tags", path, number)
    if any(not tag.strip(BLANK) for tag in tags):
        raise DataError("a tag must not be empty: write O for no entity", path, number)


def _shown(row: dict[str, Any], key: str) -> str:
    return repr(row[key])[:60] if key in row else f"no such key, but {', '.join(map(repr, row)) or 'none'}"
