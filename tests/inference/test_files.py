"""predict_on_file: rows in, the same rows with entities out, or an error by line and no file at all."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.errors import DataError
from nerbb_ray.inference import files
from nerbb_ray.model import Model
from nerbb_ray.ner.tags import entities

ROW = {"text": "Anna works in Paris."}


def run(model: Model, folder: Path, content: str | bytes, name: str = "in.jsonl") -> list[dict]:
    source = folder / name
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    model.predict_on_file(source, folder / "out.jsonl")
    assert {path.name for path in folder.iterdir()} == {name, "out.jsonl"}
    return [json.loads(line) for line in (folder / "out.jsonl").read_bytes().decode().split("\n")[:-1]]


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_rows_keep_their_other_values_and_get_entities(model: Model, tmp_path) -> None:
    row = {"id": 7, **ROW, "meta": {"ü": [1.5, None]}, "tags": "old"}
    (found,) = run(model, tmp_path, lines(row))
    assert found == row | {"tags": model.predict(row["text"])}
    assert list(found) == list(row)


def test_a_line_of_a_text_file_is_a_text(model: Model, tmp_path) -> None:
    texts = ["Anna works in Paris.", "", " \u2028 Bert\x85", '{"text": "no json"}', "\x00", "Berlin"]
    found = run(model, tmp_path, "\ufeff" + "\r\n".join(texts), "in.txt")
    assert [row["text"] for row in found] == texts
    assert [row["tags"] for row in found] == model.predict(texts)


@pytest.mark.parametrize("name", ["in.txt", "in.jsonl"])
def test_an_empty_file_gives_an_empty_file(model: Model, tmp_path, name: str) -> None:
    assert run(model, tmp_path, "", name) == []


def test_sentences_of_words_get_a_tag_for_each(model: Model, tmp_path) -> None:
    tokens = ["Anna", "works", "in", "Paris", "", "\u00ad", "."]
    found = run(model, tmp_path, lines({"tokens": tokens}, {"tokens": [], "text": "other"}))
    assert found[0]["tags"] == ["B-PER", "O", "O", "B-LOC", "O", "O", "O"]
    assert found[1] == {"tokens": [], "text": "other", "tags": []}


@pytest.mark.parametrize("rows", [[ROW, {"text": "Bert lives in Berlin."}], [{"tokens": ["Anna", "lives"]}] * 2])
def test_the_result_is_a_data_set(model: Model, tmp_path, rows) -> None:
    found = run(model, tmp_path, lines(*rows))
    (tmp_path / "set").mkdir()
    for split in ("train", "val", "test"):
        (tmp_path / f"set/{split}.jsonl").write_bytes((tmp_path / "out.jsonl").read_bytes())
    corpus = load_corpus(tmp_path / "set", scheme="bio")
    read = [
        [(entity.label, sentence.tokens[entity.start]) for entity in entities(sentence.tags, "bio")]
        for sentence in corpus.test
    ]
    if "text" in rows[0]:
        assert read == [[(tag["tag"], tag["token"]) for tag in row["tags"]] for row in found]
    else:
        assert read == [[("PER", "Anna")]] * 2


def test_tags_of_words_are_well_formed_in_every_case(untrained, tmp_path) -> None:
    odd = Model.from_checkpoint(untrained(("O", "I-LOC", "I-PER", "B-LOC"), seed=3), device="cpu")
    words = ["Anna", "Bert", "works", "in", "Paris", "Berlin", "the", "acmecorp", "lives"] * 6
    (row,) = run(odd, tmp_path, lines({"tokens": words}))
    assert len(row["tags"]) == len(words)
    strict = entities(row["tags"], "bio")
    assert sum(end - start for _, start, end in strict) == sum(tag != "O" for tag in row["tags"]) > 0


def test_many_rows_come_out_in_their_order_piece_by_piece(model: Model, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(files, "BUFFERED_TEXTS", 7)
    monkeypatch.setattr(files, "BUFFERED_CHARACTERS", 300)
    texts = [f"{n} Anna lives in Paris . " * (n % 5) for n in range(60)]
    seen: list[int] = []
    predict = type(model._tagger).find
    monkeypatch.setattr(
        type(model._tagger), "find", lambda self, words: seen.append(len(words)) or predict(self, words)
    )
    found = run(model, tmp_path, lines(*({"n": n, "text": text} for n, text in enumerate(texts))))
    assert [row["n"] for row in found] == list(range(60))
    assert max(seen) == 7
    assert min(seen) < 7
    monkeypatch.undo()
    for row, expected in zip(found, model.predict(texts), strict=True):
        assert [(e["char_start"], e["tag"]) for e in row["tags"]] == [(e["char_start"], e["tag"]) for e in expected]


BAD_LINES = [
    ("{", "expected one JSON object per line; got '{'"),
    ('{"text": "x", "n": NaN}', "expected one JSON object per line"),
    ('{"text": "x", "n": 1e999}', "expected one JSON object per line"),
    ("[1]", "expected {"),
    ("5", "expected {"),
    ('{"txt": "a"}', "expected {"),
    ('{"text": 5}', '"text" must be a string; got 5'),
    ('{"text": null}', '"text" must be a string; got None'),
    ('{"tokens": "a b"}', '"tokens" must be a list of strings'),
    ('{"tokens": ["a", 1]}', '"tokens" must be a list of strings'),
    ('{"tokens": ["a"]}', 'one file has one format, "tokens" or "text"; line 1 has the other'),
    ('{"text": "\\ud800"}', "half of a surrogate pair"),
    ('{"text": "a", "x": "\\udc00"}', "half of a surrogate pair"),
    ("[" * 100_000, "expected one JSON object per line"),
]


@pytest.mark.parametrize(("line", "message"), BAD_LINES, ids=lambda value: value[:20])
def test_a_bad_line_is_named_and_nothing_is_written(model: Model, tmp_path, line: str, message: str) -> None:
    (tmp_path / "out.jsonl").write_text("earlier")
    with pytest.raises(DataError) as caught:
        run(model, tmp_path, lines(ROW, ROW) + f"\n{line}\n" + lines(ROW))
    assert str(caught.value).startswith(f"{tmp_path / 'in.jsonl'}:4: {message}")
    assert (tmp_path / "out.jsonl").read_text() == "earlier"
    assert len(list(tmp_path.iterdir())) == 2


def test_bytes_that_are_no_text_are_named(model: Model, tmp_path) -> None:
    with pytest.raises(DataError, match=r"in\.txt:2: must be UTF-8; byte 0xff at position 1 of the line"):
        run(model, tmp_path, b"good\na\xff\n", "in.txt")


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("no.txt", "out.jsonl", "there is no such file"),
        ("in.csv", "out.jsonl", r"must be in a file \.txt"),
        ("in.txt", "out.txt", r"what is written is \.jsonl"),
        ("in.txt", "no/out.jsonl", "there is no folder"),
        ("in.txt", "folder.jsonl", "is a folder"),
        ("in.jsonl", "in.jsonl", "would replace the texts"),
    ],
)
def test_files_that_cannot_be_are_refused(model: Model, tmp_path, source, target, message) -> None:
    for name in ("in.csv", "in.txt", "in.jsonl"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(DataError, match=message):
        model.predict_on_file(tmp_path / source, tmp_path / target)


def test_an_interruption_leaves_no_half_file(model: Model, tmp_path, monkeypatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(model._tagger), "find", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(model, tmp_path, lines(ROW))
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30), max_size=5))
def test_any_text_comes_back_as_it_was(model: Model, tmp_path_factory, texts: list[str]) -> None:
    found = run(model, tmp_path_factory.mktemp("any"), lines(*({"text": text} for text in texts)))
    assert [row["text"] for row in found] == texts
    for row in found:
        assert all(row["text"][e["char_start"] : e["char_end"]] == e["token"] for e in row["tags"])
