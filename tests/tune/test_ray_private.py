"""What we use of Ray's inside is in two modules, and there in the Ray that is installed."""

import ast
import os
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from nerbb_ray.tune import ray_private, ray_settings

HOMES = (Path("nerbb_ray/tune/ray_private.py"), Path("nerbb_ray/tune/ray_settings.py"))
# what Ray's documentation names; every other variable is for its own processes
PUBLIC_VARIABLES = {"RAY_ADDRESS", "RAY_TMPDIR"}
VARIABLE = re.compile(r"\b(?:RAY|TUNE|TRAIN)_\w+\b")
# of Tune's and Train's classes, and of resources, what no documentation promises
INSIDE = {"max_failures", "backend_cls", "_temp_dir", "ENABLE_RAY_CLUSTER", "global_worker"}
INSIDE_TEXTS = re.compile(r"__internal_\w+__|session_latest|ray_current_cluster|_temp_dir")


def inside_of_ray(source: str) -> set[str]:
    """Modules, attributes and settings of Ray's inside that a text uses."""
    found: set[str] = set()
    tree = ast.parse(source)
    documentation = {id(node) for node in docstrings(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            names = [alias.name for alias in node.names]
            paths = [f"{module}.{name}" for name in names] if module else names
            found |= {path for path in paths if path.split(".")[0] == "ray" and is_inside(path)}
        elif isinstance(node, ast.Attribute):
            path = ast.unparse(node)
            if node.attr in INSIDE or (path.split(".")[0] in ("ray", "tune", "train") and is_inside(path)):
                found.add(path)
        elif isinstance(node, ast.keyword) and node.arg in INSIDE - {"max_failures"}:
            found.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            found |= set(VARIABLE.findall(node.value)) - PUBLIC_VARIABLES
            found |= set(INSIDE_TEXTS.findall(node.value))
    return found


def is_inside(path: str) -> bool:
    parts = path.split(".")
    return any((part.startswith("_") and not part.startswith("__")) or part in ("core", "internal") for part in parts)


def docstrings(tree: ast.AST) -> list[ast.AST]:
    return [
        node.value for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]


def test_nothing_else_uses_the_inside_of_ray(root: Path) -> None:
    files = sorted((root / "nerbb_ray").rglob("*.py"))
    found = {file.relative_to(root): inside_of_ray(file.read_text(encoding="utf-8")) for file in files}
    assert all(found.pop(home) for home in HOMES)
    assert {str(file): names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from ray._private import services",
        "import ray._private.services",
        "import ray\nray._private.worker.global_worker",
        "from ray.train.v2._internal.constants import X",
        "from ray.core.generated import gcs_pb2",
        "from ray import tune\ntune._internal()",
        "os.environ['TUNE_FUNCTION_THREAD_TIMEOUT_S'] = '600'",
        "os.environ['RAY_TRAIN_METRICS_ENABLED']",
        "resources = {'node:__internal_head__': 0.001}",
        "trial.max_failures = 0",
        "ray.init(_temp_dir='/tmp')",
    ],
)
def test_inside_is_recognised(source: str) -> None:
    assert inside_of_ray(source)


@pytest.mark.parametrize(
    "source",
    [
        "from ray import tune\ntune.RunConfig(max_failures=1)",
        "from ray.tune.schedulers import FIFOScheduler",
        "import ray\nray.__version__",
        "os.environ['RAY_ADDRESS']",
        "'''RAY_TRAIN_METRICS_ENABLED is said here.'''",
        "self._private = 1",
    ],
)
def test_public_parts_are_not_taken_for_the_inside(source: str) -> None:
    assert not inside_of_ray(source)


def test_bounds_of_ray_are_those_that_its_inside_was_tried_with(root: Path) -> None:
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (bounds,) = [line for line in project["dependencies"] if line.startswith("ray[")]
    assert bounds.endswith(">=2.60,<2.61")
    assert version("ray").startswith("2.60.")


def test_inside_is_there_in_the_installed_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import ray_constants
    from ray.tune.experiment import Trial

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    assert ray_private.cluster_file() == tmp_path / "ray" / "ray_current_cluster"
    assert ray_private.torch_backend().__name__ == "_TorchBackend"
    assert isinstance(ray_private.nodes_here(), frozenset)
    assert ray_private.seen_by_others("192.0.2.7:6379") == "192.0.2.7:6379"
    trial = Trial("toy", stub=True, max_failures=2)
    ray_private.never_restart(trial)
    assert trial.max_failures == 0
    before = os.environ.get(ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR), ray_constants.ENABLE_RAY_CLUSTER
    with ray_private.loopback_only():
        assert not ray_constants.ENABLE_RAY_CLUSTER
        assert os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] == "0"
    assert (os.environ.get(ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR), ray_constants.ENABLE_RAY_CLUSTER) == before


def test_what_no_trial_needs_starts_again_in_a_later_ray_that_needs_it() -> None:
    from ray._private import services, utils
    from ray._private.node import Node

    starts = ("start_monitor", "start_log_monitor", "start_api_server", "start_raylet")
    before = {name: getattr(Node, name) for name in starts}
    with ray_private.for_trials_only():
        assert [name for name in starts if getattr(Node, name) is before[name]] == ["start_raylet"]
        assert isinstance(services.ray._private.utils.get_dashboard_dependency_error(), ImportError)
    assert {name: getattr(Node, name) for name in starts} == before
    assert utils.get_dashboard_dependency_error() is None


def test_settings_are_read_by_the_installed_ray() -> None:
    import ray

    package = Path(ray.__file__).parent
    folders = ("_private", "_common", "tune", "train", "air")
    texts = "\n".join(
        file.read_text(encoding="utf-8") for folder in folders for file in (package / folder).rglob("*.py")
    )
    library = (package / "_raylet.so").read_bytes()
    names = {*ray_settings.DRIVER_SETTINGS, *ray_settings.WORKER_SETTINGS}
    assert {name for name in names if name not in texts and name.removeprefix("RAY_").encode() not in library} == set()
