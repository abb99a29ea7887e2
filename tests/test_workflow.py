"""What a change must pass, here and on GitHub: one script, on the systems and Pythons that the package names."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / ".github/workflows/tests.yml"
SYSTEMS = {"ubuntu": "POSIX :: Linux", "macos": "MacOS"}


def job() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())["jobs"]["tests"]
    return found


def classified(kind: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {line.removeprefix(kind) for line in project["classifiers"] if line.startswith(kind)}


def environment_on(system: str) -> dict[str, str]:
    """The variables of a job, with what the matrix has for a system."""
    included = next((row for row in job()["strategy"]["matrix"]["include"] if row["os"] == system), {})
    given = {
        name: re.sub(r"\${{ matrix\.(\w+) }}", lambda m: included.get(m[1], ""), v) for name, v in job()["env"].items()
    }
    assert not any("${{" in value for value in given.values())
    return given


def test_workflow_runs_on_the_systems_and_pythons_of_the_package() -> None:
    matrix = job()["strategy"]["matrix"]
    assert set(matrix["python"]) == classified("Programming Language :: Python :: ")
    assert {SYSTEMS[system.split("-")[0]] for system in matrix["os"]} == classified("Operating System :: ")
    assert {row["os"] for row in matrix["include"]} <= set(matrix["os"])


def test_workflow_runs_the_script_and_nothing_else() -> None:
    commands = [step["run"] for step in job()["steps"] if "run" in step]
    assert commands == [".ci/run"]


def test_script_runs_the_readme_s_test_command_last() -> None:
    lines = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith("make")]
    assert lines == ["make check", "make test"]
    assert "```bash\nmake quickstart\nmake test\n```" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_pip_s_cache_knows_the_files_that_say_what_is_installed() -> None:
    (setup,) = [step["with"] for step in job()["steps"] if step.get("uses", "").startswith("actions/setup-python")]
    assert setup["cache"] == "pip"
    assert setup["cache-dependency-path"].split() == ["constraints.txt", "pyproject.toml"]


@pytest.mark.parametrize(
    ("system", "index"), [("ubuntu-24.04", ["--index-url", "https://download.pytorch.org/whl/cpu"]), ("macos-15", [])]
)
def test_torch_comes_for_cpus_on_every_system(system: str, index: list[str], tmp_path: Path) -> None:
    given = environment_on(system)
    assert given["PYTHON"] == "python"
    command = [
        "make",
        "--dry-run",
        f"VENV={tmp_path}/venv",
        f"TORCH_INDEX={given['TORCH_INDEX']}",
        f"{tmp_path}/venv/.torch",
    ]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    (install,) = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert install.split("--disable-pip-version-check")[1].split()[: len(index)] == index
    assert install.endswith("\"$(grep '^torch==' constraints.txt)\"")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", "", ""),
        ("runs-on", "run-on", "runs-on"),
        ("timeout-minutes: 60", "timeout-minutes: an hour", "timeout-minutes"),
    ],
)
def test_github_knows_every_key(old: str, new: str, words: str, tmp_path: Path) -> None:
    """By the schema that check-jsonschema has, with the command of `make check`."""
    (tmp_path / "tests.yml").write_text(WORKFLOW.read_text().replace(old, new, 1))
    (command,) = re.findall(r"/check-jsonschema (.*) \S+$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    tool = [sys.executable, "-m", "check_jsonschema", *command.split(), str(tmp_path / "tests.yml")]
    done = subprocess.run(tool, capture_output=True, text=True)
    assert done.returncode == (1 if words else 0), done.stdout
    assert words in done.stdout


def test_readme_says_what_is_tested_where() -> None:
    section = (ROOT / "README.md").read_text().partition("## What is tested where")[2].partition("\n## ")[0]
    assert f"({WORKFLOW.relative_to(ROOT)})" in section
    assert all(version in section for version in job()["strategy"]["matrix"]["python"])
    assert all(system in section for system in ("Linux", "macOS", "Windows"))
    commands = re.findall(r"`make (\w+)`", section)
    assert all(re.search(rf"^{command}:", (ROOT / "Makefile").read_text(), re.MULTILINE) for command in commands)
