"""How the words of an entity are labelled at all other places of a data set."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from nerbb_ray.ner.tags import OUTSIDE, Entity

Form = tuple[str, ...]
Labelled = tuple[Sequence[str], Sequence[Entity]]  # the words of a sentence, and its entities


def labels_of(forms: Iterable[Form], sentences: Iterable[Labelled]) -> Mapping[Form, Counter[str]]:
    """How often the words of each form are an entity of each class, or in none (`O`).

    Words are compared as they are written. A place where they are a part of a longer entity says nothing about them.
    """
    counts: dict[Form, Counter[str]] = {form: Counter() for form in forms}
    lengths: defaultdict[str, set[int]] = defaultdict(set)
    for form in counts:
        lengths[form[0]].add(len(form))
    for words, entities in sentences:
        taken = {word: entity for entity in entities for word in range(entity.start, entity.end)}
        for form, start in _occurrences(words, lengths, counts):
            own = {taken.get(word) for word in range(start, start + len(form))}
            if own == {None}:
                counts[form][OUTSIDE] += 1
            elif (
                len(own) == 1
                and (entity := own.pop()) is not None
                and (entity.start, entity.end)
                == (
                    start,
                    start + len(form),
                )
            ):
                counts[form][entity.label] += 1
    return counts


def _occurrences(
    words: Sequence[str], lengths: Mapping[str, set[int]], forms: Mapping[Form, object]
) -> Iterator[tuple[Form, int]]:
    for start, word in enumerate(words):
        for length in lengths.get(word, ()):
            form = tuple(words[start : start + length])
            if form in forms:
                yield form, start
