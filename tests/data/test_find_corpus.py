"""Where a data set is looked for, and data sets of the `datasets` library (local folders: nothing is downloaded)."""

import re
import sys
from types import SimpleNamespace

import pytest

from nerbb_ray.data import hub
from nerbb_ray.data.corpus import SPLITS, Found, find_corpus, load_hub
from nerbb_ray.data.known_names import BUILTIN
from nerbb_ray.errors import DataError

ROWS = {"tokens": [["Ann", "is"], ["in", "Rome"]], "ner_tags": [[1, 0], [0, 3]]}
NAMES = ["0", "B-PER", "I-PER", "B-LOC"]


@pytest.fixture
def store(tmp_path):
    """The datasets folder of a store with one data set, `small`."""
    _write(tmp_path / "store" / "small")
    return tmp_path / "store"


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """A datasets.DatasetDict with class labels; the library's cache is the test's own."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    labels = datasets.Sequence(datasets.ClassLabel(names=NAMES))
    features = datasets.Features({"tokens": datasets.Sequence(datasets.Value("string")), "ner_tags": labels})
    split = datasets.Dataset.from_dict(ROWS, features=features)
    return datasets.DatasetDict({"train": split, "validation": split.select([0]), "test": split.select([])})


@pytest.fixture
def offline(monkeypatch):
    """A `datasets` library that reaches nothing and records what it is asked for."""
    asked = []

    class Library:
        config = SimpleNamespace(HF_HUB_OFFLINE=True)

        @staticmethod
        def disable_progress_bars():
            pass

        @staticmethod
        def load_dataset(name, subset, revision=None):
            asked.append((name, subset, revision))
            raise ConnectionError(f"Couldn't reach {name!r} on the Hub")

    monkeypatch.setitem(sys.modules, "datasets", Library)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return asked


def _write(folder, word="a"):
    folder.mkdir(parents=True)
    for split in SPLITS:
        (folder / f"{split}.txt").write_text(f"{word}\tB-X\n")


def test_store_comes_before_everything(store, tmp_path, monkeypatch):
    _write(tmp_path / "elsewhere" / "small", word="b")
    _write(store / "conll2003", word="c")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert find_corpus("small", None, store).train[0].tokens == ("a",)
    assert find_corpus("./small", None, store).train[0].tokens == ("b",)
    assert find_corpus(str(tmp_path / "elsewhere" / "small"), None, store).train[0].tokens == ("b",)
    assert find_corpus("conll2003", None, store).train[0].tokens == ("c",)


def test_names_with_an_organisation_may_lie_in_the_store(store):
    _write(store / "org" / "name", word="d")
    corpus = find_corpus("org/name", None, store)
    assert (corpus.name, corpus.train[0].tokens) == ("org/name", ("d",))


@pytest.mark.usefixtures("offline")
def test_folder_of_the_working_directory_needs_a_separator(store, tmp_path, monkeypatch):
    _write(tmp_path / "elsewhere" / "other")
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"'other' is not in the store .* say \./other"):
        find_corpus("other", None, store)


@pytest.mark.parametrize("name", ["", "..", "../small", "a/../../small", "small/..", "a\\..\\small"])
def test_names_do_not_leave_the_store(store, name):
    with pytest.raises(DataError, match=r"must not be empty or contain '\.\.'"):
        find_corpus(name, None, store / "small")


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", ".", "~/no-such-folder-here"])
def test_path_that_is_not_there_is_not_asked_of_the_hub(store, offline, name):
    with pytest.raises(DataError, match="there is no such folder"):
        find_corpus(name, None, store)
    assert offline == []


def test_subset_is_a_folder_of_a_local_data_set(store):
    _write(store / "small" / "news", word="n")
    corpus = find_corpus("small", "news", store)
    assert (corpus.name, corpus.train[0].tokens) == ("small/news", ("n",))
    with pytest.raises(DataError, match="'small' has no subset 'sport'"):
        find_corpus("small", "sport", store)


def test_unknown_data_set_says_where_it_was_looked_for_and_what_to_do(store, offline):
    with pytest.raises(DataError) as caught:
        find_corpus("org/nothing", "en", store)
    assert offline == [("org/nothing", "en", None)]
    for part in (
        str(store / "org/nothing"),
        "conll2003, ",
        "'org/nothing', subset 'en',",
        "Couldn't reach",
        "put files",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("smal", "small"),
        ("Smalls", "small"),
        ("connl2003", "conll2003"),
        ("CoNLL2003", "conll2003"),
        ("org", "org/big"),
    ],
)
@pytest.mark.usefixtures("offline")
def test_unknown_data_set_suggests_the_nearest(store, name, meant):
    _write(store / "org" / "big")
    for ask_hub in (True, False):
        with pytest.raises(DataError, match=f"did you mean '{meant}'"):
            find_corpus(name, None, store, ask_hub=ask_hub)


def test_a_builtin_name_that_is_not_here_does_not_suggest_itself(store):
    with pytest.raises(DataError) as caught:
        find_corpus("conll2003", None, store, ask_hub=False)
    assert "did you mean" not in str(caught.value)


def test_file_in_the_place_of_a_data_set_says_how_it_becomes_one(store, tmp_path, offline, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("./store/small/train.txt", "store/small/train.txt"):
        with pytest.raises(DataError, match="is a file; bring it into the store"):
            find_corpus(name, None, store)
    assert offline == []


@pytest.mark.parametrize("name", [name for name, source in BUILTIN.items() if source.hub])
def test_builtin_name_is_asked_of_its_source(store, offline, name):
    with pytest.raises(DataError, match=f"{name!r} not found.* is built in, but"):
        find_corpus(name, None, store)
    assert offline == [(BUILTIN[name].hub, BUILTIN[name].subset, BUILTIN[name].revision)]


@pytest.mark.parametrize("name", [n for n, source in BUILTIN.items() if not source.hub and not source.files])
def test_builtin_name_that_cannot_be_downloaded_says_where_to_fetch_it(store, offline, name):
    with pytest.raises(DataError, match=f"fetch it from {re.escape(BUILTIN[name].page)} and put files"):
        find_corpus(name, None, store)
    assert offline == []


def test_saved_datasets_folder_is_read(store, rows):
    rows.save_to_disk(store / "saved")
    corpus = find_corpus("saved", None, store)
    assert corpus.name == "saved"
    assert [[s.tags for s in corpus.split(split)] for split in SPLITS] == [
        [("B-PER", "O"), ("O", "B-LOC")],
        [("B-PER", "O")],
        [],
    ]
    with pytest.raises(DataError, match="has no subset 'x'"):
        find_corpus("saved", "x", store)


def test_single_saved_split_is_train(store, rows):
    rows["train"].save_to_disk(store / "single")
    corpus = find_corpus("single", None, store)
    assert len(corpus.train) == 2
    assert [note for note in corpus.notes if "held out" not in note] == ["O is written '0': 2 of 4 words"]


def test_folder_that_the_library_can_read_is_read(store, rows):
    (store / "parquet").mkdir()
    for split in ("train", "validation"):
        rows[split].to_parquet(store / "parquet" / f"{split}.parquet")
    corpus = find_corpus("parquet", None, store)
    assert [s.tokens for s in corpus.train] == [("Ann", "is"), ("in", "Rome")]
    assert corpus.classes == ("LOC", "PER")
    assert load_hub(str(store / "parquet"), scheme="bilou").train[1].tags == ("O", "U-LOC")


@pytest.fixture
def languages(store, rows):
    """A folder like a repository of the hub with two subsets."""
    folder = store.parent / "languages"
    for name, split in (("sv", "train"), ("de", "validation")):
        (folder / name).mkdir(parents=True)
        rows[split].to_parquet(folder / name / "train.parquet")
    configs = "".join(f"- config_name: {n}\n  data_files: {n}/train.parquet\n" for n in ("sv", "de"))
    (folder / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    return folder


def test_subset_of_a_folder_that_the_library_can_read_is_read(languages, store):
    assert len(find_corpus(str(languages), "sv", store).train) == 2
    assert len(find_corpus(str(languages), "de", store).train) == 1


@pytest.mark.parametrize(
    ("subset", "message"),
    [(None, "has the subsets sv, de: choose one"), ("dee", "has no subset 'dee'; did you mean 'de'?")],
)
def test_subset_that_is_missing_is_explained(languages, store, subset, message):
    with pytest.raises(DataError, match=re.escape(message)):
        find_corpus(str(languages), subset, store)


def test_folder_without_data_says_what_was_expected(store):
    (store / "odd").mkdir()
    (store / "odd" / "README.md").write_text("nothing here")
    with pytest.raises(DataError, match=r"odd: expected files train, val and test \(\.csv"):
        find_corpus("odd", None, store)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a"]}, "has a text and no entities; got the keys text"),
        ({"x": ["a"]}, "expected words and tags as two lists, a text with its entities"),
        ({"tokens": [["a"]], "pos": [["X"]]}, "no column looks like tags of entities"),
        ({"tokens": [["a", "b"]], "tags": [["O"]]}, "record 0: expected one tag per token; got 2 tokens and 1 tags"),
        ({"tokens": [["a"]], "tags": [[""]]}, "record 0: a tag must not be empty"),
    ],
)
def test_bad_rows_are_named(columns, message):
    datasets = pytest.importorskip("datasets")
    with pytest.raises(DataError, match=re.escape(message)):
        hub.reading_of(datasets.Dataset.from_dict(columns), "name[train]")


def test_tags_column_of_strings_is_read(store):
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"tokens": [["a", "b"]] * 4, "tags": [["PER", "O"]] * 4})
    rows.save_to_disk(store / "strings")
    corpus = find_corpus("strings", None, store)
    assert (corpus.scheme, corpus.train[0].tags) == ("plain", ("PER", "O"))


def test_unlabelled_class_is_an_error():
    datasets = pytest.importorskip("datasets")
    labels = datasets.Sequence(datasets.ClassLabel(names=NAMES))
    features = datasets.Features({"tokens": datasets.Sequence(datasets.Value("string")), "ner_tags": labels})
    rows = datasets.Dataset.from_dict({"tokens": [["a"]], "ner_tags": [[-1]]}, features=features)
    with pytest.raises(DataError, match="1 words have a negative number instead of a tag: nobody has labelled them"):
        Found.of("name", {"test": hub.reading_of(rows, "name[test]")})
