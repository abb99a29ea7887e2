"""spaCy's files, and what is said without spaCy."""

import builtins
from pathlib import Path

import pytest

from nerbb_ray.data.detect import read_file
from nerbb_ray.errors import DataError

spacy = pytest.importorskip("spacy")


def save(path: Path, *texts: tuple[str, list[tuple[int, int, str]]]) -> Path:
    nlp = spacy.blank("en")
    bin_ = spacy.tokens.DocBin()
    for text, marks in texts:
        doc = nlp(text)
        doc.ents = [doc.char_span(*mark) for mark in marks]
        bin_.add(doc)
    bin_.to_disk(path)
    return path


def test_entities_of_docs_are_read_and_docs_kept_apart(tmp_path: Path) -> None:
    text = "Anna Berg, of Oslo.\nShe isn't there."
    path = save(tmp_path / "a.spacy", (text, [(0, 9, "PERSON"), (14, 18, "GPE")]), ("", []), ("Nobody", []))
    reading = read_file(path)
    assert [s.text for s in reading.sentences] == ["Anna Berg, of Oslo.", "She isn't there.", "Nobody"]
    assert reading.sentences[0].tags == ("B-PERSON", "I-PERSON", "O", "O", "B-GPE", "O")
    assert reading.documents == [0, 0, 2]
    assert reading.notes == []


def test_span_groups_are_not_taken_for_entities(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    doc = nlp("Anna and Bo")
    doc.spans["sc"] = [doc[0:1]]
    spacy.tokens.DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    assert "1 documents have span groups and no entities" in read_file(tmp_path / "a.spacy").notes[0]


@pytest.mark.parametrize("content", [b"", b"no docbin", b"x\x9c\x03\x00\x00\x00\x00\x01", b"\0" * 100])
def test_other_files_are_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.spacy").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.spacy: is no DocBin of spaCy"):
        read_file(tmp_path / "a.spacy")


def test_half_a_file_is_an_error(tmp_path: Path) -> None:
    path = save(tmp_path / "a.spacy", ("Anna in Oslo " * 50, []))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="is no DocBin"):
        read_file(path)


def test_without_spacy_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def no_spacy(name: str, *args: object) -> object:
        if name.startswith("spacy"):
            raise ModuleNotFoundError("No module named 'spacy'")
        return real(name, *args)  # type: ignore[arg-type]

    path = save(tmp_path / "a.spacy", ("Anna", []))
    monkeypatch.setattr(builtins, "__import__", no_spacy)
    with pytest.raises(DataError, match="pip install spacy"):
        read_file(path)
