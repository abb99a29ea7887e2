"""Modules of the package that are loaded when they are first used: what `lazy import` will be in Python 3.15 (PEP 810).

    with lazy_modules():
        from nerbb_ray.report import page

    page.write_report(...)  # now the page's libraries are imported

A command imports the rooms that it calls in this way, so that `nerbb COMMAND --help` and tab completion load none of
them. What is imported is a module: `from nerbb_ray.report.page import write_report` would fail.

A stand-in is what the import binds; Python itself learns nothing of it. The LazyLoader of the standard library leaves
its unloaded modules in sys.modules, where whoever looks at all modules, as `inspect` does for torch, loads them: in the
middle of an import, some of which then find their module half made.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

PACKAGE = __name__.partition(".")[0]


class StandIn(ModuleType):
    """Has what its module has, which is imported for it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"the lazy module {self.__name__!r} has no attribute {name!r}")
        return getattr(import_module(self.__name__), name)


class StandInLoader(Loader):
    """Makes a stand-in, and loads nothing."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


class StandInFinder:
    """Finds the modules of this package as Python does; the rooms themselves, which have no code, are loaded."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(f"{PACKAGE}."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.submodule_search_locations is not None:
            return spec
        return ModuleSpec(name, StandInLoader())


@contextmanager
def lazy_modules() -> Iterator[None]:
    """Within it, import statements of modules of the package load nothing."""
    sys.meta_path.insert(0, StandInFinder)
    try:
        yield
    finally:
        sys.meta_path.remove(StandInFinder)
        for name, module in list(sys.modules.items()):
            if isinstance(module, StandIn):
                _forget(name)


def _forget(name: str) -> None:
    """The next import of the module is that of the module itself."""
    del sys.modules[name]
    room, _, module = name.rpartition(".")
    delattr(sys.modules[room], module)
