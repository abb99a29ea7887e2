"""Modules of the package that are loaded when they are first used: what `lazy import` will be in Python 3.15 (PEP 810).

    with lazy_modules():
        from nerbb_ray.report import page

    page.write_report(...)  # now the page's libraries are imported

A command imports the rooms that it calls in this way, so that `nerbb COMMAND --help` and tab completion load none of
them. What is imported is a module: `from nerbb_ray.report.page import write_report` would load it at once.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

PACKAGE = __name__.partition(".")[0]


class LazyFinder:
    """Finds the modules of this package as Python does, and puts off their loading."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(f"{PACKAGE}."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def lazy_modules() -> Iterator[None]:
    """Within it, import statements of modules of the package load nothing."""
    sys.meta_path.insert(0, LazyFinder)
    try:
        yield
    finally:
        sys.meta_path.remove(LazyFinder)
