"""Any text with any entities, written as each tool writes them, is read as exactly these entities, and stays so."""

import csv
import json
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nerbb_ray.data.corpus import SPLITS, Corpus, Found, find_folder, load_corpus
from nerbb_ray.data.folders import read_path
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.save_corpus import place
from nerbb_ray.ner.tags import entities

LABELS = ("PER", "LOC", "u-boat", "x y", "Ü")
# NUL is refused in a text file, and a mark at the beginning of one is no part of its text: both have tests of their own
CHARACTERS = st.one_of(
    st.characters(codec="utf-8", exclude_characters="\0\ufeff"), st.sampled_from("ab \n\r\t😀é\u0301\u2028\u00ad\u200d")
)


class Entity(NamedTuple):
    start: int
    end: int
    label: str


class Doc(NamedTuple):
    text: str
    entities: list[Entity]


@st.composite
def docs(draw: st.DrawFn) -> Doc:
    """A text with entities that do not overlap, each with a word and without blanks around it."""
    text = draw(st.text(CHARACTERS, min_size=1, max_size=40))
    borders = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    found = []
    for start, end in pairwise(borders):
        surface = text[start:end]
        if draw(st.booleans()) and surface.strip():
            start += len(surface) - len(surface.lstrip())
            end -= len(surface) - len(surface.rstrip())
            found.append(Entity(start, end, draw(st.sampled_from(LABELS))))
    return Doc(text, found)


def units(text: str) -> int:
    """The length of a text in JavaScript."""
    return len(text.encode("utf-16-le")) // 2


def as_brat(given: list[Doc], folder: Path) -> None:
    for number, doc in enumerate(given):
        (folder / f"{number:03}.txt").write_text(doc.text, encoding="utf-8", newline="")
        lines = [
            f"T{i}\t{e.label.replace(' ', '_')} {e.start} {e.end}\t{doc.text[e.start : e.end]}".replace("\n", " ")
            for i, e in enumerate(doc.entities, start=1)
        ]
        (folder / f"{number:03}.ann").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def as_label_studio(given: list[Doc], folder: Path, *, javascript: bool = False) -> None:
    tasks = []
    for number, doc in enumerate(given):
        values = []
        for e in doc.entities:
            start, end = (units(doc.text[:i]) if javascript else i for i in (e.start, e.end))
            value = {"start": start, "end": end, "text": doc.text[e.start : e.end], "labels": [e.label]}
            values.append({"value": value, "type": "labels", "from_name": "label", "to_name": "text"})
        tasks.append({"id": number, "annotations": [{"result": values}], "data": {"text": doc.text}})
    (folder / "train.json").write_text(json.dumps(tasks, indent=1))


def as_label_studio_of_javascript(given: list[Doc], folder: Path) -> None:
    as_label_studio(given, folder, javascript=True)


def as_json_min(given: list[Doc], folder: Path) -> None:
    tasks = []
    for number, doc in enumerate(given):
        regions = [{"start": s, "end": e, "text": doc.text[s:e], "labels": [label]} for s, e, label in doc.entities]
        tasks.append({"id": number, "text": doc.text, "label": regions, "annotator": 1, "annotation_id": number})
    (folder / "train.json").write_text(json.dumps(tasks))


def as_doccano(given: list[Doc], folder: Path) -> None:
    rows = [json.dumps({"id": 1, "text": doc.text, "label": doc.entities}, ensure_ascii=False) for doc in given]
    (folder / "train.jsonl").write_text("\n".join(rows), encoding="utf-8", newline="")


def as_doccano_with_relations(given: list[Doc], folder: Path) -> None:
    rows = []
    for doc in given:
        marks = [{"id": 7, "start_offset": s, "end_offset": e, "label": label} for s, e, label in doc.entities]
        rows.append({"text": doc.text, "entities": marks, "relations": []})
    (folder / "train.json").write_text(json.dumps(rows))


def as_spans(given: list[Doc], folder: Path) -> None:
    rows = [
        {"text": d.text, "spans": [{"start": s, "end": e, "label": label} for s, e, label in d.entities]} for d in given
    ]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))


def as_lists_of_places(given: list[Doc], folder: Path) -> None:
    """As the datasets library writes a list of objects."""
    rows = []
    for text, found in given:
        starts, ends, labels = ([entity[i] for entity in found] for i in range(3))
        rows.append({"text": text, "entities": {"start": starts, "end": ends, "type": labels}})
    (folder / "train.json").write_text(json.dumps({"version": 1, "data": rows}))


def as_prodigy(given: list[Doc], folder: Path) -> None:
    rows = []
    for number, (text, found) in enumerate(given):
        spans = [{"start": s, "end": e, "label": label, "token_start": 0, "token_end": 0} for s, e, label in found]
        rows.append({"text": text, "_input_hash": number, "spans": spans, "answer": "accept"})
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))


def as_train_data(given: list[Doc], folder: Path) -> None:
    rows = [[doc.text, {"entities": doc.entities}] for doc in given]
    (folder / "train.json").write_text(json.dumps(rows))


def as_train_data_of_python(given: list[Doc], folder: Path) -> None:
    rows = [(doc.text, {"entities": [tuple(entity) for entity in doc.entities]}) for doc in given]
    (folder / "train.txt").write_text(f"TRAIN_DATA = {rows!r}\n", encoding="utf-8", newline="")


def as_ner_annotator(given: list[Doc], folder: Path) -> None:
    rows = [None, *([doc.text, {"entities": doc.entities}] for doc in given)]
    (folder / "train.json").write_text(json.dumps({"classes": LABELS, "annotations": rows}))


def as_cluener(given: list[Doc], folder: Path) -> None:
    lines = []
    for text, found in given:
        labels: dict[str, dict[str, list[list[int]]]] = {}
        for start, end, label in found:
            labels.setdefault(label, {}).setdefault(text[start:end], []).append([start, end - 1])
        lines.append(json.dumps({"text": text, "label": labels}))
    (folder / "train.json").write_text("\n".join(lines))


def as_dataturks(given: list[Doc], folder: Path) -> None:
    lines = []
    for text, found in given:
        marks = [{"label": [c], "points": [{"start": s, "end": e - 1, "text": text[s:e]}]} for s, e, c in found]
        lines.append(json.dumps({"content": text, "annotation": marks, "extras": None}))
    (folder / "train.jsonl").write_text("\n".join(lines))


def as_bioc(given: list[Doc], folder: Path) -> None:
    documents = []
    for number, (text, found) in enumerate(given):
        marks = [
            {"infons": {"type": c}, "text": text[s:e], "locations": [{"offset": s + 7, "length": e - s}]}
            for s, e, c in found
        ]
        passages = [
            {"offset": 0, "text": "Title", "annotations": []},
            {"offset": 7, "text": text, "annotations": marks},
        ]
        documents.append({"id": str(number), "passages": passages[1:]})
    (folder / "train.json").write_text(json.dumps({"source": "x", "documents": documents}))


def as_csv_of_label_studio(given: list[Doc], folder: Path) -> None:
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label", "text", "annotator"])
        for number, doc in enumerate([Doc("x", [Entity(0, 1, "PER")]), *given]):
            marks = [{"start": s, "end": e, "text": doc.text[s:e], "labels": [c]} for s, e, c in doc.entities]
            writer.writerow([number, json.dumps(marks) if marks else "", doc.text, 1])


def as_docbin(given: list[Doc], folder: Path) -> None:
    tokens = pytest.importorskip("spacy.tokens")
    vocab = pytest.importorskip("spacy.vocab").Vocab()
    bin_ = tokens.DocBin()
    for text, marks in given:
        borders = sorted({0, len(text), *(place for mark in marks for place in mark[:2])})
        doc = tokens.Doc(vocab, words=[text[a:b] for a, b in pairwise(borders)], spaces=[False] * (len(borders) - 1))
        doc.ents = [doc.char_span(*mark) for mark in marks]
        bin_.add(doc)
    bin_.to_disk(folder / "train.spacy")


def read(corpus: Corpus) -> list[tuple[str, str]]:
    """(surface, class) of all entities of train, in order."""
    found: list[tuple[str, str]] = []
    for sentence in corpus.train:
        assert sentence.text is not None
        assert sentence.spans is not None
        assert all(sentence.text[a:b] == token for (a, b), token in zip(sentence.spans, sentence.tokens, strict=True))
        outside, own = sentence.text, []
        for label, first, behind in reversed(entities(sentence.tags, "bio")):
            start, end = sentence.spans[first][0], sentence.spans[behind - 1][1]
            own.append((sentence.text[start:end], label))
            outside = outside[:start] + outside[end:]
        found += reversed(own)
        assert "\n" not in outside  # a sentence is one line but for its entities
    return found


def placed(corpus: Corpus, text: str) -> list[Entity]:
    """The entities of the only document, by their places in its text: its sentences stand in it in their order."""
    found, position = [], 0
    for sentence in corpus.train:
        assert sentence.text is not None
        assert sentence.spans is not None
        position = text.index(sentence.text, position)
        for label, first, behind in entities(sentence.tags, "bio"):
            start, end = sentence.spans[first][0], sentence.spans[behind - 1][1]
            found.append(Entity(position + start, position + end, label))
        position += len(sentence.text)
    return found


TOOLS = {
    "brat": as_brat,
    "label studio": as_label_studio,
    "label studio of javascript": as_label_studio_of_javascript,
    "json_min": as_json_min,
    "doccano": as_doccano,
    "doccano with relations": as_doccano_with_relations,
    "spacy": as_docbin,
    "spans": as_spans,
    "lists of places": as_lists_of_places,
    "prodigy": as_prodigy,
    "train_data": as_train_data,
    "train_data of python": as_train_data_of_python,
    "ner annotator": as_ner_annotator,
    "cluener": as_cluener,
    "dataturks": as_dataturks,
    "bioc": as_bioc,
}
quick = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def corpus_of(folder: Path) -> Corpus:
    readings = read_path(folder)
    return Found.of(
        "any", {"train": readings["train"], "val": type(readings["train"])(), "test": readings["train"]}
    ).corpus()


@pytest.mark.parametrize("tool", TOOLS)
@quick
@example(given=[Doc("000\U00010000\n", [Entity(3, 4, "PER")])])  # what the tool counts twice, before a blank
@given(st.lists(docs(), min_size=1, max_size=4))
def test_entities_of_a_tool_are_read_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, tool: str, given: list[Doc]
) -> None:
    if tool == "brat":  # a class of BRAT has no blanks
        given = [Doc(text, [e._replace(label=e.label.replace(" ", "_")) for e in found]) for text, found in given]
    if not any(doc.text.strip() for doc in given):
        return
    folder = tmp_path_factory.mktemp("tool")
    TOOLS[tool](given, folder)
    corpus = corpus_of(folder)
    if any("places are taken as" in note for note in corpus.notes):
        return  # by chance, entities that cut words fit the words in another way of counting: it is said
    assert read(corpus) == [(doc.text[e.start : e.end], e.label) for doc in given for e in doc.entities]
    if len(given) == 1:
        assert placed(corpus, given[0].text) == given[0].entities
    words = "".join(token for sentence in corpus.train for token in sentence.tokens)
    assert words == "".join("".join(doc.text.split()) for doc in given)


@quick
@given(st.lists(docs(), min_size=1, max_size=4))
def test_what_is_set_up_is_read_as_it_was(tmp_path_factory: pytest.TempPathFactory, given: list[Doc]) -> None:
    if not any(doc.text.strip() for doc in given):
        return
    folder = tmp_path_factory.mktemp("tool")
    as_doccano(given, folder)
    corpus = corpus_of(folder)
    stored = folder / "store" / "any"
    assert place(corpus, stored).status == "made"
    assert load_corpus(stored).fingerprint == corpus.fingerprint
    assert all(
        {"text", "tags"} == json.loads(line).keys() for line in (stored / "train.jsonl").read_text().splitlines()
    )
    assert place(corpus, stored).status == "same"


TAGS = {
    "plain": ("PER", "LOC", "B-side", "O"),
    "bio": ("B-PER", "I-PER", "B-LOC", "I-LOC", "O"),
    "bilou": ("B-PER", "I-PER", "L-PER", "U-PER", "U-LOC", "O"),
}


@pytest.mark.parametrize("target", ["auto", "plain", "bio", "bilou"])
@pytest.mark.parametrize("source", TAGS)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_words_and_tags_of_any_scheme_are_stored_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, source: str, target: str, data: st.DataObject
) -> None:
    tokens = st.text(st.characters(codec="utf-8"), max_size=4)
    row = st.lists(st.tuples(tokens, st.sampled_from(TAGS[source])), min_size=1, max_size=5)
    folder = tmp_path_factory.mktemp("words")
    for split in SPLITS:
        rows = data.draw(st.lists(row, min_size=split == "train", max_size=4))
        lines = [json.dumps({"tokens": [w for w, _ in pairs], "tags": [t for _, t in pairs]}) for pairs in rows]
        (folder / f"{split}.jsonl").write_text("\n".join(lines))
    # drawn at random, tags may lack what would tell their scheme
    corpus = Found.of("any", read_path(folder), ReadingOptions(scheme=source)).corpus(target)
    place(corpus, folder / "stored")
    again = find_folder(folder / "stored", None, "any", stored=True).corpus()
    assert (again.scheme, again.fingerprint) == (corpus.scheme, corpus.fingerprint)
