"""The same with a real MLflow server, which takes half a minute to start."""

import itertools
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from nerbb_ray.mlflow_store.callback import SeedMeanCallback
from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.paths import StorePaths
from nerbb_ray.web_servers import page_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PATIENCE_S = 5


def test_server_that_goes_away_and_comes_back_gets_everything(
    drive: Any, closed_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    page = page_of(StorePaths(tmp_path / "store"), "mlflow")
    uri, waiting = f"http://127.0.0.1:{closed_port}", tmp_path / "waiting"
    callback = SeedMeanCallback(uri, "exp", spool=waiting, retry_after_s=1)
    driver = drive(callback, 1)
    try:
        page.start(closed_port)
        trial = driver.start()
        driver.report(trial, 0)
        page.stop()
        started = time.monotonic()
        for epoch in (1, 2, 3):
            driver.report(trial, epoch)
        assert time.monotonic() - started < 2 * PATIENCE_S
        assert waiting.exists()
        page.start(closed_port)
        driver.finish(trial, 4, 0.8)
        driver.end()
        assert callback.undelivered == ()
        assert not waiting.exists()
        (result,) = load_result(uri, "exp").trials
        assert (result.status, result.epochs) == ("ok", 5)
    finally:
        page.stop()


def test_server_that_accepts_and_never_answers_costs_its_patience_with_the_settings_of_users(
    drive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        driver = drive(SeedMeanCallback(uri, "exp", spool=tmp_path / "waiting"))
        times = [time.monotonic()]
        trial = driver.start()
        times.append(time.monotonic())
        for epoch in range(50):
            driver.report(trial, epoch)
        times.append(time.monotonic())
        driver.end()
        times.append(time.monotonic())
    first, rest, end = (after - before for before, after in itertools.pairwise(times))
    assert PATIENCE_S <= first < PATIENCE_S + 3
    assert rest < 3
    assert end < 30  # one attempt under way and one last, 10 s each
