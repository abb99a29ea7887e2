"""What to do when MLflow does not take or give anything: who asks, what is older, what does not run."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from nerbb_ray.errors import ResultError
from nerbb_ray.mlflow_store.advice import PASSWORD, TOKEN, USERNAME, advice
from nerbb_ray.mlflow_store.outbox import Unreachable
from nerbb_ray.mlflow_store.reader import find_result, list_experiments
from nerbb_ray.mlflow_store.writer import MlflowWriter

ANSWERS = {
    "plain 401": (401, "text/plain", "You are not authenticated. Please see https://mlflow.org/docs"),
    "empty 401": (401, "text/plain", ""),
    "html 401": (401, "text/html", "<html>\n<h1>401 Authorization Required</h1>\n</html>"),
    "json 401": (401, "application/json", json.dumps({"error_code": "UNAUTHENTICATED", "message": "who?"})),
    "databricks 401": (401, "application/json", json.dumps({"error_code": "CUSTOMER_UNAUTHORIZED", "message": "no"})),
    "plain 403": (403, "text/plain", "Permission denied"),
    "html 403": (403, "text/html", "<html><h1>403 Forbidden</h1></html>"),
    "json 403": (403, "application/json", json.dumps({"error_code": "PERMISSION_DENIED", "message": "not you"})),
    "databricks 403": (403, "application/json", json.dumps({"error_code": "INVALID_ACCESS_TOKEN", "message": "old"})),
}


class Refusing(BaseHTTPRequestHandler):
    """A server that gives one answer to everything."""

    answer: tuple[int, str, str]
    heard: list[str | None]

    def do_GET(self) -> None:
        self._give()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._give()

    def _give(self) -> None:
        self.heard.append(self.headers.get("Authorization"))
        status, kind, text = self.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, type[Refusing]]]:
    """Its address, and what it answers."""
    handler = type("Handler", (Refusing,), {"heard": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", handler
        running.shutdown()


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (USERNAME, PASSWORD, TOKEN):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("kind", ANSWERS)
def test_server_that_refuses_is_to_be_told_who_asks(server: tuple[str, type[Refusing]], kind: str) -> None:
    address, handler = server
    handler.answer = ANSWERS[kind]
    with pytest.raises(ResultError) as caught:
        list_experiments(address)
    message = str(caught.value)
    assert message.startswith(f"MLflow at {address} cannot be read: it does not ")
    assert f"set {USERNAME} and {PASSWORD}, or {TOKEN}" in message
    assert "start the server" not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({USERNAME: "anna"}, f"check {USERNAME} (user 'anna')"),
        ({USERNAME: "anna", PASSWORD: "geheim"}, f"check {USERNAME} and {PASSWORD} (user 'anna')"),
        ({TOKEN: "geheim"}, f"check {TOKEN}: what is needed is"),
    ],
)
def test_what_is_set_is_to_be_checked_and_stays_secret(
    server: tuple[str, type[Refusing]], monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    address, handler = server
    handler.answer = ANSWERS["plain 403"]
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ResultError) as caught:
        find_result(address, "exp")
    assert said in str(caught.value)
    assert "geheim" not in str(caught.value)
    if len(given) == 2 or TOKEN in given:
        assert handler.heard[0] is not None  # they are the variables that MLflow reads


def test_what_is_written_says_it_too(server: tuple[str, type[Refusing]]) -> None:
    from fixtures.fake_tune import Driver, at, tracked

    from nerbb_ray.mlflow_store.events import Started

    trial = Driver(SimpleNamespace()).spec("runA", 43)
    address, handler = server
    handler.answer = ANSWERS["plain 401"]
    with pytest.raises(Unreachable, match=f"set {USERNAME} and {PASSWORD}, or {TOKEN}"):
        MlflowWriter(address, "exp").deliver(Started(tracked(trial), *at(1)))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, "text/plain", "Internal Server Error"), "500 error responses"),
        ((404, "text/html", "<html>not MLflow</html>"), "error code 404"),
    ],
)
def test_other_answers_are_not_about_who_asks(server: tuple[str, type[Refusing]], answer, said: str) -> None:
    address, handler = server
    handler.answer = answer
    with pytest.raises(ResultError) as caught:
        list_experiments(address)
    assert said in str(caught.value)
    assert USERNAME not in str(caught.value)


def test_upgrade_of_a_server_database_is_spelled_out() -> None:
    error = Exception("Detected out-of-date database schema (found version 1, but expected 2). Take a backup")
    text = advice(error, "postgresql://anna:geheim@host/my db")
    assert "make a copy of the database, then upgrade it: " in text
    assert "-m mlflow db upgrade 'postgresql://host/my db'" in text
    assert "geheim" not in text


def test_artifacts_that_are_refused_are_about_who_asks() -> None:
    error = Exception("401 Client Error: Unauthorized for url: http://host/api/2.0/mlflow-artifacts/artifacts")
    assert USERNAME in advice(error, "http://host")


def test_advice_of_our_own_is_not_given_twice() -> None:
    assert advice(ResultError("the reason; the way out"), "sqlite:////x/mlflow.db") == "the reason; the way out"
