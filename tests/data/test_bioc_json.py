"""BioC as JSON: annotations at sentences, passages and documents, all by places in the document."""

import json
from typing import Any

import pytest
from fixtures.data_files import corpus_of, shown

from nerbb_ray.errors import DataError

TEXT = "Anna sings. It is in Oslo."


def mark(start: int, length: int, label: str) -> dict[str, Any]:
    return {"infons": {"type": label}, "locations": [{"offset": start, "length": length}]}


ANNA, OSLO = mark(100, 4, "PER"), mark(121, 4, "LOC")
READ = ["Anna/B-PER", "sings/O", "./O", "It/O", "is/O", "in/O", "Oslo/B-LOC", "./O"]


def part(start: int, end: int, *annotations: Any, **more: Any) -> dict[str, Any]:
    return {"text": TEXT[start:end], "offset": 100 + start, "annotations": list(annotations), **more}


SENTENCES = [part(0, 11, ANNA), part(12, 26, OSLO)]
BARE = [part(0, 11), part(12, 26)]


@pytest.mark.parametrize(
    "document",
    [
        {"passages": [part(0, 26, ANNA, OSLO)]},
        {"passages": [{"offset": 100, "sentences": SENTENCES}]},
        {"passages": [{"offset": 100, "text": "", "annotations": [], "sentences": SENTENCES}]},
        {"passages": [part(0, 26, sentences=SENTENCES)]},
        {"passages": [part(0, 26, ANNA, OSLO, sentences=SENTENCES)]},
        {"passages": [{"offset": 100, "sentences": BARE, "annotations": [ANNA, OSLO]}]},
        {"passages": BARE, "annotations": [ANNA, OSLO]},
        {"passages": [part(0, 26, ANNA)], "annotations": [ANNA, OSLO]},
        {"passages": [part(0, 26, ANNA, OSLO, sentences=None)], "annotations": None},
    ],
)
def test_annotations_count_wherever_they_stand(tmp_path, document: dict[str, Any]) -> None:
    corpus = corpus_of(tmp_path, {"a.json": json.dumps({"documents": [document]})})
    assert shown(corpus).replace(" | ", " ").split() == READ


@pytest.mark.parametrize(
    ("passages", "got"),
    [
        ([part(0, 11)], "no text"),
        ([part(0, 26, offset=0), part(0, 26, offset=0)], "no text"),
        ([part(0, 26)] * 2, "2 texts"),
    ],
)
def test_an_annotation_of_a_document_without_its_text_is_refused(tmp_path, passages: list[Any], got: str) -> None:
    document = {"passages": passages, "annotations": [OSLO]}
    with pytest.raises(DataError, match=f"must begin in one text, by their offsets; got {got} for"):
        corpus_of(tmp_path, {"a.json": json.dumps({"documents": [document]})})
