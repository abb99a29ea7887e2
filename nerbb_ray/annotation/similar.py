"""How similar texts are, by their trigrams of characters: near-duplicates last, or what is unlike the others first."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

NEAR = 0.9  # cosine, from which a text says what another has said
COLUMNS = 2**18
BLOCK = 512  # texts that are compared at once
MOST_KNOWN = 4096  # sentences of the data set that are looked at

Floats = NDArray[np.float64]
Vectors = Any  # scipy's csr_array, which has no types


def vectors(texts: Sequence[str]) -> Vectors:
    """Counts of trigrams, in rows of length 1; digits are all the same. *Shape:* (texts, COLUMNS)"""
    columns, starts = [], [0]
    for text in texts:
        columns += _trigrams(text)
        starts.append(len(columns))
    found = csr_array((np.ones(len(columns)), columns, starts), shape=(len(texts), COLUMNS))
    found.sum_duplicates()
    lengths = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    found.data /= np.repeat(np.maximum(lengths, 1e-12), np.diff(found.indptr))
    return found


def _trigrams(text: str) -> list[int]:
    plain = f" {' '.join(text.casefold().split())} "
    plain = "".join("0" if character.isdigit() else character for character in plain)
    return [zlib.crc32(plain[k : k + 3].encode()) % COLUMNS for k in range(max(1, len(plain) - 2))]


def duplicates_last(order: Sequence[int], texts: Vectors, known: Vectors, limit: int) -> tuple[list[int], list[int]]:
    """Part texts that are nearly the same as one before them, or as one that is known.

    Args:
        order: of the rows of `texts`, the first first.
        known: rows of what is annotated already.
        limit: how many others are needed; what comes behind them is not looked at.
    Returns:
        (others, near-duplicates), each in the order given.
    """
    others: list[int] = []
    near: list[int] = []
    for begin in range(0, len(order), BLOCK):
        block = list(order[begin : begin + BLOCK])
        rows = texts[block]
        alike = np.maximum(_most_alike(rows, known), _most_alike(rows, texts[others]))
        among = (rows @ rows.T).toarray() >= NEAR
        for place, number in enumerate(block):
            if alike[place] >= NEAR or among[place, :place].any():
                near.append(number)
            elif len(others) < limit:
                others.append(number)
        if len(others) >= limit:
            break
    return others, near


def far_apart(texts: Vectors, known: Vectors, limit: int) -> list[int]:
    """Greedy k-centre: each next text is the one that is least like any before it, and like what is known.

    Source: Sener and Savarese 2018, https://arxiv.org/abs/1708.00489
    """
    alike = _most_alike(texts, known)
    chosen: list[int] = []
    while len(chosen) < min(limit, texts.shape[0]):
        nearest = alike.copy()
        nearest[chosen] = np.inf
        chosen.append(int(nearest.argmin()))
        alike = np.maximum(alike, (texts @ texts[[chosen[-1]]].T).toarray().ravel())
    return chosen


def _most_alike(texts: Vectors, others: Vectors) -> Floats:
    """The highest cosine of each text with any of the others; 0 without others. *Shape:* (texts,)"""
    highest: Floats = np.zeros(texts.shape[0])
    for begin in range(0, others.shape[0], BLOCK):
        part = others[begin : begin + BLOCK]
        for first in range(0, texts.shape[0], BLOCK):
            rows = slice(first, first + BLOCK)
            highest[rows] = np.maximum(highest[rows], (texts[rows] @ part.T).toarray().max(axis=1))
    return highest
