"""The syntax of an experiment file: text to sections and keys, with every slip in it reported at once.

The values are read by configparser. It stops at the first error of each kind, so the offending line is mended and the
text is parsed again, until it passes.
"""

import re
from collections.abc import Iterator
from configparser import (
    ConfigParser,
    DuplicateOptionError,
    DuplicateSectionError,
    MissingSectionHeaderError,
    ParsingError,
)
from dataclasses import dataclass, field

from nerbb_ray.config.grid import shown
from nerbb_ray.errors import ConfigError


class Problems:
    """Lines of the form `file.ini [section] key: rule; got value`, each once, in the order of their finding.

    Args:
        origin: the file, or the experiment if it is defined in Python.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._lines: dict[str, None] = {}

    def add(self, where: str, message: str) -> None:
        """One problem; `where` is `[section] key`, `[section]`, `line 3`, or empty: the file as a whole."""
        self._lines[f"{self.origin} {where}: {message}" if where else f"{self.origin}: {message}"] = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def raise_if_any(self) -> None:
        """
        Raises:
            ConfigError: with all of them.
        """
        if self._lines:
            raise ConfigError(self._lines)


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of one section.

    Args:
        raw: the text of the file, its lines joined by blanks; or a value given in Python.
    """

    section: str
    key: str
    raw: object


class _Parser(ConfigParser):
    # the header is kept up to the end of its line, so that text behind the bracket is not lost
    SECTCRE = re.compile(r"\[(?P<header>.+\].*)$")

    def __init__(self) -> None:
        super().__init__(inline_comment_prefixes=("#", ";"), interpolation=None, default_section="")


@dataclass
class _Mender:
    """Text that is mended until configparser takes it.

    Args:
        names: stand-in -> the section or key that was given again and now has the stand-in as its name.
    """

    lines: list[str]
    problems: Problems
    names: dict[str, str] = field(default_factory=dict)

    def parse(self) -> _Parser:
        while True:
            parser = _Parser()
            try:
                parser.read_string("\n".join(self.lines))
                return parser
            except MissingSectionHeaderError as error:
                self._before_first_section(error.lineno)
            except DuplicateSectionError as error:
                self._section_again(str(error.section), error.lineno or 0)
            except DuplicateOptionError as error:
                self._key_again(error.section, error.option, error.lineno or 0)
            except ParsingError as error:
                for number, _ in error.errors:
                    self._no_key(number)

    def name(self, text: str) -> str:
        return self.names.get(text, text)

    def _before_first_section(self, number: int) -> None:
        text = self.lines[number - 1].strip()
        self.problems.add(f"line {number}", f"must be below a section such as [dataset]; got {shown(text)}")
        for index in range(number - 1, len(self.lines)):
            if index >= number and self.lines[index].lstrip().startswith("["):
                break
            self.lines[index] = ""

    def _section_again(self, header: str, number: int) -> None:
        section = header_name(header)[0]
        self.problems.add(f"[{section}]", f"must be given once; got it again in line {number}")
        self.lines[number - 1] = f"{_indent(self.lines[number - 1])}[{self._stand_in(section, number)}]"

    def _key_again(self, header: str, key: str, number: int) -> None:
        section = self.name(header_name(header)[0])
        self.problems.add(f"[{section}] {key}", f"must be given once; got it again in line {number}")
        line = self.lines[number - 1]
        value = re.split("[=:]", line, maxsplit=1)[1]
        self.lines[number - 1] = f"{_indent(line)}{self._stand_in(key, number)} = {value}"

    def _no_key(self, number: int) -> None:
        text = self.lines[number - 1].strip()
        self.problems.add(f"line {number}", f"must be a [section], `key = value` or a comment; got {shown(text)}")
        self.lines[number - 1] = ""

    def _stand_in(self, name: str, number: int) -> str:
        stand_in = f"\0{number}"  # the text of a file holds no NUL
        self.names[stand_in] = name
        return stand_in


def parse_text(text: str, problems: Problems) -> tuple[list[str], list[Entry]]:
    """The sections and entries of an experiment file, in its order.

    A section or key that is given twice is a problem, and is in the answer twice.

    Args:
        text: without NUL characters.
        problems: takes what is no experiment file's syntax.
    """
    mender = _Mender(re.split("\r\n|\r|\n", text), problems)
    parser = mender.parse()
    sections, entries = [], []
    for header in parser.sections():
        name, rest = header_name(header)
        section = mender.name(name)
        if rest:
            problems.add(f"[{section}]", f"must stand alone in its line; got {shown(rest)} behind it")
        sections.append(section)
        for key, value in parser.items(header):
            entries.append(Entry(section, mender.name(key), " ".join(value.split())))
    return sections, entries


def header_name(header: str) -> tuple[str, str]:
    """The name of a section and what follows its bracket: `hparams] x` -> (hparams, x)."""
    name, _, rest = header.rpartition("]")
    return name, rest.strip()


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
