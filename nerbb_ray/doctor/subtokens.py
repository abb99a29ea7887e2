"""What the tokenizer of a model makes of a split."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from nerbb_ray.doctor.findings import Lengths, Place, Spread, Subtokens
from nerbb_ray.doctor.rows import SHOWN, Rows, visible
from nerbb_ray.doctor.words import Tally
from nerbb_ray.errors import ModelError
from nerbb_ray.training.encoding import slices, special_tokens

TOKENISED_AT_ONCE = 10_000  # words


class Pieces(NamedTuple):
    """Of one word: the number of its sub-tokens, and how many of them are the unknown token."""

    total: int
    unknown: int


class WordPieces:
    """Words in sub-tokens, each different word once: what is split into words already is tokenised word by word.

    Raises:
        ModelError: max_seq_length leaves no room for a word.
    """

    def __init__(self, tokenizer: Any, max_seq_length: int) -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, Pieces] = {}
        self.specials = sum(map(len, special_tokens(tokenizer)))
        self.room = max_seq_length - self.specials
        if self.room < 1:
            message = f"max_seq_length must be > {self.specials}, the special tokens of a sequence"
            raise ModelError(f"{message}; got {max_seq_length}")

    def learn(self, rows: Rows) -> None:
        """Tokenise the words of a split that are new."""
        new = list({word: None for _, s in rows for word in s.tokens if word not in self._known})
        unknown_id = self._tokenizer.unk_token_id
        for first in range(0, len(new), TOKENISED_AT_ONCE):
            batch = new[first : first + TOKENISED_AT_ONCE]
            encoded = self._tokenizer(
                [[word] for word in batch], is_split_into_words=True, add_special_tokens=False, verbose=False
            )
            for word, ids in zip(batch, encoded["input_ids"], strict=True):
                self._known[word] = Pieces(len(ids), 0 if unknown_id is None else ids.count(unknown_id))

    def __getitem__(self, word: str) -> Pieces:
        return self._known[word]


def examine_subtokens(rows: Rows, pieces: WordPieces) -> Subtokens:
    pieces.learn(rows)
    lengths: Counter[int] = Counter()
    unknown, dropped = Tally(), Tally()
    total = num_unknown = num_slices = truncated = 0
    cut: list[int] = []
    for number, sentence in rows:
        parts = [pieces[word] for word in sentence.tokens]
        for position, part in enumerate(parts):
            if not part.total:
                dropped.add(rows, number, position)
            elif part.unknown:
                unknown.add(rows, number, position)
                num_unknown += part.unknown
        length = sum(part.total for part in parts)
        lengths[length + pieces.specials] += 1
        total += length
        truncated += sum(part.total > pieces.room for part in parts)
        num_slices += _num_slices(parts, length, pieces.room)
        if length > pieces.room:
            cut.append(number)
    return Subtokens(
        lengths=Lengths(Spread.of(lengths.elements()), dict(sorted(lengths.items()))),
        total=total,
        cut=len(cut),
        cut_places=_places(rows, cut),
        slices=num_slices,
        truncated=truncated,
        unknown=num_unknown,
        unknown_words=unknown.words_found(spell=visible),
        dropped=dropped.words_found(),
    )


def _num_slices(parts: Sequence[Pieces], length: int, room: int) -> int:
    if length <= room:
        return min(length, 1)
    return len(slices([word for word, part in enumerate(parts) for _ in range(part.total)], room))


def _places(rows: Rows, numbers: list[int]) -> tuple[Place, ...]:
    return tuple(rows.place(number) for number in numbers[:SHOWN])
