"""Tables and texts of rich as plain text, for pipes, files and Python; sentences and JSON for any output."""

import io
import json
import math
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.text import Text

JOINERS = "\u200c\u200d"
PIPE_WIDTH = 120  # a pipe or a file has no width of its own
# rich's SIMPLE_HEAD in ASCII: only a line below the headers. Not every terminal and file takes box characters
_HEAD_LINE = "    \n    \n -- \n    \n    \n    \n    \n    \n"


def plain_text(parts: "Iterable[RenderableType]", width: int) -> str:
    """What rich would print in a window of `width` columns, without colours and without blanks at the ends of lines."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, force_terminal=False, _environ={})
    for part in parts:
        # a path that is longer than a line stays whole: who copies it needs it
        console.print(part, crop=False)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


@dataclass(frozen=True, slots=True)
class Sentence:
    """A part of `plain_text` that is broken between words, never inside of one."""

    text: str

    def __rich_console__(self, _: "Console", options: "ConsoleOptions") -> "Iterator[RenderableType]":
        yield from map(whole_line, in_lines_of(self.text, options.max_width))


def in_lines_of(text: str, width: int) -> list[str]:
    """A text in lines of at most `width` cells, as far as its words are not longer, with the indent of the first."""
    from rich.cells import cell_len

    indent = text[: len(text) - len(text.lstrip(" "))]
    lines, room = [indent], width - len(indent)
    for word in text.split(" "):
        if lines[-1] == indent:
            lines[-1] += word
        elif cell_len(word) < room:
            lines[-1] += f" {word}"
        else:
            lines.append(indent + word)
        room = width - cell_len(lines[-1])
    return lines


def whole_line(text: str) -> "Text":
    """A part of `plain_text` that is never broken, such as a command that will be pasted."""
    from rich.text import Text

    return Text(text, overflow="ignore", no_wrap=True)


def printable(text: str) -> str:
    """A text as it may stand on a screen: characters that move the cursor or turn the direction are escaped.

    The joiners that Persian is written and emoji are put together with do neither.
    """
    return "".join(c if c.isprintable() or c in JOINERS else ascii(c)[1:-1] for c in text)


def shown_width(stream: IO[str] | None = None, pipe: int = PIPE_WIDTH) -> int:
    """The columns of the terminal behind a stream (standard output); `pipe` if it is none."""
    stream = sys.stdout if stream is None else stream
    return shutil.get_terminal_size((pipe, 24)).columns if stream.isatty() else pipe


def tell(text: str, stream: IO[str] | None = None) -> None:
    """Print sentences (to standard output): on a terminal, its lines break between words."""
    stream = sys.stdout if stream is None else stream
    if stream.isatty():
        width = shown_width(stream)
        text = "\n".join(short for line in text.split("\n") for short in in_lines_of(line, width))
    print(text, file=stream)


def json_text(values: Any, *, indent: int | None = 2) -> str:
    """Values as JSON, which has no NaN; with every character as it is, unless standard output cannot take them."""
    values = defined(values)
    text = json.dumps(values, indent=indent, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(values, indent=indent, allow_nan=False)
    return text


def defined(value: Any) -> Any:
    """Plain values, with None for what is not finite."""
    if isinstance(value, dict):
        return {key: defined(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [defined(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def head_line() -> "Box":
    """The style of every table: a line below the headers, in ASCII."""
    from rich.box import Box

    return Box(_HEAD_LINE, ascii=True)


def shown_time(seconds: float) -> str:
    """`0.4 s`, `45 s`, `12 min`, `3.5 h`, `4 days`"""
    if 0 < seconds < 2:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
