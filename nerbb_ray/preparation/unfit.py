"""Values that only the model or the data of a run do not allow, told as the other errors of an experiment file."""

from collections.abc import Iterator
from contextlib import contextmanager

from nerbb_ray.config.domains import Choice
from nerbb_ray.config.known_keys import HOME
from nerbb_ray.config.written import Written
from nerbb_ray.errors import ConfigError, NerbbError, UnfitError


@contextmanager
def noted(found: list[UnfitError]) -> Iterator[None]:
    """What does not fit is kept for later, so that all of it is told at once."""
    try:
        yield
    except UnfitError as unfit:
        found.append(unfit)


def as_config_error(found: list[UnfitError], written: Written) -> ConfigError:
    """
    Args:
        found: at least one.
        written: of the run.
    """
    return ConfigError(dict.fromkeys(_placed(unfit, written) for unfit in found))


def _placed(unfit: UnfitError, written: Written) -> str:
    """`file.ini [section] key: rule; got value`: the same for all values that are drawn from one interval."""
    section = written.section if unfit.key in written.own else HOME[unfit.key]
    domain = dict(written.drawn).get(unfit.key)
    got = str(unfit.value)
    if domain is not None:
        got = f"{got} of {domain}" if isinstance(domain, Choice) else str(domain)
    return f"{written.origin} [{section}] {unfit.key}: {unfit.rule}; got {got}".lstrip()


def one_by_one(error: NerbbError) -> list[NerbbError]:
    """The problems of an error, of which runs may share some."""
    return [ConfigError([problem]) for problem in error.problems] if isinstance(error, ConfigError) else [error]
