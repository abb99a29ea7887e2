"""The power law of learning curves: error(n) = a (n / scale)^-b + c, fitted to many weightings of its points at once.

Source: Hestness et al. 2017, https://arxiv.org/abs/1712.00409; Rosenfeld et al. 2020, https://arxiv.org/abs/1909.12673
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# exponents that are tried; below, the law is hardly to be told from a logarithm, above, from a step
EXPONENTS: Floats = np.geomspace(0.05, 2.0, 64)
PARAMETERS = 3


@dataclass(frozen=True, slots=True)
class PowerLaws:
    """Fits, one per row of weights.

    Args:
        a: >= 0: the error at `scale` that more data can remove. *Shape:* (fits,)
        b: exponent, among `EXPONENTS`. *Shape:* (fits,)
        c: in [0, 1]: the error that stays. *Shape:* (fits,)
        scale: sentences.
    """

    a: Floats
    b: Floats
    c: Floats
    scale: float

    def errors(self, sentences: float) -> Floats:
        """*Shape:* (fits,)"""
        values: Floats = self.a * (sentences / self.scale) ** -self.b + self.c
        return values


def fit(sentences: Floats, errors: Floats, weights: Floats) -> PowerLaws:
    """Least squares for every exponent, of which the one with the smallest sum counts.

    Args:
        sentences: > 0, at least two different ones. *Shape:* (points,)
        errors: in [0, 1]. *Shape:* (fits, points)
        weights: > 0. *Shape:* (fits, points)
    """
    scale = float(np.max(sentences))
    w = (weights / weights.sum(axis=1, keepdims=True))[:, None, :]
    x, y = (sentences / scale)[None, :] ** -EXPONENTS[:, None], errors[:, None, :]
    mean_x, mean_y = (w * x).sum(-1), (w * y).sum(-1)
    spread, shared = (w * (x - mean_x[..., None]) ** 2).sum(-1), (w * (x - mean_x[..., None]) * y).sum(-1)
    a = np.maximum(shared / spread, 0.0)  # a flat line where more data seem to harm
    c = mean_y - a * mean_x
    # c < 0 is no error: the best law without it
    through = np.maximum((w * x * y).sum(-1) / (w * x**2).sum(-1), 0.0)
    a, c = np.where(c < 0, through, a), np.maximum(c, 0.0)
    loss = (w * (a[..., None] * x + c[..., None] - y) ** 2).sum(-1)
    best = np.argmin(loss, axis=1)
    rows = np.arange(len(errors))
    return PowerLaws(a[rows, best], EXPONENTS[best], np.minimum(c[rows, best], 1.0), scale)
