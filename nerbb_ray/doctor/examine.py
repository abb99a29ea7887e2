"""The examination: from a data set to findings."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nerbb_ray.data.corpus import SPLITS, Corpus
from nerbb_ray.data.running_text import Typography
from nerbb_ray.data.sentences import Reading
from nerbb_ray.data.words_of_text import WordSplitting
from nerbb_ray.doctor.borders import examine_borders
from nerbb_ray.doctor.findings import Findings, Lengths, SplitFindings, Spread, Tagging
from nerbb_ray.doctor.labels import Mention, by_class, conflicts, mentions, seen_in
from nerbb_ray.doctor.problems import find_problems
from nerbb_ray.doctor.repeats import Index, examine_overlaps, examine_repeats
from nerbb_ray.doctor.rows import Rows
from nerbb_ray.doctor.subtokens import WordPieces, examine_subtokens
from nerbb_ray.doctor.tagging import examine_tags, source_scheme
from nerbb_ray.doctor.words import examine_words
from nerbb_ray.ner.tags import OUTSIDE

DEFAULT_LENGTH = 128


def examine(
    corpus: Corpus,
    readings: Mapping[str, Reading] | None = None,
    tokenizer: Any = None,
    max_seq_length: int = DEFAULT_LENGTH,
    model: str | None = None,
) -> Findings:
    """Look at everything that can be known before training.

    Args:
        readings: what the corpus was assembled from (`find_data`); without it, nothing is said about breaches of the
            tag scheme, which are mended in the corpus, nor about files.
        tokenizer: a fast tokenizer of transformers; without it, words are counted only.
        max_seq_length: sub-tokens of a slice, special tokens included.
        model: the name of the tokenizer's model.
    Raises:
        ModelError: max_seq_length leaves no room for a word.
    """
    readings = readings or {}
    rows = {split: _rows(corpus, readings, split) for split in SPLITS}
    found = {split: mentions(rows[split], corpus.scheme) for split in SPLITS}
    indexes = {split: Index.of(rows[split]) for split in SPLITS}
    splitting, typography = corpus.word_splitting(), Typography.of(s.tokens for s in corpus.train if s.text is None)
    splits = [_split(corpus, rows[split], indexes[split], found, splitting, typography) for split in SPLITS]
    if readings:
        taggings = _taggings(corpus, readings)
        splits = [replace(split, tagging=taggings.get(split.split)) for split in splits]
    if tokenizer is not None:
        splits = _with_subtokens(splits, rows, tokenizer, max_seq_length)
    worst, number = conflicts([(rows[split], found[split]) for split in SPLITS])
    findings = Findings(
        name=corpus.name,
        scheme=corpus.scheme,
        classes=corpus.classes,
        fingerprint=corpus.fingerprint,
        max_seq_length=max_seq_length,
        model=None if tokenizer is None else model or str(tokenizer.name_or_path),
        splits=tuple(splits),
        overlaps=tuple(examine_overlaps(indexes)),
        conflicts=tuple(worst),
        num_conflicts=number,
        notes=corpus.notes,
        splitting=str(splitting),
    )
    return replace(findings, problems=find_problems(findings))


def _rows(corpus: Corpus, readings: Mapping[str, Reading], split: str) -> Rows:
    # what was held out comes from the file of train
    reading = readings.get(split) or readings.get("train")
    return Rows(split, reading.source if reading else "", corpus.split(split))


def _split(
    corpus: Corpus,
    rows: Rows,
    index: Index,
    found: Mapping[str, list[Mention]],
    splitting: WordSplitting,
    typography: Typography,
) -> SplitFindings:
    own = found[rows.split]
    lengths = sorted(len(sentence.tokens) for sentence in rows.sentences)
    counts: dict[int, int] = {}
    for length in lengths:
        counts[length] = counts.get(length, 0) + 1
    return SplitFindings(
        split=rows.split,
        source=rows.source,
        sentences=len(rows),
        tokens=sum(lengths),
        entities=by_class(own, corpus.classes),
        without_entity=len(rows) - len({mention.sentence for mention in own}),
        in_train=None if rows.split == "train" else seen_in(found["train"], own),
        lengths=Lengths(Spread.of(lengths), counts),
        repeats=examine_repeats(index),
        odd=examine_words(rows),
        words_of=_words_of(rows, own, corpus.classes),
        borders=examine_borders(rows, corpus.scheme, splitting, typography),
    )


def _words_of(rows: Rows, own: list[Mention], classes: tuple[str, ...]) -> dict[str, int]:
    counts = dict.fromkeys((OUTSIDE, *classes), 0)
    for mention in own:
        counts[mention.label] += len(mention.form)
    counts[OUTSIDE] = sum(len(sentence.tokens) for sentence in rows.sentences) - sum(counts.values())
    return counts


def _taggings(corpus: Corpus, readings: Mapping[str, Reading]) -> dict[str, Tagging]:
    source = source_scheme(readings, corpus.scheme)
    return {
        split: examine_tags(Rows(split, reading.source, reading.sentences), reading.scheme or source)
        for split, reading in readings.items()
    }


def _with_subtokens(
    splits: list[SplitFindings], rows: Mapping[str, Rows], tokenizer: Any, max_seq_length: int
) -> list[SplitFindings]:
    pieces = WordPieces(tokenizer, max_seq_length)
    return [replace(split, subtokens=examine_subtokens(rows[split.split], pieces)) for split in splits]
