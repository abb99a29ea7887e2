"""One search at a time for an experiment of an MLflow that several stores share."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from nerbb_ray.errors import StoreError
from nerbb_ray.locks import Holder, this_process
from nerbb_ray.mlflow_store import held_experiment
from nerbb_ray.mlflow_store.held_experiment import held_in_mlflow
from nerbb_ray.mlflow_store.schema import HELD_BY, HELD_COUNT, open_client

ELSEWHERE = Holder("ann", "node7", "node7 boot", 17, "1 ticks", "now", "nerbb x")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SETTLED_S", 0.01), ("OFTEN_S", 0.05), ("LOST_S", 1.0)):
        monkeypatch.setattr(held_experiment, name, value)


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('shared') / 'mlflow.db'}"


def tags(uri: str) -> dict[str, str]:
    return dict(open_client(uri).get_experiment_by_name("e").tags)


@contextmanager
def held_by(uri: str, holder: Holder, *, counting: bool = False) -> Iterator[None]:
    """The tags that somebody else has written, who may still live."""
    client = open_client(uri)
    known = client.get_experiment_by_name("e")
    number = known.experiment_id if known else client.create_experiment("e")
    client.set_experiment_tag(number, HELD_BY, json.dumps(asdict(holder) | {"token": "theirs"}))
    done = threading.Event()

    def count() -> None:
        while counting and not done.wait(0.05):
            client.set_experiment_tag(number, HELD_COUNT, str(time.monotonic()))

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_the_second_is_refused_with_who_holds_it_and_later_it_is_free(uri: str) -> None:
    with held_in_mlflow(uri, "e", None, print):
        assert json.loads(tags(uri)[HELD_BY])["pid"] == this_process().pid
        deadline = time.monotonic() + 20
        while tags(uri)[HELD_COUNT] == "0":
            assert time.monotonic() < deadline
        with (
            pytest.raises(StoreError, match="run already with this MLflow") as caught,
            held_in_mlflow(uri, "e", None, print),
        ):
            pass
        assert f"process {this_process().pid}" in str(caught.value)
    assert HELD_BY not in tags(uri)
    with held_in_mlflow(uri, "e", None, print):
        pass


def test_one_that_has_ended_on_this_computer_holds_nothing(uri: str) -> None:
    with held_by(uri, replace(this_process(), pid=2**22 - 1)), held_in_mlflow(uri, "e", None, print):
        assert json.loads(tags(uri)[HELD_BY])["pid"] == this_process().pid


@pytest.mark.parametrize("lives", [True, False])
def test_of_one_elsewhere_it_is_seen_whether_he_goes_on(uri: str, lives: bool) -> None:
    said: list[str] = []
    with held_by(uri, ELSEWHERE, counting=lives):
        if lives:
            with pytest.raises(StoreError, match="ann on node7"), held_in_mlflow(uri, "e", None, said.append):
                pass
        else:
            with held_in_mlflow(uri, "e", None, said.append):
                assert json.loads(tags(uri)[HELD_BY])["pid"] == this_process().pid
    assert "looking whether it still does" in said[0]


def test_an_mlflow_that_cannot_be_asked_does_not_stop_a_search(tmp_path: Path, caplog) -> None:
    (tmp_path / "mlflow.db").write_text("no database")
    with held_in_mlflow(f"sqlite:///{tmp_path / 'mlflow.db'}", "e", None, print):
        pass
    assert "is not known" in caplog.text
