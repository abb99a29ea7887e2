"""`make tag` on scratch repositories: every version of CHANGELOG.md gets its tag, once, at its own commit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Test"), ("EMAIL", "test@example.org"))
}


class Repository:
    """A folder with a git history of its own."""

    def __init__(self, folder: Path, script: Path) -> None:
        self.folder, self.script = folder, script
        self.environment = os.environ | IDENTITY | {"GIT_CONFIG_GLOBAL": os.devnull}
        folder.mkdir()
        self.git("init", "--quiet")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, subject: str, *versions: str, project: str | None = None) -> None:
        """Commit a changelog with versions, newest first, and a project file with its own or the newest version."""
        sections = [f"## {version}\n\nas of {subject}\n" for version in versions]
        (self.folder / "CHANGELOG.md").write_text("\n".join(["# Changelog\n", *sections]))
        (self.folder / "pyproject.toml").write_text(f'[project]\nversion = "{project or versions[0]}"\n')
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", subject)

    def tag(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(self.script)], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )

    def tags(self) -> dict[str, str]:
        """Tag -> the subject of its commit."""
        return {tag: self.git("log", "-1", "--format=%s", tag) for tag in self.git("tag").split()}


@pytest.fixture
def repository(tmp_path: Path, root: Path) -> Repository:
    return Repository(tmp_path / "scratch", root / ".ci/tag_versions.py")


def test_every_version_is_tagged_at_the_last_change_of_its_own_section(repository: Repository) -> None:
    repository.commit("first", "0.1.0")
    repository.commit("first, mended", "0.1.0")
    repository.commit("second", "0.2.0", "0.1.0")
    repository.git("commit", "--quiet", "--allow-empty", "--message", "towards the third")
    done = repository.tag()
    assert done.returncode == 0, done.stderr
    assert repository.tags() == {"v0.1.0": "first, mended", "v0.2.0": "second"}
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["v0.1.0", "v0.2.0", "to publish them"]


def test_a_tag_that_is_there_stays_where_it_is(repository: Repository) -> None:
    repository.commit("first", "0.1.0")
    repository.tag()
    repository.commit("typo in the old section", "0.1.0")
    assert repository.tag().stdout == "every version of CHANGELOG.md has its tag\n"
    repository.commit("second", "0.2.0", "0.1.0")
    repository.tag()
    assert repository.tags() == {"v0.1.0": "first", "v0.2.0": "second"}


def test_tags_are_annotated_and_may_be_followed_by_git_describe(repository: Repository) -> None:
    repository.commit("first", "0.1.0")
    repository.tag()
    assert repository.git("cat-file", "-t", "v0.1.0") == "tag"
    assert repository.git("describe") == "v0.1.0"


@pytest.mark.parametrize(
    ("versions", "project", "words"),
    [
        (("0.2.0",), "0.1.0", "pyproject.toml must say 0.2.0"),
        (("0.2.0", "0.1.0"), None, "no commit has 0.1.0 as the newest version"),
        (("Unreleased",), "0.1.0", "no version in CHANGELOG.md"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_tagged(
    repository: Repository, versions: tuple[str, ...], project: str | None, words: str
) -> None:
    repository.commit("first", *versions, project=project)
    done = repository.tag()
    assert (done.returncode, repository.tags()) == (1, {})
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_changes_that_are_not_committed_are_refused(repository: Repository) -> None:
    repository.commit("first", "0.1.0")
    (repository.folder / "CHANGELOG.md").write_text("## 0.2.0\n")
    assert "commit them first" in repository.tag().stderr
    assert repository.tags() == {}


def test_cut_off_history_is_refused(repository: Repository, tmp_path: Path) -> None:
    repository.commit("first", "0.1.0")
    repository.commit("second", "0.2.0", "0.1.0")
    repository.git("clone", "--quiet", "--depth=1", repository.folder.as_uri(), str(tmp_path / "shallow"))
    repository.folder = tmp_path / "shallow"
    assert "git fetch --unshallow" in repository.tag().stderr
    assert repository.tags() == {}


def test_the_project_calls_itself_as_the_changelog_does(root: Path) -> None:
    import tomllib

    text = (root / "CHANGELOG.md").read_text()
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    assert text.partition("\n## ")[2].split()[0] == version
