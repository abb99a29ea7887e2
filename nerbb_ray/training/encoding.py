"""Words and tags -> sub-token ids and labels, once per data set, tokenizer and length, shared by all trials.

A sentence longer than `max_seq_length` is cut into slices at word borders, so that every word is predicted exactly
once. The first sub-token of a word carries its label. Words that give no sub-token (a soft hyphen, a zero-width mark)
keep their place in the sentence and are predicted as O.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nerbb_ray.data.corpus import Sentence

NO_WORD = -1
ENCODED_AT_ONCE = 1000  # sentences; the tokenizer works on them in one call


@dataclass(frozen=True, slots=True)
class EncodedSplit:
    """One split as flat arrays.

    Args:
        input_ids: of all slices, special tokens included. *Shape:* (num_subtokens,)
        words: the word, numbered through the split, whose first sub-token this is, else NO_WORD. *Shape:* as input_ids
        slice_starts: where each slice begins in the two above, and the end. *Shape:* (num_slices + 1,)
        gold: the tag of every word, as its place in the tag list. *Shape:* (num_words,)
        sentence_starts: the first word of every sentence, and the end. *Shape:* (num_sentences + 1,)
        sentence_slices: the first slice of every sentence, and the end. *Shape:* (num_sentences + 1,)
    """

    input_ids: NDArray[np.int32]
    words: NDArray[np.int32]
    slice_starts: NDArray[np.int64]
    gold: NDArray[np.int16]
    sentence_starts: NDArray[np.int64]
    sentence_slices: NDArray[np.int64]

    @property
    def num_slices(self) -> int:
        return len(self.slice_starts) - 1

    @property
    def num_sentences(self) -> int:
        return len(self.sentence_starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Sub-tokens of every slice, special tokens included. *Shape:* (num_slices,)"""
        return np.diff(self.slice_starts)

    @property
    def num_labelled(self) -> int:
        """Words that have a sub-token and therefore a label in training."""
        return int(np.count_nonzero(self.words != NO_WORD))

    def labels(self, ignored: int) -> NDArray[np.int64]:
        """The tag of each sub-token that starts a word, `ignored` for the rest. *Shape:* (num_subtokens,)"""
        if not len(self.gold):
            return np.full(len(self.words), ignored, dtype=np.int64)
        return np.where(self.words == NO_WORD, ignored, self.gold[self.words]).astype(np.int64)

    def head(self, num_sentences: int) -> "EncodedSplit":
        """The first sentences."""
        slices = int(self.sentence_slices[num_sentences])
        subtokens = int(self.slice_starts[slices])
        return EncodedSplit(
            input_ids=self.input_ids[:subtokens],
            words=self.words[:subtokens],
            slice_starts=self.slice_starts[: slices + 1],
            gold=self.gold[: int(self.sentence_starts[num_sentences])],
            sentence_starts=self.sentence_starts[: num_sentences + 1],
            sentence_slices=self.sentence_slices[: num_sentences + 1],
        )

    def take(self, sentences: NDArray[np.int64]) -> "EncodedSplit":
        """Some of the sentences, by their number, in this order."""
        slices, own_slices = _ranges(self.sentence_slices, sentences)
        subtokens, own_subtokens = _ranges(self.slice_starts, slices)
        words, own_words = _ranges(self.sentence_starts, sentences)
        renumbered = np.full(len(self.gold) + 1, NO_WORD, np.int32)  # the last one is that of NO_WORD
        renumbered[words] = np.arange(len(words))
        return EncodedSplit(
            input_ids=self.input_ids[subtokens],
            words=renumbered[self.words[subtokens]],
            slice_starts=own_subtokens,
            gold=self.gold[words],
            sentence_starts=own_words,
            sentence_slices=own_slices,
        )

    def __add__(self, other: "EncodedSplit") -> "EncodedSplit":
        """The sentences of both, one split after the other."""
        shifted = np.where(other.words == NO_WORD, NO_WORD, other.words + len(self.gold)).astype(np.int32)
        return EncodedSplit(
            input_ids=np.concatenate([self.input_ids, other.input_ids]),
            words=np.concatenate([self.words, shifted]),
            slice_starts=_joined(self.slice_starts, other.slice_starts),
            gold=np.concatenate([self.gold, other.gold]),
            sentence_starts=_joined(self.sentence_starts, other.sentence_starts),
            sentence_slices=_joined(self.sentence_slices, other.sentence_slices),
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


def _joined(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([first, second[1:] + first[-1]])


def _ranges(starts: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(the numbers in the chosen ranges one after the other, where each range begins among them, and the end).

    Args:
        starts: of all ranges, and the end. *Shape:* (ranges + 1,)
    """
    lengths = np.diff(starts)[chosen]
    own = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    numbers = np.arange(own[-1]) + np.repeat(starts[:-1][chosen] - own[:-1], lengths)
    return numbers.astype(np.int64), own


def encode(sentences: "Sequence[Sentence]", tags: Sequence[str], tokenizer: Any, max_seq_length: int) -> EncodedSplit:
    """Tokenise a split.

    Args:
        tags: the tag list of the corpus; its order gives the label ids.
        tokenizer: a fast tokenizer of transformers, or a PlainTokenizer.
        max_seq_length: sub-tokens of a slice, special tokens included.
    Raises:
        ValueError: max_seq_length leaves no room for a word.
    """
    prefix, suffix = special_tokens(tokenizer)
    room = max_seq_length - len(prefix) - len(suffix)
    if room < 1:
        raise ValueError(f"max_seq_length = {max_seq_length} leaves no room beside {prefix=} and {suffix=}")
    label_of = {tag: index for index, tag in enumerate(tags)}
    ids: list[int] = []
    words: list[int] = []
    slice_starts, sentence_starts, sentence_slices = [0], [0], [0]
    tokenised = subtokens_of([sentence.tokens for sentence in sentences], tokenizer)
    for sentence, (subtokens, word_ids) in zip(sentences, tokenised, strict=True):
        for begin, end in slices(word_ids, room):
            ids += [*prefix, *subtokens[begin:end], *suffix]
            firsts = _first_subtokens(word_ids, begin, end, sentence_starts[-1])
            words += [*[NO_WORD] * len(prefix), *firsts, *[NO_WORD] * len(suffix)]
            slice_starts.append(len(ids))
        sentence_starts.append(sentence_starts[-1] + len(sentence.tokens))
        sentence_slices.append(len(slice_starts) - 1)
    return EncodedSplit(
        input_ids=np.array(ids, dtype=np.int32),
        words=np.array(words, dtype=np.int32),
        slice_starts=np.array(slice_starts, dtype=np.int64),
        gold=np.array([label_of[tag] for sentence in sentences for tag in sentence.tags], dtype=np.int16),
        sentence_starts=np.array(sentence_starts, dtype=np.int64),
        sentence_slices=np.array(sentence_slices, dtype=np.int64),
    )


def special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that the tokenizer puts before and after a sequence."""
    encoded = _whole(tokenizer).encode(["a"], is_pretokenized=True, add_special_tokens=True)
    inner = [i for i, word in enumerate(encoded.word_ids) if word is not None]
    return encoded.ids[: inner[0]], encoded.ids[inner[-1] + 1 :]


def subtokens_of(sentences: Sequence[Sequence[str]], tokenizer: Any) -> Iterator[tuple[list[int], list[int]]]:
    """Per sentence of words: its sub-token ids, and the word that each belongs to."""
    backend = _whole(tokenizer)
    for first in range(0, len(sentences), ENCODED_AT_ONCE):
        batch = [list(words) for words in sentences[first : first + ENCODED_AT_ONCE]]
        for encoded in backend.encode_batch(batch, is_pretokenized=True, add_special_tokens=False):
            yield encoded.ids, encoded.word_ids


def _whole(tokenizer: Any) -> Any:
    """The tokenizer's own tokenizer, which neither cuts nor pads."""
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return backend


def slices(word_ids: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Cut sub-tokens into pieces [begin, end) of at most `room`, only where a word begins.

    A single word longer than `room` loses the sub-tokens that do not fit: the first one, with the label, stays.
    """
    pieces: list[tuple[int, int]] = []
    begin = position = 0
    while position < len(word_ids):
        end = position
        while end < len(word_ids) and word_ids[end] == word_ids[position]:
            end += 1
        if end - begin > room and position > begin:
            pieces.append((begin, position))
            begin = position
        if end - begin > room:
            pieces.append((begin, begin + room))
            begin = end
        position = end
    if begin < len(word_ids):
        pieces.append((begin, len(word_ids)))
    return pieces


def _first_subtokens(word_ids: Sequence[int], begin: int, end: int, offset: int) -> list[int]:
    return [
        offset + word_ids[i] if i == begin or word_ids[i] != word_ids[i - 1] else NO_WORD for i in range(begin, end)
    ]
