"""The published table of the WNUT 2017 shared task, recomputed from what the seven systems put out.

Derczynski, Nichols, van Erp, Limsopatham 2017, Results of the WNUT2017 Shared Task on Novel and Emerging Entity
Recognition, https://aclanthology.org/W17-4418: "F1 (entity)" of table 3, which conlleval counts.
`wnut17_sample.json` has the sentences of the test data in which a system's tags are not well-formed, and 40 others,
with the tags of all systems (CC BY 4.0, github.com/leondz/emerging_entities_17).
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from nerbb_ray.ner.metrics import count
from nerbb_ray.ner.tags import tag_set

PUBLISHED = {
    "arcada": 39.98,
    "drexel_cci": 26.30,
    "flytxt": 38.35,
    "mic-cis.txt": 37.06,
    "sjtu_adapt.txt": 40.42,
    "spinningbytes.txt": 40.78,
    "uh_ritual": 41.86,
}
STRICT = {**PUBLISHED, "mic-cis.txt": 37.30, "spinningbytes.txt": 41.31}
SAMPLE = json.loads(Path(__file__).with_name("wnut17_sample.json").read_text())
Sentences = Sequence[Sequence[str]]


def last_column(path: Path) -> list[list[str]]:
    """The tags of every sentence; blank lines are between sentences."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    found = [[line.split()[-1] for line in block.splitlines() if line.strip()] for block in blocks]
    return [sentence for sentence in found if sentence]


def metrics(gold: Sentences, predicted: Sentences) -> dict[str, float]:
    tags = tag_set(sorted({tag[2:] for sentence in gold for tag in sentence if tag != "O"}), "bio")
    ids = {tag: number for number, tag in enumerate(tags)}
    assert [len(sentence) for sentence in gold] == [len(sentence) for sentence in predicted]
    starts = np.cumsum([0, *map(len, gold)])
    words = [np.array([ids[tag] for sentence in side for tag in sentence]) for side in (gold, predicted)]
    return count(*words, starts, tags, "bio").metrics("test")


@pytest.mark.parametrize("system", PUBLISHED)
def test_lenient_f1_is_the_published_one(system: str, shared: Path) -> None:
    folder = shared / "datasets" / "wnut17"
    gold = last_column(folder / "original" / "emerging.test.annotated")
    found = metrics(gold, last_column(folder / "submissions" / system))
    assert len(gold) == 1287
    assert round(100 * found["test/entity/micro/f1_lenient"], 2) == PUBLISHED[system]
    assert round(100 * found["test/entity/micro/f1"], 2) == STRICT[system]


@pytest.mark.parametrize("system", PUBLISHED)
def test_both_f1_are_those_of_seqeval_on_a_sample(system: str) -> None:
    gold, predicted = ([tags.split() for tags in SAMPLE[name]] for name in ("gold", system))
    found = metrics(gold, predicted)
    assert found["test/entity/micro/f1_lenient"] == pytest.approx(f1_score(gold, predicted))
    assert found["test/entity/micro/f1"] == pytest.approx(f1_score(gold, predicted, mode="strict", scheme=IOB2))


def test_the_sample_tells_both_f1_apart() -> None:
    differ = [
        system
        for system in PUBLISHED
        if (found := metrics(*([tags.split() for tags in SAMPLE[name]] for name in ("gold", system))))
        and found["test/entity/micro/f1_lenient"] != found["test/entity/micro/f1"]
    ]
    assert {"mic-cis.txt", "spinningbytes.txt"} <= set(differ)
