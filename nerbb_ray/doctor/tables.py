"""The figures of all splits side by side: the same rows for the screen and for the page."""

from collections.abc import Callable, Iterator

from nerbb_ray.doctor.findings import Findings, SplitFindings, Spread, Subtokens
from nerbb_ray.doctor.rows import visible
from nerbb_ray.doctor.wording import percent

Row = tuple[str, ...]
NONE = "-"


def split_rows(findings: Findings) -> Iterator[Row]:
    """(what, train, val, test)."""
    yield _row(findings, "sentences", lambda s: str(s.sentences))
    yield _row(findings, "  without entity", lambda s: _part(s.without_entity, s.sentences))
    yield _row(findings, "words", lambda s: str(s.tokens))
    yield _row(findings, "entities", lambda s: str(s.num_entities))
    for label in findings.classes:
        yield (f"  {visible(label)}", *(str(split.entities[label]) for split in findings.splits))
    yield _row(findings, "  same words and class in train", lambda s: _part(s.in_train, s.num_entities))
    yield _row(findings, "  not to be reached in text", lambda s: _part(s.borders.unreachable, s.num_entities))
    yield _row(findings, "words per sentence *", lambda s: spread_text(s.lengths.spread))
    if findings.model is not None:
        yield from _subtoken_rows(findings)
    if any(split.tagging for split in findings.splits):
        yield _row(findings, "scheme of the tags in the file", lambda s: s.tagging.scheme if s.tagging else NONE)
        yield _row(findings, "  tags that break it", lambda s: str(s.tagging.count) if s.tagging else NONE)
    yield _row(findings, "duplicate sentences", lambda s: _part(s.repeats.count, s.sentences))
    yield _row(findings, "  with contradicting tags", lambda s: str(s.repeats.contradicting))
    yield _row(findings, "  but for case, digits, blanks", lambda s: str(s.repeats.near))
    for of in ("train", "val"):
        yield (f"sentences also in {of}", *(_overlap(findings, of, split) for split in findings.splits))


def spread_text(spread: Spread) -> str:
    if spread.median is None:
        return NONE
    return f"{spread.min} / {spread.median:g} / {spread.p95} / {spread.max}"


def overlap_rows(findings: Findings) -> Iterator[Row]:
    """(which, same words, of those short, nearly the same, of those short)."""
    for o in findings.overlaps:
        share = NONE if o.share is None else _part(o.count, findings.split(o.inside).sentences)
        yield f"{o.inside} in {o.of}", share, str(o.short), str(o.near), str(o.near_short)


def _subtoken_rows(findings: Findings) -> Iterator[Row]:
    def row(name: str, cell: Callable[[Subtokens, int], str]) -> Row:
        splits = findings.splits
        return (name, *(cell(s.subtokens, s.tokens) if s.subtokens and s.tokens else NONE for s in splits))

    yield row("sub-tokens per sentence *", lambda s, _: spread_text(s.lengths.spread))
    yield row(f"  longer than {findings.max_seq_length}", lambda s, _: str(s.cut))
    yield row("  slices", lambda s, _: str(s.slices))
    yield row("sub-tokens per word", lambda s, words: f"{s.total / words:.2f}")
    yield row("  unknown", lambda s, _: _part(s.unknown, s.total))
    yield row("words without any sub-token", lambda s, _: str(s.dropped.count))


def _row(findings: Findings, name: str, cell: Callable[[SplitFindings], str]) -> Row:
    return (name, *(cell(split) for split in findings.splits))


def _part(part: int | None, whole: int) -> str:
    return NONE if part is None or not whole else f"{part} ({percent(part, whole)})"


def _overlap(findings: Findings, of: str, split: SplitFindings) -> str:
    found = next((o for o in findings.overlaps if o.of == of and o.inside == split.split), None)
    return NONE if found is None else _part(found.count, split.sentences)
