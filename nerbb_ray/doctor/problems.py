"""From what was counted to what a user should do: splits, classes, tags and repeated sentences.

error: a result cannot be had, or cannot be trusted; warning: to be looked at; info: good to know.
"""

from collections.abc import Iterator

from nerbb_ray.doctor.findings import SEVERITIES, Findings, Overlap, Problem, Severity, SplitFindings
from nerbb_ray.doctor.trust_problems import trust_problems
from nerbb_ray.doctor.word_problems import word_problems
from nerbb_ray.doctor.wording import counted, listed, percent
from nerbb_ray.spelling import look_alike

FEW_ENTITIES = 10
IMBALANCE = 20  # times
FEW, MANY, OFTEN = 0.005, 0.01, 0.05  # of the sentences: published corpora have a few of everything
MOSTLY = 0.5  # of a split: that so many short sentences are in another one is no chance
SHIFT = 0.2  # total variation between the shares of the classes in two splits
NO_ENTITY, IN_TRAIN = 0.9, 0.5


def find_problems(findings: Findings) -> tuple[Problem, ...]:
    """All of them, the worst first."""
    found = [
        *trust_problems(findings),
        *_splits(findings),
        *_classes(findings),
        *_tags(findings),
        *(problem for overlap in findings.overlaps for problem in _overlap(findings, overlap)),
        *(problem for split in findings.splits for problem in _repeats(split)),
        *_labels(findings),
        *word_problems(findings),
    ]
    return tuple(sorted(found, key=lambda problem: SEVERITIES.index(problem.severity)))


def _splits(findings: Findings) -> Iterator[Problem]:
    if not findings.split("val").sentences:
        yield Problem("empty_split", "error", "val has no sentences", "early stopping, the default, needs them", 1)
    if not findings.split("test").sentences:
        yield Problem("empty_split", "warning", "test has no sentences", "no run will have a test result", 1)
    for split in findings.splits:
        if split.sentences and not split.num_entities:
            severity: Severity = "error" if split.split == "train" else "warning"
            advice = "annotate some; a model can only learn O" if severity == "error" else "F1 will be undefined on it"
            yield Problem("no_entities", severity, f"{split.split} has no entity", advice, 1)
        elif split.sentences and split.without_entity > NO_ENTITY * split.sentences:
            text = f"{percent(split.without_entity, split.sentences)} of the sentences of {split.split} have no entity"
            advice = "leaving most of them out of train saves time; expect low recall"
            yield Problem("mostly_without_entities", "info", text, advice, split.without_entity)


def _classes(findings: Findings) -> Iterator[Problem]:
    train = findings.split("train").entities
    for split in findings.splits:
        if not split.num_entities:
            continue
        missing = [label for label, count in split.entities.items() if not count]
        few = [f"{label} ({count})" for label, count in split.entities.items() if 0 < count < FEW_ENTITIES]
        if missing:
            trained = split.split == "train"
            advice = "no model can learn what it never sees" if trained else "it will have no score there"
            text = f"{split.split} has no entity of {counted(len(missing), 'class')}: {listed(missing, 8)}"
            yield Problem("missing_class", "error" if trained else "warning", text, advice, len(missing))
        if few:
            text = f"{split.split} has fewer than {FEW_ENTITIES} entities of {counted(len(few), 'class')}"
            advice = "scores of these classes will be mostly chance"
            yield Problem("rare_class", "warning", f"{text}: {listed(few, 8)}", advice, len(few))
    alike = [" = ".join(group) for group in look_alike(findings.classes)]
    if alike:
        text = f"{counted(len(alike), 'group')} of classes differ in case, blanks or marks only: {listed(alike, 5)}"
        yield Problem("similar_classes", "warning", text, "give each class one spelling in the data", len(alike))
    counts = [count for count in train.values() if count]
    if counts and max(counts) >= IMBALANCE * min(counts):
        most, least = max(train, key=lambda c: train[c]), min((c for c in train if train[c]), key=lambda c: train[c])
        text = f"train has {max(counts) / min(counts):.0f} times as many entities of {most} as of {least}"
        yield Problem("imbalance", "info", text, "look at the macro F1 and at each class, not only at the micro F1", 1)
    yield from _shifts(findings)


def _shifts(findings: Findings) -> Iterator[Problem]:
    train = findings.split("train")
    for split in findings.splits[1:]:
        if min(train.num_entities, split.num_entities) < FEW_ENTITIES * max(1, len(findings.classes)):
            continue  # too few to tell from chance
        gaps = {
            label: split.entities[label] / split.num_entities - train.entities[label] / train.num_entities
            for label in findings.classes
        }
        if sum(map(abs, gaps.values())) / 2 >= SHIFT:
            widest = max(gaps, key=lambda label: abs(gaps[label]))
            shares = [percent(s.entities[widest], s.num_entities) for s in (train, split)]
            text = (
                f"the classes are shared out differently in {split.split} than in train, {widest} most: "
                f"{shares[1]} of the entities, {shares[0]} in train"
            )
            yield Problem("class_shift", "info", text, "make sure that the splits were drawn as you want them", 1)


def _tags(findings: Findings) -> Iterator[Problem]:
    for split in findings.splits:
        tagging = split.tagging
        if tagging is None or not tagging.count:
            continue
        first = ", ".join(str(violation) for violation in tagging.first[:1])
        text = f"{counted(tagging.count, 'tag')} of {split.split} break the scheme {tagging.scheme}, such as {first}"
        advice = "mend them in the data; reading them begins a new entity there"
        places = tuple(violation.place for violation in tagging.first)
        yield Problem("tag_violation", "warning", text, advice, tagging.count, places)
    own = {s.split: s.tagging.alone for s in findings.splits if s.tagging and s.num_entities >= 2 * FEW_ENTITIES}
    if len(set(own.values())) > 1:
        text = f"the splits look as if written in different schemes: {listed(map(' '.join, own.items()), 3)}"
        yield Problem("mixed_schemes", "warning", text, "write all files in one scheme", len(set(own.values())))


def _overlap(findings: Findings, overlap: Overlap) -> Iterator[Problem]:
    size = findings.split(overlap.inside).sentences
    long, near = overlap.count - overlap.short, overlap.near - overlap.near_short
    if overlap.count:
        severity: Severity = "info" if long < FEW * size else "error" if long >= MANY * size else "warning"
        if not long and overlap.count >= MOSTLY * size:  # queries and commands are short, too
            severity, long = "warning", overlap.count
        short = ", all of them short" if overlap.short == overlap.count else f", {overlap.short} of them short"
        text = (
            f"{counted(overlap.count, 'sentence')} of {overlap.inside} ({percent(overlap.count, size)}"
            f"{short if overlap.short else ''}) also in {overlap.of}"
        )
        worth = "take them out of one of the two" if long else "harmless, unless there are many"
        places = tuple(place for pair in overlap.pairs for place in pair)
        advice = f"the score on {overlap.inside} is too good by them: {worth}" if long else worth
        yield Problem("leak", severity, text, advice, overlap.count, places)
    if near:
        text = f"{counted(near, 'more sentence')} of {overlap.inside} ({percent(near, size)}) also in {overlap.of}"
        places = tuple(place for pair in overlap.near_pairs for place in pair)
        yield Problem(
            "near_leak",
            "warning" if near >= MANY * size else "info",
            f"{text}, but for case, digits or blanks",
            "see whether they are the same text",
            near,
            places,
        )


def _repeats(split: SplitFindings) -> Iterator[Problem]:
    repeats, name = split.repeats, split.split
    if repeats.count:
        text = (
            f"{counted(repeats.count, 'duplicate sentence')} in {name} ({percent(repeats.count, split.sentences)}): "
            f"the same words as an earlier one"
        )
        tolerated = OFTEN if name == "train" else MANY
        severity: Severity = "warning" if repeats.count >= tolerated * split.sentences else "info"
        advice = "keep one of each" if name == "train" else "they count twice in the score: keep one of each"
        yield Problem("duplicate", severity, text, advice, repeats.count, repeats.places)
    if repeats.contradicting:
        what = counted(repeats.contradicting, "repeated sentence")
        example = repeats.contradicting_places[0].quote
        text = f"{what} of {name} with different tags from one time to the next, such as {example}"
        advice = "decide which annotation is right"
        severity = "warning" if repeats.contradicting >= FEW * split.sentences else "info"
        yield Problem("contradiction", severity, text, advice, repeats.contradicting, repeats.contradicting_places)
    if repeats.near:
        text = f"{counted(repeats.near, 'sentence')} of {name} like an earlier one but for case, digits or blanks"
        yield Problem(
            "near_duplicate", "info", text, "see whether you want them all", repeats.near, repeats.near_places
        )


def _labels(findings: Findings) -> Iterator[Problem]:
    if findings.num_conflicts:
        shown = [f"{c.form} ({', '.join(f'{k} {v}' for k, v in c.labels.items())})" for c in findings.conflicts[:3]]
        what = counted(findings.num_conflicts, "expression")
        text = f"{what} with several labels, or in an entity here and in none there: {listed(shown, 3)}"
        advice = "see whether the context explains it, or whether the annotators disagreed"
        places = tuple(place for conflict in findings.conflicts for place in conflict.places)
        yield Problem("conflicting_labels", "info", text, advice, findings.num_conflicts, places)
    for split in findings.splits[1:]:
        if split.num_entities and split.in_train and split.in_train >= IN_TRAIN * split.num_entities:
            text = f"{percent(split.in_train, split.num_entities)} of the entities of {split.split} are in train, too"
            advice = "its score says little about names that a model has never seen"
            yield Problem("known_entities", "info", text, advice, split.in_train)
