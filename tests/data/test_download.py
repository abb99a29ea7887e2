"""Files of the web, from a server on 127.0.0.1 that serves what the tests make."""

import hashlib
import io
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nerbb_ray.data import download as module
from nerbb_ray.data import fetch as origins
from nerbb_ray.data.corpus import find_corpus
from nerbb_ray.data.download import NotDownloadedError, download
from nerbb_ray.data.fetch import read_url
from nerbb_ray.data.known_names import BUILTIN, Remote, Source
from nerbb_ray.errors import DataError

ROWS = b"Anna\tB-PER\nin\tO\nOslo\tB-LOC\n\n"


class Server:
    """What it is asked for, and what it answers: by path, the bytes of a file or a function of the request."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                answer = server.answers.get(self.path)
                if callable(answer):
                    answer(self)
                elif answer is None:
                    self.send_error(404)
                else:
                    send(self, answer)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"


def send(handler: BaseHTTPRequestHandler, body: object, length: int | None = None) -> None:
    assert isinstance(body, bytes)
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def redirect(target: str, code: int = 302):
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Location", target)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def test_file_is_fetched_once_and_again_only_if_asked(server: Server, tmp_path: Path) -> None:
    server.answers["/a.conll"] = ROWS
    path = download(f"{server.url}/a.conll", tmp_path)
    assert (path.name, path.read_bytes()) == ("a.conll", ROWS)
    server.answers["/a.conll"] = b"new"
    assert download(f"{server.url}/a.conll", tmp_path).read_bytes() == ROWS
    assert download(f"{server.url}/a.conll", tmp_path, fresh=True).read_bytes() == b"new"
    assert server.asked == ["/a.conll"] * 2


def test_failed_fresh_download_leaves_the_old_copy(server: Server, tmp_path: Path) -> None:
    server.answers["/a.conll"] = ROWS
    path = download(f"{server.url}/a.conll", tmp_path)
    server.answers["/a.conll"] = cut
    with pytest.raises(NotDownloadedError):
        download(f"{server.url}/a.conll", tmp_path, fresh=True)
    assert path.read_bytes() == ROWS
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_known_content_is_checked(server: Server, tmp_path: Path) -> None:
    server.answers["/a.conll"] = ROWS
    download(f"{server.url}/a.conll", tmp_path, sha256=hashlib.sha256(ROWS).hexdigest())
    server.answers["/b.conll"] = b"other"
    with pytest.raises(NotDownloadedError, match=r"does not match the known hash: expected .* but got d9298a10"):
        download(f"{server.url}/b.conll", tmp_path, sha256=hashlib.sha256(ROWS).hexdigest())
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.conll"]


def test_redirect_to_another_address_is_followed(server: Server, tmp_path: Path) -> None:
    server.answers |= {"/old.csv": redirect("/new.csv"), "/new.csv": b"O\tx\n"}
    assert download(f"{server.url}/old.csv", tmp_path).read_bytes() == b"O\tx\n"


def cut(handler: BaseHTTPRequestHandler) -> None:
    send(handler, b"half", length=1000)
    handler.close_connection = True


def chunks_cut(handler: BaseHTTPRequestHandler) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"4\r\nhalf\r\n")
    handler.close_connection = True


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.6)
    handler.close_connection = True


def slow(handler: BaseHTTPRequestHandler) -> None:
    send(handler, b"", length=1000)
    handler.wfile.write(b"a")
    handler.wfile.flush()
    time.sleep(0.6)


def trickling(handler: BaseHTTPRequestHandler) -> None:
    send(handler, b"", length=1000)
    for _ in range(20):
        try:
            handler.wfile.write(b"a")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)


def garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\0\1\2 no http\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda handler: handler.send_error(404), "the server answers 404 Not Found"),
        (lambda handler: handler.send_error(500), "the server answers 500 Internal Server Error"),
        (lambda handler: handler.send_error(403), "the server answers 403"),
        (b"", "it is empty"),
        (cut, "IncompleteRead(4 bytes read, 996 more expected)"),
        (chunks_cut, "IncompleteRead"),
        (silent, "no answer in time"),
        (slow, "no answer in time"),
        (trickling, "it takes longer than 0.5 s"),
        (garbage, "no http"),
        (redirect("file:///etc/passwd"), "cannot be downloaded"),
        (redirect("ftp://127.0.0.1/x.csv"), "No connection adapters were found for 'ftp://127.0.0.1/x.csv'"),
        (redirect("/a.csv"), "Exceeded 30 redirects"),
        (b"\n<!DOCTYPE html>\n<html lang='en'>", "a web page has come instead of data"),
        (b"x" * 200, "it is larger than 100 bytes"),
    ],
)
def test_what_is_not_a_whole_file_is_an_error_and_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: object, message: str
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(module, "DEADLINE_S", 0.5)
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    server.answers["/a.csv"] = answer
    with pytest.raises(NotDownloadedError, match="cannot be downloaded") as caught:
        download(f"{server.url}/a.csv", tmp_path)
    assert message in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "ftp://127.0.0.1/x.csv",
        "://x",
        "data://x",
        "http://",
        "http://[::1/x.csv",
        "http://127.0.0.1:notaport/x.csv",
        "http://127.0.0.1:1/x.csv",
        "http://a..b/x.csv",
        "http://127.0.0.1:1/ä ö.csv",
        "http://127.0.0.1:1/a\nb.csv",
        "http://127.0.0.1:1/\udcff.csv",
    ],
)
def test_address_that_is_none_or_does_not_answer_is_an_error(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError, match=r"cannot be downloaded: .* name the file instead"):
        read_url(url, downloads=tmp_path)


def test_address_of_a_file_is_read_by_its_suffix(server: Server, tmp_path: Path) -> None:
    server.answers |= {"/a%20b.conll?raw=1": ROWS, "/page.pdf": b"%PDF"}
    readings = read_url(f"{server.url}/a%20b.conll?raw=1", downloads=tmp_path)
    assert readings["train"].sentences[0].tokens == ("Anna", "in", "Oslo")
    with pytest.raises(DataError, match=r"page\.pdf: expected a file with one of \.csv, .*, \.zip; got 'page\.pdf'"):
        read_url(f"{server.url}/page.pdf", downloads=tmp_path)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_file_that_was_bad_is_fetched_again(server: Server, tmp_path: Path) -> None:
    mended = {"a.conll": ROWS, "a.zip": zipped(**{"train.conll": ROWS})}
    bad = [("a.conll", b"word\n"), ("a.zip", b"no archive"), ("a.zip", zipped(**{"train.conll": b"word\n"}))]
    for name, content in bad:
        server.answers[f"/{name}"] = content
        with pytest.raises(DataError, match=name):
            read_url(f"{server.url}/{name}", downloads=tmp_path / name)
        server.answers[f"/{name}"] = mended[name]
        assert len(read_url(f"{server.url}/{name}", downloads=tmp_path / name)["train"].sentences) == 1
        shutil.rmtree(tmp_path / name)


def test_archive_of_splits_is_read(server: Server, tmp_path: Path) -> None:
    members = {"data/train.conll": ROWS * 2, "data/dev.conll": ROWS, "data/test.conll": ROWS, "__MACOSX/x": b""}
    server.answers["/data.zip"] = zipped(**members)
    for _ in range(2):
        readings = read_url(f"{server.url}/data.zip", downloads=tmp_path)
        assert [(split, len(r.sentences)) for split, r in readings.items()] == [("train", 2), ("val", 1), ("test", 1)]


def test_archive_that_is_fetched_again_is_unpacked_again(server: Server, tmp_path: Path) -> None:
    for number in (1, 2):
        server.answers["/data.zip"] = zipped(**{"train.conll": ROWS * number})
        readings = read_url(f"{server.url}/data.zip", downloads=tmp_path, fresh=True)
        assert len(readings["train"].sentences) == number


def link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("train.conll")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(**{"../evil.conll": ROWS}), r"leaves its folder, which is refused: '\.\./evil\.conll'"),
        (zipped(**{"a/../../evil.conll": ROWS}), "leaves its folder"),
        (zipped(**{"/evil.conll": ROWS}), "leaves its folder"),
        (zipped(**{"..\\evil.conll": ROWS}), "leaves its folder"),
        (link(), "has a symbolic link, which is refused"),
        (b"PK no archive", "is no zip archive"),
        (zipped(**{"train.conll": ROWS})[:-30], "is no zip archive"),
        (zipped(), "nothing"),
    ],
)
def test_archive_that_is_bad_is_an_error_and_unpacks_nothing(
    server: Server, tmp_path: Path, content: bytes, message: str
) -> None:
    server.answers["/data.zip"] = content
    with pytest.raises(DataError, match=message):
        read_url(f"{server.url}/data.zip", downloads=tmp_path)
    assert list(tmp_path.rglob("*.conll")) == []
    assert list(tmp_path.rglob("*.part")) == []


@pytest.fixture
def own(server: Server, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A built-in data set with files on the server."""
    remotes = {split: Remote(f"{server.url}/{split}.raw", f"{split}.conll") for split in ("train", "test")}
    source = Source("http://example.org/page", files=remotes)
    monkeypatch.setitem(BUILTIN, "own", source)
    monkeypatch.setitem(origins.BUILTIN, "own", source)
    return source


@pytest.mark.usefixtures("own")
def test_built_in_data_set_of_files_is_fetched_and_found(server: Server, tmp_path: Path) -> None:
    server.answers |= {"/train.raw": ROWS * 10, "/test.raw": ROWS}
    corpus = find_corpus("own", None, tmp_path / "store" / "datasets")
    assert (len(corpus.train), len(corpus.val), len(corpus.test)) == (9, 1, 1)
    assert len(list((tmp_path / "store" / "cache" / "downloads").rglob("*.conll"))) == 2
    with pytest.raises(DataError, match="has no subsets and revisions; got 'x'"):
        find_corpus("own", "x", tmp_path / "store" / "datasets")


@pytest.mark.usefixtures("own")
def test_built_in_data_set_that_cannot_be_fetched_says_what_to_do(server: Server, tmp_path: Path) -> None:
    server.answers["/train.raw"] = ROWS
    with pytest.raises(DataError) as caught:
        find_corpus("own", None, tmp_path / "datasets")
    for part in (
        f"{server.url}/test.raw cannot be downloaded: the server answers 404",
        "fetch it from http://example.org/page elsewhere and put files train, val and test (.csv",
        str(tmp_path / "datasets" / "own"),
    ):
        assert part in str(caught.value)
