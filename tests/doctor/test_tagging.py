"""Breaches of a tag scheme, and the line where each stands."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.data.corpus import Found, find_data
from nerbb_ray.doctor.examine import examine
from nerbb_ray.doctor.tagging import violations
from nerbb_ray.ner.tags import GRAMMARS, SourceScheme, convert


@pytest.mark.parametrize(
    ("scheme", "tags", "expected"),
    [
        ("bio", "O B-A I-A B-A O", []),
        ("bio", "I-A", [(0, "", "I-A")]),
        ("bio", "O I-A I-A", [(1, "O", "I-A")]),
        ("bio", "B-PER I-LOC I-LOC", [(1, "B-PER", "I-LOC")]),
        ("bio", "0 I-A", [(1, "0", "I-A")]),
        ("bio", "b-A i-A", []),
        ("bilou", "B-A I-A L-A U-A O", []),
        ("bilou", "B-A O", [(1, "B-A", "O")]),
        ("bilou", "O B-A", [(1, "B-A", "")]),
        ("bilou", "L-A", [(0, "", "L-A")]),
        ("bilou", "U-A I-A L-A", [(1, "U-A", "I-A")]),
        ("bilou", "B-A L-B", [(1, "B-A", "L-B")]),
        ("bilou", "B-A B-A L-A", [(1, "B-A", "B-A")]),
        ("bioes", "B-A E-A S-A S-B", []),
        ("bioes", "S-A E-A", [(1, "S-A", "E-A")]),
        ("iob1", "I-A I-A B-A I-B", []),
        ("iob1", "O B-A", [(1, "O", "B-A")]),
        ("iob1", "I-A B-B", [(1, "I-A", "B-B")]),
        ("plain", "A B-B I-C", []),
    ],
)
def test_tag_that_may_not_follow(scheme: SourceScheme, tags: str, expected: list[tuple[int, str, str]]) -> None:
    assert list(violations(tags.split(), scheme)) == expected


@given(scheme=st.sampled_from(["bio", "bilou", "bioes"]), data=st.data())
@settings(deadline=None, max_examples=300)
def test_tags_are_faultless_exactly_if_mending_changes_nothing(scheme: SourceScheme, data: st.DataObject) -> None:
    every = ["O", *(f"{prefix}-{label}" for prefix in GRAMMARS[scheme].prefixes for label in "XY")]
    tags = data.draw(st.lists(st.sampled_from(every), max_size=6))
    assert (not list(violations(tags, scheme))) == (convert(tags, scheme, scheme) == tags)


def _read(folder: Path, name: str, text: str) -> Found:
    (folder / name).write_text(text, encoding="utf-8")
    for split in ("val", "test"):
        (folder / f"{split}.csv").write_text("B-PER I-PER\tAnna Berg\n", encoding="utf-8")
    return find_data(str(folder), None, folder)


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("train.csv", "B-A I-A\ta b\n\nO I-A\tc d\n", [3]),
        ("train.csv", "tags\ttext\nI-A B-A\ta b\n", [2]),
        ("train.jsonl", '{"tokens": ["a"], "tags": ["B-A"]}\n\n{"tokens": ["a", "b"], "tags": ["B-B", "I-A"]}\n', [3]),
        ("train.conll", "a B-A\nb I-A\n\nc O\nd I-A\n", [5]),
        ("train.conll", "-DOCSTART- O\n\n\na B-A\nb I-B\nc I-A\n", [5, 6]),
        # lines that are no words of a sentence do not shift what comes after them
        ("train.conll", "a B-A\n# a comment of many words\nb O\nuntagged\nc I-A\n", [5]),
    ],
)
def test_bad_tag_is_named_with_its_line(name: str, text: str, lines: list[int], tmp_path: Path) -> None:
    found = _read(tmp_path, name, text)
    findings = examine(found.corpus(), found.readings)
    tagging = findings.split("train").tagging
    assert tagging is not None
    assert [str(violation.place) for violation in tagging.first] == [f"{name}:{line}" for line in lines]
    problem = next(problem for problem in findings.problems if problem.check == "tag_violation")
    assert (problem.severity, problem.count) == ("warning", len(lines))
    assert f"{name}:{lines[0]}" == str(problem.places[0])


def test_only_the_first_places_are_kept_but_all_are_counted(
    clean: dict[str, list[tuple[str, str]]], write: Callable[..., Found]
) -> None:
    clean["train"] += [(f"w{i} x", "O I-PER") for i in range(30)]
    found = write(clean)
    tagging = examine(found.corpus(), found.readings).split("train").tagging
    assert tagging is not None
    assert (tagging.scheme, tagging.count, len(tagging.first)) == ("bio", 30, 20)
    assert tagging.first[0].place.line == 13
    assert str(tagging.first[0]) == "I-PER after O"


def test_mended_tags_are_not_looked_at_without_the_files(
    clean: dict[str, list[tuple[str, str]]], write: Callable[..., Found]
) -> None:
    clean["train"] += [("a b", "O I-PER")]
    findings = examine(write(clean).corpus())
    assert all(split.tagging is None for split in findings.splits)
    assert any("mended" in note for note in findings.notes)


def test_splits_in_different_schemes_are_told(
    clean: dict[str, list[tuple[str, str]]], write: Callable[..., Found]
) -> None:
    clean["test"] = [(words, tags.replace("B-", "I-")) for words, tags in clean["test"]]
    found = write(clean)
    problem = next(p for p in examine(found.corpus(), found.readings).problems if p.check == "mixed_schemes")
    assert "train bio, val bio, test iob1" in problem.text


def test_named_scheme_is_believed(write: Callable[..., Found]) -> None:
    rows = [(f"a{i} b", "U-A O") for i in range(4)] + [("c d", "U-A L-A")]
    found = write({"train": rows, "val": rows[:1], "test": rows[:1]})
    tagging = examine(found.corpus("bilou"), found.readings).split("train").tagging
    assert tagging is not None
    assert (tagging.scheme, [str(v) for v in tagging.first]) == ("bilou", ["L-A after U-A"])
