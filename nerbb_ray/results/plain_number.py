"""The number that a trial has reported: Python's own, numpy's, torch's, or any other library's."""

from typing import Any


def plain_number(value: Any) -> float | None:
    """The float of a number, or of an array or tensor of one element; None for all else, texts and truth values too."""
    try:
        # arrays and tensors say themselves what their only element is, and that there is no such thing
        value = value.item() if hasattr(value, "item") else value
        return float(value) if hasattr(value, "__float__") and not isinstance(value, bool) else None
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
