"""How uncertain models are of the tags of words. Pure numpy; in nats."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST = 1e-12  # a smaller probability is none


def entropy(probabilities: Floats) -> Floats:
    """*Shape:* (..., tags) -> (...)"""
    values: Floats = -(probabilities * np.log(np.maximum(probabilities, LEAST))).sum(axis=-1)
    return np.maximum(values, 0.0)


def disagreement(members: Sequence[Floats]) -> Floats:
    """The entropy of the mean of some models less the mean of their entropies (mutual information; BALD).

    It is 0 where all say the same, however uncertain each of them is. Of one model it is its entropy.

    Args:
        members: probabilities. *Shape:* (words, tags) each
    Returns:
        *Shape:* (words,)
    Source: Houlsby et al. 2011, https://arxiv.org/abs/1112.5745
    """
    if len(members) == 1:
        return entropy(members[0])
    said = np.stack(members)
    information: Floats = np.maximum(entropy(said.mean(axis=0)) - entropy(said).mean(axis=0), 0.0)
    return information


def per_word(values: Floats) -> float:
    """The mean over the words of a text: a long one is not more uncertain for its length; 0 without words."""
    return float(values.mean()) if len(values) else 0.0


def confidence(probabilities: Floats, tags: NDArray[np.integer]) -> float:
    """The geometric mean of the probabilities of the words' tags, in [0, 1]; 1 without words.

    Source: Shen et al. 2018, maximum normalised log-probability, https://arxiv.org/abs/1707.05928
    """
    if not len(tags):
        return 1.0
    chosen = np.maximum(probabilities[np.arange(len(tags)), tags], LEAST)
    return float(np.exp(np.log(chosen).mean()))
