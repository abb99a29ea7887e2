"""What the best of several trials is expected to reach: with more trials, a higher maximum comes by luck alone.

Dodge, Gururangan, Card, Schwartz and Smith 2019, "Show Your Work" (https://aclanthology.org/D19-1224).
"""

import numpy as np
from numpy.typing import ArrayLike


def expected_best(values: ArrayLike) -> tuple[float, ...]:
    """The expected maximum of 1, 2, ..., n draws, with replacement, from n values.

    To compare the best of 8 trials of one run with the best of 3 of another one, compare both at k = 3. *Shape:* (n,)
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    size = len(ordered)
    # the maximum of k draws is at most the i-th value with probability (i/n)^k
    below = np.arange(size + 1)[:, None] / max(1, size)
    chances = np.diff(below ** np.arange(1, size + 1), axis=0)
    return tuple(float(value) for value in ordered @ chances) if size else ()
