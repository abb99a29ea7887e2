"""Sentences whose annotation may be wrong, as files of annotation tools: gold is the annotation, beside the prediction.

`nerbb set_up_dataset` reads what comes back.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nerbb_ray import atomic
from nerbb_ray.annotation.tasks import Region, label_studio_region
from nerbb_ray.data.sentences import Sentence
from nerbb_ray.errors import DataError
from nerbb_ray.mistakes.found import Mistakes
from nerbb_ray.ner.tags import Entity

FORMATS = ("label_studio", "doccano", "jsonl")


@dataclass(frozen=True, slots=True)
class Task:
    """A sentence to be looked at.

    Args:
        about: what else a reader should know, as JSON values.
        model: whose prediction it is.
    """

    sentence: Sentence
    gold: Sequence[Entity]
    predicted: Sequence[Entity]
    confidence: float
    model: str
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        return {**self.about, "confidence": round(self.confidence, 4)}


def write_candidates(found: Mistakes, path: Path, kind: str, confidence: float) -> int:
    """Write the sentences with a candidate to a file, each once, the surest first.

    Args:
        kind: one of `FORMATS`.
    Returns:
        The number of sentences.
    Raises:
        DataError: there are fewer than two seeds, or the file cannot be written.
    """
    if len(found.seeds) < 2:
        raise DataError(
            f"candidates for wrong annotations need the predictions of two {found.members}; got {len(found.seeds)}"
        )
    sure: dict[int, float] = {}
    for one in found.candidates(confidence):  # the surest come first
        sure.setdefault(one.sentence, one.confidence)
    return write_tasks((_task(found, number, surest) for number, surest in sure.items()), path, kind)


def _task(found: Mistakes, number: int, confidence: float) -> Task:
    split, place = found.place(number)
    return Task(
        found.sentences[number],
        found.gold[number],
        found.predicted[number],
        confidence,
        f"{found.experiment}/{found.run}",
        {"sentence": place, "of_split": split},
    )


def write_tasks(tasks: Iterable[Task], path: Path, kind: str) -> int:
    """Write sentences to a file in their order; returns how many there are.

    Raises:
        DataError: the file cannot be written.
    """
    make = {"label_studio": _label_studio, "doccano": _doccano, "jsonl": _standard}[kind]
    rows = [make(task) for task in tasks]
    if kind == "label_studio":
        text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    else:
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    try:
        atomic.write_text(path, text)
    except OSError as error:
        raise DataError(f"the file cannot be written: {error.strerror}", path) from error
    return len(rows)


def text_of(sentence: Sentence) -> tuple[str, Sequence[tuple[int, int]]]:
    """The text of a sentence, and the place of each of its words; words without a text are joined by blanks."""
    if sentence.text is not None and sentence.spans is not None:
        return sentence.text, sentence.spans
    spans, begin = [], 0
    for token in sentence.tokens:
        spans.append((begin, begin + len(token)))
        begin += len(token) + 1
    return " ".join(sentence.tokens), spans


def _regions(entities: Sequence[Entity], spans: Sequence[tuple[int, int]]) -> list[Region]:
    return [(spans[entity.start][0], spans[entity.end - 1][1], entity.label) for entity in entities]


def _label_studio(task: Task) -> dict[str, Any]:
    """https://labelstud.io/guide/predictions"""
    text, spans = text_of(task.sentence)

    def result(entities: Sequence[Entity]) -> list[dict[str, Any]]:
        return [label_studio_region(text, region) for region in _regions(entities, spans)]

    prediction = {"model_version": task.model, "score": task.confidence}
    return {
        "data": {"text": text, **task.values},
        "annotations": [{"result": result(task.gold)}],
        "predictions": [{**prediction, "result": result(task.predicted)}],
    }


def _doccano(task: Task) -> dict[str, Any]:
    text, spans = text_of(task.sentence)
    gold, predicted = (_regions(part, spans) for part in (task.gold, task.predicted))
    return {"text": text, "label": gold, "predicted": _in_words(text, predicted), **task.values}


def _standard(task: Task) -> dict[str, Any]:
    text, spans = text_of(task.sentence)
    gold, predicted = (_regions(part, spans) for part in (task.gold, task.predicted))
    tags = [
        {"token": text[start:end], "tag": label, "char_start": start, "char_end": end} for start, end, label in gold
    ]
    return {"text": text, "tags": tags, "predicted": _in_words(text, predicted), **task.values}


def _in_words(text: str, regions: Sequence[Region]) -> str:
    """`LOC: New York (9-17); PER: Anna (0-4)`: a second list of entities would be read as annotation."""
    return "; ".join(f"{label}: {text[start:end]} ({start}-{end})" for start, end, label in regions)
