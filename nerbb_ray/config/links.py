"""A value that is the name of another key: with `prune_ratio_val = prune_ratio_train` both are the same in every run.

Numbers and truth values can be linked: a key of text would take the name for its value. Links are followed when the
grid is expanded, so that a linked key goes along with an axis and is none itself.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nerbb_ray.config.domains import is_domain
from nerbb_ray.config.grid import shown
from nerbb_ray.config.keys import Key
from nerbb_ray.config.vocabulary import HOME, KEYS, SECTIONS, VARYING

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
            bad.append(BadLink(name, f"must be {key.rule}; got {shown(str(end))} (from {path[-1]})"))
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
