"""Exactly the planted duplicates and leaks are counted."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.data.corpus import Found, Sentence
from nerbb_ray.doctor.examine import examine
from nerbb_ray.doctor.repeats import normalised

Rows = dict[str, list[tuple[str, str]]]


@given(
    duplicates=st.integers(0, 8),
    near=st.integers(0, 8),
    leaks=st.integers(0, 8),
    near_leaks=st.integers(0, 4),
    contradictions=st.integers(0, 8),
)
@settings(deadline=None, max_examples=20)
def test_planted_numbers_come_out(
    planted: Callable[[Callable[[Rows], None]], Found],
    duplicates: int,
    near: int,
    leaks: int,
    near_leaks: int,
    contradictions: int,
) -> None:
    def plant(data: Rows) -> None:
        train = list(data["train"])
        data["train"] += train[:duplicates]
        data["train"] += [(words.upper(), tags) for words, tags in train[:near]]
        data["test"] += train[:leaks]
        # the last four of train are leaked in no other way
        data["test"] += [(words.replace("now", "NOW"), tags) for words, tags in train[8 : 8 + near_leaks]]
        data["val"] += [(words, "O O O O O O") for words, _ in data["val"][:contradictions]]

    found = planted(plant)
    findings = examine(found.corpus(), found.readings)
    repeats = {split.split: split.repeats for split in findings.splits}
    assert (repeats["train"].count, repeats["train"].near, repeats["train"].contradicting) == (duplicates, near, 0)
    assert (repeats["val"].count, repeats["val"].contradicting) == (contradictions, contradictions)
    overlaps = {(o.of, o.inside): o for o in findings.overlaps}
    leaked = overlaps["train", "test"]
    assert (leaked.count, leaked.short, leaked.near) == (leaks, 0, near_leaks)
    assert leaked.share == leaks / (12 + leaks + near_leaks)
    assert overlaps["train", "val"].count == overlaps["val", "test"].count == 0
    checks = [problem.check for problem in findings.problems]
    assert checks.count("leak") == (leaks > 0)
    assert checks.count("near_leak") == (near_leaks > 0)
    assert checks.count("duplicate") == (duplicates > 0) + (contradictions > 0)
    assert checks.count("contradiction") == (contradictions > 0)


def test_sentence_that_stands_thrice_is_two_duplicates_of_one(clean: Rows, write: Callable[..., Found]) -> None:
    clean["train"] += [clean["train"][0]] * 2
    repeats = examine(write(clean).corpus()).split("train").repeats
    assert (repeats.count, repeats.groups, repeats.contradicting) == (2, 1, 0)
    assert [place.line for place in repeats.places] == [13, 14]


def test_leak_is_shown_with_both_places(clean: Rows, write: Callable[..., Found]) -> None:
    clean["test"].insert(2, clean["train"][4])
    found = write(clean)
    overlap = next(o for o in examine(found.corpus(), found.readings).overlaps if (o.of, o.inside) == ("train", "test"))
    assert [(str(one), str(other)) for one, other in overlap.pairs] == [("test.jsonl:3", "train.jsonl:5")]


@pytest.mark.parametrize(
    ("leaked", "severity"),
    [("Goal !", "info"), ("He scored again !", "error")],
)
def test_short_sentences_leak_harmlessly(leaked: str, severity: str, clean: Rows, write: Callable[..., Found]) -> None:
    row = (leaked, " ".join("O" for _ in leaked.split()))
    for split in ("train", "test"):
        clean[split].append(row)
    problem = next(p for p in examine(write(clean).corpus()).problems if p.check == "leak")
    assert (problem.severity, problem.count) == (severity, 1)


def test_contradiction_names_the_word_and_both_tags(clean: Rows, write: Callable[..., Found]) -> None:
    words, tags = clean["train"][0]
    clean["train"].append((words, tags.replace("B-LOC", "B-PER")))
    found = write(clean)
    problem = next(p for p in examine(found.corpus(), found.readings).problems if p.check == "contradiction")
    assert "Lmtrain: B-PER, but B-LOC in train.jsonl:1" in problem.text
    assert str(problem.places[0]) == "train.jsonl:13"


def test_duplicates_of_train_leak_into_what_is_held_out_of_it(write: Callable[..., Found]) -> None:
    rows = [(f"w{i // 2} is here again", "B-A O O O") for i in range(60)]
    findings = examine(write({"train": rows}).corpus())
    assert any("held out" in note for note in findings.notes)
    assert sum(o.count for o in findings.overlaps) > 0
    assert any(problem.check == "leak" for problem in findings.problems)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Born 1 May 1984", "BORN 7 may 2001", True),
        ("do n't stop", "don't stop", True),
        ("Straße", "STRASSE", True),
        ("e\u0301tat", "\u00e9tat", True),
        ("1 May", "11 May", False),
        ("a b .", "a b !", False),
    ],
)
def test_texts_that_are_nearly_the_same(one: str, other: str, same: bool) -> None:
    first, second = (Sentence(tuple(text.split()), ("O",) * len(text.split())) for text in (one, other))
    assert (normalised(first) == normalised(second)) == same
