"""New annotations are merged with a data set: documents once, conflicts named, splits, words and origin."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray import Dataset, Store, cli
from nerbb_ray.data.append import merge
from nerbb_ray.data.append_words import places_of_entities
from nerbb_ray.data.build_corpus import assemble
from nerbb_ray.data.corpus import Corpus, Found, find_corpus
from nerbb_ray.data.folders import read_path
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.data.words_of_text import WordSplitting
from nerbb_ray.errors import DataError

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def in_empty_store(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    def run(*words: object) -> tuple[int, str, str]:
        status = cli.main(["--store", str(tmp_path / "store"), "set_up_dataset", *map(str, words)])
        return status, *capsys.readouterr()

    return run


def jsonl(path: Path, *rows: object) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def doccano(path: Path, *texts: tuple[str, list[list[object]]]) -> Path:
    return jsonl(path, *({"text": text, "label": label} for text, label in texts))


def stored(tmp_path: Path, name: str = "mine") -> Corpus:
    return find_corpus(name, None, tmp_path / "store/datasets", ask_hub=False)


@pytest.fixture
def nerbb(in_empty_store: Run, tmp_path: Path) -> Run:
    """set_up_dataset, in a store that has the data set `mine`: words and tags, in three splits."""
    folder = tmp_path / "mine"
    folder.mkdir()
    jsonl(
        folder / "train.jsonl",
        {"tokens": ["Anna", "lives", "in", "Bonn", "."], "tags": ["B-PER", "O", "O", "B-LOC", "O"]},
    )
    jsonl(folder / "val.jsonl", {"tokens": ["Bert", "left"], "tags": ["B-PER", "O"]})
    jsonl(folder / "test.jsonl", {"tokens": ["Carl", "won"], "tags": ["B-PER", "O"]})
    assert in_empty_store("./mine")[0] == 0
    return in_empty_store


def words(corpus: Corpus, split: str) -> list[str]:
    return [" ".join(sentence.tokens) for sentence in corpus.split(split)]


def test_new_documents_go_to_train_and_origin_says_where_from(nerbb: Run, tmp_path: Path) -> None:
    new = doccano(tmp_path / "new.jsonl", ("Dora is here.", [[0, 4, "PER"]]), ("Ems is wet.", [[0, 3, "LOC"]]))
    before = json.loads((tmp_path / "store/datasets/mine/origin.json").read_text())
    status, out, _ = nerbb(new, "--name", "mine", "--append")
    assert status == 0
    assert out.splitlines()[0].startswith("data set mine: appended 2 sentences to train (")
    assert "sentences: train 3, val 1, test 1" in out
    corpus = stored(tmp_path)
    assert words(corpus, "train") == ["Anna lives in Bonn .", "Dora is here .", "Ems is wet ."]
    assert corpus.train[2].tags == ("B-LOC", "O", "O", "O")
    origin = json.loads((tmp_path / "store/datasets/mine/origin.json").read_text())
    (entry,) = origin.pop("appended")
    assert origin == before
    assert entry["source"] == str(new)
    assert [(file["file"], file["split"], file["sentences"]) for file in entry["files"]] == [("new.jsonl", "train", 2)]


def test_again_appends_nothing_and_leaves_the_files_alone(nerbb: Run, tmp_path: Path) -> None:
    new = doccano(tmp_path / "new.jsonl", ("Dora is here.", [[0, 4, "PER"]]))
    nerbb(new, "--name", "mine", "--append")
    files = {path: path.read_bytes() for path in (tmp_path / "store/datasets/mine").iterdir()}
    status, out, err = nerbb(new, "--name", "mine", "--append")
    assert status == 0
    assert "appended nothing" in out
    assert "1 document in the data set already: not appended again" in err
    assert {path: path.read_bytes() for path in files} == files


def test_borders_inside_of_words_are_told(nerbb: Run, tmp_path: Path) -> None:
    new = doccano(tmp_path / "new.jsonl", ("Dora is here.", [[0, 4, "PER"]]), ("Karl Marx left.", [[0, 7, "PER"]]))
    _, _, err = nerbb(new, "--name", "mine", "--append", "--to", "val")
    assert "note: val: 1 border of an entity lies inside of a word: Ma|rx (new.jsonl:2): see whether" in err


@pytest.mark.parametrize("split", ["val", "test"])
def test_another_split_can_be_said(nerbb: Run, tmp_path: Path, split: str) -> None:
    new = doccano(tmp_path / "new.jsonl", ("Dora is here.", [[0, 4, "PER"]]))
    status, out, _ = nerbb(new, "--name", "mine", "--append", "--to", split, "--json")
    assert status == 0
    assert json.loads(out)["appended"] == {"train": 0, "val": 0, "test": 0, split: 1}
    assert words(stored(tmp_path), split)[-1] == "Dora is here ."
    entry = json.loads((tmp_path / "store/datasets/mine/origin.json").read_text())["appended"][0]
    assert entry["files"][0]["split"] == split


@pytest.mark.parametrize(
    ("text", "label", "duplicates", "conflicts"),
    [
        ("Anna lives in Bonn.", [[0, 4, "PER"], [14, 18, "LOC"]], 1, 0),  # the words of train, as raw text
        ("Bert  left", [[0, 4, "PER"]], 1, 0),  # of val
        ("Anna lives in Bonn.", [[0, 4, "PER"]], 0, 1),
        ("Anna lives in Bonn.", [[0, 4, "ORG"], [14, 18, "LOC"]], 0, 1),
        ("Anna lives in Bonn.", [[0, 10, "PER"], [14, 18, "LOC"]], 0, 1),
        ("anna lives in Bonn.", [[0, 4, "PER"], [14, 18, "LOC"]], 0, 0),  # another text
    ],
)
def test_documents_that_are_there(nerbb, tmp_path, text, label, duplicates, conflicts) -> None:
    new = doccano(tmp_path / "new.jsonl", (text, label))
    status, out, _ = nerbb(new, "--name", "mine", "--append", "--json")
    assert status == 0
    outcome = json.loads(out)
    assert (outcome["duplicates"], len(outcome["conflicts"])) == (duplicates, conflicts)
    assert outcome["documents"] == 1 - duplicates - conflicts
    assert outcome["sentences"]["train"] == 2 - duplicates - conflicts


def test_conflicts_are_named_and_the_old_annotation_stays_unless_told(nerbb: Run, tmp_path: Path) -> None:
    new = doccano(tmp_path / "new.jsonl", ("Bert left", [[0, 4, "ORG"]]), ("Dora is here.", []))
    _, _, err = nerbb(new, "--name", "mine", "--append")
    assert "val sentence 1 'Bert left': PER Bert; new: ORG Bert: the old annotation stays" in err
    assert stored(tmp_path).val[0].tags == ("B-PER", "O")
    _, out, err = nerbb(new, "--name", "mine", "--append", "--overwrite")
    assert out.startswith("data set mine: appended nothing, replaced 1 document (")
    assert "the new annotation replaces the old one" in err
    assert "classes that the data set did not have: ORG" in err
    corpus = stored(tmp_path)
    assert corpus.val[0].tags == ("B-ORG", "O")
    assert corpus.classes == ("LOC", "ORG", "PER")
    assert [len(corpus.split(split)) for split in ("train", "val", "test")] == [2, 1, 1]


def test_what_is_odd_in_the_new_data_is_said_and_recorded(nerbb: Run, tmp_path: Path) -> None:
    new = tmp_path / "new.conll"
    new.write_text("Dora\tB-PER\nEms\tI-LOC\n\n")
    _, _, err = nerbb(new, "--name", "mine", "--append")
    assert "1 tags were not well-formed bio" in err
    entry = json.loads((tmp_path / "store/datasets/mine/origin.json").read_text())["appended"][0]
    assert any("not well-formed bio" in note for note in entry["notes"])
    assert entry["files"][0]["mended"] == 1


def test_a_document_of_several_lines_is_there_only_as_a_whole(nerbb: Run, tmp_path: Path) -> None:
    new = doccano(tmp_path / "new.jsonl", ("Bert left\nDora came", [[0, 4, "PER"], [10, 14, "PER"]]))
    nerbb(new, "--name", "mine", "--append")
    assert words(stored(tmp_path), "train")[1:] == ["Bert left", "Dora came"]
    _, out, _ = nerbb(new, "--name", "mine", "--append", "--json")
    assert json.loads(out)["duplicates"] == 1


def test_a_document_that_comes_twice_is_appended_once(nerbb: Run, tmp_path: Path) -> None:
    new = doccano(tmp_path / "new.jsonl", *[("Dora is here.", [[0, 4, "PER"]])] * 3)
    _, out, _ = nerbb(new, "--name", "mine", "--append", "--json")
    outcome = json.loads(out)
    assert (outcome["appended"]["train"], outcome["duplicates"]) == (1, 2)


def test_raw_text_is_cut_like_the_words_of_the_data_set() -> None:
    splitting = WordSplitting("treebank")
    old = Found.of(
        "d", {"train": Reading([Sentence(("It", "'s", "U.S."), ("O", "O", "B-LOC"))]), "val": Reading()}
    ).corpus()
    old = Corpus(old.name, old.scheme, old.classes, old.train, (), (), splitting=splitting)
    text = "He's from the U.S. now"
    runs = WordSplitting().words(text, [14, 18])
    tags = tuple("B-LOC" if place == (14, 15) else "I-LOC" if 14 < place[0] < 18 else "O" for place in runs)
    new = Reading([Sentence(tuple(text[a:b] for a, b in runs), tags, text, tuple(runs))], scheme="bio")
    merged = merge(old, {"train": new})
    assert merged.corpus.train[1].tokens == ("He", "'s", "from", "the", "U.S.", "now")
    assert merged.corpus.train[1].tags == ("O", "O", "O", "O", "B-LOC", "O")


@pytest.mark.parametrize("scheme", ["plain", "bilou"])
def test_tags_are_those_of_the_data_set(nerbb: Run, tmp_path: Path, scheme: str) -> None:
    assert nerbb("./mine", "--name", "other", "--annotation-scheme", scheme)[0] == 0
    new = doccano(tmp_path / "new.jsonl", ("Dora Ems came", [[0, 8, "PER"]]))
    assert nerbb(new, "--name", "other", "--append")[0] == 0
    corpus = stored(tmp_path, "other")
    assert corpus.scheme == scheme
    assert corpus.train[-1].tags == {"plain": ("PER", "PER", "O"), "bilou": ("B-PER", "L-PER", "O")}[scheme]


@pytest.mark.parametrize(
    ("words_", "message"),
    [
        (["new.jsonl", "--name", "none", "--append"], "'none' is not in the store"),
        (["new.jsonl", "--name", "mine", "--to", "val"], "say --append with it"),
        (["new.jsonl", "--name", "mine", "--append", "--annotation-scheme", "bio"], "gets the scheme of the data set"),
        (["./both", "--name", "mine", "--append", "--to", "test"], "splits of their own"),
        (["conll2003", "--append"], "a file, a folder or an address"),
        (["./store/datasets/mine", "--name", "mine", "--append"], "lie in the folder that would get them"),
    ],
)
def test_refused(nerbb: Run, tmp_path: Path, words_: list[str], message: str) -> None:
    doccano(tmp_path / "new.jsonl", ("Dora is here.", []))
    (tmp_path / "both").mkdir()
    for split in ("train", "val"):
        doccano(tmp_path / "both" / f"{split}.jsonl", (f"Dora is {split}.", [[0, 4, "PER"]]))
    before = {path: path.read_bytes() for path in (tmp_path / "store/datasets/mine").iterdir()}
    status, _, err = nerbb(*words_)
    assert status == 2
    assert message in err
    assert {path: path.read_bytes() for path in before} == before


def test_splits_of_the_new_data_are_kept(nerbb: Run, tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    for split in ("train", "val"):
        doccano(tmp_path / "both" / f"{split}.jsonl", (f"Dora is {split}.", [[0, 4, "PER"]]))
    _, out, _ = nerbb("./both", "--name", "mine", "--append")
    assert "appended 1 sentence to train, 1 sentence to val" in out


sentences = st.lists(
    st.tuples(st.sampled_from(["Anna", "is", "here", "Bonn"]), st.sampled_from(["O", "B-PER", "B-LOC"])),
    min_size=1,
    max_size=3,
).map(lambda pairs: Sentence(tuple(word for word, _ in pairs), tuple(tag for _, tag in pairs)))


@settings(deadline=None)
@given(
    st.lists(sentences, min_size=1, max_size=5),
    st.lists(sentences, min_size=1, max_size=5),
    st.sampled_from(["old", "new"]),
)
def test_every_text_is_there_once_more_at_most_and_with_one_annotation(old, new, rule) -> None:
    corpus = Corpus("d", "bio", ("LOC", "PER"), tuple(old), (), ())
    merged = merge(corpus, {"train": Reading(list(new), scheme="bio")}, conflicts=rule)
    texts = ["".join(sentence.tokens) for sentence in merged.corpus.train]
    assert len(texts) == len(old) + len({"".join(s.tokens) for s in new} - {"".join(s.tokens) for s in old})
    assert merged.documents + merged.duplicates + len(merged.conflicts) == len(new)
    again = merge(merged.corpus, {"train": Reading(list(new), scheme="bio")}, conflicts="old")
    assert again.corpus.train == merged.corpus.train
    if rule == "old":
        assert merged.corpus.train[: len(old)] == tuple(old)


def test_conflict_can_be_an_error() -> None:
    corpus = Corpus("d", "bio", ("PER",), (Sentence(("Anna",), ("B-PER",)),), (), ())
    with pytest.raises(DataError, match="train sentence 1 'Anna': PER Anna; new: no entity"):
        merge(corpus, {"train": Reading([Sentence(("Anna",), ("O",))], scheme="bio")})


@pytest.mark.usefixtures("nerbb")
def test_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(Store, "chosen", tmp_path / "store")
    new = doccano(tmp_path / "new.jsonl", ("Dora is here.", [[0, 4, "PER"]]), ("Bert left", []))
    data = Dataset("mine")
    with pytest.raises(DataError, match="val sentence 1 'Bert left': PER Bert; new: no entity"):
        data.append(new)
    assert len(data.corpus().train) == 1
    data.append(new, "test", conflicts="old")
    assert "appended 1 sentence to test" in capsys.readouterr().out
    assert words(data.corpus(), "test") == ["Carl won", "Dora is here ."]
    with pytest.raises(DataError, match="split must be one of train, val, test"):
        data.append(new, "dev")


def test_what_is_appended_keeps_the_borders_of_documents(tmp_path: Path) -> None:
    first, second = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    first.write_text(
        json.dumps({"text": "Anna here\nBert there", "entities": [[0, 4, "PER"]]})
        + "\n"
        + json.dumps({"text": "no one", "entities": []})
    )
    second.write_text(json.dumps({"text": "Carl\nsings", "entities": [[0, 4, "PER"]]}))
    readings = {"train": read_path(first)["train"], "val": Reading(scheme="bio"), "test": Reading(scheme="bio")}
    old = assemble("d", readings, "bio")
    assert old.documents == (0, 0, 1)
    assert merge(old, read_path(second)).corpus.documents == (0, 0, 1, 2, 2)


def test_files_that_somebody_has_put_there_stay(nerbb: Run, tmp_path: Path) -> None:
    folder = tmp_path / "store/datasets/mine"
    (folder / "NOTES.md").write_text("ours")
    assert nerbb(doccano(tmp_path / "new.jsonl", ("Dora sings", [[0, 4, "PER"]])), "--name", "mine", "--append")[0] == 0
    assert (folder / "NOTES.md").read_text() == "ours"
    assert len(stored(tmp_path).train) == 2


def test_data_that_were_put_there_by_hand_are_not_replaced(in_empty_store: Run, tmp_path: Path) -> None:
    folder = tmp_path / "store/datasets/hand"
    folder.mkdir(parents=True)
    for split in ("train", "val", "test"):
        (folder / f"{split}.conll").write_text("# doc 7\nAnna NNP B-PER\nsings VB O\n\n")
    new = doccano(tmp_path / "new.jsonl", ("Dora sings", [[0, 4, "PER"]]))
    status, _, said = in_empty_store(new, "--name", "hand", "--append")
    assert status == 2
    assert "were put there by hand (test.conll, train.conll, val.conll)" in said
    assert (folder / "train.conll").read_text().startswith("# doc 7")


def test_words_that_come_to_raw_text_leave_it_there(in_empty_store: Run, tmp_path: Path) -> None:
    texts = [(f'Anna-{n} lives  in "Rome".', [[0, 4, "PER"]]) for n in range(20)]
    assert in_empty_store(doccano(tmp_path / "raw.jsonl", *texts), "--name", "raw")[0] == 0
    (tmp_path / "new.conll").write_text("Fritz B-PER\nlives O\nin O\nNew B-LOC\nYork I-LOC\n. O\n\n")
    status, _, said = in_empty_store(tmp_path / "new.conll", "--name", "raw", "--append")
    assert status == 0
    assert "1 new sentence is of words: with blanks between them they are its raw text" in said
    sentences = stored(tmp_path, "raw").train
    assert {sentence.text for sentence in sentences} >= {"Fritz lives in New York ."}
    assert sum(sentence.text is not None and '  in "Rome".' in sentence.text for sentence in sentences) == 16
    new = next(sentence for sentence in sentences if sentence.text == "Fritz lives in New York .")
    assert new.tags == ("B-PER", "O", "O", "B-LOC", "I-LOC", "O")


def test_new_sentences_without_an_entity_do_not_make_the_data_set_one_of_o(nerbb: Run, tmp_path: Path) -> None:
    new = jsonl(tmp_path / "new.jsonl", {"tokens": ["It", "rains"], "tags": ["O", "O"]})
    status, *said = nerbb(new, "--name", "mine", "--append")
    assert status == 0
    assert "can only learn O" not in "".join(said)


def of_words(*pairs: tuple[str, str]) -> Sentence:
    return Sentence(tuple(word for word, _ in pairs), tuple(tag for _, tag in pairs))


def test_a_correction_of_a_text_that_is_there_twice_is_for_the_place_that_differs(nerbb: Run, tmp_path: Path) -> None:
    """Contradicting annotations of one text are what people correct."""
    right = [[0, 4, "PER"], [14, 18, "LOC"]]
    wrong = jsonl(
        tmp_path / "mine/train.jsonl",
        *(
            {"tokens": ["Anna", "lives", "in", "Bonn", "."], "tags": ["B-PER", "O", "O", place, "O"]}
            for place in ("B-LOC", "B-PER")
        ),
    )
    assert nerbb("./mine", "--name", "twice")[0] == 0
    new = doccano(tmp_path / "new.jsonl", ("Anna lives in Bonn.", right))
    status, out, _ = nerbb(new, "--name", "twice", "--append")
    assert status == 0
    assert "appended nothing" in out
    status, _, err = nerbb(new, "--name", "twice", "--append", "--overwrite")
    assert status == 0
    assert "train sentence 2 'Anna lives in Bonn .': PER Anna, PER Bonn; new: PER Anna, LOC Bonn" in err
    assert {sentence.tags for sentence in stored(tmp_path, "twice").train} == {("B-PER", "O", "O", "B-LOC", "O")}
    assert wrong.exists()


@pytest.mark.parametrize("scheme", ["bio", "bilou", "plain"])
def test_a_correction_keeps_the_words_of_the_data_set(scheme: str) -> None:
    old = of_words(("The", "O"), ("IL-2/IL-4", "O"), ("gene", "O"), ("@home", "O"))
    corpus = Corpus("d", scheme, (), (), (), (old,))
    text = "The IL-2/IL-4 gene @home"
    spans = WordSplitting().words(text, [4, 18])
    tags = tuple("B-GENE" if a == 4 else "I-GENE" if 4 < a < 18 else "O" for a, _ in spans)
    new = Reading([Sentence(tuple(text[a:b] for a, b in spans), tags, text, tuple(spans))], scheme="bio")
    assert len(new.sentences[0].tokens) > 4, "or there is nothing to keep"
    merged = merge(corpus, {"train": new}, conflicts="new")
    (there,) = merged.corpus.test
    assert there.tokens == old.tokens
    two = {"bio": ("B-GENE", "I-GENE"), "bilou": ("B-GENE", "L-GENE"), "plain": ("GENE", "GENE")}[scheme]
    assert there.tags == ("O", *two, "O")
    assert not any("other words" in note for note in merged.notes())


def test_words_that_an_entity_cuts_are_said() -> None:
    corpus = Corpus("d", "bio", (), (), (), (of_words(("IL-2/IL-4", "O"), ("gene", "O")),))
    new = of_words(("IL-2", "B-GENE"), ("/", "O"), ("IL-4", "B-GENE"), ("gene", "O"))
    merged = merge(corpus, {"train": Reading([new], scheme="bio")}, conflicts="new")
    assert merged.corpus.test == (new,)
    assert "1 sentence has other words now: an entity begins or ends inside of an old one" in merged.notes()


def test_lines_of_a_new_document_that_stand_in_another_split_are_said(nerbb: Run, tmp_path: Path) -> None:
    new = doccano(tmp_path / "new.jsonl", ("Carl won\nDora sings", [[0, 4, "ORG"]]))
    status, _, err = nerbb(new, "--name", "mine", "--append")
    assert status == 0
    assert "note: 1 sentence of new documents stood in test before" in err


@settings(deadline=None)
@given(
    st.lists(st.text(alphabet="ab-", min_size=1, max_size=3), min_size=1, max_size=5),
    st.lists(st.booleans(), min_size=20, max_size=20),
    st.data(),
)
def test_a_new_annotation_of_any_words_is_taken_whole(tokens, cuts, data) -> None:
    """Whatever the words of both are: the entities are those of the new one."""
    text = "".join(tokens)
    words_, begun = [], ""
    for character, cut in zip(text, cuts, strict=False):
        begun += character
        if cut:
            words_.append(begun)
            begun = ""
    words_ += [begun] * bool(begun)
    tags = data.draw(st.lists(st.sampled_from(["O", "B-X", "B-Y"]), min_size=len(words_), max_size=len(words_)))
    old = Sentence(tuple(tokens), ("B-Z",) * len(tokens))
    new = Sentence(tuple(words_), tuple(tags))
    (there,) = merge(
        Corpus("d", "bio", ("Z",), (old,), (), ()), {"train": Reading([new], scheme="bio")}, conflicts="new"
    ).corpus.train
    assert places_of_entities(there, "bio") == places_of_entities(new, "bio")
    assert there.tokens in (old.tokens, new.tokens)


WON = {place: Sentence(("Washington", "won"), (f"B-{place}", "O")) for place in ("PER", "LOC")}


def test_documents_that_come_back_unchanged_do_not_change_their_twins() -> None:
    """Who sends a whole export back has corrected a part of it."""
    other, mended = of_words(("Anna", "O"), ("sings", "O")), of_words(("Anna", "B-PER"), ("sings", "O"))
    old = Corpus("d", "bio", ("LOC", "PER"), (WON["PER"], WON["LOC"], other), (), ())
    for order in ([WON["PER"], WON["LOC"], mended], [mended, WON["LOC"], WON["PER"]]):
        merged = merge(old, {"train": Reading(order, scheme="bio")}, conflicts="new")
        assert merged.corpus.train == (WON["PER"], WON["LOC"], mended)
        assert (merged.duplicates, len(merged.conflicts)) == (2, 1)


def test_a_document_that_agrees_with_one_place_changes_no_other_split_unless_it_is_meant_for_it() -> None:
    old = Corpus("d", "bio", ("LOC", "PER"), (WON["PER"],), (), (WON["LOC"],))
    new = {"train": Reading([WON["PER"]], scheme="bio")}
    assert merge(old, new, conflicts="new").corpus.test == (WON["LOC"],)
    assert merge(old, new, "test", conflicts="new").corpus.test == (WON["PER"],)
