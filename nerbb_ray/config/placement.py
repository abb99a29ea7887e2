"""Every key into its section, every text into a value; what does not fit is reported."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nerbb_ray.config.domains import is_domain
from nerbb_ray.config.grid import read_values, shown
from nerbb_ray.config.links import linkable
from nerbb_ray.config.names import run_problem
from nerbb_ray.config.problems import Problems
from nerbb_ray.config.syntax import Entry
from nerbb_ray.config.vocabulary import (
    HOME,
    KEYS,
    VARYING,
    is_run,
    keys_in,
    nearest_key,
    nearest_section,
    why_not_here,
)


@dataclass
class Placed:
    """The allowed values of a file.

    Args:
        values: section -> key -> its value, or the values of its grid axis; in the order of the file.
        bad: section -> keys that are there but cannot be used; rules between keys are not applied to them.
        meant: keys that are given, but misspelt or in the wrong place; they are not missing.
    """

    values: dict[str, dict[str, tuple[Any, ...]]] = field(default_factory=dict)
    bad: dict[str, set[str]] = field(default_factory=dict)
    meant: set[str] = field(default_factory=set)

    @property
    def runs(self) -> list[str]:
        return [section for section in self.values if is_run(section)]

    def varying(self) -> dict[str, tuple[Any, ...]]:
        """What all runs share of dataset, model and hyperparameters, in the order of the file."""
        return {
            key: values for section, keys in self.values.items() if section in VARYING for key, values in keys.items()
        }

    def bad_varying(self) -> set[str]:
        return set().union(*(self.bad[section] for section in self.bad if section in VARYING))

    def single(self, section: str) -> dict[str, Any]:
        """The values of a section that can have no grid."""
        return {key: values[0] for key, values in self.values.get(section, {}).items()}


def place(sections: Sequence[str], entries: Sequence[Entry], problems: Problems) -> Placed:
    """Checks sections, keys and single values.

    Args:
        sections: in the order of the file, also the empty ones.
    """
    placed = Placed()
    taken_as = {section: _section(section, problems) for section in sections}
    for section in taken_as.values():
        if section is not None:
            placed.values.setdefault(section, {})
            placed.bad.setdefault(section, set())
    for entry in entries:
        section = taken_as[entry.section]
        if section is None:
            placed.meant.add(entry.key)
        elif entry.key not in keys_in(section):
            rule = why_not_here(section, entry.key)
            problems.add(f"[{entry.section}] {entry.key}", f"{rule}; got {shown(entry.raw)}")
            placed.meant.add(entry.key if entry.key in HOME else nearest_key(section, entry.key) or entry.key)
        else:
            _value(section, entry, placed, problems)
    return placed


def _section(section: str, problems: Problems) -> str | None:
    """The section itself, or the one that a misspelt section was meant to be."""
    if section in KEYS:
        return section
    if is_run(section):
        if rule := run_problem(section):
            problems.add(f"[{section}]", f"{rule}; got {shown(section)}")
        return section
    meant = nearest_section(section)
    hint = (
        f"did you mean [{meant}]?" if meant else f"there are {', '.join(f'[{known}]' for known in KEYS)} and [run...]"
    )
    problems.add(f"[{section}]", f"unknown section; {hint}; got {shown(section)}")
    return meant


def _value(section: str, entry: Entry, placed: Placed, problems: Problems) -> None:
    values, wrong = read_values(entry.raw, linkable(entry.key, entry.raw))
    several = len(values) > 1 or any(map(is_domain, values))
    if not wrong and several and section not in VARYING and not is_run(section):
        values, wrong = (), [f"must be one value: [{section}] is the same for the whole grid; got {shown(entry.raw)}"]
    for message in wrong:
        problems.add(f"[{entry.section}] {entry.key}", message)
    if wrong:
        placed.bad[section].add(entry.key)
    if values:
        placed.values[section][entry.key] = values
