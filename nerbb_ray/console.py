"""Tables and texts of rich as plain text, for pipes, files and Python."""

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import RenderableType

# rich's SIMPLE_HEAD in ASCII: only a line below the headers. Not every terminal and file takes box characters
_HEAD_LINE = "    \n    \n -- \n    \n    \n    \n    \n    \n"


def plain_text(parts: "Iterable[RenderableType]", width: int) -> str:
    """What rich would print in a window of `width` columns, without colours and without blanks at the ends of lines."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, force_terminal=False, _environ={})
    for part in parts:
        console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


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
