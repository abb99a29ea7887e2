"""Breaches of the tag scheme, in the tags as they stand in the files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.text_files import BLANK
from nerbb_ray.doctor.findings import Tagging, Violation
from nerbb_ray.doctor.rows import SHOWN, Rows
from nerbb_ray.ner.tags import GRAMMARS, OUTSIDE_SPELLINGS, Scheme, SourceScheme, explain, recognise, split_tag

Part = tuple[str, str]
OUT: Part = ("", "")


def source_scheme(readings: Mapping[str, Reading], target: Scheme) -> SourceScheme:
    """The scheme of the files whose format fixes none.

    Args:
        target: that of the assembled corpus, which tells what a user has said of tags that could be anything.
    """
    tags = [row for reading in readings.values() if not reading.scheme for row in _with_entities(reading.sentences)]
    guess = recognise(tags)
    return guess if guess != "plain" else explain(tags, target) or guess


def examine_tags(rows: Rows, scheme: SourceScheme) -> Tagging:
    """Args:
    rows: as read, before anything is mended.
    """
    count = 0
    first: list[Violation] = []
    for number, sentence in rows:
        for word, before, tag in violations(_clean(sentence.tags), scheme):
            count += 1
            if len(first) < SHOWN:
                first.append(
                    Violation(rows.place(number, word, " ".join(sentence.tokens[word : word + 6])), tag, before)
                )
    alone = recognise(_with_entities(rows.sentences))
    return Tagging(scheme, alone, count, tuple(first))


def violations(tags: Sequence[str], scheme: SourceScheme) -> Iterator[tuple[int, str, str]]:
    """(word, tag before, tag) wherever two tags may not follow each other; "" stands for the sentence's borders."""
    if scheme == "plain" or OUTSIDE_SPELLINGS.issuperset(tags):
        return
    may_follow = _may_follow_iob1 if scheme == "iob1" else _may_follow
    before, part = "", OUT
    for word, tag in enumerate(tags):
        following = split_tag(tag, scheme)
        if not may_follow(part, following, scheme):
            yield word, before, tag
        before, part = tag, following
    if tags and not may_follow(part, OUT, scheme):
        yield len(tags) - 1, before, ""


def _may_follow(before: Part, part: Part, scheme: SourceScheme) -> bool:
    """In schemes that mark where an entity begins (bio), and also where it ends (bilou, bioes)."""
    grammar = GRAMMARS[scheme]
    if part[1] and part[0] not in grammar.starts:
        return part[1] == before[1] and (before[0], part[0]) in grammar.links
    return not before[1] or before[0] in grammar.ends


def _may_follow_iob1(before: Part, part: Part, _scheme: SourceScheme) -> bool:
    """B- only sets an entity apart from one of its own class before it."""
    return part[0] != "B" or part[1] == before[1]


def _with_entities(sentences: Iterable[Sentence]) -> Iterator[list[str]]:
    """The tags of sentences that say something about the scheme."""
    cleaned = (_clean(sentence.tags) for sentence in sentences)
    return (tags for tags in cleaned if not OUTSIDE_SPELLINGS.issuperset(tags))


def _clean(tags: Sequence[str]) -> list[str]:
    return [tag.strip(BLANK) for tag in tags]
