"""What a browser shows: MLflow's page of a real database, and the report. Skipped where there is no Chromium."""

import itertools
import json
import os
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from fixtures.fake_tune import at, tracked

from nerbb_ray import Store
from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.doctor.examine import examine
from nerbb_ray.doctor.findings import Findings
from nerbb_ray.doctor.page import findings_page
from nerbb_ray.mlflow_store.details import TrialDetails
from nerbb_ray.mlflow_store.events import Ended, Epoch, Files, Started
from nerbb_ray.mlflow_store.reader import load_result
from nerbb_ray.mlflow_store.schema import find_runs, open_client
from nerbb_ray.mlflow_store.writer import MlflowWriter
from nerbb_ray.ner.metrics import Counts
from nerbb_ray.paths import StorePaths
from nerbb_ray.report.page import report_html, write_report
from nerbb_ray.report.watch import watch_page
from nerbb_ray.report.watch_server import page_server
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TEST_METRIC, TrialResult
from nerbb_ray.study.page import study_page
from nerbb_ray.study.points import Study, study_of
from nerbb_ray.training.adaptive import replay
from nerbb_ray.web_servers import HOST

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = (
    "--headless",
    "--no-sandbox",  # of root, as in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--no-first-run",
    "--window-size=1400,2400",
    "--remote-debugging-pipe",
)
SECONDS = 120.0  # that a page may take on a slow machine; nobody waits longer than needed
F1S = {43: 0.6123, 44: 0.7456, 45: 0.6689}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


class Browser:
    """A headless Chromium, driven through its debugging pipe: JSON messages with a zero byte after each.

    Args:
        events: what the pages have reported so far: (method, parameters).
    """

    def __init__(self, profile: Path) -> None:
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        arguments = [str(CHROMIUM), *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        # Chromium reads commands at descriptor 3 and answers at 4
        launch = ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "bash", *arguments]
        with (profile.parent / "chromium.log").open("wb") as log:
            self._process = subprocess.Popen(
                launch, pass_fds=(commands, answers), stdout=log, stderr=log, start_new_session=True
            )
        os.close(commands)
        os.close(answers)
        self._buffer, self._number = b"", 0
        self.events: list[tuple[str, dict[str, Any]]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + SECONDS
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append((answer.get("method", ""), answer.get("params", {})))

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "Chromium does not answer"
            piece = os.read(self._from, 1 << 20)
            assert piece, "Chromium has ended"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def open(self, url: str) -> None:
        self.events.clear()
        self.ask("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """The JSON value of a JavaScript expression."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def wait_for(self, *texts: str) -> str:
        """The visible text of the page as soon as it is loaded to its end and has all of some texts."""
        deadline = time.monotonic() + SECONDS
        while True:
            # a page of some megabytes is shown, and read, before its last part has been parsed
            seen = self.evaluate("document.readyState == 'complete' ? document.body.innerText : ''") or ""
            missing = [text for text in texts if text not in seen]
            if not missing:
                return str(seen)
            assert time.monotonic() < deadline, f"not on the page: {missing}; on it: {seen[:3000]}"
            time.sleep(0.2)

    @property
    def requests(self) -> list[str]:
        """The addresses that were asked for."""
        return [params["request"]["url"] for method, params in self.events if method == "Network.requestWillBeSent"]

    @property
    def complaints(self) -> list[str]:
        """Errors of the console and uncaught exceptions."""
        found = [str(params) for method, params in self.events if method == "Runtime.exceptionThrown"]
        for method, params in self.events:
            entry = params.get("entry", params)
            if method in ("Log.entryAdded", "Runtime.consoleAPICalled"):
                found += [str(entry)] if "error" in (entry.get("level"), entry.get("type")) else []
        return found

    def close(self) -> None:
        os.close(self._to)  # the pipe's end is Chromium's
        os.close(self._from)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
            self._process.wait()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("chromium") / "profile")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """A store with an experiment of one run with three seeds that ended ok and one that failed."""
    paths = StorePaths(tmp_path_factory.mktemp("browser") / "store")
    paths.create()
    writer = MlflowWriter(paths.tracking_uri, "pages", str(paths.artifacts))
    for seed in range(43, 47):
        finish(writer, seed) if seed in F1S else fail(writer, seed)
    return paths


def trial(seed: int) -> TrialSpec:
    return TrialSpec(
        run="runA(lr_max=3e-05)",
        seed=seed,
        dataset=DatasetParams(dataset_name="data"),
        model=ModelParams(pretrained_model_name="bert"),
        hparams=HParams(lr_cooldown_epochs=1, lr_warmup_epochs=1),
        settings=Settings(multiple_runs=4),
    )


def finish(writer: MlflowWriter, seed: int) -> None:
    spec, f1 = trial(seed), F1S[seed]
    outcome = replay(spec.hparams, [0.9, 0.5, 0.6], 10)
    writer.deliver(Started(tracked(spec), *at(seed * 1000)))
    for epoch, (value, rates) in enumerate(zip(outcome.values, outcome.learning_rates, strict=True)):
        curves = {"lr": rates[-1], "train/loss": value, "val/loss": value, "val/entity/micro/f1": f1 - 0.1 * value}
        writer.deliver(Epoch(tracked(spec), *at(seed * 1000 + 1 + epoch), epoch, curves))
    writer.deliver(
        Files(
            tracked(spec),
            seed * 1000 + 100,
            (1, seed * 1000 + 100),
            {"confusion_matrix_entity.csv": "t,PER,O\nPER,8,2\nO,1,0\n"},
        )
    )
    metrics = Counts.zeros(("PER",)).metrics("test") | {"val/entity/micro/f1": f1, "test/entity/micro/f1": f1 - 0.01}
    result = TrialResult(spec.run, seed, "ok", metrics, spec.params(), outcome.epochs, best_epoch=outcome.best_epoch)
    writer.deliver(Ended(tracked(spec), *at(seed * 1000 + 200), result))


def fail(writer: MlflowWriter, seed: int) -> None:
    spec = trial(seed)
    writer.deliver(Started(tracked(spec), *at(seed * 1000)))
    error = "RuntimeError: CUDA out of memory"
    writer.deliver(Ended(tracked(spec), *at(seed * 1000 + 200), TrialResult(spec.run, seed, "failed", error=error)))


def test_report_shows_means_and_pictures_and_asks_for_nothing(
    browser: Browser, store: StorePaths, tmp_path: Path
) -> None:
    path = write_report("pages", store, tmp_path / "report 100 #1.html")
    best = load_result(store.tracking_uri, "pages").best_run()
    means = [str(best.mean(f"{split}/entity/micro/f1")).replace("+-", "±") for split in ("val", "test")]
    browser.open(path.as_uri())
    text = browser.wait_for("Configuration", *means)
    # 0.6756 is the mean of the seeds, 0.0386 their standard deviation over the root of 3, by hand
    assert "0.6756 ± 0.0386" in text
    assert "failed: seed 46" in text
    assert "RuntimeError: CUDA out of memory" in text
    # four curves, and the stages of the seeds
    assert browser.evaluate("document.querySelectorAll('figure svg').length") == 5
    assert browser.evaluate("document.querySelector('figure svg').getBoundingClientRect().height") > 100
    dots = "Array.from(document.querySelectorAll('td circle title')).map(title => title.textContent)"
    assert browser.evaluate(dots)[:3] == [f"seed {seed}: {f1:.4f}" for seed, f1 in F1S.items()]
    assert "cool-down" in text
    assert browser.requests == [path.as_uri()]
    assert browser.complaints == []
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


CONTRASTS = """
(() => {
  const parse = colour => { const m = colour.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m[3] ?? 1]; };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const linear = v => v / 255 <= .03928 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
  const light = c => .2126 * linear(c[0]) + .7152 * linear(c[1]) + .0722 * linear(c[2]);
  const behind = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walker.nextNode();) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.tagName == 'title' || !element.getClientRects().length) continue;
    const style = getComputedStyle(element), page = behind(element);
    const svg = element.namespaceURI.includes('svg');
    const ink = over(parse(svg ? style.fill : style.color), page);
    const [high, low] = [light(ink), light(page)].sort((x, y) => y - x);
    found.push([(high + .05) / (low + .05), node.textContent.trim().slice(0, 40)]);
  }
  return found.sort((x, y) => x[0] - y[0]);
})()
"""
PAGES = ("report", "doctor", "study", "watch", "long names")


@pytest.fixture(scope="module")
def pages(store: StorePaths, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of every kind."""
    folder = tmp_path_factory.mktemp("pages")
    found = {name: folder / f"{name}.html" for name in PAGES}
    write_report("pages", store, found["report"])
    found["doctor"].write_text(findings_page(odd_findings(folder)), encoding="utf-8")
    found["study"].write_text(study_page(small_study()), encoding="utf-8")
    found["watch"].write_text(watch_page(store, "pages"), encoding="utf-8")
    found["long names"].write_text(long_names(), encoding="utf-8")
    return found


def long_names() -> str:
    """A report of twelve runs with long names and seventeen classes; a seed of some has failed."""
    trials, details = [], {}
    classes = [f"geo-political-entity-{k}" for k in range(17)]
    for size, rate, decay, seed in itertools.product((8, 16), (3e-5, 3e-4, 1e-3), (0.0, 0.1), (43, 44, 45)):
        run = f"run_with_a_long_name(batch_size={size}, lr_max={rate}, weight_decay={decay})"
        params = trial(seed).params() | {"batch_size": str(size), "lr_max": str(rate), "weight_decay": str(decay)}
        f1 = 0.5 + 0.01 * size + decay + (seed - 44) / 100
        metrics = {"val/entity/micro/f1": f1, "test/entity/micro/f1": f1 - 0.02}
        metrics |= {f"{split}/entity/{name}/f1": f1 for split in ("val", "test") for name in classes}
        status, error = ("failed", "RuntimeError: CUDA out of memory") if (size, seed) == (8, 45) else ("ok", None)
        trials.append(
            TrialResult(
                run, seed, status, metrics, params, 3, error, duration_s=60.0, started_s=0.0, ended_s=60.0 * seed
            )
        )
        details[run, seed] = TrialDetails(
            {name: {0: 3e-4, 1: 2e-4, 2: 1e-4} for name in ("lr", "val/loss", "train/loss")}
        )
    return report_html(ExperimentResult.of("long", trials), details, "made now", None, "nobody has looked")


def odd_findings(folder: Path) -> Findings:
    """Of data with errors, warnings, and things to know."""
    data = folder / "odd"
    data.mkdir()
    (data / "train.jsonl").write_text(
        '{"tokens": ["Anna", "lives", "in", "Paris"], "tags": ["B-PER", "O", "O", "B-LOC"]}\n'
        '{"tokens": ["Anna", "lives", "in", "Paris"], "tags": ["B-PER", "O", "O", "O"]}\n' * 3
    )
    (data / "val.jsonl").write_text('{"tokens": ["Anna", "is", "here"], "tags": ["B-PER", "O", "O"]}\n')
    (data / "test.jsonl").write_text('{"tokens": ["Bert", "is", "here"], "tags": ["I-PER", "O", "O"]}\n')
    return examine(load_corpus(data))


def small_study() -> Study:
    params = {"dataset_name": "d", "pretrained_model_name": "m", "prune_ratio_train": [0.1, 1.0], "multiple_runs": 2}
    spec = build_spec("exp", params=params)
    trials = [
        TrialResult(run.name, seed, "ok", {TEST_METRIC: 0.5 + seed / 100}, epochs=seed)
        for run in spec.runs
        for seed in (43, 44)
    ]
    return study_of("small", [(spec, ExperimentResult.of("exp", trials, 2))])


@pytest.fixture
def phone(browser: Browser) -> Iterator[Browser]:
    """The browser, as wide as a phone."""
    browser.ask("Emulation.setDeviceMetricsOverride", width=390, height=900, deviceScaleFactor=1, mobile=True)
    yield browser
    browser.ask("Emulation.clearDeviceMetricsOverride")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_can_be_read_on_a_phone_by_day_and_by_night(
    phone: Browser, pages: dict[str, Path], name: str, scheme: str
) -> None:
    phone.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        phone.open(pages[name].as_uri())
        phone.wait_for("")
        phone.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
        # nothing runs over what is beside it
        wider = "[...document.querySelectorAll('td')].filter(cell => cell.scrollWidth > cell.clientWidth + 1)"
        assert phone.evaluate(f"{wider}.map(cell => cell.textContent)") == []
        # figures stand one below the other, as wide as the page at most
        widths = "[...document.querySelectorAll('figure')].map(figure => figure.offsetWidth)"
        assert max(phone.evaluate(widths), default=0) <= 390
        contrasts = phone.evaluate(CONTRASTS)
        assert len(contrasts) > 10
        assert contrasts[0][0] >= 4.5, contrasts[:5]
        page = phone.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (page == "rgb(255, 255, 255)") == (scheme == "light")
        assert phone.complaints == []
    finally:
        phone.ask("Emulation.setEmulatedMedia", features=[])


def test_figures_beside_each_other_are_of_one_size(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["long names"].as_uri())
    browser.wait_for("Statistics")
    sizes = (
        "[...f.querySelectorAll('svg')].map(s => [s, s.getBoundingClientRect()]).map(([s, r]) => [r.width, r.height])"
    )
    for panel in browser.evaluate(f"[...document.querySelectorAll('.panels')].map(f => {sizes})"):
        shown = [size for size in panel if size[0]]
        assert all(size == pytest.approx(shown[0], abs=1.5) for size in shown), panel


CUT_OFF = """
[...document.querySelectorAll('figure svg')].flatMap(picture => {
  const edge = picture.getBoundingClientRect();
  return [...picture.querySelectorAll('text')].filter(text => {
    const place = text.getBoundingClientRect();
    return place.width && (place.left < edge.left - 1 || place.right > edge.right + 1);
  }).map(text => text.textContent);
})
"""


@pytest.mark.parametrize("name", ["report", "long names", "study"])
def test_no_text_of_a_figure_is_cut_off(browser: Browser, pages: dict[str, Path], name: str) -> None:
    browser.open(pages[name].as_uri())
    browser.wait_for("")
    browser.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert browser.evaluate(CUT_OFF) == []


def test_letters_of_wide_figures_can_be_read_on_a_phone(phone: Browser, pages: dict[str, Path]) -> None:
    phone.open(pages["long names"].as_uri())
    phone.wait_for("Parallel coordinates")
    heights = "[...document.querySelectorAll('figure text')].map(text => text.getBoundingClientRect().height)"
    assert min(height for height in phone.evaluate(heights) if height) >= 8


def test_live_page_loads_itself_again(phone: Browser, store: StorePaths) -> None:
    server = page_server(lambda: watch_page(store, "pages"), 0)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://{HOST}:{server.server_port}/"
        phone.open(url)
        text = phone.wait_for("3/4 done, 1 failed, best .746 runA(lr_max=3e-5)")
        assert text.index(".746", text.index("waiting")) < text.index(".612"), "ranked"
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
        deadline = time.monotonic() + SECONDS
        while phone.requests.count(url) < 2 and time.monotonic() < deadline:
            phone.evaluate("1")
            time.sleep(0.5)
        assert phone.requests.count(url) >= 2
        assert phone.complaints == []
    finally:
        phone.open("about:blank")
        server.shutdown()
        server.server_close()


def test_contrast_of_pale_letters_is_noticed(browser: Browser, tmp_path: Path) -> None:
    """Else the test above could not fail: #777 on white is 4.48, by hand."""
    (tmp_path / "pale.html").write_text("<body style='background:#fff'><p style='color:#777'>pale</p><p>black</p>")
    browser.open((tmp_path / "pale.html").as_uri())
    browser.wait_for("black")
    assert browser.evaluate(CONTRASTS) == [[pytest.approx(4.478, abs=1e-3), "pale"], [pytest.approx(21), "black"]]


def test_wide_tables_move_in_their_own_frame_but_for_their_names(phone: Browser, pages: dict[str, Path]) -> None:
    phone.open(pages["report"].as_uri())
    phone.wait_for("can be moved sideways")
    frame = "document.querySelector('.scroll')"
    assert phone.evaluate(f"{frame}.scrollWidth > {frame}.clientWidth")
    phone.evaluate(f"{frame}.scrollLeft = 200")
    left = "getBoundingClientRect().left"
    assert phone.evaluate(f"{frame}.querySelector('td').{left} - {frame}.{left}") == pytest.approx(0, abs=1)


def test_browser_notices_what_a_page_must_not_do(browser: Browser, tmp_path: Path) -> None:
    """Else the test above could not fail."""
    (tmp_path / "bad.html").write_text("<img src='x.png'><script>nowhere()</script><p>end</p>")
    browser.open((tmp_path / "bad.html").as_uri())
    browser.wait_for("end")
    assert browser.requests == [(tmp_path / name).as_uri() for name in ("bad.html", "x.png")]
    assert any("nowhere is not defined" in complaint for complaint in browser.complaints)


def test_parts_of_the_report_open_on_a_click(browser: Browser, store: StorePaths, tmp_path: Path) -> None:
    browser.open(write_report("pages", store, tmp_path / "report.html").as_uri())
    browser.wait_for("resolved parameters")
    assert "pretrained_model_name = bert" not in browser.wait_for("Configuration")
    browser.evaluate("document.querySelectorAll('summary').forEach(summary => summary.click())")
    assert "pretrained_model_name = bert" in browser.wait_for("lr_cooldown_epochs = 1")


@pytest.fixture(scope="module")
def address(store: StorePaths) -> Iterator[str]:
    """Of MLflow's page, as a user starts it; afterwards it is stopped and its port is free."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(Store, "chosen", store.root)
        try:
            yield str(Store.mlflow("start", port=port).url)
        finally:
            assert not Store.mlflow("stop").runs
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_mlflow_shows_the_means_of_a_run(browser: Browser, store: StorePaths, address: str) -> None:
    client = open_client(store.tracking_uri)
    experiment = client.get_experiment_by_name("pages")
    assert experiment is not None
    (parent,) = find_runs(client, [experiment.experiment_id], kind="run")
    browser.open(f"{address}/#/experiments/{experiment.experiment_id}/runs/{parent.info.run_id}")
    names = ("test/entity/micro/f1/mean", "val/entity/micro/f1/mean")
    text = browser.wait_for("runA(lr_max=3e-05)", "runA(lr_max=3e-05)-43", *names)
    mean = sum(F1S.values()) / len(F1S)
    for name, expected in zip(names, (mean - 0.01, mean), strict=True):
        shown = re.search(rf"{name}\s+([\d.]+)", text)
        assert shown is not None
        assert float(shown[1]) == pytest.approx(expected, abs=5e-4)
    assert all(url.startswith((address, "data:", "blob:")) for url in browser.requests)


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_printed_link_opens_the_runs(
    browser: Browser, store: StorePaths, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(Store, "chosen", store.root)
        Store.mlflow("status", port=int(address.rpartition(":")[2]))
    found = re.search(r"^  pages: (\S+)$", capsys.readouterr().out, re.MULTILINE)
    assert found is not None
    browser.open("about:blank")
    browser.open(found[1])
    browser.wait_for("5 matching runs", "runA(lr_max=3e-05)")


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_report_from_a_server_is_that_from_the_database(
    store: StorePaths, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_database = write_report("pages", store, tmp_path / "database.html").read_text(encoding="utf-8")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    from_server = write_report("pages", StorePaths(tmp_path), tmp_path / "server.html").read_text(encoding="utf-8")
    assert f"from MLflow at {address}" in from_server
    made = r'<p class="about">made .*?</p>'
    assert re.sub(made, "", from_server) == re.sub(made, "", from_database)
