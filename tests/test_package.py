"""What is installed from a built wheel: every file of the package, types for its users, and the command."""

import ast
import configparser
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"

USER = """
from nerbb_ray import Experiment

Experiment("letters").run(overwrite="no")
"""


def package_files(root: Path) -> set[str]:
    """The files of the package, as paths inside of a wheel."""
    files = [path for path in (root / "nerbb_ray").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(root).as_posix() for path in files}


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Built from a copy, as setuptools leaves folders beside what it builds."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in (*sorted(package_files(root)), "pyproject.toml", "README.md", "LICENSE"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((root / name).read_bytes())
    subprocess.run([sys.executable, "-c", BUILD, str(out)], cwd=source, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return ZipFile(built)


def test_wheel_has_every_file_of_the_package_and_nothing_else(root: Path, wheel: ZipFile) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == package_files(root)


def test_users_get_the_types(wheel: ZipFile, tmp_path: Path) -> None:
    """PEP 561, with the eyes of mypy in an environment where the wheel is installed."""
    venv.create(tmp_path / "venv")
    (site_packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    wheel.extractall(site_packages)
    (tmp_path / "user.py").write_text(USER)
    mypy = [sys.executable, "-m", "mypy", "--config-file=", f"--python-executable={tmp_path}/venv/bin/python"]
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    done = subprocess.run([*mypy, "user.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    (error,) = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert error.startswith("user.py:4: error:")
    assert '"str"; expected "bool"' in error


def test_command_is_installed(wheel: ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    scripts = configparser.ConfigParser()
    scripts.read_string(wheel.read(name).decode())
    module, _, function = scripts["console_scripts"]["nerbb"].partition(":")
    defined = ast.parse(wheel.read(f"{module.replace('.', '/')}.py")).body
    assert function in [part.name for part in defined if isinstance(part, ast.FunctionDef)]


def test_licence_and_supported_pythons_are_said(root: Path, wheel: ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = wheel.read(name).decode()
    assert any(name.endswith("/LICENSE") for name in wheel.namelist())
    assert "Classifier: Typing :: Typed" in metadata
    lowest = tomllib.loads((root / "pyproject.toml").read_text())["project"]["requires-python"]
    assert f"Requires-Python: {lowest}" in metadata
