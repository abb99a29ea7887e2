"""The search for cycles of references waits while data are read, and only then."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.data.cycles import no_search_for_cycles
from nerbb_ray.errors import DataError


@pytest.fixture(autouse=True)
def searched() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_it_waits_and_goes_on() -> None:
    with no_search_for_cycles():
        assert not gc.isenabled()
        with no_search_for_cycles():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_data_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("{")
    with pytest.raises(DataError):
        load_corpus(tmp_path)
    assert gc.isenabled()


def test_it_stays_off_where_a_program_has_turned_it_off(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"tokens": ["Anna"], "tags": ["B-PER"]}\n' * 9)
    gc.disable()
    load_corpus(tmp_path)
    assert not gc.isenabled()
