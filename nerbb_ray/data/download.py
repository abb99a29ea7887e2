"""Files of the web: fetched once, whole or not at all, into a cache."""

import hashlib
import os
import re
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException, HTTPMessage
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from nerbb_ray.errors import DataError

TIMEOUT_S = 20.0  # without a single byte
DEADLINE_S = 600.0  # of a whole file
MAX_BYTES = 2**30
SCHEMES = ("http", "https")
_CHUNK = 1 << 16
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
    if path.is_file() and not fresh:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            digest = _fetch(url, file)
        if sha256 is not None and digest != sha256:
            raise _failed(url, f"its content is not the expected one: sha256 {digest} instead of {sha256}")
        Path(scratch).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(scratch).unlink()
    return path


def _fetch(url: str, file: IO[bytes]) -> str:
    """Write the content; returns its sha256."""
    try:
        if urlsplit(url).scheme.lower() not in SCHEMES:
            raise _failed(url, f"the address must begin with {' or '.join(f'{scheme}://' for scheme in SCHEMES)}")
        request = urllib.request.Request(url, headers={"User-Agent": "nerbb_ray", "Accept-Encoding": "identity"})
        opener = urllib.request.build_opener(_HttpOnly)
        with opener.open(request, timeout=TIMEOUT_S) as response:
            return _copy(url, response, file)
    except urllib.error.HTTPError as error:
        error.close()
        raise _failed(url, f"the server answers {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: an address that is none
        reason = getattr(error, "reason", None) or error
        kind = "no answer in time" if isinstance(reason, TimeoutError) else str(reason) or type(reason).__name__
        raise _failed(url, kind) from error


def _copy(url: str, response: Any, file: IO[bytes]) -> str:
    expected = response.headers.get("Content-Length")
    digest, size, deadline = hashlib.sha256(), 0, time.monotonic() + DEADLINE_S
    while chunk := response.read1(_CHUNK):
        if size == 0 and _WEB_PAGE.match(chunk):
            raise _failed(url, "a web page has come instead of data: take the address of the file itself (raw)")
        size += len(chunk)
        if size > MAX_BYTES:
            raise _failed(url, f"it is larger than {MAX_BYTES} bytes")
        if time.monotonic() > deadline:
            raise _failed(url, f"it takes longer than {DEADLINE_S:g} s")
        digest.update(chunk)
        file.write(chunk)
    if expected is not None and expected.isdecimal() and size != int(expected):
        raise _failed(url, f"only {size} of {expected} bytes have come")
    if size == 0:
        raise _failed(url, "it is empty")
    return digest.hexdigest()


class _HttpOnly(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to the web only, not to ftp."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme.lower() not in SCHEMES:
            raise _failed(req.full_url, f"it leads to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _file_name(url: str) -> str:
    """A safe name with the suffix of the address, by which the file is read."""
    safe = "".join(character if character.isalnum() or character in "._-" else "_" for character in url_name(url))
    return safe.lstrip(".")[-100:] or "data"


def _failed(url: str, reason: str) -> NotDownloadedError:
    return NotDownloadedError(f"{url} cannot be downloaded: {reason}")
