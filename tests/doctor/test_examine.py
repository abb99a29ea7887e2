"""The whole examination: clean data, odd data, the reference data; as text, as JSON, as a page."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.data.build_corpus import assemble
from nerbb_ray.data.corpus import Found, find_data
from nerbb_ray.data.sentences import Reading, Sentence
from nerbb_ray.doctor.examine import examine
from nerbb_ray.doctor.findings import Findings
from nerbb_ray.doctor.page import findings_page
from nerbb_ray.doctor.text import findings_text
from nerbb_ray.errors import DataError

Rows = dict[str, list[tuple[str, str]]]
Write = Callable[..., Found]
SPLITS = ("train", "val", "test")


def _examined(found: Found, tokenizer: Any = None, scheme: str = "auto") -> Findings:
    return examine(found.corpus(scheme), found.readings, tokenizer)


def _outputs(findings: Findings) -> tuple[str, str, str]:
    """Text, JSON, page; all of them strictly valid."""
    dumped = json.dumps(findings.to_dict(), allow_nan=False)
    page = findings_page(findings)
    page.encode()
    return findings_text(findings), dumped, page


@pytest.mark.parametrize("scheme", ["auto", "plain", "bio", "bilou"])
def test_clean_data_give_nothing_to_do(scheme: str, clean: Rows, write: Write) -> None:
    findings = _examined(write(clean), scheme=scheme)
    assert findings.problems == ()
    assert (findings.count("error"), findings.count("warning")) == (0, 0)
    text, _, page = _outputs(findings)
    assert "0 errors, 0 warnings" in text
    assert "No errors and no warnings." in page


def test_figures_of_a_split(clean: Rows, write: Write) -> None:
    clean["train"] += [("it rains", "O O")]
    train = _examined(write(clean)).split("train")
    assert (train.sentences, train.tokens, train.num_entities, train.without_entity) == (13, 74, 24, 1)
    assert dict(train.entities) == {"LOC": 12, "PER": 12}
    assert (train.lengths.spread.min, train.lengths.spread.median, train.lengths.spread.p95) == (2, 6.0, 6)
    assert dict(train.lengths.counts) == {2: 1, 6: 12}


ENTITY = [("Anna works", "B-PER O")]
ODD: dict[str, tuple[Rows, set[str]]] = {
    "empty val": ({"train": ENTITY, "val": [], "test": ENTITY}, {"empty_split"}),
    "empty test": ({"train": ENTITY, "val": ENTITY, "test": []}, {"empty_split"}),
    "one sentence": ({"train": ENTITY}, {"empty_split"}),
    "no entities": ({split: [(f"it {split}", "O O")] for split in SPLITS}, {"no_entities"}),
    "plain": ({split: [(f"Anna Berg {split}", "PER PER O")] for split in SPLITS}, {"rare_class"}),
    "markup in names": ({split: [(f"Anna [/b] {split}", "B-[red] O O")] for split in SPLITS}, {"rare_class"}),
    "mathematics in names": ({split: [(f"Anna <b> {split}", "B-$x_1$ O B-<i>")] for split in SPLITS}, {"rare_class"}),
    "other scripts": ({split: [(f"\u5f20 \u202e\u2066 {split}", "B-\u4eba B-\u0634 O")] for split in SPLITS}, set()),
    "huge word": ({split: [("x" * 100_000 + f" {split}", "B-PER O")] for split in SPLITS}, {"long"}),
    "huge sentence": ({split: [("a " * 20_000 + split, "O " * 20_000 + "B-X")] for split in SPLITS}, {"long_sentence"}),
    "blank words": ({split: [(f"\u00a0 \u2028 {split}", "O B-X O")] for split in SPLITS}, {"empty"}),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_data_are_examined_too(name: str, write: Write, tiny_tokenizer: Any) -> None:
    data, expected = ODD[name]
    findings = _examined(write(data), tiny_tokenizer)
    _outputs(findings)
    assert expected <= {problem.check for problem in findings.problems}


@given(
    rows=st.lists(
        st.lists(
            st.tuples(
                st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
                st.sampled_from(["O", "B-A", "I-A", "I-B", "L-A", "U-B", "E-A", "X", "\u0130"]),
            ),
            max_size=5,
        ),
        min_size=1,
        max_size=5,
    ),
    scheme=st.sampled_from(["auto", "plain", "bio", "bilou"]),
)
@settings(deadline=None, max_examples=60)
def test_whatever_can_be_trained_on_can_be_examined(
    rows: list[list[tuple[str, str]]], scheme: str, tiny_tokenizer: Any
) -> None:
    sentences = [Sentence(tuple(w for w, _ in row), tuple(t for _, t in row)) for row in rows]
    readings = {split: Reading(list(sentences)) for split in SPLITS}
    try:
        corpus = assemble("any", readings, scheme)
    except DataError:  # no words at all, or tags that no scheme has
        return
    findings = examine(corpus, readings, tiny_tokenizer, 16)
    text = findings_text(findings, 70)
    json.dumps(findings.to_dict(), allow_nan=False)
    assert all(line.isprintable() for line in text.splitlines())
    # every sentence of val is in train
    overlap = next(o for o in findings.overlaps if (o.of, o.inside) == ("train", "val"))
    assert overlap.count == len(corpus.val)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_text_keeps_its_width(width: int, clean: Rows, write: Write, tiny_tokenizer: Any) -> None:
    clean["test"] += [*clean["train"][:3], ("x" * 300, "O")]
    text = findings_text(_examined(write(clean), tiny_tokenizer), width)
    assert max(map(len, text.splitlines())) <= width
    assert "3 sentences of test" in " ".join(text.split())


def test_text_says_what_a_model_would_add(clean: Rows, write: Write, tiny_tokenizer: Any) -> None:
    found = write(clean)
    assert "--model" in findings_text(_examined(found))
    assert "sub-tokens per sentence" not in findings_text(_examined(found))
    assert "sub-tokens per sentence" in findings_text(_examined(found, tiny_tokenizer))


def test_worst_problems_come_first(clean: Rows, write: Write) -> None:
    clean["test"] += clean["train"][:3]
    clean["val"] += clean["val"][:1]
    clean["train"] = [(w, t.replace("B-LOC", "O")) for w, t in clean["train"]]
    severities = [problem.severity for problem in _examined(write(clean)).problems]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    assert set(severities) >= {"error", "warning"}


def test_page_is_one_file_with_everything(clean: Rows, write: Write, tiny_tokenizer: Any, tmp_path: Path) -> None:
    clean["train"] += [("Anna <script>alert(1)</script>", "I-PER O"), clean["train"][0]]
    page = findings_page(_examined(write(clean), tiny_tokenizer))
    assert page.count("<svg") == 3  # classes, words, sub-tokens
    assert "max_seq_length = 128" in page
    assert "<script" not in page
    assert str(tmp_path) not in page, "a page is handed on"
    for text in (
        "Problems",
        "Tags that break the scheme",
        "I-PER",
        "train.jsonl:13",
        "1 duplicate sentence",
        "PER",
        "LOC",
    ):
        assert text in page


def _raw(folder: Path, split: str) -> list[dict[str, list[str]]]:
    return [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_wnut17_has_its_known_defects(shared: Path, minilm: Any) -> None:
    folder = shared / "datasets" / "wnut17"
    findings = _examined(find_data(str(folder), None, folder), minilm)
    assert [split.repeats.count for split in findings.splits] == [103, 3, 7]
    problem = next(problem for problem in findings.problems if problem.check == "duplicate")
    assert problem.text.startswith("103 duplicate sentences in train")
    first = problem.places[0]
    rows = [row["tokens"] for row in _raw(folder, "train")]
    assert first.line is not None
    assert rows.index(rows[first.line - 1]) < first.line - 1
    dropped = [split.subtokens.dropped for split in findings.splits if split.subtokens]
    assert [words.count for words in dropped] == [0, 4, 3]
    assert dropped[1].examples == ((r"'\ufe0f'", 4),)
    assert dropped[1].places[0].line is not None
    assert "\ufe0f" in _raw(folder, "val")[dropped[1].places[0].line - 1]["tokens"]


@pytest.mark.parametrize("name", ["crossner_politics", "swedish_ner_corpus"])
def test_numbers_of_reference_data_are_those_of_a_few_lines(name: str, shared: Path) -> None:
    folder = shared / "datasets" / name
    findings = _examined(find_data(str(folder), None, folder))
    rows = {split: [tuple(row["tokens"]) for row in _raw(folder, split)] for split in SPLITS}
    tags = {split: Counter(tag for row in _raw(folder, split) for tag in row["tags"]) for split in SPLITS}
    for split in findings.splits:
        own = rows[split.split]
        assert (split.sentences, split.tokens) == (len(own), sum(map(len, own)))
        assert split.repeats.count == len(own) - len(set(own))
        begun = {tag[2:]: count for tag, count in tags[split.split].items() if tag.startswith("B-")}
        assert not begun or dict(split.entities) == begun
    for overlap in findings.overlaps:
        known = set(rows[overlap.of])
        assert overlap.count == sum(row in known for row in rows[overlap.inside])
        assert overlap.short == sum(row in known and len(row) <= 2 for row in rows[overlap.inside])
