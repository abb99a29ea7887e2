"""Counting: what it refuses, and that it costs next to nothing."""

import subprocess
import sys
import time

import numpy as np
import pytest

from nerbb_ray.ner.metrics import Counts, count
from nerbb_ray.ner.tags import tag_set


@pytest.mark.parametrize(
    ("gold", "predicted", "starts"),
    [([0, -100], [0, 0], [0, 2]), ([0, 9], [0, 0], [0, 2]), ([0], [0, 0], [0, 2]), ([0, 0], [0, 0], [0, 1])],
)
def test_ids_that_are_no_tags_are_refused(gold, predicted, starts):
    with pytest.raises(ValueError, match="got"):
        count(np.array(gold), np.array(predicted), np.array(starts), tag_set(["PER"], "bio"), "bio")


def test_counts_of_other_classes_are_refused():
    with pytest.raises(ValueError, match="same classes"):
        Counts.zeros(("PER",)) + Counts.zeros(("LOC",))
    with pytest.raises(ValueError, match="5 tags"):
        Counts.from_vector(tag_set(["PER", "LOC"], "bio"), "bio", Counts.zeros(("PER",)).vector())


def test_validation_of_forty_thousand_words_takes_milliseconds():
    tags = tag_set([f"class{i}" for i in range(17)], "bilou")
    rng = np.random.default_rng(0)
    gold = rng.integers(len(tags), size=40_000)
    predicted = np.where(rng.random(40_000) < 0.7, gold, rng.integers(len(tags), size=40_000))
    starts = np.arange(0, 40_001, 20)
    count(gold, predicted, starts, tags, "bilou")

    def seconds():
        began = time.perf_counter()
        count(gold, predicted, starts, tags, "bilou").metrics("val")
        return time.perf_counter() - began

    # the fastest of several: other processes may use the same cores
    assert min(seconds() for _ in range(7)) < 0.03


def test_the_task_loads_no_heavy_library():
    code = "import sys, nerbb_ray.data.corpus, nerbb_ray.ner.metrics; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "nerbb_ray.ner.metrics" in loaded
    assert not {"torch", "ray", "datasets", "pandas", "transformers", "seqeval"} & set(loaded)
