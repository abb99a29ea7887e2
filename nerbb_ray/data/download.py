"""Files of the web: fetched once, whole or not at all, into a cache."""

import hashlib
import re
import time
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

from nerbb_ray.errors import DataError

TIMEOUT_S = 20.0  # without a single byte
DEADLINE_S = 600.0  # of a whole file
MAX_BYTES = 2**30
SCHEMES = ("http", "https")
_CHUNK = 1 << 16
_HEADERS = {"User-Agent": "nerbb_ray", "Accept-Encoding": "identity"}
_WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html)\b", re.IGNORECASE)


class NotDownloadedError(DataError):
    """A file of the web that cannot be had."""


def is_url(text: str) -> bool:
    """Whether this is meant as an address and not as a path or a name."""
    return "://" in text


def url_name(url: str) -> str:
    """The name of the file that an address ends in; empty if there is none."""
    try:
        return PurePosixPath(unquote(urlsplit(url).path)).name
    except ValueError:
        return ""


def download(
    url: str, folder: Path, *, name: str | None = None, sha256: str | None = None, fresh: bool = False
) -> Path:
    """The local copy of a file, which is fetched if it is not there yet.

    Args:
        folder: gets the file, in a folder of its own for each address.
        name: of the local file, if it is not that of the address.
        sha256: hex digest that the content must have, if it is known.
        fresh: fetch it again even if it is there.
    Raises:
        NotDownloadedError: no http(s) address, no answer, an answer that says no, or not the whole file.
    """
    path = folder / hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:16] / (name or _file_name(url))
    if not path.is_file():
        return _retrieve(url, path, sha256)
    if fresh:
        with TemporaryDirectory(dir=path.parent) as scratch:  # the old copy stays until the new one is whole
            _retrieve(url, Path(scratch) / path.name, sha256).replace(path)
    return path


def _retrieve(url: str, path: Path, sha256: str | None) -> Path:
    """Pooch writes a file aside, checks its hash and renames it."""
    import pooch
    import requests
    import urllib3.exceptions

    pooch.get_logger().setLevel("WARNING")
    known = None if sha256 is None else f"sha256:{sha256}"
    try:
        if urlsplit(url).scheme.lower() not in SCHEMES:
            raise _failed(url, f"the address must begin with {' or '.join(f'{scheme}://' for scheme in SCHEMES)}")
        pooch.retrieve(url, known, path.name, path.parent, downloader=_copy)
    except requests.HTTPError as error:
        raise _failed(url, f"the server answers {error.response.status_code} {error.response.reason}") from error
    except requests.Timeout as error:
        raise _failed(url, "no answer in time") from error
    except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
        # requests has its errors from OSError; ValueError: an address that is none, or another hash
        kind = "no answer in time" if "timed out" in str(error) else str(error) or type(error).__name__
        raise _failed(url, kind) from error
    return path


def _copy(url: str, path: str, _: object) -> None:
    """Write what the server sends, as it comes in: neither a drop at a time for ever, nor without end."""
    import requests

    size, deadline = 0, time.monotonic() + DEADLINE_S
    with requests.get(url, headers=_HEADERS, timeout=TIMEOUT_S, stream=True) as response, Path(path).open("wb") as file:
        response.raise_for_status()
        while chunk := response.raw.read1(_CHUNK):
            if size == 0 and _WEB_PAGE.match(chunk):
                raise _failed(url, "a web page has come instead of data: take the address of the file itself (raw)")
            size += len(chunk)
            if size > MAX_BYTES:
                raise _failed(url, f"it is larger than {MAX_BYTES} bytes")
            if time.monotonic() > deadline:
                raise _failed(url, f"it takes longer than {DEADLINE_S:g} s")
            file.write(chunk)
    if size == 0:
        raise _failed(url, "it is empty")


def _file_name(url: str) -> str:
    """A safe name with the suffix of the address, by which the file is read."""
    safe = "".join(character if character.isalnum() or character in "._-" else "_" for character in url_name(url))
    return safe.lstrip(".")[-100:] or "data"


def _failed(url: str, reason: str) -> NotDownloadedError:
    return NotDownloadedError(f"{url} cannot be downloaded: {reason}")
