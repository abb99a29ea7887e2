"""Imports go down only, nothing is a grab-bag, and importing the package is cheap."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
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
    ("arguments", "locks", "exit_status"),
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

# Imports inside of functions: how many, and what they save. All others are at the top of their modules, or of modules
# that are loaded when they are used (nerbb_ray/lazy_modules.py): the next one belongs there, too
SEAMS = {
    "cli": (2, "tab completion and --version are rare, and --help is often asked for"),
    "commands.completion": (1, "code for a shell is printed once"),
    "commands.models": (1, "rich, for --help of the commands that use models"),
    "console": (4, "rich, for --help and for what prints no table"),
    "data.download": (4, "pooch and requests, which only addresses of files need"),
    "data.formats.docbin": (2, "spaCy is no dependency: without it, only its files cannot be read"),
    "data.formats.parquet": (2, "pyarrow, which only files of parquet need"),
    "data.hub": (2, "the library of data sets, which only data of the hub need"),
    "data.label_names": (1, "yaml, which only data without names of their labels need"),
    "data.text_files": (1, "the guess of an encoding, for files that are not UTF-8"),
    "export": (1, "onnx is an extra"),
    "inference.onnx_model": (1, "onnxruntime is an extra"),
    "inference.write_onnx": (1, "onnxruntime is an extra"),
    "locks": (1, "psutil, which only a lock that somebody holds needs"),
    "mlflow_store.calls": (4, "MLflow, which is made quiet before it is imported"),
    "mlflow_store.confusion_picture": (2, "matplotlib, for a driver that has no trial with test data"),
    "mlflow_store.database": (1, "MLflow, which is made quiet before it is imported"),
    "mlflow_store.schema": (1, "MLflow, which is made quiet before it is imported"),
    "mlflow_store.writer": (1, "MLflow, which is made quiet before it is imported"),
    "preparation.resources": (1, "torch, on computers with a GPU"),
    "report.search_values": (2, "Optuna, for pages of experiments that search"),
    "results.seed_mean": (1, "scipy, for experiments that have no two seeds"),
    "training.lora": (3, "peft, for trials without LoRA"),
    "training.sources": (2, "the hub's client for the web, for models of this computer"),
    "tune.hardware": (4, "torch and Ray, on the computers that are looked at"),
    "tune.notebook": (1, "IPython is no dependency: a notebook has it"),
    "tune.ray_private": (1, "torch, in the driver"),
    "tune.ray_session": (2, "Ray, which reads its settings when it is imported"),
    "tune.search": (1, "MLflow, which is imported while Ray starts"),
    "tune.trainable": (2, "torch and transformers, in the driver"),
    "web_servers": (3, "psutil and an HTTP client, for stores whose pages nobody asks for"),
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


def imports_in_functions(source: str) -> int:
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    found = {
        node for function in functions for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)
    }
    return len(found)


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("import os\ndef f():\n    return os", 0),
        ("if TYPE_CHECKING:\n    import os", 0),
        ("with lazy_modules():\n    from nerbb_ray.report import page", 0),
        ("def f():\n    import os\n    def g():\n        from os import path", 2),
        ("class A:\n    def f(self):\n        if self:\n            import os", 1),
    ],
)
def test_imports_in_functions_are_counted(source: str, number: int) -> None:
    assert imports_in_functions(source) == number


def test_imports_in_functions_are_the_seams_above(root: Path) -> None:
    found = {name: imports_in_functions(file.read_text()) for name, file in modules(root).items()}
    allowed = {f"{PACKAGE}.{name}": number for name, (number, _) in SEAMS.items()}
    assert {name: number for name, number in found.items() if number > allowed.get(name, 0)} == {}
    assert set(allowed) <= {name for name, number in found.items() if number}
    assert sum(found.values()) <= 56


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


IN_A_STRING = re.compile(r"^from (nerbb_ray[\w.]*) import ([\w, ]+)$", re.MULTILINE)


def test_programs_in_strings_import_what_there_is(root: Path) -> None:
    """No checker of types sees them, and those of slow tests run seldom."""
    files = [path for folder in ("tests", "benchmarks") for path in (root / folder).rglob("*.py")]
    asked = {
        (module, name.partition(" as ")[0].strip())
        for path in files
        if path.name != Path(__file__).name
        for module, names in IN_A_STRING.findall(path.read_text())
        for name in names.split(",")
    }
    assert len(asked) > 100
    missing = [
        f"{module}.{name}"
        for module, name in asked
        if not hasattr(import_module(module), name) and find_spec(f"{module}.{name}") is None
    ]
    assert missing == []


def test_no_module_is_a_grab_bag(root: Path) -> None:
    words = {word for module in modules(root) for part in module.split(".") for word in part.split("_")}
    assert words & GRAB_BAGS == set()


def loaded_by(code: str, *words: str, cwd: Path | None = None) -> set[str]:
    """The libraries that a new process has imported at the end."""
    script = f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True, cwd=cwd)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("module", ["nerbb_ray", "nerbb_ray.cli", "nerbb_ray.tune.command"])
def test_import_loads_no_library_that_does_the_work(module: str) -> None:
    loaded = loaded_by(f"import {module}")
    assert loaded & HEAVY == set()
    assert PACKAGE in loaded


def test_help_and_completion_of_all_commands_load_no_library_that_does_the_work() -> None:
    code = "from nerbb_ray.cli import COMMANDS, build_parser\nbuild_parser(COMMANDS).format_help()"
    assert loaded_by(code) & (HEAVY | {"jinja2", "optuna", "pooch", "requests", "yaml"}) == set()


def test_definition_of_an_experiment_loads_no_library_that_runs_it(tmp_path: Path) -> None:
    code = "from nerbb_ray import Experiment\nExperiment('first', model='bert-base-cased', dataset='conll2003')"
    assert loaded_by(code, cwd=tmp_path) & HEAVY <= {"numpy", "psutil"}


def test_lazy_module_is_loaded_when_it_is_used() -> None:
    code = """
from nerbb_ray.lazy_modules import lazy_modules
with lazy_modules():
    from nerbb_ray.ner import metrics as lazy, tags
    from nerbb_ray import dataset
assert "numpy" not in sys.modules and "nerbb_ray.ner.metrics" not in sys.modules
found = lazy.Counts
from nerbb_ray.ner import metrics
assert metrics.Counts is found and type(metrics) is type(sys)
import nerbb_ray.ner.tags
assert type(nerbb_ray.ner.tags) is type(sys)
assert nerbb_ray.ner.tags.Scheme is tags.Scheme
assert "nerbb_ray.dataset" not in sys.modules
"""
    assert "numpy" in loaded_by(code)


def test_who_looks_at_all_modules_loads_no_lazy_one() -> None:
    """As `inspect` does while torch is imported: modules that were loaded then would find others half made."""
    code = """
import inspect
from nerbb_ray.lazy_modules import lazy_modules
with lazy_modules():
    from nerbb_ray.ner import metrics
inspect.getmodule(compile("", "nowhere", "exec"))
assert all(hasattr(module, "__name__") for module in list(sys.modules.values()))
"""
    assert "numpy" not in loaded_by(code)


def test_libraries_are_not_lazy() -> None:
    """Other libraries look for them in sys.modules, and would load them by looking."""
    code = "from nerbb_ray.lazy_modules import lazy_modules\nwith lazy_modules():\n    import numpy"
    assert "numpy" in loaded_by(f"{code}\nassert 'numpy.linalg' in sys.modules")


def test_package_exports_exactly_its_public_names() -> None:
    import nerbb_ray

    assert nerbb_ray.__all__ == ["Dataset", "Experiment", "Model", "Store", "__version__"]
    assert all(hasattr(nerbb_ray, name) for name in nerbb_ray.__all__)


def test_version_is_that_of_the_project_file(root: Path) -> None:
    import tomllib

    import nerbb_ray

    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert nerbb_ray.__version__ == project["version"]
