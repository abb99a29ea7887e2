"""Almost stochastic order: how far one set of scores is from being better at every quantile.

del Barrio, Cuesta-Albertos and Matran 2018 (https://doi.org/10.1007/978-3-319-73848-2_3) define the violation ratio;
Dror, Shlomov and Reichart 2019 (https://aclanthology.org/P19-1266) use it to compare neural models over seeds.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 1000


def violation_ratio(better: ArrayLike, worse: ArrayLike) -> float:
    """The share of the squared distance between two quantile functions where `better` is below `worse`.

    Returns:
        From 0 (at least as high at every quantile) to 1 (the other way round); 0.5 if the values are the same.
    """
    first, second = _quantiles(np.sort(np.atleast_2d(better)), np.sort(np.atleast_2d(worse)))
    return float(_ratio(first, second)[0])


def almost_stochastic_order(
    better: ArrayLike, worse: ArrayLike, confidence: float = 0.95, seed: int = 0, draws: int = DRAWS
) -> float:
    """Upper confidence bound of the violation ratio: below 0.5, `better` is almost stochastically dominant.

    With few scores the bootstrap knows little of the tails: read it beside the other tests, not instead of them.

    Args:
        better, worse: higher is better. *Shape:* (n,), (m,)
        draws: bootstrap samples that give the standard error of the ratio.
    """
    from scipy.special import ndtri

    a, b = np.asarray(better, dtype=float), np.asarray(worse, dtype=float)
    random = np.random.default_rng(seed)
    first, second = _quantiles(np.sort(random.choice(a, (draws, len(a)))), np.sort(random.choice(b, (draws, len(b)))))
    spread = float(_ratio(first, second).std())
    return float(np.clip(violation_ratio(a, b) + spread * ndtri(confidence), 0.0, 1.0))


def _quantiles(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both quantile functions on one grid of equal steps, on which both are exact: they are constant in between.

    *Shape:* (draws, n), (draws, m) -> (draws, lcm(n, m)) twice
    """
    steps = int(np.lcm(first.shape[1], second.shape[1]))
    return first.repeat(steps // first.shape[1], axis=1), second.repeat(steps // second.shape[1], axis=1)


def _ratio(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    squared = (first - second) ** 2
    whole = squared.sum(axis=1)
    violated = np.where(first < second, squared, 0.0).sum(axis=1)
    return np.where(whole > 0, violated / np.where(whole > 0, whole, 1.0), 0.5)
