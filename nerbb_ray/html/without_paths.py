"""Texts that are handed on do not say where things lie on this computer."""

import re
from pathlib import PurePath

# an absolute path of at least two parts, or one below a home folder; not within a web address or behind a word
NAME = r"[\w.+@=,()-]"
PATH = re.compile(rf"(?:\b(?:file|sqlite):/*(?=/)|(?<![\w:/.~]))(?:~|[A-Za-z]:)?[/\\](?:{NAME}+[/\\])+({NAME}*)")


def without_paths(text: str) -> str:
    """Of every path of this computer only its last part: `.../train.py`."""
    return PATH.sub(lambda found: f".../{found[1]}" if found[1] else "...", text)


def last_part(name: object) -> str:
    """Of a path its last part; a hub id as it is."""
    text = str(name)
    return PurePath(text).name if text.startswith(("/", ".", "~")) else text
