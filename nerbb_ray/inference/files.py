"""Entities of all texts of a file: read and written piece by piece, so that a file may be larger than the memory."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, ProgressColumn, Task
from rich.text import Text

from nerbb_ray import atomic
from nerbb_ray.console import shown_time
from nerbb_ray.errors import DataError
from nerbb_ray.inference.entities import check_text, predicted_entities, predicted_tags, split_texts
from nerbb_ray.inference.tagger import Tagger
from nerbb_ray.live.short import clock

TEXT_FILE, JSON_FILE = ".txt", ".jsonl"
BUFFERED_TEXTS, BUFFERED_CHARACTERS = 1000, 100_000  # what is predicted together: whichever is reached first
BLANK = " \t\r"
PROGRESS_CELLS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A text, or the words of a sentence, and all that its line says."""

    values: dict[str, Any]
    text: str | None = None
    tokens: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return len(self.text) if self.text is not None else sum(map(len, self.tokens)) + len(self.tokens)


def tag_file(tagger: Tagger, source: Path, target: Path, *, quiet: bool = False) -> int:
    """Write every row of `source` with its entities to `target`, which is there as a whole or not at all.

    Returns:
        The number of rows.
    Raises:
        DataError: a file of a kind that is not known, or a line that is not in its format. Nothing is written then.
    """
    _check_files(source, target)
    total = sum(1 for _ in _rows(source))
    with (
        atomic.new_file(target) as scratch,
        scratch.open("x", encoding="utf-8", newline="\n") as out,
        _progress(total, quiet) as reached,
    ):
        done = 0
        for rows in _buffers(_rows(source)):
            tagged = _tagged(tagger, rows, reached and _Counted(reached, done, len(rows)))
            out.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in tagged)
            done += len(rows)
    return total


@dataclass(slots=True)
class _Counted:
    """Adds up the batches of a buffer.

    Args:
        reached: takes how many texts are done.
        before: this buffer.
        size: of the buffer.
    """

    reached: Callable[[float], None]
    before: int
    size: int
    share: float = 0.0

    def __call__(self, share: float) -> None:
        self.share += share
        self.reached(self.before + self.size * self.share)


def texts_of(source: Path) -> list[Row]:
    """The texts of a file, of the same kinds, each with all that its line says.

    Raises:
        DataError: as `tag_file`; or rows are words.
    """
    _check_source(source)
    texts = []
    for number, row in enumerate(_rows(source), start=1):
        if row.text is None:
            raise DataError(f'row {number} has "tokens": texts are needed ("text")', source)
        texts.append(row)
    return texts


def _check_files(source: Path, target: Path) -> None:
    _check_source(source)
    if target.suffix.lower() != JSON_FILE:
        raise DataError(f"what is written is {JSON_FILE}: the name must end like this", target)
    if target.is_dir() or not target.parent.is_dir():
        raise DataError("is a folder" if target.is_dir() else f"there is no folder {target.parent}", target)
    if target.exists() and target.samefile(source):
        raise DataError("the result would replace the texts: name another file", target)


def _check_source(source: Path) -> None:
    if not source.is_file():
        raise DataError("there is no such file", source)
    if source.suffix.lower() not in (TEXT_FILE, JSON_FILE):
        kinds = f'{TEXT_FILE} (a text per line) or {JSON_FILE} ({{"text": "..."}} or {{"tokens": [...]}} per line)'
        raise DataError(f"the texts must be in a file {kinds}", source)


def _rows(path: Path) -> Iterator[Row]:
    read = _text_row if path.suffix.lower() == TEXT_FILE else _json_row
    kinds: dict[bool, int] = {}
    for number, line in _lines(path):
        if read is _json_row and not line.strip(BLANK):
            continue
        row = read(line, path, number)
        kinds.setdefault(row.text is None, number)
        if len(kinds) > 1:
            message = f'one file has one format, "tokens" or "text"; line {min(kinds.values())} has the other'
            raise DataError(message, path, number)
        yield row


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end); lines end at LF, CR LF or CR."""
    number = 0
    with path.open("rb") as file:
        for part in file:
            for raw in part.rstrip(b"\r\n").split(b"\r"):
                number += 1
                try:
                    line = raw.decode("utf-8")
                except UnicodeDecodeError as error:
                    bad = f"byte 0x{raw[error.start]:02x} at position {error.start} of the line"
                    raise DataError(f"must be UTF-8; {bad} is not. Convert the file", path, number) from error
                yield number, line.removeprefix("\ufeff") if number == 1 else line


def _text_row(line: str, _path: Path, _number: int) -> Row:
    return Row({"text": line}, text=line)


def _json_row(line: str, path: Path, number: int) -> Row:
    try:
        values = json.loads(line)
        check_text(json.dumps(values, ensure_ascii=False, allow_nan=False))
    except (ValueError, RecursionError) as error:
        raise DataError(f"expected one JSON object per line; got {line[:40]!r}: {error}", path, number) from error
    except DataError as error:
        raise DataError(str(error), path, number) from error
    if not isinstance(values, dict) or not ({"text", "tokens"} & set(values)):
        raise DataError(f'expected {{"text": "..."}} or {{"tokens": [...]}}; got {line[:40]!r}', path, number)
    if "tokens" in values:
        tokens = values["tokens"]
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise DataError(f'"tokens" must be a list of strings; got {tokens!r:.60}', path, number)
        return Row(values, tokens=tuple(tokens))
    if not isinstance(values["text"], str):
        raise DataError(f'"text" must be a string; got {values["text"]!r:.60}', path, number)
    return Row(values, text=values["text"])


def _buffers(rows: Iterator[Row]) -> Iterator[list[Row]]:
    buffer: list[Row] = []
    size = 0
    for row in rows:
        buffer.append(row)
        size += row.size
        if len(buffer) == BUFFERED_TEXTS or size >= BUFFERED_CHARACTERS:
            yield buffer
            buffer, size = [], 0
    if buffer:
        yield buffer


def _tagged(
    tagger: Tagger, rows: Sequence[Row], after_batch: Callable[[float], None] | None
) -> Iterator[dict[str, Any]]:
    """The values of each row, with its tags; all rows of a buffer are of one kind."""
    find = tagger.find if after_batch is None else partial(tagger.find, after_batch=after_batch)
    if rows[0].text is None:
        for row, found in zip(rows, find([row.tokens for row in rows]), strict=True):
            yield row.values | {"tags": predicted_tags(found, tagger)}
        return
    texts = [row.text or "" for row in rows]
    spans, words = split_texts(texts, tagger.splitting)
    for row, text, places, found in zip(rows, texts, spans, find(words), strict=True):
        yield row.values | {"tags": predicted_entities(text, places, found, tagger)}


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[float], None] | None]:
    """A line on a terminal's stderr, which is told after every batch how many texts are done; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return

    class Line(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(progress_line(task.completed, total, task.elapsed or 0.0, task.fields["reached_s"]))

    with Progress(Line(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("texts", total=total, reached_s=None)
        yield lambda done: bar.update(task, completed=done, reached_s=bar.tasks[0].elapsed)


def progress_line(done: float, total: int, elapsed_s: float, reached_s: float | None = None) -> str:
    """`[#####     ] 600/1200 texts, 0:41 elapsed, about 41 s left`

    Args:
        reached_s: when `done` was reached; now if left out. What was foreseen then gets shorter since.
    """
    share = min(1.0, done / total) if total else 1.0
    reached_s = elapsed_s if reached_s is None else reached_s
    left_s = reached_s * (1 - share) / share - (elapsed_s - reached_s) if share else 0.0
    left = f", about {shown_time(left_s)} left" if share < 1 and left_s > 0 else ""
    bar = "#" * int(PROGRESS_CELLS * share)
    return f"[{bar:<{PROGRESS_CELLS}}] {int(done + 1e-6)}/{total} texts, {clock(elapsed_s)} elapsed{left}"
