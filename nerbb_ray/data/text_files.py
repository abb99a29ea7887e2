"""From bytes to text: files of any encoding, and those that are packed with gzip.

Lines end at a line feed and nowhere else, blanks are ASCII: a word may well contain U+0085, U+2028 or U+00A0.
"""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerbb_ray.data.options import option
from nerbb_ray.errors import DataError

BLANK = " \t\r"
BYTE_ORDER_MARK = "\ufeff"
UTF8 = "utf-8"
PACKED = ".gz"
MAX_BYTES = 4 * 2**30  # of a file that is unpacked
_PACKERS = {
    b"\x1f\x8b\x08": f"packed with gzip: give it the ending {PACKED}, or unpack it",
    b"BZh": "packed with bzip2: unpack it first",
    b"\xfd7zXZ\0": "packed with xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "packed with zstd: unpack it first",
}
_SPREADSHEETS = {".xls", ".xlsx", ".xlsm", ".ods"}
# those of UTF-32 come first: they begin like the mark of UTF-16
_MARKS = {
    codecs.BOM_UTF8: UTF8,
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# of encodings in which bytes of ASCII mean other characters after an escape
_SHIFTS = {b"\x1b$)C": "iso2022_kr", b"\x1b$B": "iso2022_jp", b"\x1b$@": "iso2022_jp", b"\x1b(I": "iso2022_jp_3"}
_PREFERRED = "cp1252"  # of Windows in the west, Latin-1 but for its control characters: by far the most frequent one
# of computers that hardly anybody has had for decades: they fit a few words by chance
_RARE = ("mac_", "hp_", "kz1048", "ptcp154", "cp037", "cp273", "cp424", "cp500", "cp1006", "cp1026", "cp1125", "cp1140")
# of the guesses of charset_normalizer: what is equally good, and what is good at all
_CLOSE, _ORDERLY, _COHERENT = 0.02, 0.05, 0.5
# what no word has: a mark between letters (but ' and - of several kinds), a capital between small letters, a sign of
# money or a fraction beside a letter, the sign of any currency
_ODD = re.compile(
    "[^\\W\\d_][^\\w\\s\\x00-\\x7f\\u2019\\xad\\xb7][^\\W\\d_]|[a-z\\xdf-\\xff][\\x80-\\x9f\\xc0-\\xde\\u0178][a-z\\xdf-\\xff]"
    "|[\\xa3\\xa5\\xa6\\xac\\xaf\\xb1\\xb4\\xb6\\xb8\\xbc-\\xbe][^\\W\\d_]|[^\\W\\d_][\\xa3\\xa5\\xa6\\xac\\xaf\\xb1\\xb4\\xb6\\xb8\\xbc-\\xbe]|\\xa4"
)
_SHOWN, _SHOWN_GUESSES = 3, 5


@dataclass(frozen=True, slots=True)
class Text:
    """
    Args:
        text: with a byte order mark, if the file has one.
        note: what a user should know of the encoding; empty for UTF-8.
    """

    text: str
    encoding: str = UTF8
    note: str = ""


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked if its name ends with .gz.

    Raises:
        DataError: it cannot be read or unpacked.
    """
    try:
        if path.suffix.lower() != PACKED:
            return _unpacked(path.read_bytes(), path)
        with gzip.open(path) as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError, EOFError, zlib.error) as error:  # ValueError: a path with a NUL
        raise DataError(f"cannot be read: {getattr(error, 'strerror', None) or error}", path) from error
    if len(data) > MAX_BYTES:
        raise DataError(f"must have at most {MAX_BYTES} bytes unpacked", path)
    return data


def _unpacked(data: bytes, path: Path) -> bytes:
    """
    Raises:
        DataError: these are the bytes of a packed file.
    """
    kind = next((kind for mark, kind in _PACKERS.items() if data.startswith(mark)), None)
    if path.suffix.lower() in _SPREADSHEETS:
        kind = "a spreadsheet: save it as csv first"
    if kind is not None:
        raise DataError(f"is {kind}", path)
    return data


def read_text(path: Path, encoding: str | None = None) -> Text:
    """The text of a file.

    Args:
        encoding: as the user says; None for that of the byte order mark, UTF-8, or what the bytes look like.
    Raises:
        DataError: it is no text of this encoding, with line and byte; or no encoding is sure, with some that may be.
    """
    return decode(read_bytes(path), path, encoding)


def decode(data: bytes, path: Path, encoding: str | None = None) -> Text:
    """As `read_text`, of bytes that are read already."""
    if encoding is not None:
        return _strictly(data, path, encoding)
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
    if marked is not None:
        text = _strictly(data, path, marked)
        # utf-16 and utf-32 take the mark away, utf-8 does not
        return text if marked == UTF8 else Text(BYTE_ORDER_MARK + text.text, marked, f"{path}: read as {marked}")
    if b"\0" in data:
        return _with_nul(data, path)
    if data.isascii() and (shifted := next((name for mark, name in _SHIFTS.items() if mark in data), None)):
        text = _strictly(data, path, shifted)
        return Text(text.text, shifted, f"{path}: read as {shifted}, whose shifts (ESC) are in it")
    try:
        return Text(data.decode(UTF8))
    except UnicodeDecodeError as error:
        return _guessed(data, path, error)


def _strictly(data: bytes, path: Path, encoding: str) -> Text:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _bad_byte(data, path, error, f"must be {encoding}") from error
    except UnicodeError as error:
        raise DataError(f"must be {encoding}: {error}", path) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"must be {encoding} text; a NUL character is in it: say {option('encoding')}", path, line)
    return Text(text, encoding)


def _bad_byte(data: bytes, path: Path, error: UnicodeDecodeError, rule: str) -> DataError:
    where = f"byte 0x{data[error.start]:02x} at position {error.start}"
    line = data.count(b"\n", 0, error.start) + 1
    return DataError(f"{rule}; {where} is not. Say {option('encoding')}, or convert the file", path, line)


def _with_nul(data: bytes, path: Path) -> Text:
    """UTF-16 without a mark has a NUL beside every character of ASCII, always on the same side."""
    position, number = data.find(b"\0"), data.count(b"\0")
    if 3 * number > len(data):
        sides = (data[1::2].count(b"\0"), data[0::2].count(b"\0"))
        name = "utf-16-le" if sides[0] > sides[1] else "utf-16-be"
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            text = "\0"
        if min(sides) == 0 and "\0" not in text:
            return Text(text, name, f"{path}: read as {name}, of which every second byte of ASCII text is NUL")
    line = data.count(b"\n", 0, position) + 1
    rule = f"must be UTF-8 text; byte 0x00 (NUL) at position {position} is no text"
    raise DataError(f"{rule}. Say {option('encoding')}, or convert the file", path, line)


def _guessed(data: bytes, path: Path, error: UnicodeDecodeError) -> Text:
    """Bytes that are not UTF-8, in the encoding that they look like if one is clearly the best."""
    from charset_normalizer import from_bytes

    if _is_mixed(data):
        raise _bad_byte(data, path, error, "is UTF-8 in most places, but not in all")
    words = list(dict.fromkeys(word for word in re.split(rb"""[\s,;|"']+""", data) if not word.isascii()))
    # tags of ASCII beside words of another script look like disorder
    guesses = list(from_bytes(data)) or list(from_bytes(b" ".join(words)))
    name = _surest(guesses, words)
    line = data.count(b"\n", 0, error.start) + 1
    found = f"byte 0x{data[error.start]:02x} at position {error.start}"
    if name is not None:
        note = f"not UTF-8 ({found}): read as {name}, such as {_sample(words, name)}"
        text = _strictly(data, path, name).text
        return Text(text, name, f"{path}:{line}: {note}; if that is wrong, say {option('encoding')}")
    could = [f"{guess.encoding} ({_sample(words, guess.encoding)})" for guess in guesses[:_SHOWN_GUESSES]]
    looks = f"it may be {'; '.join(could)}" if could else "no guess fits"
    rule = f"must be UTF-8, but {found} is not, and it is not sure what it is: {looks}"
    raise DataError(f"{rule}. Say {option('encoding')} NAME, or convert the file", path, line)


def _is_mixed(data: bytes) -> bool:
    """Whether most characters beyond ASCII are well-formed UTF-8."""
    text = data.decode(UTF8, "surrogateescape")
    bad = sum("\udc80" <= c <= "\udcff" for c in text)
    return sum(c > "\x7f" for c in text) > 2 * bad


def _surest(guesses: Sequence[Any], words: Sequence[bytes]) -> str | None:
    """The encoding among guesses of charset_normalizer that can be relied on; the most frequent one wins a tie.

    Args:
        words: with bytes beyond ASCII.
    """
    usual = [guess for guess in guesses if not guess.encoding.startswith(_RARE)]
    orderly = [guess for guess in usual if guess.chaos <= min(usual[0].chaos + _CLOSE, _ORDERLY)]
    best = max((guess.coherence for guess in orderly), default=0.0)
    likely = [guess for guess in orderly if guess.coherence >= best - _CLOSE]
    if any(_PREFERRED in guess.could_be_from_charset for guess in likely):
        return None if _is_odd(words, _PREFERRED) else _PREFERRED
    if len(likely) != 1:
        return None
    name = str(likely[0].encoding)
    sure = likely[0].multi_byte_usage or (likely[0].coherence >= _COHERENT and not _is_odd(words, name))
    return name if sure else None


def _is_odd(words: Sequence[bytes], encoding: str) -> bool:
    return any(_ODD.search(word.decode(encoding, "replace")) for word in words)


def _sample(words: Sequence[bytes], encoding: str) -> str:
    return ", ".join(word.decode(encoding, "replace") for word in words[:_SHOWN])


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end) of the lines of a text; those of old Macintosh files end with CR alone."""
    lines = text.split("\r" if "\n" not in text and "\r" in text else "\n")
    return enumerate((line.rstrip("\r") for line in lines) if "\r" in text else lines, start=1)
