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
    ("export",),
    ("experiment", "dataset", "model"),
    ("tune", "report", "study"),
    ("forecast", "doctor", "mistakes", "learning_curve"),
    ("annotation",),
    ("preparation", "inference", "store"),
    ("mlflow_store", "web_servers"),
    ("verdict", "training"),
    ("results", "data", "live"),
    ("config", "ner", "html"),
    ("paths",),
    ("locks", "exit_status"),
    ("atomic", "console", "errors", "interruption", "lazy_modules", "logs", "spelling", "streams"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
GRAB_BAGS = {"utils", "util", "common", "helpers", "helper", "misc"}
HEAVY = {
    "datasets",
    "matplotlib",
    "mlflow",
    "numpy",
    "pandas",
    "peft",
    "psutil",
    "ray",
    "rich",
    "scipy",
    "tensorboardX",
    "torch",
    "transformers",
}


def room_of(module: str) -> str | None:
    """`nerbb_ray.forecast.dry_run` -> tune; None for the package itself, which exports from every room."""
    parts = module.split(".")
    return None if len(parts) == 1 else parts[1]


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


def imported_names(source: str) -> Iterator[str]:
    """As `imported_modules`, with the names that are imported from a module: `nerbb_ray.ner.tags.Scheme`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Every circle of imports, lazy ones and those for type checkers included: `a -> b -> a`."""
    done: set[str] = set()
    found: list[str] = []

    def visit(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            found.append(" -> ".join([*path[path.index(module) :], module]))
        elif module not in done:
            for target in sorted(graph.get(module, ())):
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())
    return found


def imports_of(root: Path) -> dict[str, set[str]]:
    """Module -> modules of the package that it imports; a name that a module defines means that module."""
    known = modules(root)
    graph: dict[str, set[str]] = {}
    for name, file in known.items():
        targets = imported_names(file.read_text())
        found = {target if target in known else target.rpartition(".")[0] for target in targets}
        # what a room's own __init__ says of the room is not that the room needs itself
        graph[name] = {target for target in found if target in known and target != name}
    return graph


def test_no_circle_of_imports_inside_of_rooms_either(root: Path) -> None:
    assert circles(imports_of(root)) == []


def test_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b -> c -> b"]
    assert circles({"a": {"b", "c"}, "b": {"c"}}) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("nerbb_ray.ner.tags", "from nerbb_ray.config.spec import HParams"),
        ("nerbb_ray.training.loop", "def f():\n    from nerbb_ray.tracking import results"),
        ("nerbb_ray.verdict.table", "import nerbb_ray.training.loop as loop"),
        ("nerbb_ray.paths", "from nerbb_ray.preparation.options import RunOptions"),
        ("nerbb_ray.forecast.dry_run", "from nerbb_ray import Experiment"),
        ("nerbb_ray.config.ini", "from nerbb_ray import store"),
    ],
)
def test_upward_import_is_found(module: str, source: str) -> None:
    assert upward_imports(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "nerbb_ray.forecast.dry_run",
            "from nerbb_ray.store import current_store\nfrom nerbb_ray.config.trials import TrialSpec",
        ),
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
