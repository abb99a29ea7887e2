"""Texts with what models find in them, as files that annotation tools import as predictions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from nerbb_ray import atomic
from nerbb_ray.data.formats.label_studio import MIN_KEYS
from nerbb_ray.data.formats.spans import SPANS
from nerbb_ray.errors import DataError

TOOLS = {"label_studio": ".json", "doccano": ".jsonl", "jsonl": ".jsonl"}
Region = tuple[int, int, str]
DIGITS = 4
# keys of a line with which tasks say something of their own, or that would be read as annotation when they come back
OWN = frozenset({"text", "tokens", "number", "confidence", "uncertainty", "predictions", *SPANS, *MIN_KEYS})


@dataclass(frozen=True, slots=True)
class Task:
    """
    Args:
        number: of the text in its file, counted from 1.
        regions: (start, end, class); None where no model has looked at it.
        confidence, uncertainty: see `Guess`.
        given: what the file says of the text, beside it.
    """

    number: int
    text: str
    regions: tuple[Region, ...] | None = None
    confidence: float | None = None
    uncertainty: float | None = None
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def about(self) -> dict[str, Any]:
        """What a tool keeps beside the text."""
        measures = {"confidence": self.confidence, "uncertainty": self.uncertainty}
        shown = {name: round(value, DIGITS) for name, value in measures.items() if value is not None}
        return {**self.given, "number": self.number, **shown}


def check_name(path: Path, tool: str) -> Path:
    """The path, whose name a tool takes.

    Raises:
        DataError: it ends otherwise.
    """
    if path.suffix != TOOLS[tool]:
        raise DataError(f"the file of tasks for {tool} must end in {TOOLS[tool]}; got {path.name}")
    return path


def write_tasks(tasks: Sequence[Task], path: Path, tool: str, model: str | None) -> None:
    """
    Args:
        tool: one of `TOOLS`.
        model: whose predictions they are.
    Raises:
        DataError: the file cannot be written.
    """
    if tool == "label_studio":
        rows = [label_studio(task, model) for task in tasks]
        text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    else:
        make = doccano if tool == "doccano" else standard
        text = "".join(f"{json.dumps(make(task), ensure_ascii=False)}\n" for task in tasks)
    _write(path, text)


def write_labels(classes: Sequence[str], path: Path, tool: str) -> Path | None:
    """The classes as the tool takes them, in a file beside that of the tasks; None for a tool that needs none."""
    if tool == "label_studio":
        target, text = path.with_suffix(".xml"), labelling_config(classes)
    elif tool == "doccano":
        target = path.with_suffix(".labels.json")
        text = json.dumps([{"text": label} for label in classes], indent=1, ensure_ascii=False) + "\n"
    else:
        return None
    _write(target, text)
    return target


def labelling_config(classes: Sequence[str]) -> str:
    """https://labelstud.io/guide/setup: the names are those of the predictions."""
    labels = "".join(f'    <Label value="{escape(label)}"/>\n' for label in classes)
    head = '<View>\n  <Labels name="label" toName="text">\n'
    return f'{head}{labels}  </Labels>\n  <Text name="text" value="$text"/>\n</View>\n'


def label_studio(task: Task, model: str | None) -> dict[str, Any]:
    """https://labelstud.io/guide/predictions"""
    row: dict[str, Any] = {"data": {"text": task.text, **task.about}}
    if task.regions is not None:
        result = [
            label_studio_region(task.text, region, f"{task.number}-{number}")
            for number, region in enumerate(task.regions, start=1)
        ]
        row["predictions"] = [{"model_version": model, "score": task.confidence, "result": result}]
    return row


def label_studio_region(text: str, region: Region, number: str | None = None) -> dict[str, Any]:
    """
    Args:
        number: that tells it from the others of its task; Label Studio makes one if there is none.
    """
    start, end, label = region
    return {
        **({} if number is None else {"id": number}),
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "value": {"start": start, "end": end, "text": text[start:end], "labels": [label]},
    }


def doccano(task: Task) -> dict[str, Any]:
    """JSONL of doccano's sequence labelling; other keys than text and label are kept as metadata."""
    return {"text": task.text, "label": [list(region) for region in task.regions or ()], **task.about}


def standard(task: Task) -> dict[str, Any]:
    """As `nerbb predict_file` and the data sets of a store have it."""
    tags = [
        {"token": task.text[start:end], "tag": label, "char_start": start, "char_end": end}
        for start, end, label in task.regions or ()
    ]
    return {"text": task.text, "tags": tags, **task.about}


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(path, text)
    except OSError as error:
        raise DataError(f"the file cannot be written: {error.strerror}", path) from error
