"""Numbers in sentences."""

from collections.abc import Iterable, Mapping, Sequence

from nerbb_ray.doctor.findings import Place


def counted(count: int, noun: str) -> str:
    """`1 sentence`, `2 sentences`, `3 entities`."""
    if count == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("ss") else f"{noun}s"
    return f"{count} {plural}"


def percent(part: int, whole: int) -> str:
    if not whole:
        return "-"
    share = 100 * part / whole
    return f"{share:.1f} %" if not part or share >= 0.1 else "< 0.1 %"


def listed(items: Iterable[object], at_most: int) -> str:
    """Items with commas, and how many more there are."""
    texts = [str(item) for item in items]
    more = f" and {len(texts) - at_most} more" if len(texts) > at_most else ""
    return ", ".join(texts[:at_most]) + more


def by_split(counts: Mapping[str, int]) -> str:
    """`train 3, test 1`, for splits that have any."""
    return ", ".join(f"{split} {count}" for split, count in counts.items() if count)


def at(places: Sequence[Place], count: int, at_most: int = 3) -> str:
    """The first places of `count`."""
    if not places:
        return ""
    more = " ..." if count > min(at_most, len(places)) else ""
    return ", ".join(str(place) for place in places[:at_most]) + more
