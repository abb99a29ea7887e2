"""The problems of one experiment file, collected until all of them are known."""

from collections.abc import Iterator

from nerbb_ray.errors import ConfigError


class Problems:
    """Lines of the form `file.ini [section] key: rule; got value`, each once, in the order of their finding.

    Args:
        origin: the file, or the experiment if it is defined in Python.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._lines: dict[str, None] = {}

    def add(self, where: str, message: str) -> None:
        """One problem; `where` is `[section] key`, `[section]`, `line 3`, or empty: the file as a whole."""
        self._lines[f"{self._origin} {where}: {message}" if where else f"{self._origin}: {message}"] = None

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
