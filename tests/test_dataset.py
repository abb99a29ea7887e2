"""Dataset: local data into the store, splits, what is there already, what is never deleted."""

import json
from pathlib import Path

import pytest

from nerbb_ray.data import save_corpus
from nerbb_ray.data.corpus import SPLITS, find_corpus
from nerbb_ray.dataset import Dataset
from nerbb_ray.errors import DataError, StoreError
from nerbb_ray.store import Store

LINES = ["Ann\tB-PER\nis\tO\nin\tO\nOslo\tB-LOC\n", "She\tO\nis\tO\n", "Bo\tB-PER\nsang\tO\n"]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Store, "chosen", tmp_path / "store")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "store"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Sixty sentences of columns."""
    path = tmp_path / "mine.conll"
    path.write_text("\n".join(LINES * 20))
    return path


def brat(folder: Path, documents: int = 10) -> Path:
    folder.mkdir()
    for number in range(documents):
        (folder / f"{number}.txt").write_text(f"Ann{number} is here.\nShe {number} sang.\n" * (number + 1))
        (folder / f"{number}.ann").write_text(f"T1\tPER 0 4\tAnn{number}\n")
    return folder


def sizes(dataset: Dataset) -> list[int]:
    return [len(dataset.corpus().split(split)) for split in SPLITS]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_file_is_set_up_and_found_by_name(file: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = Dataset.from_file("mine", file)
    assert not dataset.exists
    assert "not in the store yet" in repr(dataset)
    assert dataset.set_up() is dataset
    assert dataset.exists
    assert dataset.path == store / "datasets" / "mine"
    assert sorted(path.name for path in dataset.path.iterdir()) == [
        "origin.json",
        "test.jsonl",
        "train.jsonl",
        "val.jsonl",
    ]
    assert (
        find_corpus("mine", None, store / "datasets").fingerprint == dataset.fingerprint == Dataset("mine").fingerprint
    )
    out = capsys.readouterr().out
    for part in (f"set up in {dataset.path}", "train 48, val 6, test 6", "LOC, PER (scheme bio)", "6 of 60 sentences"):
        assert part in out


def test_words_are_stored_pretokenised_and_raw_text_with_places(file: Path, tmp_path: Path) -> None:
    Dataset.from_file("words", file).set_up()
    Dataset.from_file("raw", brat(tmp_path / "brat")).set_up()
    rows = [json.loads((Dataset(name).path / "train.jsonl").read_text().split("\n")[0]) for name in ("words", "raw")]
    assert rows[0].keys() == {"tokens", "tags"}
    assert rows[1].keys() == {"text", "tags"}
    assert rows[1]["tags"][0].keys() == {"token", "tag", "char_start", "char_end"}


def test_split_sets_up_with_its_fractions(file: Path) -> None:
    dataset = Dataset.from_file("mine", file).split(val_fraction=0.25, test_fraction=0.25, seed=1)
    assert sizes(dataset) == [30, 15, 15]
    first = dataset.fingerprint
    Dataset.from_file("mine", file).split(0.25, 0.25, 2, overwrite=True)
    assert dataset.fingerprint != first
    Dataset.from_file("mine", file).split(val_fraction=0, test_fraction=0, overwrite=True)
    assert sizes(dataset) == [60, 0, 0]


def test_split_without_shuffling_keeps_the_order(file: Path) -> None:
    corpus = Dataset.from_file("mine", file).split(0.1, 0.1, shuffle=False).corpus()
    assert [len(s.tokens) for split in SPLITS for s in corpus.split(split)] == [4, 2, 2] * 20


def test_set_up_after_split_changes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = Dataset.from_file("mine", file).split(val_fraction=0.3, shuffle=False).set_up()
    assert sizes(dataset) == [36, 18, 6]
    assert "same content: nothing to do" in capsys.readouterr().out


def test_documents_stay_in_one_split(tmp_path: Path) -> None:
    corpus = Dataset.from_file("mine", brat(tmp_path / "brat")).split(0.2, 0.2).corpus()
    owners = {
        split: {token[3:] for s in corpus.split(split) for token in s.tokens if token.startswith("Ann")}
        for split in SPLITS
    }
    assert sum(map(len, owners.values())) == 10
    assert set().union(*owners.values()) == set(map(str, range(10)))
    assert all(owners.values())


def test_split_of_data_with_splits_is_an_error(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("train", "dev", "test"):
        (folder / f"{name}.conll").write_bytes(file.read_bytes())
    with pytest.raises(DataError, match="has val and test already: nothing to split; call set_up"):
        Dataset.from_file("mine", folder).split()
    assert sizes(Dataset.from_file("mine", folder).set_up()) == [60, 60, 60]
    (folder / "dev.conll").unlink()
    assert sizes(Dataset.from_file("mine", folder).split(val_fraction=0.5, overwrite=True)) == [30, 30, 60]


def test_same_content_again_is_left_alone(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = Dataset.from_file("mine", file).set_up()
    before = {path: path.stat().st_mtime_ns for path in dataset.path.iterdir()}
    Dataset.from_file("mine", file).set_up()
    assert "is in the store with the same content: nothing to do" in capsys.readouterr().out
    Dataset("mine").set_up()
    assert "is in the store already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in dataset.path.iterdir()} == before


def test_other_content_needs_overwrite(file: Path) -> None:
    dataset = Dataset.from_file("mine", file).set_up()
    before = snapshot(dataset.path)
    file.write_text(LINES[0] * 3 + "\n" + LINES[1])
    with pytest.raises(StoreError, match=r"with another content .* overwrite"):
        Dataset.from_file("mine", file).set_up()
    assert snapshot(dataset.path) == before
    Dataset.from_file("mine", file).set_up(overwrite=True)
    assert snapshot(dataset.path) != before
    assert list(dataset.path.parent.iterdir()) == [dataset.path]


@pytest.mark.parametrize("overwrite", [False, True])
def test_folders_in_the_place_are_never_deleted(file: Path, store: Path, overwrite: bool) -> None:
    Dataset.from_file("mine", file).set_up()
    (store / "datasets/mine/original").mkdir()
    (store / "datasets/mine/original/notes").write_text("mine")
    file.write_text(LINES[0])
    with pytest.raises(StoreError, match="has folders in it, which are never deleted: original"):
        Dataset.from_file("mine", file).set_up(overwrite=overwrite)


def test_source_in_the_place_is_never_deleted(file: Path, store: Path) -> None:
    folder = store / "datasets" / "mine"
    folder.mkdir(parents=True)
    file.rename(folder / "raw.conll")
    with pytest.raises(StoreError, match="the data lie in the folder that would get them"):
        Dataset.from_file("mine", folder).set_up(overwrite=True)
    assert (folder / "raw.conll").is_file()


def test_link_in_the_place_is_replaced_and_not_followed(file: Path, store: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "train.csv").write_text("O\tx\n")
    (store / "datasets").mkdir(parents=True)
    (store / "datasets" / "mine").symlink_to(tmp_path / "elsewhere")
    dataset = Dataset.from_file("mine", file).set_up(overwrite=True)
    assert not dataset.path.is_symlink()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["train.csv"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_interrupted_set_up_leaves_everything_as_it_was(
    file: Path, store: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    dataset = Dataset.from_file("mine", file).set_up()
    before = snapshot(store)
    real = save_corpus.write_corpus

    def fail(*args: object) -> None:
        real(*args)
        raise error

    monkeypatch.setattr(save_corpus, "write_corpus", fail)
    file.write_text(LINES[0] * 5)
    for name in ("mine", "new"):
        with pytest.raises((StoreError, KeyboardInterrupt)):
            Dataset.from_file(name, file).set_up(overwrite=True)
    assert snapshot(store) == before
    assert [path.name for path in dataset.path.parent.iterdir()] == ["mine"]


def test_failed_move_puts_the_old_data_back(file: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset.from_file("mine", file).set_up()
    before = snapshot(store)
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self.suffix == ".part" and (self / "train.jsonl").is_file() and len(list(self.iterdir())) == 4:
            monkeypatch.undo()
            raise OSError(5, "Input/output error")
        return real(self, target)

    file.write_text(LINES[0] * 5)
    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(StoreError, match="Input/output"):
        Dataset.from_file("mine", file).set_up(overwrite=True)
    assert snapshot(store) == before
    assert dataset.exists


def test_scheme_is_converted_and_kept_in_the_store(file: Path) -> None:
    for scheme in ("plain", "bio", "bilou"):
        corpus = Dataset.from_file(scheme, file).set_up(annotation_scheme=scheme).corpus()
        assert (corpus.scheme, corpus.classes) == (scheme, ("LOC", "PER"))
    with pytest.raises(DataError, match="annotation scheme must be one of auto, plain, bio, bilou; got 'iob'"):
        Dataset.from_file("other", file).set_up(annotation_scheme="iob")


def test_scheme_that_tags_do_not_show_is_kept_in_the_store(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("\n".join(["Ann\tB-PER\nBo\tB-PER\nis\tO\n"] * 5))
    corpus = Dataset.from_file("one", tmp_path / "a.conll").set_up(annotation_scheme="bilou").corpus()
    assert (corpus.scheme, corpus.classes, corpus.train[0].tags) == ("bilou", ("PER",), ("U-PER", "U-PER", "O"))


def test_subset_has_a_folder_in_that_of_the_data_set(file: Path, store: Path) -> None:
    dataset = Dataset("org/data", subset="news")
    assert dataset.path == store / "datasets/org/data/news"
    dataset.path.mkdir(parents=True)
    (dataset.path / "train.conll").write_bytes(file.read_bytes())
    assert sizes(dataset.set_up()) == [48, 6, 6]
    assert not Dataset("org/data").exists
    with pytest.raises(StoreError, match="'org/data' is not in the store"):
        Dataset("org/data").corpus()
    with pytest.raises(DataError, match=r"data set 'org/data' not found.*could not be loaded on the Hugging Face hub"):
        Dataset("org/data").set_up()


def test_hub_gets_subset_and_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    asked: list[tuple[object, ...]] = []
    rows = datasets.Dataset.from_dict({"tokens": [["Ann", "is"]] * 10, "tags": [["B-PER", "O"]] * 10})

    def load_dataset(name: str, subset: str | None, revision: str | None = None) -> object:
        asked.append((name, subset, revision))
        return datasets.DatasetDict({"train": rows, "validation": rows})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    dataset = Dataset("org/data", subset="en").set_up(revision="abc", test_fraction=0.2)
    assert asked == [("org/data", "en", "abc")]
    assert sizes(dataset) == [8, 10, 2]


@pytest.mark.parametrize("name", ["", "..", "../x", "a/../b", "/x", "a/b/c", "a\\b", ".x", "a?", "x" * 300])
def test_name_that_cannot_be_a_folder_is_an_error(name: str) -> None:
    with pytest.raises(StoreError, match=r"the name of (the|a) data set"):
        Dataset(name)
    with pytest.raises(StoreError, match=r"the name of (the|a) data set"):
        Dataset("x", subset=name if "/" not in name else "..")


def test_revision_of_local_data_is_an_error(file: Path) -> None:
    with pytest.raises(DataError, match="a revision is one of a data set of the hub"):
        Dataset.from_file("mine", file).set_up(revision="main")


@pytest.mark.parametrize("path", ["nothing.csv", "~nobody-of-this-name/x.csv", "a\0b.csv", "loop.csv", ""])
def test_path_that_leads_nowhere_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    with pytest.raises(DataError, match=r"no such|no home|NUL|must not be empty"):
        Dataset.from_file("mine", path).set_up()


def test_bad_data_leave_no_trace(tmp_path: Path, store: Path) -> None:
    (tmp_path / "bad.csv").write_text("O O\tx\n")
    with pytest.raises(DataError, match=r"bad\.csv:1: expected one tag per token"):
        Dataset.from_file("mine", tmp_path / "bad.csv").set_up()
    assert not store.exists()


def test_misspelt_data_set_suggests_the_nearest(file: Path) -> None:
    Dataset.from_file("letters", file).set_up()
    for ask in (Dataset("leters").corpus, Dataset("leters").overview, Dataset("leters").set_up):
        with pytest.raises((StoreError, DataError), match="did you mean 'letters'"):
            ask()


@pytest.mark.parametrize("wrong", [5, None, ["a"]])
def test_arguments_of_a_wrong_kind_are_refused(wrong: object, file: Path) -> None:
    with pytest.raises(StoreError, match="the name of a data set must be a text; got"):
        Dataset(wrong)
    with pytest.raises(StoreError, match="subset must be a text; got 5"):
        Dataset("mine", subset=5)
    with pytest.raises(DataError, match="what is read must be a text or a path; got"):
        Dataset.from_file("mine", wrong)
    mine = Dataset.from_file("mine", file).set_up()
    with pytest.raises(DataError, match="what is appended must be a text or a path; got"):
        mine.append(wrong)
    with pytest.raises(DataError, match=r"options must be ReadingOptions\(...\) .*; got"):
        mine.append(file, options=wrong)
    with pytest.raises(DataError, match="max_seq_length must be a whole number >= 1; got"):
        mine.overview(max_seq_length="128")
