"""Candidates for wrong annotations as files of annotation tools: gold as the annotation, beside it the prediction."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nerbb_ray import atomic
from nerbb_ray.annotation.tasks import Region, label_studio_region
from nerbb_ray.errors import DataError
from nerbb_ray.mistakes.found import Mistakes
from nerbb_ray.ner.tags import Entity

FORMATS = ("label_studio", "doccano", "jsonl")


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
        raise DataError(f"candidates for wrong annotations need the predictions of two seeds; got {len(found.seeds)}")
    sure: dict[int, float] = {}
    for one in found.candidates(confidence):  # the surest come first
        sure.setdefault(one.sentence, one.confidence)
    make = {"label_studio": _label_studio, "doccano": _doccano, "jsonl": _standard}[kind]
    rows = [make(found, number, surest) for number, surest in sure.items()]
    if kind == "label_studio":
        text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    else:
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    try:
        atomic.write_text(path, text)
    except OSError as error:
        raise DataError(f"the file cannot be written: {error.strerror}", path) from error
    return len(rows)


def text_of(found: Mistakes, number: int) -> tuple[str, Sequence[tuple[int, int]]]:
    """The text of a sentence, and the place of each of its words; words without a text are joined by blanks."""
    sentence = found.sentences[number]
    if sentence.text is not None and sentence.spans is not None:
        return sentence.text, sentence.spans
    spans, begin = [], 0
    for token in sentence.tokens:
        spans.append((begin, begin + len(token)))
        begin += len(token) + 1
    return " ".join(sentence.tokens), spans


def _regions(entities: Sequence[Entity], spans: Sequence[tuple[int, int]]) -> list[Region]:
    return [(spans[entity.start][0], spans[entity.end - 1][1], entity.label) for entity in entities]


def _about(found: Mistakes, number: int, confidence: float) -> dict[str, Any]:
    return {"sentence": number, "split": found.split, "confidence": round(confidence, 4)}


def _label_studio(found: Mistakes, number: int, confidence: float) -> dict[str, Any]:
    """https://labelstud.io/guide/predictions"""
    text, spans = text_of(found, number)

    def result(entities: Sequence[Entity]) -> list[dict[str, Any]]:
        return [label_studio_region(text, region) for region in _regions(entities, spans)]

    prediction = {"model_version": f"{found.experiment}/{found.run}", "score": confidence}
    return {
        "data": {"text": text, **_about(found, number, confidence)},
        "annotations": [{"result": result(found.gold[number])}],
        "predictions": [{**prediction, "result": result(found.predicted[number])}],
    }


def _doccano(found: Mistakes, number: int, confidence: float) -> dict[str, Any]:
    text, spans = text_of(found, number)
    gold, predicted = (_regions(part[number], spans) for part in (found.gold, found.predicted))
    return {"text": text, "label": gold, "predicted": _in_words(text, predicted), **_about(found, number, confidence)}


def _standard(found: Mistakes, number: int, confidence: float) -> dict[str, Any]:
    text, spans = text_of(found, number)
    gold, predicted = (_regions(part[number], spans) for part in (found.gold, found.predicted))
    tags = [
        {"token": text[start:end], "tag": label, "char_start": start, "char_end": end} for start, end, label in gold
    ]
    return {"text": text, "tags": tags, "predicted": _in_words(text, predicted), **_about(found, number, confidence)}


def _in_words(text: str, regions: Sequence[Region]) -> str:
    """`LOC: New York (9-17); PER: Anna (0-4)`: a second list of entities would be read as annotation."""
    return "; ".join(f"{label}: {text[start:end]} ({start}-{end})" for start, end, label in regions)
