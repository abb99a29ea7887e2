"""Numbers, names and times in few characters."""

import math
import re
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

NUMBER = re.compile(r"(?<==)-?\d[\d.]*(?:e[+-]?\d+)?(?=[,)])")
GAP = ".."  # in the place of what is left out


def short_score(value: float) -> str:
    """`.655`, `1.000`; `-` where it is not defined."""
    return f"{value:.3f}".removeprefix("0") if math.isfinite(value) else "-"


def short_number(value: float) -> str:
    """`3e-4`, `0.1`, `1.5e-5`: whichever way is shorter, with four digits."""
    if not math.isfinite(value):
        return "-"
    plain = f"{value:.4g}"
    digits, _, power = f"{value:.3e}".partition("e")
    digits = digits.rstrip("0").rstrip(".")
    return min(plain, f"{digits}e{int(power)}", key=len)


def short_value(value: object) -> str:
    """A parameter: of a path or a hub id, its last part."""
    if isinstance(value, float):
        return short_number(value)
    text = "auto" if value is None else str(value).rstrip("/").rpartition("/")[2]
    return "".join(character if character.isprintable() else "?" for character in text)


def short_run(run: str) -> str:
    """`runA(lr_max=0.0003)` -> `runA(lr_max=3e-4)`"""
    return NUMBER.sub(lambda found: short_number(float(found[0])), run)


def clock(seconds: float) -> str:
    """`3:12`, `1:03:12`"""
    whole = int(seconds)
    hours = f"{whole // 3600}:{whole // 60 % 60:02}" if whole >= 3600 else str(whole // 60)
    return f"{hours}:{whole % 60:02}"


def cut_to(text: str, width: int) -> str:
    """A text in at most so many cells: what is left out is in its middle, since names often differ at their ends."""
    if cell_len(text) <= width:
        return text
    if width <= len(GAP) + 1:
        return set_cell_size(text, max(0, width)).rstrip()
    head = (width - len(GAP) + 1) // 2
    tail = width - len(GAP) - head
    end = next(text[k:] for k in range(len(text) + 1) if cell_len(text[k:]) <= tail)
    return set_cell_size(text, head).rstrip() + GAP + end


def in_two_lines(header: str, width: int) -> tuple[str, str]:
    """A key above its values: what is wider than they are is broken behind an underscore.

    Args:
        width: of the values.
    """
    places = [k + 1 for k, character in enumerate(header[:-1]) if character == "_"]
    if len(header) <= max(width, 7) or not places:
        return "", header
    place = min(places, key=lambda k: max(k, len(header) - k))
    return header[:place], header[place:]


def joined_within(parts: Sequence[str], width: int) -> str:
    """As many of the parts as fit, the first ones first, with commas between them."""
    line = ""
    for part in parts:
        longer = f"{line}, {part}" if line else part
        if cell_len(longer) <= width:
            line = longer
    return line
