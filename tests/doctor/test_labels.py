"""Entities: how many, known from train, labelled in several ways."""

from collections.abc import Callable

import pytest

from nerbb_ray.data.corpus import Found
from nerbb_ray.doctor.examine import examine
from nerbb_ray.doctor.findings import Findings

Rows = dict[str, list[tuple[str, str]]]
Write = Callable[..., Found]


def _checks(findings: Findings) -> dict[str, str]:
    return {problem.check: problem.text for problem in findings.problems}


def test_conflicts_count_every_label_and_what_is_in_no_entity(clean: Rows, write: Write) -> None:
    clean["train"] += [
        ("New York won", "B-LOC I-LOC O"),
        ("go New York go", "O B-ORG I-ORG O"),
        ("New York is big", "B-LOC I-LOC O O"),
        ("in New York again", "O O O O"),
        ("New York Times", "B-ORG I-ORG I-ORG"),
        ("York alone", "O O"),
    ]
    findings = examine(write(clean).corpus())
    conflict = findings.conflicts[0]
    assert (conflict.form, dict(conflict.labels)) == ("New York", {"LOC": 2, "O": 1, "ORG": 1})
    assert {place.quote.split(":")[0]: place.line for place in conflict.places} == {"LOC": 13, "ORG": 14, "O": 16}
    assert findings.num_conflicts == 1


def test_conflicts_that_concern_most_occurrences_come_first(clean: Rows, write: Write) -> None:
    clean["train"] += [("the", "O")] * 50 + [("the cure", "B-PER O")]
    clean["train"] += [(f"Apple {i}", "B-LOC O") for i in range(3)] + [(f"Apple is {i}", "B-PER O O") for i in range(2)]
    assert [conflict.form for conflict in examine(write(clean).corpus()).conflicts] == ["Apple", "the"]


def test_entities_are_known_by_words_and_class(clean: Rows, write: Write) -> None:
    clean["train"].append(("Rome fell", "B-LOC O"))
    clean["test"] += [("see Rome", "O B-LOC"), ("see Rome again", "O B-PER O"), ("see rome today", "O B-LOC O")]
    findings = examine(write(clean).corpus())
    assert [split.in_train for split in findings.splits] == [None, 0, 1]


@pytest.mark.parametrize(
    ("split", "check", "severity"),
    [("train", "missing_class", "error"), ("val", "missing_class", "warning"), ("test", "missing_class", "warning")],
)
def test_missing_class(split: str, check: str, severity: str, clean: Rows, write: Write) -> None:
    clean[split] = [(words, tags.replace("B-LOC", "O")) for words, tags in clean[split]]
    found = [problem for problem in examine(write(clean).corpus()).problems if problem.check == check]
    assert [(problem.severity, problem.count) for problem in found] == [(severity, 1)]
    assert split in found[0].text
    assert "LOC" in found[0].text


@pytest.mark.parametrize(("kept", "told"), [(9, True), (10, False)])
def test_rare_class(kept: int, told: bool, clean: Rows, write: Write) -> None:
    clean["val"] = clean["val"][:kept] + [(w, t.replace("B-LOC", "O")) for w, t in clean["val"][kept:]]
    checks = _checks(examine(write(clean).corpus()))
    assert checks.get("rare_class", "") == (f"val has fewer than 10 entities of 1 class: LOC ({kept})" if told else "")


def test_imbalance(clean: Rows, write: Write) -> None:
    clean["train"] += [(f"Q{i} ran home", "B-PER O O") for i in range(12 * 19)]
    assert "20 times as many entities of PER as of LOC" in _checks(examine(write(clean).corpus()))["imbalance"]


def test_class_spelled_in_two_ways(clean: Rows, write: Write) -> None:
    clean["train"] += [(f"Q{i} ran home", "B-Per O O") for i in range(10)]
    assert "PER = Per" in _checks(examine(write(clean).corpus()))["similar_classes"]


def test_classes_that_are_shared_out_differently(clean: Rows, write: Write) -> None:
    clean["train"] += [(f"Q{i} ran home", "B-PER O O") for i in range(40)]
    text = _checks(examine(write(clean).corpus()))["class_shift"]
    assert text.endswith("50.0 % of the entities, 18.8 % in train")


def test_sentences_without_entities(clean: Rows, write: Write) -> None:
    clean["train"] += [(f"it rains {i}", "O O O") for i in range(300)]
    findings = examine(write(clean).corpus())
    assert findings.split("train").without_entity == 300
    assert "mostly_without_entities" in _checks(findings)
