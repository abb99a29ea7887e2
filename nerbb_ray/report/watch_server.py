"""A little web server for a page that is made anew whenever it is asked for; only this machine can reach it."""

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import cast

from nerbb_ray.errors import NerbbError, StoreError
from nerbb_ray.html.document import Section, document, paragraph
from nerbb_ray.html.without_paths import without_paths
from nerbb_ray.web_servers import HOST

AGAIN_S = 5


def page_server(make: Callable[[], str], port: int) -> ThreadingHTTPServer:
    """A server that shows what `make` returns at `/`; `serve_forever` runs it.

    Args:
        port: 0: any that is free.
    Raises:
        StoreError: the port cannot be used.
    """
    one_at_a_time = Lock()  # two browsers do not double the work

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            own = {f"{name}:{cast(ThreadingHTTPServer, self.server).server_port}" for name in (HOST, "localhost")}
            if self.headers.get("Host") not in own:  # a page of elsewhere that calls this machine by its own name
                self.send_error(HTTPStatus.FORBIDDEN)
            elif self.path == "/favicon.ico":
                self.send_response(HTTPStatus.NO_CONTENT)
                self.end_headers()
            elif self.path != "/":
                self.send_error(HTTPStatus.NOT_FOUND)
            else:
                with one_at_a_time:
                    status, page = _made(make)
                self._answer(status, page.encode())

        def _answer(self, status: HTTPStatus, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody wants a line per refresh."""

    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "it must be a number from 1 to 65535"
        raise StoreError(f"port {port} of {HOST} cannot be used ({why}); take another one: --port N") from error


def _made(make: Callable[[], str]) -> tuple[HTTPStatus, str]:
    try:
        return HTTPStatus.OK, make()
    except NerbbError as error:  # MLflow may be busy: the next time it may be there
        said = [Section("It cannot be read now", paragraph(without_paths(str(error)), "bad"))]
        return HTTPStatus.SERVICE_UNAVAILABLE, document("Search", said, refresh_s=AGAIN_S)
