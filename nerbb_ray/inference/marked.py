"""Texts with their entities marked, as a page."""

from collections.abc import Iterator, Sequence
from html import escape

from nerbb_ray.inference.entities import Entity
from nerbb_ray.ner.tags import OUTSIDE

COLOURS = 6  # of classes; further ones begin anew
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.9 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
p { white-space: pre-wrap; overflow-wrap: anywhere; }
mark { color: inherit; padding: .1em .25em; border-radius: .25em; background: hsl(var(--hue) 80% 85%); }
mark small { font-weight: 600; margin-left: .35em; }
.c0 { --hue: 210; } .c1 { --hue: 40; } .c2 { --hue: 130; } .c3 { --hue: 330; } .c4 { --hue: 270; } .c5 { --hue: 0; }
@media (prefers-color-scheme: dark) { mark { background: hsl(var(--hue) 45% 25%); } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def marked_page(title: str, texts: Sequence[str], found: Sequence[Sequence[Entity]]) -> str:
    """A paragraph per text; whatever is in a text or a class is shown as it is, and nothing of it is run.

    Args:
        found: the entities of each text, or its words with their tags.
    """
    labels = list(dict.fromkeys(tag["tag"] for tags in found for tag in tags if tag["tag"] != OUTSIDE))
    colours = {label: number % COLOURS for number, label in enumerate(labels)}
    body = "\n".join(
        f'<p dir="auto">{"".join(_parts(text, tags, colours))}</p>' for text, tags in zip(texts, found, strict=True)
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def _parts(text: str, tags: Sequence[Entity], colours: dict[str, int]) -> Iterator[str]:
    end = 0
    for tag in sorted(tags, key=lambda tag: tag["char_start"]):
        if tag["tag"] == OUTSIDE:
            continue
        yield escape(text[end : tag["char_start"]])
        end = tag["char_end"]
        label, token = escape(tag["tag"]), escape(text[tag["char_start"] : end])
        yield f'<mark class="c{colours[tag["tag"]]}" title="{tag["proba"]:.3f}">{token}<small>{label}</small></mark>'
    yield escape(text[end:])
