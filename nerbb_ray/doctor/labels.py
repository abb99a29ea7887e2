"""What the entities of a data set are: how many, known from train, labelled in several ways."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from nerbb_ray.data.corpus import Sentence
from nerbb_ray.doctor.findings import Conflict, Place
from nerbb_ray.doctor.rows import Rows
from nerbb_ray.ner.tags import OUTSIDE, Scheme, entities_lenient

SHOWN_CONFLICTS = 20

Form = tuple[str, ...]


class Mention(NamedTuple):
    """An entity: the words start ... start + len(form) - 1 of a sentence (all numbers from 0)."""

    form: Form
    label: str
    sentence: int
    start: int


def mentions(rows: Rows, scheme: Scheme) -> list[Mention]:
    return [
        Mention(sentence.tokens[start:end], label, number, start)
        for number, sentence in rows
        for label, start, end in entities_lenient(sentence.tags, scheme)
    ]


def by_class(found: Sequence[Mention], classes: Sequence[str]) -> dict[str, int]:
    counts = Counter(mention.label for mention in found)
    return {label: counts[label] for label in classes}


def seen_in(train: Sequence[Mention], found: Sequence[Mention]) -> int:
    """How many entities have words that are of the same class in train: a model may know them by heart."""
    known = {(mention.form, mention.label) for mention in train}
    return sum((mention.form, mention.label) in known for mention in found)


class _Uses:
    """How often a form has each label, and where first."""

    def __init__(self) -> None:
        self.labels: Counter[str] = Counter()
        self.first: dict[str, tuple[Rows, int, int]] = {}

    @property
    def rank(self) -> tuple[int, int]:
        """Low where the most occurrences do not have their usual label, then where there are the most."""
        total = self.labels.total()
        return max(self.labels.values()) - total, -total

    def add(self, label: str, rows: Rows, sentence: int, word: int) -> None:
        self.labels[label] += 1
        self.first.setdefault(label, (rows, sentence, word))


def conflicts(splits: Sequence[tuple[Rows, Sequence[Mention]]]) -> tuple[list[Conflict], int]:
    """The forms with several labels, those first that do not have their usual label most often; and their number.

    The letters of a form count as they are written: Apple is not apple.
    """
    uses: dict[Form, _Uses] = defaultdict(_Uses)
    for rows, found in splits:
        for mention in found:
            uses[mention.form].add(mention.label, rows, mention.sentence, mention.start)
    lengths = _lengths_by_first_word(uses)
    for rows, _ in splits:
        for number, sentence in rows:
            for form, start in _outside(sentence, uses, lengths):
                uses[form].add(OUTSIDE, rows, number, start)
    several = [(form, use) for form, use in uses.items() if len(use.labels) > 1]
    several.sort(key=lambda item: (*item[1].rank, item[0]))
    return [_conflict(form, use) for form, use in several[:SHOWN_CONFLICTS]], len(several)


def _lengths_by_first_word(forms: Mapping[Form, _Uses]) -> dict[str, list[int]]:
    found: defaultdict[str, set[int]] = defaultdict(set)
    for form in forms:
        found[form[0]].add(len(form))
    return {word: sorted(lengths) for word, lengths in found.items()}


def _outside(
    sentence: Sentence, forms: Mapping[Form, _Uses], lengths: dict[str, list[int]]
) -> Iterator[tuple[Form, int]]:
    """Where a sentence has the words of an entity, all of them outside of any."""
    for start, (token, tag) in enumerate(zip(sentence.tokens, sentence.tags, strict=True)):
        if tag != OUTSIDE:
            continue
        for length in lengths.get(token, ()):
            form = sentence.tokens[start : start + length]
            if form in forms and all(tag == OUTSIDE for tag in sentence.tags[start : start + length]):
                yield form, start


def _conflict(form: Form, use: _Uses) -> Conflict:
    text = " ".join(form)
    labels = dict(sorted(use.labels.items(), key=lambda item: (-item[1], item[0])))
    return Conflict(text, labels, tuple(_place(*use.first[label], label) for label in labels))


def _place(rows: Rows, sentence: int, word: int, label: str) -> Place:
    tokens = rows.sentences[sentence].tokens
    context = " ".join(tokens[max(0, word - 4) : word + 6])
    return rows.place(sentence, word, f"{label}: {context}")
