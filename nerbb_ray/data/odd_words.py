"""Words that nobody has written: starts of documents, sub-tokens of a tokenizer and what it puts around sentences."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from nerbb_ray.data.build_corpus import SPLITS, Corpus
from nerbb_ray.data.content import is_document_mark
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.wording import counted
from nerbb_ray.ner.tags import OUTSIDE

# WordPiece marks what goes on a word, SentencePiece and byte-level BPE what begins one
SUBTOKEN = re.compile(r"##\w.*|[\u2581\u0120].+", re.DOTALL)
SPECIAL = re.compile(r"\[(?:CLS|SEP|PAD|UNK|MASK)\]|</?s>|<(?:pad|unk|bos|eos|mask)>")
_BARE = frozenset({"BOS", "EOS"})  # words, unless they stand in every sentence
_OFTEN, _ALWAYS = 0.02, 0.95
_FEW = 5  # sentences, which may begin alike by chance


def without_document_marks(readings: Mapping[str, Reading]) -> dict[str, Reading]:
    """Sentences of nothing but `-DOCSTART-` are borders of documents, in lists of words, too."""
    return {split: _without_marks(reading) for split, reading in readings.items()}


def _without_marks(reading: Reading) -> Reading:
    marks = [len(s.tokens) == 1 and is_document_mark(s.tokens[0]) for s in reading.sentences]
    if not any(marks):
        return reading
    document, documents = 0, []
    for is_mark in marks:
        document += is_mark
        documents.append(document)
    kept = [number for number, is_mark in enumerate(marks) if not is_mark]
    found = replace(reading, documents=reading.documents or documents).only(kept)
    note = (
        f"{reading.source}: {counted(sum(marks), 'sentence')} of nothing but a mark of documents (-DOCSTART-): left out"
    )
    return replace(found, notes=[*reading.notes, note])


def word_notes(corpus: Corpus) -> Iterator[str]:
    """What is said at set-up of words that running text, of which a model is asked later, does not have."""
    for split in SPLITS:
        sentences = corpus.split(split)
        words = Counter(word for sentence in sentences for word in sentence.tokens)
        pieces = {word: n for word, n in words.items() if SUBTOKEN.fullmatch(word)}
        if sum(pieces.values()) >= _OFTEN * max(1, words.total()):
            shown = ", ".join(sorted(pieces, key=lambda word: -pieces[word])[:3])
            yield (
                f"{split}: {counted(sum(pieces.values()), 'word')} of {words.total()} look like sub-tokens of a "
                f"tokenizer ({shown}): a model gets whole words; join them to words before, one tag each"
            )
        framed = [mark for place in (0, -1) if (mark := _always(sentences, place)) is not None]
        if framed:
            marks = " and ".join(framed)
            yield f"{split}: {marks} stands in all sentences as a word; no text has it: leave it out of the data"


def _always(sentences: Sequence[Sentence], place: int) -> str | None:
    """What a tokenizer has put there in nearly all sentences; None for none."""
    if len(sentences) < _FEW:
        return None
    ends = Counter(_ends(sentences, place))
    word, count = ends.most_common(1)[0] if ends else ("", 0)
    return word if count >= _ALWAYS * len(sentences) else None


def _ends(sentences: Iterable[Sentence], place: int) -> Iterator[str]:
    for sentence in sentences:
        word = sentence.tokens[place]
        if sentence.tags[place] == OUTSIDE and (word in _BARE or SPECIAL.fullmatch(word)):
            yield word
