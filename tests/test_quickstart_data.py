"""The quickstart data: valid, balanced, reproducible, and nothing of val or test can be learnt by heart in training."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from seqeval.scheme import IOB2, Entities

SPLITS = {"train": 600, "val": 200, "test": 300}
CLASSES = {"PER", "ORG", "LOC", "SHIP"}
PAIRS = list(combinations(SPLITS, 2))
# what names may share: words that tell nobody apart
# fmt: off
SMALL_WORDS = {
    "of", "the", "s", "de", "del", "della", "di", "da", "dos", "du", "la", "le", "les", "el", "al",
    "van", "von", "der", "den", "ter", "zu", "am", "an", "im", "in", "sur",
}
# fmt: on
UNITS = {"berth", "pier", "jetty"}
TITLES = {"captain", "mr", "mrs", "dr", "mv", "m/s", "ss"}

Row = dict[str, list[str]]
Data = dict[str, list[Row]]


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "store" / "datasets" / "quickstart"


@pytest.fixture(scope="module")
def data(folder: Path) -> Data:
    return {
        split: [json.loads(line) for line in (folder / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]
        for split in SPLITS
    }


def fold(text: str) -> str:
    """What an uncased tokenizer sees."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def entities(row: Row) -> list[tuple[str, int, int]]:
    """(class, start, end), by seqeval."""
    return [(e.tag, e.start, e.end) for e in Entities([row["tags"]], IOB2).entities[0]]


def names(rows: list[Row]) -> set[str]:
    return {fold(" ".join(row["tokens"][start:end])) for row in rows for _, start, end in entities(row)}


def name_words(rows: list[Row]) -> set[str]:
    words = {word for name in names(rows) for word in re.findall(r"[^\W\d_]+", name)}
    return {word for word in words if len(word) > 1} - SMALL_WORDS


def skeletons(rows: list[Row]) -> set[str]:
    """The sentences with every name, number, title and berth masked."""

    def mask(row: Row) -> str:
        tokens: list[str] = [fold(token) for token in row["tokens"]]
        for label, start, end in reversed(entities(row)):
            tokens[start:end] = [label]
        words = ["berth" if t in UNITS else re.sub(r"\d+[ab]?", "0", t) for t in tokens if t not in TITLES]
        return " ".join(words)

    return {mask(row) for row in rows}


@pytest.mark.parametrize(("split", "size"), SPLITS.items())
def test_sizes(data: Data, split: str, size: int) -> None:
    assert len(data[split]) == size


@pytest.mark.parametrize("split", SPLITS)
def test_rows_are_pretokenised_iob2(data: Data, split: str) -> None:
    for row in data[split]:
        assert set(row) == {"tokens", "tags"}
        assert len(row["tokens"]) == len(row["tags"]) > 0
        assert all(token and not re.search(r"\s", token) for token in row["tokens"])
        # strict IOB2: every word that is not O belongs to an entity that begins with B-
        assert sum(end - start for _, start, end in entities(row)) == sum(tag != "O" for tag in row["tags"])
        assert {label for label, _, _ in entities(row)} <= CLASSES


@pytest.mark.parametrize("split", SPLITS)
def test_every_class_has_a_fair_share_of_every_split(data: Data, split: str) -> None:
    counts = Counter(label for row in data[split] for label, _, _ in entities(row))
    assert set(counts) == CLASSES
    assert min(counts.values()) > 0.12 * counts.total()
    assert max(counts.values()) < 0.40 * counts.total()


@pytest.mark.parametrize("split", SPLITS)
def test_some_sentences_name_nobody_and_many_name_several(data: Data, split: str) -> None:
    per_sentence = [len(entities(row)) for row in data[split]]
    assert 0.04 < per_sentence.count(0) / len(per_sentence) < 0.2
    assert sum(n >= 2 for n in per_sentence) / len(per_sentence) > 0.35


@pytest.mark.parametrize("split", SPLITS)
def test_sentences_are_short_and_different(data: Data, split: str) -> None:
    assert 10 <= sum(len(row["tokens"]) for row in data[split]) / len(data[split]) <= 14
    assert len({fold(" ".join(row["tokens"])) for row in data[split]}) == len(data[split])


@pytest.mark.parametrize("of", [names, name_words, skeletons], ids=lambda function: function.__name__)
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_splits_share_nothing(data: Data, of: Callable[[list[Row]], set[str]], one: str, other: str) -> None:
    assert len(of(data[one])) > 20
    assert of(data[one]) & of(data[other]) == set()


@pytest.mark.parametrize("split", SPLITS)
def test_some_names_belong_to_two_classes(data: Data, split: str) -> None:
    by_class = {label: set() for label in CLASSES}
    for row in data[split]:
        for label, start, end in entities(row):
            by_class[label].update(fold(" ".join(row["tokens"][start:end])).split())
    assert by_class["SHIP"] & by_class["PER"], "no ship is named like a person"
    assert by_class["SHIP"] & by_class["LOC"], "no ship is named like a place"
    assert by_class["ORG"] & (by_class["LOC"] | by_class["PER"]), "no organisation is named like a place or a person"


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_generator_writes_the_committed_bytes(folder: Path, tmp_path: Path, hash_seed: str) -> None:
    script = folder / "generate.py"
    wanted = re.search(r'FAKER_VERSION = "([\d.]+)"', script.read_text(encoding="utf-8"))
    assert wanted is not None
    if importlib.util.find_spec("faker") is None:
        pytest.skip("Faker is not installed")
    from faker import VERSION

    if wanted[1] != VERSION:
        pytest.skip(f"the data were made with Faker {wanted[1]}; {VERSION} knows other names")
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    subprocess.run([sys.executable, str(script), "--out", str(tmp_path)], check=True, env=environment)
    for split in SPLITS:
        assert (tmp_path / f"{split}.jsonl").read_bytes() == (folder / f"{split}.jsonl").read_bytes()
