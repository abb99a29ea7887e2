"""Templates beside the code that fills them: what is filled in is escaped, unless it is Markup."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def _environment() -> Environment:
    loader = PackageLoader("nerbb_ray", "")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def filled(template: str, **values: Any) -> str:
    """A whole template, by its path in the package."""
    return _environment().get_template(template).render(values)


def macros(template: str) -> Any:
    """The macros of a template as functions that return Markup."""
    return _module(template)


@cache
def _module(template: str) -> Any:
    return _environment().get_template(template).module


def joined(parts: list[Markup]) -> Markup:
    """HTML one after the other."""
    return Markup("").join(parts)
