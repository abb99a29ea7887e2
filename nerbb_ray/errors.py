"""The exceptions that users of nerbb_ray see.

Every message says which rule was broken, by which value, where, and what to do about it::

    NerbbError                  base of all of them; the command line prints it and exits with status 2
    +-- ConfigError             the experiment file or the parameters of an Experiment (all problems at once)
    +-- UnfitError              a value of the experiment file that its model or its data cannot have
    +-- DataError               a data set, or one line of one of its files
    +-- ModelError              a pretrained model cannot be found, or cannot be loaded safely
    +-- StoreError              a name that leaves the store, or something that is not in the store
    +-- ResultError             a result was asked for that does not exist
    +-- ResourceError           a trial asks for more CPUs or GPUs than there are
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any


class NerbbError(Exception):
    """Something the user can mend."""


class ConfigError(NerbbError):
    """One or more problems of a configuration, found together.

    Args:
        problems: one line each, `file.ini [section] key: rule; got value`.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class UnfitError(NerbbError):
    """A value of an experiment that is allowed, but that its model or its data cannot have.

    Args:
        key: of the experiment file.
        rule: what must be, and why.
    """

    def __init__(self, key: str, rule: str, value: Any) -> None:
        self.key, self.rule, self.value = key, rule, value
        super().__init__(f"{key} {rule}; got {value}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.key, self.rule, self.value)  # from a worker to the driver


class DataError(NerbbError):
    """A data set that cannot be used as it is.

    Args:
        message: what was expected and what was found.
        path: the file, if one is to blame.
        line: its line, counted from 1.
    """

    def __init__(self, message: str, path: Path | None = None, line: int | None = None) -> None:
        self.path, self.line = path, line
        where = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(where + message)


class ModelError(NerbbError):
    """A pretrained model that cannot be found or loaded."""


class StoreError(NerbbError):
    """A name or a path that the store does not allow or does not have."""


class ResultError(NerbbError):
    """A result that was asked for and does not exist."""


class ResourceError(NerbbError):
    """A trial that can never start on the resources at hand."""
