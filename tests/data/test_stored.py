"""Data sets that 0.3.0 has set up are read as it read them: its results stay comparable.

`stored_by_0_3_0` was written by `nerbb set_up_dataset` of 0.3.0, also from data that it misunderstood; the fingerprints
are those that 0.3.0 gave them, for every annotation_scheme.
"""

import json
import shutil
from pathlib import Path

import pytest

from nerbb_ray.data.corpus import find_corpus
from nerbb_ray.data.origin import FILE
from nerbb_ray.data.save_corpus import place
from nerbb_ray.dataset import Dataset
from nerbb_ray.errors import DataError
from nerbb_ray.store import Store

STORED = Path(__file__).with_name("stored_by_0_3_0")
FINGERPRINTS = json.loads((STORED / "fingerprints.json").read_text())


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_fingerprint_is_that_of_0_3_0(name: str) -> None:
    data_set, scheme = name.split("/")
    assert find_corpus(data_set, None, STORED, scheme=scheme).fingerprint.startswith(FINGERPRINTS[name])


def test_what_0_3_0_misunderstood_is_said() -> None:
    assert any(
        "although they look like bmes: set the data up anew" in n for n in find_corpus("bmes", None, STORED).notes
    )


def test_same_data_from_elsewhere_are_judged(tmp_path: Path) -> None:
    shutil.copytree(STORED / "numbers", tmp_path / "raw")
    with pytest.raises(DataError, match="tags are numbers"):
        find_corpus(str(tmp_path / "raw"), None, STORED)


def test_setting_up_again_writes_where_the_data_are_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(STORED / "bio", tmp_path / "store/datasets/bio")
    monkeypatch.setattr(Store, "chosen", tmp_path / "store")
    corpus = Dataset("bio").corpus()
    folder = tmp_path / "store/datasets/bio"
    assert not (folder / FILE).exists()
    assert place(corpus, folder, source="bio.conll").status == "same"
    assert json.loads((folder / FILE).read_text())["source"] == "bio.conll"
    assert Dataset("bio").fingerprint == corpus.fingerprint
