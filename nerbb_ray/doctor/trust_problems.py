"""What makes every number of an experiment worthless: data that are not what their user means."""

import re
from collections.abc import Iterator, Mapping

from nerbb_ray.doctor.findings import Findings, Problem, Severity, SplitFindings
from nerbb_ray.doctor.wording import counted, listed, percent
from nerbb_ray.ner.tags import LETTERS, OUTSIDE

NEARLY_ALL = 0.8  # of the words
UNREACHABLE = 0.01  # of the entities
_BARE = re.compile(f"[{LETTERS}][-_:/]?")
_BEGINS = re.compile(f"([{LETTERS}])[-_:/](.+)", re.DOTALL)
_ENDS = re.compile(f"(.+)[-_:/]([{LETTERS}])", re.DOTALL)


def trust_problems(findings: Findings) -> Iterator[Problem]:
    for split in findings.splits:
        if split.tokens:
            yield from _classes_of_words(split)
        yield from _borders(split)
    yield from _prefixes(findings.classes)
    yield from _nothing_shared(findings)


def _classes_of_words(split: SplitFindings) -> Iterator[Problem]:
    if not split.words_of[OUTSIDE]:
        text = f"no word of {split.split} is O: each has a class"
        advice = "see whether this column is that of the entities (--tag-column), and how O is written (--outside)"
        yield Problem("no_outside", "error", text, advice, split.tokens)
    label, most = max(
        ((label, count) for label, count in split.words_of.items() if label != OUTSIDE),
        key=lambda pair: pair[1],
        default=("", 0),
    )
    if most > NEARLY_ALL * split.tokens:
        text = f"{percent(most, split.tokens)} of the words of {split.split} have the class {label}"
        advice = "see whether it means O (--outside), and whether this column is that of the entities (--tag-column)"
        yield Problem("one_class", "error", text, advice, most)


def _borders(split: SplitFindings) -> Iterator[Problem]:
    found = split.borders
    if found.inside:
        text = f"{counted(found.inside, 'border')} of entities inside of a word of {split.split}"
        advice = "see whether the places are off by one; no model can predict such an entity"
        shown = f": {listed(found.inside_shown, 5)}"
        yield Problem("border_in_word", "warning", text + shown, advice, found.inside, found.inside_places)
    if found.unreachable:
        many = found.unreachable > UNREACHABLE * split.num_entities
        severity: Severity = "error" if many else "info"
        share = percent(found.unreachable, split.num_entities)
        text = (
            f"{counted(found.unreachable, 'entity')} of {split.split} ({share}) cannot be reached in running text, "
            f"where no word begins or ends at their borders: {listed(found.unreachable_shown, 5)}"
        )
        advice = "mend the places, or give the words of all splits as they stand in text"
        yield Problem("unreachable", severity, text, advice, found.unreachable, found.unreachable_places)


def _prefixes(classes: tuple[str, ...]) -> Iterator[Problem]:
    """Classes that are tags of a scheme that was not recognised."""
    bare = [label for label in classes if _BARE.fullmatch(label)]
    begins = {label: (found[1], found[2]) for label in classes if (found := _BEGINS.fullmatch(label))}
    ends = {label: (found[2], found[1]) for label in classes if (found := _ENDS.fullmatch(label))}
    sure = {*_in_pairs(begins), *_in_pairs(ends), *(bare if len(bare) > 1 or any(len(b) > 1 for b in bare) else ())}
    perhaps = sorted({*bare, *begins})
    advice = "say how the tags are written (--scheme when the data are set up), or rename the classes"
    if sure:
        text = f"{counted(len(sure), 'class')} that look like tags: {listed(sorted(sure), 8)}"
        yield Problem("prefix_class", "error", text, advice, len(sure))
    elif perhaps:
        text = f"{counted(len(perhaps), 'class')} that may be a tag: {listed(perhaps, 8)}"
        yield Problem("prefix_class", "warning", text, advice, len(perhaps))


def _in_pairs(parts: Mapping[str, tuple[str, str]]) -> set[str]:
    """The classes whose name without the letter comes with several letters."""
    letters: dict[str, set[str]] = {}
    for letter, name in parts.values():
        letters.setdefault(name, set()).add(letter)
    return {label for label, (_, name) in parts.items() if len(letters[name]) > 1}


def _nothing_shared(findings: Findings) -> Iterator[Problem]:
    train = findings.split("train")
    for split in findings.splits[1:]:
        known, own = ({label for label, count in s.entities.items() if count} for s in (train, split))
        if known and own and not known & own:
            text = (
                f"{split.split} has no class of train: {listed(sorted(own), 5)}; train has {listed(sorted(known), 5)}"
            )
            advice = "see whether both have the same names of classes, and the same scheme of tags"
            yield Problem("nothing_shared", "error", text, advice, len(own))
