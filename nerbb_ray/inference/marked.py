"""Texts with their entities marked, as a page."""

from collections.abc import Mapping, Sequence
from typing import Any

from nerbb_ray.html.document import Section, document
from nerbb_ray.html.marked import kinds_of, marked_text
from nerbb_ray.inference.predictions import marks_of


def marked_page(title: str, texts: Sequence[str], found: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    """A page of texts; whatever is in a text or a class is shown as it is, and nothing of it is run.

    Args:
        found: the entities of each text, or its words with their tags.
    """
    marks = [marks_of(tags) for tags in found]
    kinds = kinds_of(marks)
    parts = (marked_text(text, marked, kinds) for text, marked in zip(texts, marks, strict=True))
    return document(title, [Section("Texts", "\n".join(parts))])
