"""Tags of several files in one scheme: which each file is in, which one all are written in, what is mended for it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.tag_errors import refuse_other_tags, refuse_stray_tags
from nerbb_ray.data.text_files import BLANK
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import (
    GRAMMARS,
    OUTSIDE,
    OUTSIDE_SPELLINGS,
    SCHEMES,
    SPARING,
    TARGET_OF,
    Scheme,
    SourceScheme,
    convert,
    explain,
    recognise,
)

# what 0.3.0 knew: data that were set up by it are read as it did
STORED: frozenset[SourceScheme] = frozenset({"plain", "bio", "bilou", "iob1", "bioes"})
_SHOWN = 3  # places of what was mended


def sources_of(
    readings: Mapping[str, Reading],
    splits: Mapping[str, list[Sentence]],
    scheme: str,
    notes: list[str],
    *,
    stored: bool,
) -> dict[str, SourceScheme]:
    """The scheme of the tags of each split."""
    unknown = {split: reading for split, reading in readings.items() if not reading.scheme}
    rows = {split: splits[split] for split in unknown}
    source = _source([s.tags for own in rows.values() for s in own], scheme, notes, STORED if stored else GRAMMARS)
    if unknown and source == "plain" != scheme:
        refuse_stray_tags(unknown, rows)
    for split, reading in readings.items():
        if reading.scheme not in (None, "plain"):
            refuse_other_tags({split: reading}, {split: splits[split]}, reading.scheme)
    return {split: reading.scheme or source for split, reading in readings.items()}


def cleaned(split: str, sentences: Iterable[Sentence], notes: list[str]) -> list[Sentence]:
    """The sentences that have words, with O written as O and no blanks around tags."""
    rows = list(sentences)
    kept = [row for row in rows if row.tokens]
    if any(_clean_tag(tag) != tag for tag in {tag for row in kept for tag in row.tags}):
        kept = [replace(row, tags=tuple(_clean_tag(tag) for tag in row.tags)) for row in kept]
    if len(kept) < len(rows):
        notes.append(f"{split}: {len(rows) - len(kept)} sentences without any word left out")
    return kept


def _clean_tag(tag: str) -> str:
    bare = tag.strip(BLANK)
    return OUTSIDE if bare in OUTSIDE_SPELLINGS else bare


def _source(
    tags: Sequence[Sequence[str]], scheme: str, notes: list[str], among: Collection[SourceScheme]
) -> SourceScheme:
    """The scheme of the data: what their tags look like, unless the user knows better."""
    guess = recognise(tags, among)
    if guess != "plain":
        return guess
    if among is STORED and (later := recognise(tags)) != "plain":
        notes.append(f"read as plain classes, as 0.3.0 did, although they look like {later}: set the data up anew")
    forms = {known: form for known in SCHEMES if (form := explain(tags, known, among))}
    if scheme == "auto" and forms:
        looks = ", ".join(sorted({tag for row in tags for tag in row} - OUTSIDE_SPELLINGS)[:5])
        notes.append(
            f"read as plain classes although all of them begin like tags of {' or '.join(forms)} ({looks}): "
            f"if that is what they are, set annotation_scheme = {next(iter(forms))}"
        )
    named = next((form for known, form in forms.items() if known == scheme), None)
    if named:
        notes.append(f"tags read as {named} because annotation_scheme = {scheme}; they could be plain classes")
    return named or guess


def target_of(scheme: str, sources: Mapping[str, SourceScheme]) -> Scheme:
    if scheme == "auto":
        return TARGET_OF[sources["train"]]
    target = next((known for known in SCHEMES if known == scheme), None)
    if target is None:
        raise DataError(f"annotation scheme must be one of auto, {', '.join(SCHEMES)}; got {scheme!r}")
    return target


def converted_to(
    split: str, rows: list[Sentence], source: SourceScheme, target: Scheme, notes: list[str], file: str
) -> tuple[tuple[Sentence, ...], int]:
    """The sentences in the wanted scheme, and how many tags had to be mended for it."""
    mended: list[str] = []
    written: list[Sentence] = []
    known: dict[tuple[str, ...], tuple[tuple[str, ...] | None, tuple[str, ...]]] = {}
    for sentence in rows:
        if sentence.tags not in known:
            known[sentence.tags] = _written(sentence.tags, source, target)
        formed, tags = known[sentence.tags]
        if formed is not None:
            mended += _mended(sentence, formed, file)
        written.append(sentence if tags == sentence.tags else replace(sentence, tags=tags))
    if mended:
        rule = f"{len(mended)} tags were not well-formed {source} (such as I- without B-) and were mended"
        notes.append(f"{split}: {rule}: {', '.join(mended[:_SHOWN])}{' ...' if len(mended) > _SHOWN else ''}")
    if source != target and rows:
        lost = "; neighbours of one class are one entity from now on" if target == "plain" else ""
        notes.append(f"{split}: tags converted from {source} to {target}{lost}")
    return tuple(written), len(mended)


def _written(
    tags: tuple[str, ...], source: SourceScheme, target: Scheme
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """(well-formed tags, None if the given ones are; the tags in the wanted scheme)."""
    if OUTSIDE_SPELLINGS.issuperset(tags):
        return None, (OUTSIDE,) * len(tags)
    formed = tags if source == "plain" or source in SPARING else tuple(convert(tags, source, source))
    return None if formed == tags else formed, formed if source == target else tuple(convert(formed, source, target))


def _mended(sentence: Sentence, formed: Sequence[str], file: str) -> list[str]:
    """Where a tag had to be changed, and which."""
    return [
        f"{PurePath(file).name}:{sentence.line(word)} {a}" if sentence.line(word) else a
        for word, (a, b) in enumerate(zip(sentence.tags, formed, strict=True))
        if a.upper() != b.upper()
    ]
