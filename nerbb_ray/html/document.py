"""A web page in one file: sections of text, tables and pictures. Nothing in it is fetched, nothing in it is run."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import count

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2530; background: #fff; max-width: 72rem; margin: 0 auto;
  padding: 1.5rem 1rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #d8dde4; padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; overflow-wrap: anywhere; }
nav { margin: .8rem 0; } nav a { margin-right: 1rem; } a { color: #0b5cad; }
.about { color: #5a6675; margin: .2rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; font-size: .93em; }
caption { text-align: left; color: #5a6675; padding: .2rem 0; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #e6e9ee; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid #c5ccd6; white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr:hover td { background: #f6f8fa; }
figure { margin: .8rem 0; } figure svg { max-width: 100%; height: auto; } figcaption { color: #5a6675; }
pre { background: #f6f8fa; padding: .7rem; overflow-x: auto; }
details { margin: .5rem 0; } summary { cursor: pointer; }
.warn { background: #fff4e0; border-left: 4px solid #d98200; padding: .4rem .8rem; margin: .4rem 0; }
.good { background: #eaf6ec; border-left: 4px solid #2e8540; padding: .4rem .8rem; margin: .4rem 0; }
@media screen and (max-width: 44rem) { figure { overflow-x: auto; } figure svg { max-width: none; width: 44rem; } }
@media print { nav { display: none; } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Markup(str):
    """HTML that is ready: a cell of a table that is not plain text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page with a heading; `body` is HTML, made by the functions below."""

    title: str
    body: str

    @property
    def anchor(self) -> str:
        return re.sub("[^a-z0-9]+", "-", self.title.lower()).strip("-")


def document(title: str, sections: Sequence[Section], *, about: Iterable[str] = ()) -> str:
    """The whole page; the same sections give the same page.

    Args:
        about: lines of plain text below the title.
    """
    links = "".join(f'<a href="#{section.anchor}">{escape(section.title)}</a>' for section in sections)
    lines = "".join(f'<p class="about">{escape(line)}</p>' for line in about)
    parts = "".join(f'<h2 id="{s.anchor}">{escape(s.title)}</h2>{s.body}' for s in sections)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>{lines}<nav>{links}</nav>\n{_number_figures(parts)}</body></html>\n"
    )


def _number_figures(html: str) -> str:
    """Figures are drawn one by one and may name their parts alike; on a page every id is there once."""
    numbers = count(1)

    def renamed(found: re.Match[str]) -> str:
        picture, prefix = found.group(), f"figure{next(numbers)}-"
        ids = set(re.findall(r' id="([^"]+)"', picture))
        pattern = r'( id="|url\(#|href="#)([^")]+)'
        return re.sub(pattern, lambda m: f"{m[1]}{prefix if m[2] in ids else ''}{m[2]}", picture)

    return re.sub(r"<figure>.*?</figure>", renamed, html, flags=re.DOTALL)


def table(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: Collection[int] = (), caption: str = ""
) -> str:
    """A table of plain values; what is to stand there as HTML is a Markup.

    Args:
        numeric: the columns, counted from 0, that are set flush right.
    """
    kinds = [' class="n"' if column in numeric else "" for column in range(len(header))]
    head = "".join(f"<th{kind}>{_cell(name)}</th>" for name, kind in zip(header, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{_cell(cell)}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>\n"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{title}<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n'


def _cell(value: object) -> str:
    return value if isinstance(value, Markup) else escape(str(value))


def paragraph(text: str, kind: str = "") -> str:
    """Plain text; of kind `warn` or `good` in a coloured box."""
    return f'<p class="{escape(kind)}">{escape(text)}</p>\n' if kind else f"<p>{escape(text)}</p>\n"


def heading(text: str) -> str:
    """Of a part of a section."""
    return f"<h3>{escape(text)}</h3>\n"


def preformatted(text: str) -> str:
    return f"<pre>{escape(text)}</pre>\n"


def folded(summary: str, body: str) -> str:
    """HTML that is shown on a click."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>\n"
