"""Prodigy's jsonl (`ner.manual` and the like). https://prodi.gy/docs/api-interfaces#ner_manual"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from nerbb_ray.data.annotators import choose_annotator
from nerbb_ray.data.marked_texts import MarkedTexts
from nerbb_ray.data.offsets import Mark
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.data.sentences import Reading

ACCEPT = "accept"
_OTHERS = ("entities", "ents")  # of other tools; the second of spaCy's Doc.to_json
_BINARY = "ner"  # the view of ner.teach; that of ner.manual is ner_manual
_MARKS = ("answer", "_input_hash", "_task_hash", "_view_id", "_session_id", "_annotator_id")


def detect(value: Any) -> bool:
    """Whether a record is a task of Prodigy with a text."""
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        return False
    tokens = value.get("tokens")
    has_objects = isinstance(tokens, list) and bool(tokens) and isinstance(tokens[0], dict)
    is_task = any(mark in value for mark in _MARKS) or has_objects
    others = any(isinstance(value.get(key), list) for key in _OTHERS)
    return is_task and isinstance(value.get("spans", []), list) and not others


def read(records: Sequence[Record], options: ReadingOptions) -> Reading:
    """Only what was accepted counts; what was rejected or ignored is left out and counted.

    Raises:
        DataError: a task has no text, a span is none, or several people have annotated the same texts.
    """
    answers = Counter(record.value.get("answer", ACCEPT) for record in records if isinstance(record.value, dict))
    accepted = [r for r in records if not isinstance(r.value, dict) or r.value.get("answer", ACCEPT) == ACCEPT]
    chosen = choose_annotator(accepted, _task, _annotator, options)
    texts = MarkedTexts()
    for row, place in chosen:
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise place.error(f"expected a task of Prodigy with a text; got {row!r:.60}")
        spans = row.get("spans") or []
        if not isinstance(spans, list):
            raise place.error(f'"spans" must be a list; got {spans!r:.60}')
        texts.add(row["text"], [_entity(span, place) for span in spans], place)
    texts.documents.notes += _said_of_tasks(chosen)
    left = ", ".join(f"{number} {answer}" for answer, number in answers.items() if answer != ACCEPT)
    if left:
        texts.documents.notes.append(f"tasks of Prodigy that were not accepted are left out: {left}")
    return texts.reading(options, "accepted tasks of Prodigy, entities in spans")


def _said_of_tasks(records: Sequence[Record]) -> Iterator[str]:
    """What tells that entities are missing: answers to one question each, so that all else looks like O."""
    rows = [record.value for record in records if isinstance(record.value, dict)]
    asked = sum(row.get("_view_id") == _BINARY for row in rows)
    if asked:
        yield f"{asked} tasks are answers on one entity each (view {_BINARY}): all other words are read as O"
    several = sum(number > 1 for number in Counter(str(_task(row)) for row in rows).values())
    if several:
        yield f"{several} texts were accepted several times: each time is a sentence of its own"


def _task(row: dict[str, Any]) -> Any:
    return row.get("_input_hash", row.get("text"))


def _annotator(row: dict[str, Any]) -> str:
    return str(row.get("_annotator_id") or row.get("_session_id") or "")


def _entity(span: Any, place: Place) -> tuple[Mark, str]:
    kinds = [type(span.get(key)) for key in ("start", "end", "label")] if isinstance(span, dict) else []
    if kinds != [int, int, str]:
        raise place.error(f'a span must be {{"start": int, "end": int, "label": "class"}}; got {span!r:.100}')
    return Mark(span["start"], span["end"], None), span["label"]
