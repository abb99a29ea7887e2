"""Tags that break the scheme of all others: one slip must not turn a whole data set into one of plain classes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import (
    GRAMMARS,
    OUTSIDE,
    OUTSIDE_SPELLINGS,
    SCHEMES,
    SourceScheme,
    explain,
    recognise,
    split_tag,
)

_FORMS: tuple[SourceScheme, ...] = ("bilou", "bioes", "bio")


def refuse_stray_tags(readings: Mapping[str, Reading], splits: Mapping[str, Sequence[Sentence]]) -> None:
    """Only for data without a scheme that explains all of their tags, and that are not called plain.

    Plain classes may look like anything, so that tags are stray only if most others have a form, and some class has
    both a B- and an I- tag.

    Args:
        splits: the cleaned sentences of the readings.
    Raises:
        DataError: naming the first stray tag.
    """
    counts = Counter(tag for rows in splits.values() for row in rows for tag in row.tags if tag != OUTSIDE)
    classes = [{tag[2:] for tag in counts if tag.startswith(prefix)} - {""} for prefix in ("B-", "I-")]
    if not classes[0] & classes[1]:
        return
    for form in _FORMS:
        own = {tag for tag in counts if _fits(tag, form)}
        covered = sum(counts[tag] for tag in own)
        rest = [[tag if tag in own else OUTSIDE for tag in row.tags] for rows in splits.values() for row in rows]
        if 2 * covered > counts.total() and recognise(rest) in (form, "iob1" if form == "bio" else form):
            raise _error(readings, splits, own, form)


def _fits(tag: str, form: SourceScheme) -> bool:
    try:
        return bool(split_tag(tag, form)[1])
    except DataError:
        return False


def _error(
    readings: Mapping[str, Reading], splits: Mapping[str, Sequence[Sentence]], own: set[str], form: SourceScheme
) -> DataError:
    places = list(_stray(splits, own))
    split, number, word = places[0]
    sentence, source = splits[split][number], readings[split].source
    line = sentence.line(word)
    expected = ", ".join(f"{prefix}-<class>" for prefix in GRAMMARS[form].prefixes)
    message = (
        f"a tag must be O, {expected}, like most tags of these data; got {sentence.tags[word]!r} for "
        f"{sentence.tokens[word]!r}{_more(len(places) - 1)}. Mend it, or set annotation_scheme = {_ways_out(splits)}"
    )
    where = f"{split}, sentence {number + 1}: "
    if line is None:  # without files: of the hub
        return DataError(f"{source}{': ' if source else ''}{where}{message}")
    return DataError(message if source else where + message, Path(source) if source else None, line)


def _ways_out(splits: Mapping[str, Sequence[Sentence]]) -> str:
    tags = [row.tags for rows in splits.values() for row in rows]
    forms = [scheme for scheme in SCHEMES if explain(tags, scheme)]
    return " or ".join([*forms, "plain"]) + ", if that is what all of them are"


def _more(count: int) -> str:
    return f" (and {count} more like it)" if count else ""


def _stray(splits: Mapping[str, Sequence[Sentence]], own: set[str]) -> Iterator[tuple[str, int, int]]:
    """(split, sentence, word) of every tag that is not one of them."""
    for split, rows in splits.items():
        for number, sentence in enumerate(rows):
            for word, tag in enumerate(sentence.tags):
                if tag not in own and tag not in OUTSIDE_SPELLINGS:
                    yield split, number, word
