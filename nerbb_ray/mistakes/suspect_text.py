"""Suspicious labels as text, as plain values, and as a page."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from nerbb_ray.console import plain_text
from nerbb_ray.html.document import Section, document, paragraph, table
from nerbb_ray.mistakes.suspect_labels import SuspectLabels
from nerbb_ray.mistakes.suspects import Suspect, reason
from nerbb_ray.mistakes.text import cell, context, entity_values, marked
from nerbb_ray.ner.tags import OUTSIDE

ON_A_PAGE = 500
HEADER = ("score", "split", "sentence", "gold", "models", "why", "where")
ABOUT = (
    "Ranked by log odds: how much more the models, which have not seen the sentence, believe in their own tags than in "
    "those of gold, plus how the same words are labelled elsewhere. Many are right: the models are wrong there."
)


def summary(labels: SuspectLabels) -> str:
    """`conll: 120 labels that may be wrong, by runA of exp; looked at: train 800 of 800, val 200 of 200`"""
    seen = ", ".join(f"{split} {labels.looked_at[split]} of {size}" for split, size in labels.sizes.items())
    return (
        f"{labels.dataset}: {len(labels.found)} labels that may be wrong, by {labels.run} of {labels.experiment}; "
        f"sentences looked at: {seen}"
    )


def advice(labels: SuspectLabels) -> str | None:
    """How more can be looked at; None if everything was."""
    if labels.looked_at["train"]:
        return None
    if labels.folds:
        return "train was not looked at: no seed has ended on all its folds yet; go on with the experiment"
    return "train was not looked at: for that, run the experiment with [dataset] folds = 5"


def suspects_text(labels: SuspectLabels, limit: int, width: int) -> str:
    """The summary and the most suspicious labels."""
    lines = [summary(labels), *(f"note: {note}" for note in (labels.note, advice(labels)) if note)]
    lines += [line for one in labels.found[:limit] for line in _lines(one)]
    if (left := len(labels.found) - limit) > 0:
        lines.append(f"and {left} more (--limit)")
    return plain_text([Text(line, overflow="fold") for line in lines], width)


def _lines(one: Suspect) -> Iterator[str]:
    gold, predicted = one.mistake.gold, one.mistake.predicted
    change = " -> ".join(entity.label if entity else OUTSIDE for entity in (gold, predicted))
    yield f"{one.score:5.1f}  {one.split} {one.number}, {one.mistake.kind}, {change}: {reason(one)}"
    yield f"  gold:   {marked(one.sentence.tokens, one.gold)}"
    yield f"  models: {marked(one.sentence.tokens, one.predicted)}"


def to_dict(labels: SuspectLabels) -> dict[str, Any]:
    """Everything, as JSON values."""
    return {
        "dataset": labels.dataset,
        "experiment": labels.experiment,
        "run": labels.run,
        "note": labels.note,
        "looked_at": labels.looked_at,
        "sizes": labels.sizes,
        "suspects": [_values(one) for one in labels.found],
    }


def _values(one: Suspect) -> dict[str, Any]:
    return {
        "split": one.split,
        "sentence": one.number,
        "line": one.sentence.line(one.subject.start),
        "kind": one.mistake.kind,
        "words": one.words,
        "gold": entity_values(one.mistake.gold),
        "predicted": entity_values(one.mistake.predicted),
        "score": round(one.score, 4),
        "confidence": round(one.confidence, 4),
        "agree": one.agree,
        "models": one.models,
        "others": dict(one.others),
        "why": reason(one),
        "tokens": list(one.sentence.tokens),
    }


def suspects_page(labels: SuspectLabels) -> str:
    """The whole page."""
    shown = labels.found[:ON_A_PAGE]
    notes = "".join(paragraph(note, "warn") for note in (labels.note, advice(labels)) if note)
    more = (
        paragraph(f"Shown are the first {ON_A_PAGE} of {len(labels.found)}.") if len(labels.found) > ON_A_PAGE else ""
    )
    body = paragraph(f"{summary(labels)}. {ABOUT}") + notes + table(HEADER, map(_row, shown), numeric=(0, 2)) + more
    return document(f"Labels of {labels.dataset} that may be wrong", [Section("Suspicious labels", body)])


def _row(one: Suspect) -> list[object]:
    tokens, (_, gold, predicted) = one.sentence.tokens, one.mistake
    cells = [cell(tokens, entity) for entity in (gold, predicted)]
    return [f"{one.score:.1f}", one.split, one.number, *cells, reason(one), context(tokens, predicted or gold)]
