"""Texts with their entities marked, as a page."""

from collections.abc import Mapping, Sequence
from typing import Any

from nerbb_ray.html.document import Section, document
from nerbb_ray.html.marked import Mark, marked_text
from nerbb_ray.ner.tags import OUTSIDE


def marked_page(title: str, texts: Sequence[str], found: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    """A page of texts; whatever is in a text or a class is shown as it is, and nothing of it is run.

    Args:
        found: the entities of each text, or its words with their tags.
    """
    tagged = [[tag for tag in tags if tag["tag"] != OUTSIDE] for tags in found]
    labels = list(dict.fromkeys(tag["tag"] for tags in tagged for tag in tags))
    parts = (marked_text(text, map(_mark, tags), labels) for text, tags in zip(texts, tagged, strict=True))
    return document(title, [Section("Texts", "\n".join(parts))])


def _mark(tag: Mapping[str, Any]) -> Mark:
    return Mark(tag["char_start"], tag["char_end"], tag["tag"], f"{tag['tag']} {tag['proba']:.3f}")
