"""Which trial of a race is asked to end because its curve cannot catch up any more. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MIN_CURVES = 5  # finished trials, before a curve can be compared with anything
LAGGING = 2  # how many times slower than others a trial may learn
RECENT = 3  # epochs that show how fast a trial still learns


def within_reach(curve: Sequence[float], finished: Sequence[Sequence[float]], max_epochs: int) -> float:
    """What a trial in the middle can still reach, at most.

    That is what it has plus the largest of: what any finished trial gained from half as many epochs on (so that one
    that learns half as fast is not lost), and what it gains if it goes on as in its last epochs, as long as the longest
    finished trial went on.

    Args:
        curve: the metric after every epoch so far, at least one, higher is better; NaN counts as nothing reached.
        finished: the curves of the finished trials of all runs.
        max_epochs: of the trial.
    """
    best = _best_so_far(curve)
    others = [_best_so_far(other) for other in finished]
    since = max(1, len(curve) // LAGGING)
    gain = max((float(other[-1] - other[min(since, len(other)) - 1]) for other in others), default=0.0)
    left = max(0, min(max_epochs, max(map(len, others), default=0)) - len(curve))
    trend = float(best[-1] - best[max(0, len(best) - 1 - RECENT)]) / RECENT * left
    return float(best[-1]) + max(gain, trend)


def cannot_catch_up(
    curve: Sequence[float], finished: Sequence[Sequence[float]], leader: Sequence[float], max_epochs: int
) -> str | None:
    """Why a trial in the middle cannot reach the leader's worst seed any more; None: it can, or nobody knows yet.

    Args:
        curve, finished, max_epochs: see `within_reach`.
        leader: the values of the leader's finished seeds.
    """
    if len(finished) < MIN_CURVES or len(leader) < 2 or len(curve) <= RECENT:
        return None
    reachable, needed = within_reach(curve, finished, max_epochs), min(leader)
    if reachable >= needed:
        return None
    return (
        f"cut after {len(curve)} epochs: at {_best_so_far(curve)[-1]:.4f}, with {reachable:.4f} within reach, "
        f"it cannot catch up with the leader's worst seed, {needed:.4f}"
    )


def _best_so_far(curve: Sequence[float]) -> NDArray[np.float64]:
    values = np.asarray(curve, dtype=float)
    found = np.where(np.isfinite(values), values, -np.inf)
    reached: NDArray[np.float64] = np.maximum.accumulate(found)
    return np.where(np.isfinite(reached), reached, 0.0)
