"""Data that are not what their user means: `--strict` fails on each, and says why."""

import json
from pathlib import Path

import pytest

from nerbb_ray.cli import main
from nerbb_ray.data.build_corpus import Corpus
from nerbb_ray.data.sentences import Sentence
from nerbb_ray.data.words_of_text import WordSplitting
from nerbb_ray.doctor.examine import examine
from nerbb_ray.doctor.findings import Findings

Split = list[tuple[str, str]]
GOOD: Split = [(f"w{i} Anna sleeps in Oslo now", "O PER O O LOC O") for i in range(12)]


def examined(train: Split, val: Split = GOOD, test: Split = GOOD, splitting: str = "runs") -> Findings:
    splits = [
        tuple(Sentence(tuple(words.split()), tuple(tags.split())) for words, tags in split)
        for split in (train, val, test)
    ]
    classes = sorted({tag for split in splits for s in split for tag in s.tags} - {"O"})
    return examine(Corpus("x", "plain", tuple(classes), *splits, splitting=WordSplitting(splitting)))


def rows(tags: str) -> Split:
    """12 sentences with these tags."""
    return [(" ".join(f"w{i}n{k}" for k in range(len(tags.split()))), tags) for i in range(12)]


@pytest.mark.parametrize(
    ("train", "check", "severity", "text"),
    [
        (rows("s s s PER"), "no_outside", "error", "no word of train is O: each has a class"),
        (rows("PER PER PER PER PER O"), "one_class", "error", "83.3 % of the words of train have the class PER"),
        (rows("PER PER PER PER O"), "one_class", None, ""),
        (rows("M-NAME O LOC PER"), "prefix_class", "warning", "1 class that may be a tag: M-NAME"),
        (rows("B-NAME E-NAME O"), "prefix_class", "error", "2 classes that look like tags: B-NAME, E-NAME"),
        (rows("NAME_B NAME_E O"), "prefix_class", "error", "2 classes that look like tags: NAME_B, NAME_E"),
        (rows("B- O LOC PER"), "prefix_class", "error", "1 class that look like tags: B-"),
        (rows("B I O"), "prefix_class", "error", "2 classes that look like tags: B, I"),
        (rows("E O LOC PER"), "prefix_class", "warning", "1 class that may be a tag: E"),
        (rows("art_I O LOC PER"), "prefix_class", None, ""),
        (rows("person place O"), "nothing_shared", "error", "val has no class of train: LOC, PER; train has person, p"),
        (rows("PER place O"), "nothing_shared", None, ""),
    ],
)
def test_classes_that_cannot_be_meant(train: Split, check: str, severity: str | None, text: str) -> None:
    found = [problem for problem in examined(train).problems if problem.check == check]
    assert [problem.severity for problem in found][:1] == ([severity] if severity else [])
    assert text in (found[0].text if found else "")


@pytest.mark.parametrize(
    ("bad", "severity"),
    [(0, None), (1, "info"), (3, "error")],
)
def test_more_than_one_entity_in_a_hundred_out_of_reach_is_an_error(bad: int, severity: str | None) -> None:
    train = [(f"w{i} Anna 's dog" if i < bad else f"w{i} Anna sleeps now", "O PER O O") for i in range(150)]
    findings = examined(train, splitting="inner")
    found = [problem for problem in findings.problems if problem.check == "unreachable"]
    assert [problem.severity for problem in found] == ([severity] if severity else [])
    assert findings.split("train").borders.unreachable == bad
    if bad:
        assert "cannot be reached in running text" in found[0].text
        assert "Anna|'s" in found[0].text
        assert [place.sentence for place in found[0].places] == list(range(1, bad + 1))


def test_clean_data_have_none_of_this() -> None:
    checks = {problem.check for problem in examined(GOOD).problems}
    assert not checks & {"no_outside", "one_class", "prefix_class", "nothing_shared", "unreachable", "border_in_word"}


@pytest.mark.parametrize(("shift", "status"), [(0, 0), (-1, 1)])
def test_strict_fails_on_offsets_that_are_off_by_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shift: int, status: int
) -> None:
    for split in ("train", "val", "test"):
        lines = [
            {"text": text, "label": [[text.index("Anna"), text.index("Anna") + 6 + shift, "PER"]]}
            for text in (f"{split}{i} Anna{i} at {split} now" for i in range(10, 30))
        ]
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["check_dataset", str(tmp_path), "--strict", "--store", str(tmp_path / "store")]) == status
    out = capsys.readouterr().out
    assert ("Anna1|0" in out) == bool(status)


def test_files_are_read_with_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"text": "Anna Berg sings", "label": [[0, 4, "A"], [0, 9, "B"]]}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n")
    words = ["check_dataset", str(tmp_path / "train.jsonl"), "--store", str(tmp_path / "store")]
    assert main(words) == 2
    assert "--overlaps longest" in capsys.readouterr().err
    assert main([*words, "--overlaps", "longest"]) == 0


@pytest.mark.parametrize(
    ("check", "bad", "severity"),
    [
        ("leak", 1, "info"),
        ("leak", 3, "warning"),
        ("leak", 4, "error"),
        ("contradiction", 1, "info"),
        ("contradiction", 2, "warning"),
        ("duplicate", 19, "info"),
        ("duplicate", 20, "warning"),
    ],
)
def test_a_few_repeated_sentences_of_a_corpus_are_no_reason_to_stop(check: str, bad: int, severity: str) -> None:
    long = " tells a story of some length and more"
    rest = " O" * len(long.split())
    train = [(f"w{i}{long}", f"O{rest}") for i in range(400)]
    val = [(f"v{i}{long}", f"PER{rest}") for i in range(400)]
    if check == "leak":
        val[:bad] = train[:bad]
    elif check == "duplicate":
        train[-bad:] = train[:bad]
    else:
        train[-bad:] = [(words, f"PER{rest}") for words, _ in train[:bad]]
    found = [problem.severity for problem in examined(train, val).problems if problem.check == check]
    assert found == [severity]


@pytest.mark.parametrize(
    "name",
    ["crossner_politics", *(pytest.param(big, marks=pytest.mark.slow) for big in ("wnut17", "swedish_ner_corpus"))],
)
def test_strict_passes_on_published_corpora(
    name: str, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared / "datasets" / name
    assert main(["check_dataset", str(folder), "--strict", "--store", str(tmp_path)]) == 0, capsys.readouterr().out
