"""Texts of any length -> overlapping windows that a model can take; every word is predicted in one of them.

A window is as long as the slices in training. The next one begins half a window later, and the border between what the
one and the other predicts is the middle of what both see: every word has a quarter of a window around it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Any, NamedTuple

import numpy as np

from nerbb_ray.training.encoding import NO_WORD, EncodedSplit, special_tokens, subtokens_of


class Window(NamedTuple):
    """The words begin ... end - 1 are seen, and of them first ... last - 1 are predicted."""

    begin: int
    end: int
    first: int
    last: int


def windows(sizes: Sequence[int], room: int) -> list[Window]:
    """
    Args:
        sizes: sub-tokens of every word, each between 1 and `room`.
    """
    borders = [0, *accumulate(sizes)]
    spans = list(_spans(borders, room))
    # a word belongs to the window in whose half of the overlap its middle is
    cuts = [
        bisect_right(range(len(sizes)), borders[end] + borders[begin], key=lambda i: borders[i] + borders[i + 1])
        for (_, end), (begin, _) in pairwise(spans)
    ]
    owned = pairwise([0, *cuts, len(sizes)])
    return [Window(*span, *words) for span, words in zip(spans, owned, strict=False)]


def _spans(borders: Sequence[int], room: int) -> Iterator[tuple[int, int]]:
    """The words [begin, end) of each window."""
    begin, size = 0, len(borders) - 1
    while begin < size:
        end = bisect_right(borders, borders[begin] + room) - 1
        if end == size:
            yield bisect_left(borders, borders[-1] - room), end
            return
        yield begin, end
        half_later = bisect_left(borders, borders[begin] + room // 2)
        begin = min(max(half_later, begin + 1), end)


def encode_windows(texts: Sequence[Sequence[str]], tokenizer: Any, max_seq_length: int) -> EncodedSplit:
    """The windows of texts, as slices whose `words` are only those that the window predicts.

    Of a word that is longer than a window, what fits is kept.

    Args:
        texts: the words of each.
        max_seq_length: sub-tokens of a window, special tokens included; leaves room for one more.
    """
    prefix, suffix = special_tokens(tokenizer)
    room = max_seq_length - len(prefix) - len(suffix)
    ids: list[int] = []
    words: list[int] = []
    slice_starts, text_starts, text_slices = [0], [0], [0]
    for text, (subtokens, word_ids) in zip(texts, subtokens_of(texts, tokenizer), strict=True):
        numbers, pieces = _pieces(subtokens, word_ids, room)
        for window in windows([len(piece) for piece in pieces], room):
            _append(window, numbers, pieces, text_starts[-1], prefix, suffix, ids, words)
            slice_starts.append(len(ids))
        text_starts.append(text_starts[-1] + len(text))
        text_slices.append(len(slice_starts) - 1)
    return EncodedSplit(
        input_ids=np.array(ids, dtype=np.int32),
        words=np.array(words, dtype=np.int32),
        slice_starts=np.array(slice_starts, dtype=np.int64),
        gold=np.zeros(text_starts[-1], dtype=np.int16),
        sentence_starts=np.array(text_starts, dtype=np.int64),
        sentence_slices=np.array(text_slices, dtype=np.int64),
    )


def _pieces(subtokens: Sequence[int], word_ids: Sequence[int], room: int) -> tuple[list[int], list[Sequence[int]]]:
    """(number, sub-tokens) of the words that have any, as two lists."""
    numbers: list[int] = []
    pieces: list[Sequence[int]] = []
    begin = 0
    for number, group in groupby(word_ids):
        size = sum(1 for _ in group)
        numbers.append(number)
        pieces.append(subtokens[begin : begin + min(size, room)])
        begin += size
    return numbers, pieces


def _append(
    window: Window,
    numbers: Sequence[int],
    pieces: Sequence[Sequence[int]],
    offset: int,
    prefix: Sequence[int],
    suffix: Sequence[int],
    ids: list[int],
    words: list[int],
) -> None:
    ids += prefix
    words += [NO_WORD] * len(prefix)
    for index in range(window.begin, window.end):
        piece = pieces[index]
        ids += piece
        owned = window.first <= index < window.last
        words += [offset + numbers[index] if owned else NO_WORD, *[NO_WORD] * (len(piece) - 1)]
    ids += suffix
    words += [NO_WORD] * len(suffix)
