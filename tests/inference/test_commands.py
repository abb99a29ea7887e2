"""nerbb predict, predict_file, evaluate, export, as a user types them."""

import io
import json
import sys
from collections.abc import Callable

import pytest

from nerbb_ray import cli
from nerbb_ray.model import Model

TEXT = "Anna works in Paris."
Nerbb = Callable[..., tuple[int, str, str]]


@pytest.fixture
def nerbb(trained, capsys: pytest.CaptureFixture[str]) -> Nerbb:
    """Call it on the trained store -> (status, stdout, stderr)."""

    def call(*words: str) -> tuple[int, str, str]:
        status = cli.main([*words, "--store", str(trained.store.root)])
        return status, *capsys.readouterr()

    return call


def test_predict_shows_each_text_with_its_entities(nerbb: Nerbb) -> None:
    status, out, _ = nerbb("predict", "tiny", TEXT, "the acmecorp works", "a\x1b[2Jb\nc")
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == TEXT
    assert [line.split()[:2] for line in lines[1:3]] == [["PER", "Anna"], ["LOC", "Paris"]]
    assert [line.split()[3] for line in lines[1:3]] == ["0-4", "14-19"]
    assert lines[3:7] == ["", "the acmecorp works", "  (no entity)", ""]
    assert lines[7] == r"a\x1b[2Jb\nc"


def test_predict_shows_words(nerbb: Nerbb) -> None:
    _, out, _ = nerbb("predict", "tiny", "--level", "word", TEXT)
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["B-PER", "O", "O", "B-LOC", "O"]


def give(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """To stdin, which lets every byte pass as it does in the locale C.UTF-8."""
    stdin = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="surrogateescape")
    monkeypatch.setattr(sys, "stdin", stdin)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"\xef\xbb\xbfAnna\r\n\r\nBert", ["Anna", "", "Bert"]),
        ("a\u2028b\x0bc\x85\x1c\0d\n".encode(), ["a\u2028b\x0bc\x85\x1c\0d"]),
    ],
)
def test_lines_of_stdin_end_at_line_feeds_only(nerbb: Nerbb, monkeypatch, content: bytes, texts: list[str]) -> None:
    give(monkeypatch, content)
    _, out, _ = nerbb("predict", "tiny", "-", "--json")
    assert [row["text"] for row in json.loads(out)] == texts


def test_text_that_is_not_utf_8_is_named(nerbb: Nerbb, monkeypatch) -> None:
    give(monkeypatch, b"Anna\nK\xf6ln\n")
    status, out, err = nerbb("predict", "tiny", "-")
    assert (status, out) == (2, "")
    assert "the texts on stdin must be UTF-8; byte 0xf6 in line 2 is not" in err
    status, out, err = nerbb("predict", "tiny", b"K\xf6ln".decode(errors="surrogateescape"))
    assert (status, out) == (2, "")
    assert "a text must be UTF-8; got 'K\\udcf6ln'" in err


def test_unknown_experiment_suggests_the_nearest(nerbb: Nerbb, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    status, _, err = nerbb("predict", "tinny", TEXT)
    assert status == 2
    assert "; did you mean 'tiny'? As the name of a model" in err


def test_predict_gives_json_and_reads_stdin(nerbb: Nerbb, monkeypatch, model: Model) -> None:
    give(monkeypatch, f"{TEXT}\nBert lives\n".encode())
    status, out, _ = nerbb("predict", "tiny", "-", "Paris", "--json", "--run", "runA", "--seed", "43")
    assert status == 0
    texts = [TEXT, "Bert lives", "Paris"]
    found = json.loads(out)
    assert [row["text"] for row in found] == texts
    for row, expected in zip(found, model.predict(texts), strict=True):
        assert [tag["token"] for tag in row["tags"]] == [tag["token"] for tag in expected]


def test_a_name_is_an_experiment_a_folder_or_a_model(nerbb: Nerbb, trained, tmp_path, monkeypatch) -> None:
    import shutil

    shutil.copytree(trained.checkpoint(), tmp_path / "copies/mine")
    monkeypatch.chdir(tmp_path)
    for name in ("tiny", str(trained.checkpoint()), "./copies/mine", "copies/mine"):
        status, out, err = nerbb("predict", name, TEXT)
        assert (status, out.splitlines()[1].split()[:2]) == (0, ["PER", "Anna"]), err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict", "tinny", TEXT], "there is no experiment 'tinny' in"),
        (["predict", "tinny", TEXT, "--seed", "43"], "did you mean tiny"),
        (["predict", "./nowhere", TEXT], "expected a folder with config.json"),
        (
            ["predict", "./nowhere", TEXT, "--run", "runA"],
            "--run, --seed and --ensemble choose among the trials of an experiment",
        ),
        (["predict", "tiny", TEXT, "--seed", "43-fold1"], "has no fold model 43-fold1; there are 43, 44"),
        (["predict", "tiny", TEXT, "--seed", "4.3"], "must be a seed, or with folds a seed and a fold, as in 43-fold2"),
        (["predict", "tiny", TEXT, "--seed", "44"], "runA-44 of experiment tiny is failed"),
        (["predict", "tiny", TEXT, "--device", "abacus"], "device must be cpu, or a GPU"),
        (["predict_file", "tiny", "no.txt", "out.jsonl"], "no.txt: there is no such file"),
        (["evaluate", "tiny", "./nowhere"], "there is no such folder"),
        (["export", "tinny", "m"], "did you mean tiny"),
    ],
)
def test_mistakes_of_the_user_are_explained(nerbb: Nerbb, monkeypatch, tmp_path, words, message) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    status, out, err = nerbb(*words)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_predict_file_says_what_it_wrote(nerbb: Nerbb, tmp_path) -> None:
    (tmp_path / "in.txt").write_text(f"{TEXT}\nBert\n")
    status, out, err = nerbb("predict_file", "tiny", str(tmp_path / "in.txt"), str(tmp_path / "out.jsonl"))
    assert (status, out, err) == (0, f"{tmp_path / 'out.jsonl'}: 2 texts read, with what was found in each\n", "")
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


def test_evaluate_prints_scores_or_json(nerbb: Nerbb, trained) -> None:
    status, out, _ = nerbb("evaluate", "tiny", "tiny", "--phase", "val")
    assert status == 0
    assert "tiny/runA-43 on tiny, val" in out
    assert f"token accuracy: {trained.reports[43]['chosen']['val/token/all/acc']:.4f}" in out
    status, out, err = nerbb("evaluate", "tiny", "tiny", "--json")
    found = json.loads(out, parse_constant=pytest.fail)
    assert (status, found["phase"], found["notes"], err) == (0, "test", [], "")
    chosen = trained.reports[43]["chosen"]
    assert found["metrics"]["test/entity/micro/f1"] == pytest.approx(chosen["test/entity/micro/f1"])


def test_evaluate_puts_notes_on_stderr_and_null_into_json(nerbb: Nerbb, tmp_path) -> None:
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.jsonl").write_text('{"tokens": ["at", "noon"], "tags": ["O", "B-TIME"]}\n')
    status, out, err = nerbb("evaluate", "tiny", str(tmp_path))
    assert status == 0
    assert "note: the model does not know TIME" in err
    assert "loss: -\n" in out
    _, out, _ = nerbb("evaluate", "tiny", str(tmp_path), "--json")
    found = json.loads(out, parse_constant=pytest.fail)
    assert found["metrics"]["test/loss"] is None
    assert "does not know TIME" in found["notes"][0]


def test_export_writes_the_folder_once(nerbb: Nerbb, tmp_path) -> None:
    target = tmp_path / "m"
    status, out, said = nerbb("export", "tiny", str(target), "--language", "sv")
    assert (status, out) == (0, f"{target}: the model, with its model card README.md\n")
    assert "names no license; yours to say: --license" in said
    assert "language: sv\n" in (target / "README.md").read_text()
    assert "license" not in (target / "README.md").read_text().split("---")[1]
    assert nerbb("export", "tiny", str(target))[0] == 2
    assert nerbb("export", "tiny", str(target), "--overwrite", "--run", "runA", "--license", "MIT")[0] == 0
    assert "license: mit\n" in (target / "README.md").read_text()
