"""Every key into its section, every text into a value; what does not fit is reported."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nerbb_ray.config.domains import is_domain
from nerbb_ray.config.grid import read_values, shown
from nerbb_ray.config.keys import Key, run_problem, written
from nerbb_ray.config.known_keys import (
    HOME,
    KEYS,
    SECTIONS,
    VARYING,
    is_run,
    keys_in,
    nearest_key,
    nearest_section,
    why_not_here,
)
from nerbb_ray.config.syntax import Entry, Problems


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


_KINDS = (bool, int, float)


@dataclass(frozen=True, slots=True)
class Link:
    """The value of a key that is the name of another one; its text is that name."""

    key: str

    def __str__(self) -> str:
        return self.key


def peers(name: str) -> tuple[str, ...]:
    """The keys whose names a key may have as its value: the others of its section that are of its type."""
    section = HOME[name]
    rules = KEYS[section]
    if section not in VARYING or rules[name].kind not in _KINDS:
        return ()
    return tuple(key for key, rule in rules.items() if key != name and rule.kind is rules[name].kind)


def linkable(name: str, raw: object) -> Key:
    """The rule of a key of dataset, model or hyperparameters that also takes the names of its peers.

    Args:
        raw: what the key is given: the rule that a message quotes names the peers if that looks like a name.
    """
    key, others = KEYS[HOME[name]][name], peers(name)
    in_brackets = is_domain(raw) or (isinstance(raw, str) and "(" in raw)
    if not others or in_brackets:  # a domain has plain values
        return key

    def parse(text: str) -> Any:
        return Link(text.lower()) if text.lower() in others else key.parse(text)

    like_a_name = isinstance(raw, str) and "_" in raw and raw.isidentifier()
    return replace(
        key,
        rule=f"{key.rule}, or another key of its type ({', '.join(others)})" if like_a_name else key.rule,
        parse=parse,
        check=lambda value: isinstance(value, Link) or key.check(value),
        kind=lambda value: value if isinstance(value, Link) else key.kind(value),
    )


@dataclass(frozen=True, slots=True)
class BadLink:
    """A link that gives no allowed value: `rule; got value` of `key`."""

    key: str
    message: str


def follow(params: Mapping[str, Any], open_keys: Collection[str] = ()) -> tuple[dict[str, Any], list[BadLink]]:
    """The parameters of one run with the values that their links mean.

    A linked key that the run does not set has its default. A link that leads nowhere is left out of the parameters.

    Args:
        open_keys: those whose values a search chooses later.
    """
    followed, bad = dict(params), []
    for name, value in params.items():
        if not isinstance(value, Link):
            continue
        path = list(_path(name, params))
        end = params.get(path[-1], _default(path[-1]))
        key = KEYS[HOME[name]][name]
        if isinstance(end, Link):
            bad.append(BadLink(name, f"must not lead back to itself; got {' = '.join([*path, end.key])}"))
        elif path[-1] in open_keys:
            bad.append(BadLink(name, f"must not be linked to a key that the search chooses; got {path[-1]}"))
        elif not key.check(end):
            bad.append(BadLink(name, f"must be {key.rule}; got {shown(written(end))} (from {path[-1]})"))
        else:
            followed[name] = end
            continue
        del followed[name]
    return followed, bad


def _path(name: str, params: Mapping[str, Any]) -> Iterator[str]:
    """The keys from a linked one to that with the value; it ends before a key that it has passed."""
    passed = [name]
    yield name
    while isinstance(link := params.get(passed[-1]), Link) and link.key not in passed:
        passed.append(link.key)
        yield link.key


def _default(name: str) -> Any:
    return SECTIONS[HOME[name]].__dataclass_fields__[name].default
