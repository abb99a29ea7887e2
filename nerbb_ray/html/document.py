"""A web page in one file: sections of text, tables and pictures. Nothing in it is fetched, nothing in it is run."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from nerbb_ray.html.render import filled, macros

if TYPE_CHECKING:
    from markupsafe import Markup

PARTS = "html/templates/parts.html"

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page with a heading; `body` is HTML, made by the functions below."""

    title: str
    body: str

    @property
    def anchor(self) -> str:
        return re.sub("[^a-z0-9]+", "-", self.title.lower()).strip("-")


def document(title: str, sections: Sequence[Section], *, about: Iterable[str] = (), refresh_s: int = 0) -> str:
    """The whole page; the same sections give the same page.

    Args:
        about: lines of plain text below the title.
        refresh_s: load it again after so many seconds; 0: never.
    """
    numbers = count(1)
    numbered = [Section(section.title, _number_figures(section.body, numbers)) for section in sections]
    return filled(
        "html/templates/page.html",
        title=title,
        about=list(about),
        sections=numbered,
        policy=POLICY,
        refresh_s=refresh_s,
    )


def _number_figures(html: str, numbers: Iterator[int]) -> str:
    """Figures are drawn one by one and may name their parts alike; on a page every id is there once."""

    def renamed(found: re.Match[str]) -> str:
        picture, prefix = found.group(), f"figure{next(numbers)}-"
        ids = set(re.findall(r' id="([^"]+)"', picture))
        pattern = r'( id="|url\(#|href="#)([^")]+)'
        return re.sub(pattern, lambda m: f"{m[1]}{prefix if m[2] in ids else ''}{m[2]}", picture)

    return re.sub(r"<figure\b.*?</figure>", renamed, html, flags=re.DOTALL)


def table(
    header: Sequence[object], rows: Iterable[Sequence[object]], *, numeric: Collection[int] = (), caption: str = ""
) -> str:
    """A table of plain values; what is to stand there as HTML is Markup. Its first column stays where it is.

    Args:
        numeric: the columns, counted from 0, that are set flush right.
    """
    return _part("table", list(header), list(rows), numeric, caption)


def paragraph(text: str, kind: str = "") -> str:
    """Plain text; of kind `warn`, `good` or `bad` in a coloured box."""
    return _part("paragraph", text, kind)


def sentence(text: str, kind: str = "") -> str:
    """A paragraph in which what stands in backquotes is code."""
    return _part("paragraph", macros(PARTS).with_code(re.split("`([^`]+)`", text)), kind)


def heading(text: str) -> str:
    """Of a part of a section."""
    return _part("heading", text)


def preformatted(text: str) -> str:
    return _part("preformatted", text)


def folded(summary: str, body: str) -> str:
    """HTML that is shown on a click."""
    return _part("folded", summary, body)


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Names and values, one below the other."""
    return _part("facts", list(pairs))


def keys(entries: Iterable[tuple[str, str]]) -> str:
    """What the colours of figures mean: CSS colour, text."""
    return _part("keys", list(entries))


def panels(figures: Iterable[str]) -> str:
    """Figures beside each other as far as there is room, else one below the other."""
    return _part("panels", list(figures))


def finding(kind: str, label: str, text: str, more: str = "") -> str:
    """A badge of kind `error`, `warning` or `info`, what it is about, and more HTML below it."""
    return _part("finding", kind, label, text, more)


def code(text: str) -> "Markup":
    """A piece of code within a text."""
    return macros(PARTS).code(text)  # type: ignore[no-any-return]


def run_name(name: str) -> "Markup":
    """The name of a run, a trial or a class, for a cell: broken before a parameter only, not in 2e-05."""
    return macros(PARTS).unbroken(re.split("(?<=[(,])", name))  # type: ignore[no-any-return]


def emphasised(before: str, inside: str, after: str) -> "Markup":
    """A text of which a part is in bold letters."""
    return macros(PARTS).emphasised(before, inside, after)  # type: ignore[no-any-return]


def _part(macro: str, *values: object) -> str:
    return str(getattr(macros(PARTS), macro)(*values))
