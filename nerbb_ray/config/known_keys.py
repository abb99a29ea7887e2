"""Which sections and keys an experiment file knows, and what a misspelt or misplaced one was meant to be."""

from typing import Any

from nerbb_ray.config.hparams import HParams
from nerbb_ray.config.keys import RUN_PREFIX, Key, keys_of
from nerbb_ray.config.search import Search
from nerbb_ray.config.spec import DatasetParams, ModelParams, Resources, Settings
from nerbb_ray.spelling import nearest

_CLASSES = (DatasetParams, ModelParams, Settings, HParams, Resources, Search)
SECTIONS: dict[str, Any] = {cls.section: cls for cls in _CLASSES}
KEYS: dict[str, dict[str, Key]] = {section: keys_of(cls) for section, cls in SECTIONS.items()}
VARYING = ("dataset", "model", "hparams")  # what may differ between runs
RUN_KEYS: dict[str, Key] = {key: rule for section in VARYING for key, rule in KEYS[section].items()}
HOME: dict[str, str] = {key: section for section, rules in KEYS.items() for key in rules}

_WHY_SHARED = {
    "settings": "runs are compared seed by seed, so it is the same for all of them",
    "resources": "what a trial gets is the same for all runs",
    "search": "the search is over all runs",
}


def default_text(key: str) -> str | None:
    """What `str` makes of a key's default; None for what is no key."""
    home = HOME.get(key)
    return None if home is None else str(SECTIONS[home].__dataclass_fields__[key].default)


def is_run(section: str) -> bool:
    return section.startswith(RUN_PREFIX)


def keys_in(section: str) -> dict[str, Key]:
    """The keys that a known section or a run section may set."""
    return RUN_KEYS if is_run(section) else KEYS[section]


def nearest_section(section: str) -> str | None:
    """The section that an unknown one was probably meant to be."""
    stripped = section.strip()
    if stripped.lower().startswith(RUN_PREFIX):
        return RUN_PREFIX + stripped[len(RUN_PREFIX) :]
    return nearest(stripped, KEYS)


def nearest_key(section: str, key: str) -> str | None:
    """The key that an unknown one was probably meant to be: rather one of the same section."""
    return nearest(key, keys_in(section)) or nearest(key, HOME)


def why_not_here(section: str, key: str) -> str:
    """The rule that a key breaks which its section does not know."""
    home = HOME.get(key)
    if home is not None:
        why = f": {_WHY_SHARED[home]}" if is_run(section) else ""
        return f"belongs in [{home}]{why}"
    meant = nearest_key(section, key)
    if meant is None:
        return f"unknown key; [{section}] has {', '.join(keys_in(section)) or 'no keys yet'}"
    elsewhere = "" if meant in keys_in(section) else f" in [{HOME[meant]}]"
    return f"unknown key; did you mean '{meant}'{elsewhere}?"
