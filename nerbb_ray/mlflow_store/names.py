"""Names of metrics and parameters as MLflow takes them, and values as its database gives them back.

MLflow allows letters, digits, space and `/_-.:` in a name. Every other character of it, the colon and path parts that
are not unique are written as `:<hex code>:`, which `read_name` undoes. Infinite values come back from a database as the
largest float.
"""

import re

REFUSED_CHARACTER = re.compile(r"[^/\w.\- ]")
ESCAPED_CHARACTER = re.compile(r":([0-9a-f]*):")
MAX_NAME = 250
INFINITY = 1.7976931348623157e308


def write_name(name: str) -> str:
    """A name of a metric or a parameter as MLflow takes it."""
    parts = REFUSED_CHARACTER.sub(lambda match: _escape(match.group()), name).split("/")
    return "/".join(_escape(part) if part in ("", ".", "..") else part for part in parts)


def read_name(name: str) -> str:
    """The inverse of write_name."""
    return ESCAPED_CHARACTER.sub(lambda match: chr(int(match.group(1), 16)) if match.group(1) else "", name)


def _escape(text: str) -> str:
    return "".join(f":{ord(character):x}:" for character in text) or "::"


def read_value(value: float) -> float:
    """A metric's value as it was before it came into a database."""
    return value if abs(value) < INFINITY or value != value else float("inf") * value
