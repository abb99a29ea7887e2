"""Tag the versions of CHANGELOG.md that have no tag yet: `make tag`, in the repository's folder.

The commit of version X is the last one that changed CHANGELOG.md while X was its newest version; pyproject.toml must
say X there, too. Nothing is pushed. A version in work has no heading yet, so it gets no tag.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

HEADING = re.compile(r"^## \[?v?(\d[^\s\]]*)", re.MULTILINE)


class Refused(Exception):
    """A version cannot be tagged; the text says why and what to do."""


def git(*words: str) -> str:
    """What a git command prints."""
    done = subprocess.run(["git", *words], capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise Refused(f"git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def commits_of_versions() -> dict[str, str]:
    """Version -> its commit, from the oldest version to the newest."""
    found: dict[str, str] = {}
    for commit in git("log", "--reverse", "--format=%H", "--", "CHANGELOG.md").splitlines():
        # a commit may have deleted the file
        text = git("show", f"{commit}:CHANGELOG.md") if git("ls-tree", commit, "CHANGELOG.md") else ""
        if newest := HEADING.search(text):
            found[newest[1]] = commit
    return found


def check(version: str, commit: str) -> None:
    """Refuse a commit whose package calls itself another version."""
    project = tomllib.loads(git("show", f"{commit}:pyproject.toml"))["project"]["version"]
    if project != version:
        rule = f"pyproject.toml must say {version} where CHANGELOG.md says so, but says {project} in {commit[:7]}"
        raise Refused(f"{rule}: change the version in a commit that also changes CHANGELOG.md")


def tag_versions() -> list[str]:
    """The tags that were made.

    Raises:
        Refused: before any tag is made.
    """
    if git("rev-parse", "--is-shallow-repository") == "true":
        raise Refused("the history is cut off (a shallow clone): git fetch --unshallow brings it")
    if git("status", "--porcelain", "--", "CHANGELOG.md", "pyproject.toml"):
        raise Refused("CHANGELOG.md or pyproject.toml has changes that are not committed: commit them first")
    commits = commits_of_versions()
    named = HEADING.findall(Path("CHANGELOG.md").read_text(encoding="utf-8"))
    if not named:
        raise Refused("no version in CHANGELOG.md: a heading is expected for each, as `## 1.2.0`")
    missing = [version for version in reversed(named) if not git("tag", "--list", f"v{version}")]
    for version in missing:
        if version not in commits:
            raise Refused(f"no commit has {version} as the newest version of CHANGELOG.md: tag it by hand")
        check(version, commits[version])
    for version in missing:
        git("tag", "--annotate", f"v{version}", commits[version], "--message", f"Version {version}, see CHANGELOG.md")
        print(f"v{version}: {git('log', '-1', '--format=%h %s', commits[version])}")
    return missing


if __name__ == "__main__":
    try:
        if tag_versions():
            print("to publish them: git push --tags")
        else:
            print("every version of CHANGELOG.md has its tag")
    except Refused as refusal:
        sys.exit(f"error: {refusal}")
