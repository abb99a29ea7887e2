"""The live page of a search: what it says is what MLflow knows, and only this machine can ask for it."""

import http.client
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nerbb_ray.cli import main
from nerbb_ray.errors import ResultError, StoreError
from nerbb_ray.mlflow_store.events import Epoch, Started
from nerbb_ray.paths import StorePaths
from nerbb_ray.report.watch import state_of, watch_page
from nerbb_ray.report.watch_server import page_server
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TrialResult

VAL = "val/entity/micro/f1"


def trial(run: str, seed: int, status: str, f1: float = 0.5, **more: Any) -> TrialResult:
    params = {"lr_max": "0.0003" if run == "runA" else "0.1", "early_stopping": "False", "max_epochs": "8"}
    return TrialResult(run, seed, status, {VAL: f1}, params, **more)  # type: ignore[arg-type]


@pytest.fixture
def result() -> ExperimentResult:
    """Two trials that ended after 60 s each, one that failed, one that runs for 30 s in its fourth epoch."""
    return ExperimentResult.of(
        "politics",
        [
            trial("runA", 43, "ok", 0.655, epochs=8, duration_s=60.0, started_s=1000.0, ended_s=1060.0),
            trial("runB", 43, "ok", 0.4, epochs=8, duration_s=60.0, started_s=1060.0, ended_s=1120.0),
            trial("runA", 44, "failed", 0.9, started_s=1120.0, ended_s=1130.0, error="ValueError: in /home/me/x.py"),
            trial("runB", 44, "running", 0.3, epochs=3, started_s=1130.0),
        ],
        n_seeds=2,
    )


def test_state_is_that_of_the_trials(result: ExperimentResult) -> None:
    search = state_of(result, {("runB", 44): (0.2, 0.45, 0.3)}, 9, 1160.0)
    assert (search.total, search.ended, search.count("failed"), search.waiting) == (9, 3, 1, 5)
    assert search.best == ("runA", 0.9)
    assert search.elapsed_s == 160
    (running,) = [one for one in search.trials if one.running]
    assert (running.best_f1, running.elapsed_s, running.epochs, running.of_epochs) == (0.45, 30, 3, 8)
    # 80 s for the running one by its epochs, less 30; five more of 60 s each, one after the other
    assert search.left_s == pytest.approx(50 + 5 * 60)


def test_search_that_has_ended_does_not_grow_older(result: ExperimentResult) -> None:
    ended = ExperimentResult.of("politics", result.trials[:1])
    search = state_of(ended, {}, 1, 99_999.0)
    assert (search.elapsed_s, search.left_s) == (60, None)


@pytest.fixture(scope="module")
def running(report_store: StorePaths, lab: Any) -> StorePaths:
    """One trial has ended, one has had its first epoch."""
    from fixtures.fake_tune import at, tracked

    lab = lab(report_store, "live", seeds=2)
    lab.ok(lab.trial("runA", 43, max_epochs=3), 0.65)
    other = lab.trial("runA", 44, max_epochs=3)
    lab.writer.deliver(Started(tracked(other), *at(lab.tick())))
    for epoch, f1 in enumerate((0.4, 0.3)):
        lab.writer.deliver(Epoch(tracked(other), *at(lab.tick()), epoch, {VAL: f1, "val/loss": 0.5, "lr": 1e-5}))
    return report_store


def test_page_shows_the_line_and_the_trials_ranked(running: StorePaths, sections: Callable[[str], Any]) -> None:
    page = watch_page(running, "live")
    assert 'http-equiv="refresh" content="5"' in page
    # nobody holds its lock: the trial that ran was cut off
    assert "It does not run now" in page
    assert "live  1/2 done" in page
    assert "best .650 runA" in page
    header, *rows = sections(page)["Trials"].tables[0]
    assert [row[:3] for row in rows] == [["runA", "done", "43"], ["runA", "interrupted", "44"]]
    assert rows[0][header.index("best val F1")] == ".650"
    assert str(running.root) not in page


def test_experiment_that_has_not_begun_is_waited_for(running: StorePaths) -> None:
    running.config("later").write_text("[dataset]\ndataset_name = d\n")
    assert "No trial has begun yet" in watch_page(running, "later")
    assert "did you mean" in watch_page(running, "latr")


@pytest.fixture
def address() -> Iterator[tuple[Callable[[Callable[[], str]], int], None]]:
    """Starts servers of a page and gives their port."""
    servers = []

    def start(make: Callable[[], str]) -> int:
        server = page_server(make, 0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return int(server.server_address[1])

    yield start  # type: ignore[misc]
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(port: int, path: str = "/", host: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_server_makes_the_page_anew_and_answers_nobody_else(address: Any) -> None:
    made = []
    port = address(lambda: made.append(1) or f"page {len(made)}")
    assert [ask(port), ask(port)] == [(200, "page 1"), (200, "page 2")]
    assert ask(port, "/etc/passwd")[0] == 404
    assert ask(port, "/favicon.ico") == (204, "")
    assert ask(port, host="evil.example:80")[0] == 403


def test_page_that_cannot_be_read_now_is_asked_for_again(address: Any) -> None:
    def locked() -> str:
        raise ResultError("the database /home/me/mlflow.db is locked")

    status, page = ask(address(locked))
    assert status == 503
    assert "the database .../mlflow.db is locked" in page
    assert 'http-equiv="refresh"' in page


def test_port_that_is_taken_is_refused_with_the_way_out(address: Any) -> None:
    port = address(lambda: "")
    with pytest.raises(StoreError, match=rf"port {port} of 127.0.0.1 cannot be used .*--port N"):
        page_server(lambda: "", port)
    with pytest.raises(StoreError, match="port 99999 of"):
        page_server(lambda: "", 99_999)


def test_unknown_experiment_is_refused(running: StorePaths, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "nothing_like_it", "--store", str(running.root)]) == 2
    assert "there is no experiment 'nothing_like_it'" in capsys.readouterr().err
