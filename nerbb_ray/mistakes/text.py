"""Mistakes as text, as plain values, and as HTML: gold and prediction side by side."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from nerbb_ray.console import head_line, plain_text, printable
from nerbb_ray.html.document import Section, document, emphasised, paragraph, table
from nerbb_ray.mistakes.found import SURE, FoundMistake, Mistakes
from nerbb_ray.ner.mistakes import KINDS
from nerbb_ray.ner.tags import Entity

if TYPE_CHECKING:
    from rich.console import RenderableType

ON_A_PAGE = 500
HEADER = ("confidence", "agree", "kind", "gold", "prediction", "sentence")
ABOUT = (
    "missed: no predicted entity has a word of it; invented: a predicted one where there is none; wrong-border: the "
    "right class, other words; wrong-class: another class. Agree: how many of the models predict the same "
    "by themselves. The confidence is the mean probability of the predicted tags."
)


def summary(found: Mistakes) -> str:
    """`runA, seeds 43, 44, test: 120 mistakes in 80 of 1287 sentences`"""
    kind = found.members if len(found.seeds) > 1 else found.members[:-1]
    seeds = f"{kind} {', '.join(map(str, found.seeds))}"
    sentences = len({one.sentence for one in found.found})
    return (
        f"{found.run}, {seeds}, {found.where}: {len(found.found)} mistakes in {sentences} of "
        f"{len(found.sentences)} sentences"
    )


def count_rows(found: Mistakes) -> list[list[str]]:
    """A row per class, and one of all."""
    counts = found.counts()
    rows = [[label, *(str(of[kind]) for kind in KINDS), str(sum(of.values()))] for label, of in counts.items()]
    sums = [sum(of[kind] for of in counts.values()) for kind in KINDS]
    return [*rows, ["all", *map(str, sums), str(sum(sums))]]


def mistakes_text(found: Mistakes, limit: int, confidence: float, width: int) -> str:
    """Counts, the surest mistakes, and how many candidates for wrong annotations there are."""
    counted = Table(box=head_line(), pad_edge=False)
    for name in ("class", *KINDS, "all"):
        counted.add_column(name, justify="left" if name == "class" else "right")
    for row in count_rows(found):
        counted.add_row(*map(Text, row))
    lines = [summary(found), *([f"note: {found.note}"] if found.note else [])]
    parts: list[RenderableType] = [*map(Text, lines), counted, *map(Text, _lines(found, found.found[:limit]))]
    if (left := len(found.found) - limit) > 0:
        parts.append(Text(f"and {left} more (--limit)"))
    return plain_text([*parts, Text(candidates_words(found, confidence))], width)


def candidates_words(found: Mistakes, confidence: float) -> str:
    """How many annotations may be wrong."""
    if len(found.seeds) < 2:
        return f"candidates for wrong annotations need the predictions of two {found.members}"
    number = len(found.candidates(confidence))
    agree = f"all {found.members} contradict gold in the same way"
    return f"{number} candidates for wrong annotations: {agree}, with {confidence:g}"


def _lines(found: Mistakes, shown: Sequence[FoundMistake]) -> Iterator[str]:
    for one in shown:
        tokens, (split, number) = found.sentences[one.sentence].tokens, found.place(one.sentence)
        where = f"{split} {number}" if found.out_of_fold else f"sentence {number}"
        agree = f"{one.agree}/{len(found.seeds)} {found.members}"
        yield f"{one.confidence:.3f}  {agree}  {one.mistake.kind} {one.mistake.label}, {where}"
        yield f"  gold:       {marked(tokens, found.gold[one.sentence])}"
        yield f"  prediction: {marked(tokens, found.predicted[one.sentence])}"


def marked(tokens: Sequence[str], entities: Sequence[Entity]) -> str:
    """`[Anna]PER lives in [Berlin]LOC .`; characters that a screen does not show are escaped."""
    words = [printable(token) for token in tokens]
    for entity in entities:
        words[entity.start] = f"[{words[entity.start]}"
        words[entity.end - 1] += f"]{entity.label}"
    return " ".join(words)


def to_dict(found: Mistakes, confidence: float = SURE) -> dict[str, Any]:
    """Everything, as JSON values."""
    candidates = set(found.candidates(confidence))
    return {
        "experiment": found.experiment,
        "run": found.run,
        "seeds": list(found.seeds),
        "split": found.split,
        "out_of_fold": found.out_of_fold,
        "note": found.note,
        "sentences": len(found.sentences),
        "counts": found.counts(),
        "mistakes": [{**_values(found, one), "candidate": one in candidates} for one in found.found],
    }


def _values(found: Mistakes, one: FoundMistake) -> dict[str, Any]:
    split, number = found.place(one.sentence)
    return {
        "split": split,
        "sentence": number,
        "kind": one.mistake.kind,
        "class": one.mistake.label,
        "confidence": one.confidence,
        "agree": one.agree,
        "gold": entity_values(one.mistake.gold),
        "predicted": entity_values(one.mistake.predicted),
        "tokens": list(found.sentences[one.sentence].tokens),
    }


def entity_values(entity: Entity | None) -> dict[str, Any] | None:
    return None if entity is None else {"class": entity.label, "start": entity.start, "end": entity.end}


def mistakes_html(found: Mistakes, limit: int, confidence: float = SURE) -> str:
    """A part of a page."""
    shown = found.found[:limit]
    rows = [_row(found, one) for one in shown]
    more = paragraph(f"Shown are the {limit} surest of {len(found.found)}.") if len(found.found) > limit else ""
    counted = table(["class", *KINDS, "all"], count_rows(found), numeric=range(1, len(KINDS) + 2))
    note = paragraph(found.note, "warn") if found.note else ""
    about = paragraph(f"{summary(found)}. {ABOUT}") + paragraph(f"{candidates_words(found, confidence)}.")
    return about + note + counted + table(HEADER, rows, numeric=(0,)) + more


def _row(found: Mistakes, one: FoundMistake) -> list[object]:
    tokens, (_, gold, predicted) = found.sentences[one.sentence].tokens, one.mistake
    agree = f"{one.agree}/{len(found.seeds)}"
    return [
        f"{one.confidence:.3f}",
        agree,
        one.mistake.kind,
        *(cell(tokens, e) for e in (gold, predicted)),
        context(tokens, gold or predicted),
    ]


def cell(tokens: Sequence[str], entity: Entity | None) -> str:
    return "-" if entity is None else f"{entity.label}: {' '.join(tokens[entity.start : entity.end])}"


def context(tokens: Sequence[str], entity: Entity | None) -> object:
    """The sentence with what it is about in bold letters."""
    assert entity is not None
    parts = (tokens[: entity.start], tokens[entity.start : entity.end], tokens[entity.end :])
    before, inside, after = (" ".join(part) for part in parts)
    return emphasised(f"{before} " if before else "", inside, f" {after}" if after else "")


def mistakes_page(found: Mistakes, confidence: float = SURE) -> str:
    """The whole page."""
    section = Section("Mistakes", mistakes_html(found, ON_A_PAGE, confidence))
    return document(f"Mistakes of {found.experiment}", [section])
