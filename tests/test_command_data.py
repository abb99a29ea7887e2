"""`nerbb set_up_dataset`: names and paths, what is printed where, exit statuses."""

import json
from pathlib import Path

import pytest

from nerbb_ray import cli
from nerbb_ray.data.corpus import load_corpus


class Nerbb:
    def __init__(self, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.store, self.capsys = store, capsys

    def __call__(self, *words: str | Path) -> tuple[int, str, str]:
        """(status, stdout, stderr) of set_up_dataset."""
        status = cli.main(["--store", str(self.store), "set_up_dataset", *map(str, words)])
        return status, *self.capsys.readouterr()


RUNS = "running text is cut by: runs (runs of letters and digits; any other character is a word)"


@pytest.fixture
def nerbb(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Nerbb:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return Nerbb(tmp_path / "store", capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.data.conll"
    path.write_text("Ann\tB-PER\nis\tO\n\n" * 20)
    return path


def test_file_is_set_up_under_its_stem(nerbb: Nerbb, file: Path, tmp_path: Path) -> None:
    status, out, err = nerbb(file)
    assert status == 0
    assert out.splitlines() == [
        f"data set my.data is set up in {tmp_path}/store/datasets/my.data",
        "my.data.conll: words column 1, tags column 2 (bio), 20 sentences",
        "sentences: train 16, val 2, test 2",
        "classes: PER (scheme bio)",
        RUNS,
    ]
    assert err.splitlines() == [
        f"note: no {split} data: 2 of 20 sentences of train are held out for it" for split in ("val", "test")
    ]


def test_options_are_heeded(nerbb: Nerbb, file: Path, tmp_path: Path) -> None:
    options = [
        "--name",
        "mine",
        "--val-fraction",
        "0.5",
        "--test-fraction",
        "0",
        "--seed",
        "7",
        "--annotation-scheme",
        "plain",
        "--json",
    ]
    status, out, _ = nerbb(file.name, *options)
    assert status == 0
    outcome = json.loads(out)
    corpus = load_corpus(tmp_path / "store/datasets/mine")
    assert outcome == {
        "dataset": "mine",
        "path": str(tmp_path / "store/datasets/mine"),
        "status": "made",
        "sentences": {"train": 10, "val": 10, "test": 0},
        "classes": ["PER"],
        "annotation_scheme": "plain",
        "fingerprint": corpus.fingerprint,
        "words": {"name": "runs", "joints": []},
        "files": [
            {
                "split": "train",
                "file": "my.data.conll",
                "format": "columns",
                "taken": "words column 1, tags column 2",
                "scheme": "bio",
                "sentences": 20,
                "mended": 0,
                "choices": {"separator": "tab", "word_column": "1", "tag_column": "2"},
            }
        ],
        "notes": outcome["notes"],
    }
    assert any("held out" in note for note in outcome["notes"])


def test_name_in_the_store_is_left_alone(nerbb: Nerbb, file: Path) -> None:
    nerbb(file, "--name", "mine")
    status, out, _ = nerbb("mine", "--val-fraction", "0.5", "--annotation-scheme", "plain")
    assert (status, out.splitlines()[1:]) == (
        0,
        ["sentences: train 16, val 2, test 2", "classes: PER (scheme bio)", RUNS],
    )
    assert "is in the store already: nothing was done" in out


def test_other_content_needs_overwrite(nerbb: Nerbb, file: Path) -> None:
    nerbb(file)
    assert nerbb(file)[0] == 0
    file.write_text("Bo\tB-PER\n\n" * 9)
    status, out, err = nerbb(file)
    assert (status, out) == (2, "")
    assert "--overwrite" in err
    status, out, _ = nerbb(file, "--overwrite")
    assert (status, "set up in" in out) == (0, True)


@pytest.mark.parametrize("word", ["folder", "./folder", "folder/"])
def test_folder_is_meant_with_and_without_separator(nerbb: Nerbb, file: Path, tmp_path: Path, word: str) -> None:
    (tmp_path / "folder").mkdir()
    file.rename(tmp_path / "folder" / "train.conll")
    status, out, _ = nerbb(word)
    assert (status, out.startswith("data set folder is set up")) == (0, True)


def test_working_directory_can_be_meant(
    nerbb: Nerbb, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    file.rename(tmp_path / "here" / "train.conll")
    monkeypatch.chdir(tmp_path / "here")
    assert nerbb(".")[1].startswith("data set here is set up")


def test_subset_of_a_folder_is_set_up(nerbb: Nerbb, tmp_path: Path) -> None:
    for subset in ("sv", "de"):
        (tmp_path / "folder" / subset).mkdir(parents=True)
        (tmp_path / "folder" / subset / "train.conll").write_text(f"{subset}\tB-PER\n\n" * 5)
    status, out, _ = nerbb("folder", "--subset", "sv")
    assert (status, out.partition(" is set up")[0]) == (0, "data set folder/sv")
    assert load_corpus(tmp_path / "store/datasets/folder/sv").train[0].tokens == ("sv",)
    assert "has no subset" in nerbb("folder", "--subset", "fr")[2]


def test_built_in_name_is_not_taken_for_a_folder(nerbb: Nerbb, tmp_path: Path) -> None:
    (tmp_path / "suc").mkdir()
    status, _, err = nerbb("suc")
    assert status == 2
    assert "data set 'suc' cannot be downloaded: fetch it from https://spraakbanken.gu.se" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.json"], "nothing.json: there is no such file or folder"),
        (["./nothing"], "nothing: there is no such file or folder"),
        (["no/such"], "data set 'no/such' not found: it is not in the store"),
        (["file:///etc/passwd"], "the address must begin with http:// or https://"),
        (["http://127.0.0.1:1/x.csv"], "http://127.0.0.1:1/x.csv cannot be downloaded: "),
        (["http://127.0.0.1:1/"], "the name of the data set must not be empty"),
        (["my.data.conll", "--subset", "x"], "--subset is for folders and data sets of the hub"),
        (["my.data.conll", "--revision", "x"], "a revision is one of a data set of the hub"),
        (["my.data.conll", "--name", "../x"], "the name of the data set names a folder"),
        (["suc", "--name", "x"], "--name is for files, folders and addresses"),
        (["my.data.conll", "--val-fraction", "1"], "must be 0 or more and less than 1; got 1"),
        (["my.data.conll", "--val-fraction", "x"], "must be a number; got 'x'"),
        (["my.data.conll", "--val-fraction", ".6", "--test-fraction", ".5"], "val_fraction + test_fraction < 1"),
        (["my.data.conll", "--annotation-scheme", "iob"], "invalid choice: 'iob'"),
        (["~nobody-of-this-name/x"], "there is no home folder of this user"),
    ],
)
@pytest.mark.usefixtures("file")
def test_mistake_is_explained_with_status_2(nerbb: Nerbb, tmp_path: Path, words: list[str], message: str) -> None:
    status, out, err = nerbb(*words)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "store" / "datasets").exists()


def test_bad_line_is_named(nerbb: Nerbb, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"text": "Ann", "label": [[0, 3, "PER"]]}\n{"text": "Bo", "label": [[0, 3, "PER"]]}'
    )
    status, _, err = nerbb("a.jsonl")
    assert status == 2
    assert err.startswith("error: a.jsonl:2: 0 <= start < end <= 2 (length of text) must hold; got PER 0, 3")
