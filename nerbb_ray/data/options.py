"""What a user can say about data that could be read in more than one way."""

from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import GRAMMARS, SourceScheme

Overlaps = Literal["longest", "first", "drop", "error"]
OVERLAPS: tuple[Overlaps, ...] = get_args(Overlaps)
SCHEME_NAMES: dict[str, SourceScheme] = {name: name for name in GRAMMARS} | {
    "io": "plain",
    "iob2": "bio",
    "iobes": "bioes",
}
SEPARATORS = {"tab": "\t", "blank": " ", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How files are to be read, where their content leaves it open or the user knows better; None to judge.

    Args:
        format: one of `nerbb_ray.data.detect.FORMATS`.
        word_column, tag_column: number from 1, or a name: of a header, of a key, of the labels of an annotation tool.
        separator: of columns: tab, blank, comma, semicolon, pipe, or the character itself.
        scheme: of the tags in the files, such as bio, bmes or plain.
        outside: how O is written; several spellings with commas between them.
        labels: names of tags that are numbers: `O,B-PER,...`, or a file (JSON, or a name a line).
        encoding: of text files, such as cp1252.
        overlaps: which of several entities that share a word is kept; error to refuse them.
        annotator: whose annotations count, where there are those of several.
        split_names: what train, val and test are called: `train=a,val=b`; `test=none` leaves a split out.
        words: how raw text is cut into words, a name of `words_of_text.py`; not for users: it is another one only for
            data that version 0.3.0 has set up.
    """

    format: str | None = None
    word_column: str | None = None
    tag_column: str | None = None
    separator: str | None = None
    scheme: str | None = None
    outside: str | None = None
    labels: str | None = None
    encoding: str | None = None
    overlaps: Overlaps = "error"
    annotator: str | None = None
    split_names: str | None = None
    words: str = "runs"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and (not isinstance(value, str) or not value):
                raise DataError(f"{field.name} must be a text that is not empty; got {value!r}")
        if self.scheme is not None and self.scheme.lower() not in (*SCHEME_NAMES, "auto"):
            raise DataError(f"scheme must be one of {', '.join(SCHEME_NAMES)}; got {self.scheme!r}")
        if self.overlaps not in OVERLAPS:
            raise DataError(f"overlaps must be one of {', '.join(OVERLAPS)}; got {self.overlaps!r}")
        if self.separator is not None and len(self.separator_character or "") != 1:
            raise DataError(
                f"separator must be one of {', '.join(SEPARATORS)}, or one character; got {self.separator!r}"
            )
        if self.encoding is not None:
            _check_encoding(self.encoding)
        _ = self.names_of_splits  # refused here if it cannot be read

    @property
    def source_scheme(self) -> SourceScheme | None:
        return None if self.scheme is None else SCHEME_NAMES.get(self.scheme.lower())

    @property
    def separator_character(self) -> str | None:
        if self.separator is None:
            return None
        return SEPARATORS.get(self.separator.lower(), self.separator.replace("\\t", "\t"))

    @property
    def outside_spellings(self) -> frozenset[str]:
        return frozenset() if self.outside is None else frozenset(self.outside.split(","))

    @property
    def names_of_splits(self) -> dict[str, str]:
        """Split -> the name of its file, folder or split of the hub, as the user says."""
        pairs = [part.partition("=") for part in (self.split_names or "").split(",") if part]
        wrong = next((key + mark + name for key, mark, name in pairs if not name or key not in _SPLITS), None)
        if wrong is not None or len({key for key, _, _ in pairs}) < len(pairs):
            raise DataError(f"split_names must be like train=a,val=b,test=c; got {self.split_names!r}")
        return {key.strip(): name.strip() for key, _, name in pairs}

    def given(self) -> dict[str, str]:
        """What the user has said."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


_SPLITS = ("train", "val", "test")
AUTO = ReadingOptions()


def _check_encoding(name: str) -> None:
    try:
        with suppress(UnicodeError):  # of more than one byte for a character
            b"a".decode(name)
    except (LookupError, ValueError):  # no encoding at all, or none of text, such as base64
        rule = "encoding must be one that Python knows, such as utf-8, cp1252 or gb18030"
        raise DataError(f"{rule}; got {name!r}") from None


def option(name: str) -> str:
    """How an option is called, for messages: on the command line; in Python it has _ instead of -."""
    return f"--{name.replace('_', '-')}"


def path_like(text: str) -> Path | None:
    """The file that an option names, if there is one."""
    try:
        path = Path(text).expanduser()
        return path if path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None
