"""The order of runs by their names."""

import re

_NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


def by_number(run: str) -> list[tuple[float, str]]:
    """A key to sort by: run2 before run10, runA(lr_max=2e-05) before runA(lr_max=0.0001)."""
    return [(float(part), part) if _NUMBER.fullmatch(part) else (-1.0, part) for part in _NUMBER.split(run)]
