"""Experiments from files, from Python keywords, and into files."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nerbb_ray import atomic
from nerbb_ray.config.check_keys import place
from nerbb_ray.config.grid import shown
from nerbb_ray.config.keys import written
from nerbb_ray.config.known_keys import HOME, VARYING
from nerbb_ray.config.resolve import resolve
from nerbb_ray.config.spec import ExperimentSpec, RunSpec
from nerbb_ray.config.syntax import Entry, Problems, parse_text
from nerbb_ray.errors import ConfigError
from nerbb_ray.spelling import nearest


def read_ini(path: Path) -> ExperimentSpec:
    """The experiment of a file; it is called like the file.

    Raises:
        ConfigError: all problems of the file, each `file.ini [section] key: rule; got value`.
    """
    return parse_ini(Path(path), _read_text(Path(path)))


def parse_ini(path: Path, text: str) -> ExperimentSpec:
    """The experiment that a file with this text is.

    Raises:
        ConfigError: all problems of the text.
    """
    problems = Problems(path.name)
    sections, entries = parse_text(text, problems)
    return resolve(path.stem, place(sections, entries, problems), problems)


def write_ini(spec: ExperimentSpec, path: Path) -> Path:
    """Write an experiment so that `read_ini` gives exactly it back.

    Returns:
        The path.
    Raises:
        ValueError: the file is not called like the experiment; `format_ini` gives the text for other names.
    """
    path = Path(path)
    if path.stem != spec.name:
        raise ValueError(f"the file of experiment {spec.name!r} must be called {spec.name}.ini; got {path.name}")
    atomic.write_text(path, format_ini(spec))
    return path


def format_ini(spec: ExperimentSpec) -> str:
    """The text of an experiment's file, with every key resolved and the grid expanded.

    What all runs share is in its own section, what differs is in the section of each run.
    """
    shared = {section: _common(section, spec.runs) for section in VARYING}
    sections = {
        "dataset": shared["dataset"],
        "model": shared["model"],
        "settings": asdict(spec.settings),
        "hparams": shared["hparams"],
        "resources": asdict(spec.resources),
        "search": asdict(spec.search),
    }
    for run in spec.runs:
        sections[run.name] = {
            key: value
            for section in VARYING
            for key, value in _values(run, section).items()
            if key not in shared[section]
        }
    return "\n".join("".join(_section_lines(name, values)) for name, values in sections.items())


def build_spec(name: str, *, params: Mapping[str, object], preset: str | None = None) -> ExperimentSpec:
    """The experiment of Python keywords.

    Args:
        params: any key of [dataset], [model], [settings], [hparams], [resources] -> a Python value, or text as in an
            experiment file; a list or tuple (or text with commas) is an axis of the grid.
        preset: gives the keys that are not in `params`; the rest are defaults. None and "none" are the same.
    Raises:
        ConfigError: all problems.
    """
    problems = Problems(name)
    entries = [] if preset is None or "preset" in params else [Entry("settings", "preset", preset)]
    for keyword, value in params.items():
        if keyword in HOME:
            entries.append(Entry(HOME[keyword], keyword, value))
        else:
            meant = nearest(keyword, HOME)
            hint = f"did you mean '{meant}'?" if meant else f"there are {', '.join(HOME)}"
            problems.add(keyword, f"unknown keyword; {hint}; got {shown(value)}")
    sections = list(dict.fromkeys(entry.section for entry in entries))
    return resolve(name, place(sections, entries, problems), problems)


def _read_text(path: Path) -> str:
    """
    Raises:
        ConfigError: it is no readable file, or no text.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError([f"{path}: must be an experiment file; got no such file"]) from None
    except IsADirectoryError:
        raise ConfigError([f"{path}: must be an experiment file; got a directory"]) from None
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: must be a readable experiment file; got {error}"]) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            [f"{path.name} line {line}: must be UTF-8 text; got the byte 0x{content[error.start]:02x}"]
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ConfigError([f"{path.name} line {line}: must be UTF-8 text; got a NUL character"])
    return text


def _common(section: str, runs: tuple[RunSpec, ...]) -> dict[str, Any]:
    """The keys of a section that have the same value in all runs."""
    first, *others = (_values(run, section) for run in runs)
    return {key: value for key, value in first.items() if all(other[key] == value for other in others)}


def _values(run: RunSpec, section: str) -> dict[str, Any]:
    """The keys of a section with their values, or the domains that they are chosen from."""
    values = asdict(getattr(run, section))
    return values | {key: domain for key, domain in run.space if key in values}


def _section_lines(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield f"[{name}]\n"
    # None is the default of every key that may be None
    yield from (f"{key} = {written(value)}\n" for key, value in values.items() if value is not None)


def difference(earlier: ExperimentSpec, now: ExperimentSpec) -> list[str]:
    """One line per key: `  [hparams] lr_max: 2e-05 in the file, now 3e-05`."""
    before, after = _flat(earlier), _flat(now)
    return [
        f"  {key}: {before.get(key, 'nothing')} in the file, now {after.get(key, 'nothing')}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def _flat(spec: ExperimentSpec) -> dict[str, str]:
    """`[section] key` -> value, as in the experiment's file."""
    values, section = {}, ""
    for line in format_ini(spec).splitlines():
        if line.startswith("["):
            section = line
        elif line:
            key, _, value = line.partition(" = ")
            values[f"{section} {key}"] = value
    return values
