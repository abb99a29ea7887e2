"""A hook of mkdocs: the site has what its pages link to, also where that lies outside of docs/.

On GitHub the pages link to files of the repository (`../configs/wnut17.ini`, `../README.md#results`). In the site
README.md is the home page, other pages of the repository keep their paths, other files are copied, and a linked
folder is a list of its files. Links are rewritten accordingly; with `--strict`, one that leads nowhere ends the build.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

LINK = re.compile(r"(?<=\]\()([^)\s#]+)")
DOCS, HOME = "docs", "README.md"
PAGES = (HOME, "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")  # outside of docs/, in the navigation


class Repository:
    """Paths of the repository, with slashes, and where they are in the site."""

    def __init__(self, config: MkDocsConfig) -> None:
        self.root = Path(config.config_file_path).parent

    def in_site(self, path: str) -> str:
        if (self.root / path).is_dir():
            return f"{path}/index.md"
        return "index.md" if path == HOME else path.removeprefix(f"{DOCS}/")

    def page(self, src_uri: str) -> str:
        """The path of a page of the site."""
        own = HOME if src_uri == "index.md" else src_uri
        return own if (self.root / own).exists() else f"{DOCS}/{src_uri}"

    def targets(self, path: str) -> Iterator[str]:
        """What a page links to, or a folder has."""
        if (self.root / path).is_dir():
            yield from (f"{path}/{name}" for name in self.names(path))
        elif path.endswith(".md"):
            links = LINK.findall((self.root / path).read_text(encoding="utf-8"))
            yield from (target(path, link) for link in links if not is_address(link))

    def names(self, folder: str) -> list[str]:
        return sorted(entry.name for entry in (self.root / folder).iterdir() if entry.is_file())


def is_address(link: str) -> bool:
    return re.match(r"[a-z]+:", link) is not None


def target(path: str, link: str) -> str:
    """The path that a link in the page `path` means."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside of docs/ and all that any page links to."""
    repository = Repository(config)
    waiting = [*PAGES, *(f"{DOCS}/{file.src_uri}" for file in files.documentation_pages())]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        if not path.startswith(f"{DOCS}/"):
            files.append(_file(path, repository, config))
        found = {other for other in repository.targets(path) if (repository.root / other).exists()} - seen
        waiting += sorted(found)
        seen |= found
    return files


def _file(path: str, repository: Repository, config: MkDocsConfig) -> File:
    # only pages of `nav` are in the navigation, and of the others nobody is told that they are not
    place = {"src_uri": repository.in_site(path), "inclusion": InclusionLevel.NOT_IN_NAV}
    if (repository.root / path).is_dir():
        rows = "".join(f"- [{name}]({name})\n" for name in repository.names(path))
        return File.generated(config, **place, content=f"# {path}\n\n{rows}")
    return File.generated(config, **place, abs_src_path=str(repository.root / path))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Links within the repository become links within the site."""
    repository, here = Repository(config), page.file.src_uri

    def rewritten(match: re.Match[str]) -> str:
        if is_address(match[1]):
            return match[1]
        there = repository.in_site(target(repository.page(here), match[1]))
        return posixpath.relpath(there, posixpath.dirname(here))

    return LINK.sub(rewritten, markdown)
