"""From what was counted to what a user should do: odd words, long sentences, and what a tokenizer makes of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nerbb_ray.doctor.findings import Findings, Place, Problem, Severity, Subtokens, Words
from nerbb_ray.doctor.wording import by_split, counted, listed, percent
from nerbb_ray.doctor.words import KINDS, LONG_SENTENCE, LONG_WORD

OFTEN_CUT, OFTEN_UNKNOWN = 0.05, 0.02


@dataclass(frozen=True, slots=True)
class Meaning:
    """Of a kind of odd words; `text` follows the number of words."""

    severity: Severity
    text: str
    advice: str


MEANINGS: dict[str, Meaning] = {
    "empty": Meaning("warning", "empty or blank", "leave them out of the data"),
    "blank_inside": Meaning("warning", "with a blank inside", "make each part a word, or replace the blank"),
    "control": Meaning("warning", "with control characters", "clean the text they come from"),
    "replacement": Meaning("warning", "with U+FFFD, lost by a wrong decoding", "read the source with its encoding"),
    "mojibake": Meaning("warning", "that look like UTF-8 read as Latin-1", "read the source as UTF-8"),
    "invisible": Meaning("info", "with invisible characters (soft hyphen, zero width)", "remove these characters"),
    "private": Meaning("info", "with characters that no standard defines", "replace these characters"),
    "not_nfc": Meaning("info", "with accents as characters of their own (not NFC)", "normalise all text to NFC"),
    "reference": Meaning("info", "with HTML references such as &amp;", "unescape the text (html.unescape)"),
    "subtoken": Meaning("warning", "that look like sub-tokens of a tokenizer", "join them to words, one tag each"),
    "special_token": Meaning("warning", "of a tokenizer that no text has", "leave them out of the data"),
    "long": Meaning("info", f"of more than {LONG_WORD} characters", "see whether blanks were lost"),
}


def word_problems(findings: Findings) -> Iterator[Problem]:
    for kind in KINDS:
        yield from _odd(findings, kind)
    yield from _long_sentences(findings)
    if findings.model is not None:
        yield from _dropped(findings)
        yield from _unknown(findings)
        yield from _cut(findings)


def _odd(findings: Findings, kind: str) -> Iterator[Problem]:
    found = {split.split: split.odd[kind] for split in findings.splits if kind in split.odd}
    if found:
        meaning, total = MEANINGS[kind], sum(words.count for words in found.values())
        text = f"{counted(total, 'word')} {meaning.text} ({by_split(_counts(found))}){_examples(found)}"
        yield Problem(kind, meaning.severity, text, meaning.advice, total, _places(found))


def _long_sentences(findings: Findings) -> Iterator[Problem]:
    counts = {
        split.split: sum(count for length, count in split.lengths.counts.items() if length > LONG_SENTENCE)
        for split in findings.splits
    }
    if total := sum(counts.values()):
        longest = max(split.lengths.spread.max or 0 for split in findings.splits)
        text = f"{counted(total, 'sentence')} of more than {LONG_SENTENCE} words ({by_split(counts)}), up to {longest}"
        advice = "see whether the empty lines between sentences were lost"
        yield Problem("long_sentence", "warning", text, advice, total)


def _dropped(findings: Findings) -> Iterator[Problem]:
    found = _of_tokenizer(findings, lambda subtokens: subtokens.dropped)
    if total := sum(words.count for words in found.values()):
        tagged = sum(words.tagged for words in found.values())
        text = f"{counted(total, 'word')} dropped by the tokenizer: no sub-token ({by_split(_counts(found))})"
        loss = f", {tagged} of them in an entity" if tagged else ", none of them in an entity"
        advice = "always predicted O: leave them out, or replace them by what can be seen"
        severity: Severity = "warning" if tagged else "info"
        yield Problem("dropped_word", severity, f"{text}{loss}{_examples(found)}", advice, total, _places(found))


def _unknown(findings: Findings) -> Iterator[Problem]:
    found = _of_tokenizer(findings, lambda subtokens: subtokens.unknown_words)
    if total := sum(words.count for words in found.values()):
        tokens = sum(split.tokens for split in findings.splits)
        text = f"{counted(total, 'word')} ({percent(total, tokens)}) with the unknown token{_examples(found)}"
        severity: Severity = "warning" if total >= OFTEN_UNKNOWN * tokens else "info"
        advice = "the model cannot read them: take one whose vocabulary fits, if there are many"
        yield Problem("unknown_word", severity, text, advice, total, _places(found))


def _cut(findings: Findings) -> Iterator[Problem]:
    found = {split.split: split.subtokens for split in findings.splits if split.subtokens}
    total, sentences = sum(s.cut for s in found.values()), sum(split.sentences for split in findings.splits)
    if total:
        counts = by_split({split: subtokens.cut for split, subtokens in found.items()})
        text = (
            f"{counted(total, 'sentence')} ({percent(total, sentences)}; {counts}) longer than "
            f"max_seq_length = {findings.max_seq_length}: cut into slices"
        )
        severity: Severity = "warning" if total >= OFTEN_CUT * sentences else "info"
        longest = max(subtokens.lengths.spread.max or 0 for subtokens in found.values())
        advice = f"a word does not see the other slices: max_seq_length = {longest} would hold all, if the model can"
        places = tuple(place for subtokens in found.values() for place in subtokens.cut_places)
        yield Problem("cut_sentence", severity, text, advice, total, places)
    if truncated := sum(subtokens.truncated for subtokens in found.values()):
        text = f"{counted(truncated, 'word')} longer than max_seq_length = {findings.max_seq_length}"
        yield Problem("cut_word", "info", text, "only the beginning is read: see whether they are words", truncated)


def _of_tokenizer(findings: Findings, words: Callable[[Subtokens], Words]) -> dict[str, Words]:
    return {split.split: words(split.subtokens) for split in findings.splits if split.subtokens}


def _counts(found: dict[str, Words]) -> dict[str, int]:
    return {split: words.count for split, words in found.items()}


def _examples(found: dict[str, Words]) -> str:
    totals: dict[str, int] = {}
    for words in found.values():
        for word, count in words.examples:
            totals[word] = totals.get(word, 0) + count
    frequent = sorted(totals, key=lambda word: -totals[word])[:3]
    return f", such as {listed((f'{word} ({totals[word]})' for word in frequent), 3)}" if frequent else ""


def _places(found: dict[str, Words]) -> tuple[Place, ...]:
    return tuple(place for words in found.values() for place in words.places)
