"""How long trials take on some slots. Pure."""

import heapq
from collections.abc import Sequence


def makespan(durations: Sequence[float], slots: int, busy: Sequence[float] = ()) -> float:
    """When the last trial ends if each starts, in the order given, on the slot that is free first (list scheduling).

    Args:
        busy: for how long slots are still taken by other trials, of `slots` at most.
    """
    free = [*busy, *[0.0] * (max(1, slots) - len(busy))]
    heapq.heapify(free)
    for duration in durations:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)
