"""Imports go down only, nothing is a grab-bag, and importing the package is cheap."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "nerbb_ray"
# rooms from top to bottom; rooms of one line do not import each other
FLOORS = (
    ("cli",),
    ("commands",),
    ("experiment", "dataset", "model"),
    ("tune", "report", "study"),
    ("store",),
    ("doctor", "inference"),
    ("tracking", "training"),
    ("config", "ner"),
    ("errors", "logs", "html"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# modules of the package's own folder that belong to a room of another name
PARTS = {
    "schedule_plot": "report",
    "export": "model",
    "checkup": "dataset",
    "overview": "store",
    "pages": "store",
    "paths": "store",
}
GRAB_BAGS = {"utils", "util", "common", "helpers", "helper", "misc"}
HEAVY = {
    "datasets",
    "matplotlib",
    "mlflow",
    "numpy",
    "pandas",
    "psutil",
    "ray",
    "rich",
    "scipy",
    "tensorboardX",
    "torch",
    "transformers",
}


def room_of(module: str) -> str | None:
    """`nerbb_ray.tune.plan` -> tune; None for the package itself, which exports from every room."""
    parts = module.split(".")
    return None if len(parts) == 1 else PARTS.get(parts[1], parts[1])


def imported_modules(source: str) -> Iterator[str]:
    """Every module of the package that a text imports, at any depth, also for type checkers only."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            base = node.module or ""
            names = [f"{base}.{alias.name}" for alias in node.names] if base == PACKAGE else [base]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == PACKAGE)


def upward_imports(module: str, source: str) -> list[str]:
    """The imports of a module that do not go down."""
    room = room_of(module)
    if room is None:
        return []
    floor = FLOOR[room]
    # what is no room is the package itself or one of the names that it exports: above everything
    rooms = {target: room_of(target) or PACKAGE for target in imported_modules(source)}
    return sorted(target for target, other in rooms.items() if other != room and FLOOR.get(other, -1) <= floor)


def modules(root: Path) -> dict[str, Path]:
    files = sorted((root / PACKAGE).rglob("*.py"))
    names = [".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for file in files]
    return dict(zip(names, files, strict=True))


def test_every_room_is_on_a_floor(root: Path) -> None:
    rooms = {room_of(module) for module in modules(root)} - {None}
    assert rooms == set(FLOOR)


def test_imports_go_down_only(root: Path) -> None:
    wrong = {name: upward_imports(name, file.read_text()) for name, file in modules(root).items()}
    assert {name: targets for name, targets in wrong.items() if targets} == {}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("nerbb_ray.ner.tags", "from nerbb_ray.config.spec import HParams"),
        ("nerbb_ray.training.loop", "def f():\n    from nerbb_ray.tracking import results"),
        ("nerbb_ray.tracking.table", "import nerbb_ray.training.loop as loop"),
        ("nerbb_ray.paths", "from nerbb_ray.tune.options import RunOptions"),
        ("nerbb_ray.tune.plan", "from nerbb_ray import Experiment"),
        ("nerbb_ray.config.ini", "from nerbb_ray import store"),
    ],
)
def test_upward_import_is_found(module: str, source: str) -> None:
    assert upward_imports(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("nerbb_ray.tune.plan", "from nerbb_ray.store import current_store\nfrom nerbb_ray.tune.space import Job"),
        ("nerbb_ray.store", "from nerbb_ray.paths import StorePaths"),
        ("nerbb_ray.training.loop", "import os\nfrom nerbb_ray import errors"),
        ("nerbb_ray", "from nerbb_ray.experiment import Experiment"),
    ],
)
def test_downward_import_is_allowed(module: str, source: str) -> None:
    assert not upward_imports(module, source)


def test_no_module_is_a_grab_bag(root: Path) -> None:
    words = {word for module in modules(root) for part in module.split(".") for word in part.split("_")}
    assert words & GRAB_BAGS == set()


@pytest.mark.parametrize("module", ["nerbb_ray", "nerbb_ray.cli", "nerbb_ray.tune.command"])
def test_import_loads_no_library_that_does_the_work(module: str) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()) & HEAVY == set()
    assert PACKAGE in loaded.split()


def test_package_exports_exactly_its_public_names() -> None:
    import nerbb_ray

    assert nerbb_ray.__all__ == ["Dataset", "Experiment", "Model", "Store", "__version__"]
    assert all(hasattr(nerbb_ray, name) for name in nerbb_ray.__all__)


def test_version_is_that_of_the_project_file(root: Path) -> None:
    import tomllib

    import nerbb_ray

    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert nerbb_ray.__version__ == project["version"]
