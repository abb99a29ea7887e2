"""The pages as a site: built without a network, read without one, complete, and no link leads nowhere."""

import importlib.util
import posixpath
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "docs/scripts"
BUILD = """
import socket, sys
def refuse(*_): raise OSError("the build asked for the network")
socket.socket.connect = socket.getaddrinfo = refuse
from mkdocs.__main__ import cli
cli(sys.argv[1:])
"""


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    (command,) = re.findall(r"/mkdocs (.*)", (ROOT / "Makefile").read_text())
    arguments = [*command.split(), "--site-dir", str(site)]
    return subprocess.run([sys.executable, "-c", BUILD, *arguments], cwd=folder, capture_output=True, text=True)


class Page(HTMLParser):
    """What a page of the site links to, what it loads, and the anchors that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := values.get(name))}
        target = values.get("href") or values.get("src")
        if target:
            (self.links if tag == "a" else self.loaded).add(target)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {path.relative_to(site).as_posix(): Page(path) for path in site.rglob("*.html")}


def test_every_page_of_the_repository_is_there_and_in_the_menu(pages: dict[str, Page]) -> None:
    names = {path.stem for path in (ROOT / "docs").glob("*.md")}
    expected = {f"{name}.html" for name in names} | {"index.html", "CONTRIBUTING.html", "CHANGELOG.html"}
    assert expected <= pages.keys()
    assert {target for target in pages["index.html"].links if target in expected} >= expected - {"index.html"}


def test_links_lead_to_files_and_anchors_of_the_site(site: Path, pages: dict[str, Page]) -> None:
    wrong = []
    pages = dict(pages)
    del pages["404.html"]  # that page is for a server's root
    for name, page in pages.items():
        for link in page.links | page.loaded:
            parts = urlsplit(link)
            path = posixpath.join(posixpath.dirname(name), unquote(parts.path)) if parts.path else name
            target = posixpath.normpath(path)
            there = parts.scheme or (site / target).is_file()
            anchors = pages[target].anchors if target in pages and parts.fragment else {parts.fragment}
            if not there or parts.fragment not in anchors:
                wrong.append((name, link))
    assert wrong == []


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[str, Page]) -> None:
    assert {target for page in pages.values() for target in page.loaded if urlsplit(target).netloc} == set()
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*['\"]?(?:https?:)?//[^'\")]*", styles) == []
    # the script of the theme would fetch the library for them
    assert not any('class="mermaid"' in path.read_text(encoding="utf-8") for path in site.rglob("*.html"))


def test_lists_and_tables_are_not_shown_as_text(site: Path) -> None:
    """GitHub begins a list without an empty line before it, the site does not."""
    for path in site.rglob("*.html"):
        article = path.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
        text = re.sub(r"<(pre|code)\b.*?</\1>", "", article, flags=re.DOTALL)
        paragraphs = re.findall(r"<p>(.*?)</p>", text, re.DOTALL)
        assert [p for p in paragraphs if re.search(r"^(?:[-*|] |\d+\. |```)", p, re.MULTILINE)] == [], path.name


def test_search_finds_the_pages(site: Path) -> None:
    index = (site / "search/search_index.json").read_text(encoding="utf-8")
    assert '"location":"adaptive.html"' in index
    assert "lr_cooldown_epochs" in index


PAGES = {"README.md": "# Start\n\n[guide](docs/guide.md#first-step)\n", "docs/guide.md": "# Guide\n\n## First step\n"}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A repository with two pages, and this one's settings."""
    folder = tmp_path / "small"
    shutil.copytree(SCRIPTS, folder / "docs/scripts")
    settings = re.sub(r"^nav:\n.*", "", (ROOT / "mkdocs.yml").read_text(), flags=re.DOTALL | re.MULTILINE)
    menu = ["index.md", "guide.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md"]
    (folder / "mkdocs.yml").write_text(settings + yaml.safe_dump({"nav": menu}))
    for name in ("CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("# Page\n")
    for name, content in PAGES.items():
        (folder / name).write_text(content)
    return folder


def test_files_and_folders_outside_of_the_pages_are_brought_along(small: Path, tmp_path: Path) -> None:
    (small / "configs").mkdir()
    (small / "configs/a.ini").write_text("[dataset]\n")
    (small / "configs/b.ini").write_text("[model]\n")
    (small / "docs/guide.md").write_text(
        "# Guide\n\n## First step\n\n[a](../configs/a.ini) [all](../configs) [home](../README.md)\n"
    )
    done = build(small, tmp_path / "site")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site/configs/a.ini").read_text() == "[dataset]\n"
    assert {"a.ini", "b.ini"} <= Page(tmp_path / "site/configs/index.html").links
    assert {"configs/a.ini", "configs/index.html", "index.html"} <= Page(tmp_path / "site/guide.html").links


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("docs/guide.md", "# Guide\n\n## First step\n\n[gone](gone.md)\n", "gone.md"),
        ("docs/guide.md", "# Guide\n\n## First step\n\n[gone](../configs/gone.ini)\n", "gone.ini"),
        ("docs/guide.md", "# Guide\n\n## Second step\n", "first-step"),
        ("docs/other.md", "# A page that is not in the menu\n", "other.md"),
    ],
)
def test_what_is_not_there_ends_the_build(small: Path, tmp_path: Path, name: str, content: str, words: str) -> None:
    (small / name).write_text(content)
    done = build(small, tmp_path / "site")
    assert done.returncode == 1
    assert words in done.stdout + done.stderr


# --- docs/architecture ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_architecture", SCRIPTS / "draw_architecture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_room_of_the_package_is_named() -> None:
    package = ROOT / "nerbb_ray"
    rooms = {path.name for path in package.iterdir() if (path / "__init__.py").is_file()}
    rooms |= {path.stem for path in package.glob("*.py") if not path.stem.startswith("__")}
    table = (ROOT / "docs/architecture.md").read_text().partition("## Rooms")[2].partition("\n## ")[0]
    named = re.findall(
        r"`(\w+)`", " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    )
    assert sorted(named) == sorted(rooms)


def test_files_that_own_a_fact_are_there() -> None:
    text = (ROOT / "docs/architecture.md").read_text().partition("## Who owns a fact")[2]
    assert [name for name in re.findall(r"`(\w+/\w+\.py)`", text) if not (ROOT / "nerbb_ray" / name).is_file()] == []


def test_picture_shows_the_rooms_of_today(drawing: ModuleType) -> None:
    assert (ROOT / "docs/architecture.svg").read_text() == drawing.drawn(), "run docs/scripts/draw_architecture.py"
    rooms = {room for floor in drawing.floors() for room in floor}
    shown = {room for names in drawing.FLOW for room in names.split(", ")}
    assert shown <= rooms
    assert {room for names in drawing.COLOURS.values() for room in names} <= rooms


def test_picture_is_a_picture(drawing: ModuleType) -> None:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(drawing.drawn())
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {room for floor in drawing.floors() for room in floor} <= texts
