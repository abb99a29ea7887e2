"""What a killed process leaves in a spool, and what the next one reads of it."""

from pathlib import Path

import pytest

from nerbb_ray.mlflow_store.spool import Spool


def spool(folder: Path) -> Spool[str]:
    return Spool(folder, str, lambda value: value.lower())


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """The file of a process that put a, b and c and was killed when b was done."""
    killed = spool(tmp_path)
    for record in "abc":
        killed.append(record)
    killed.done(1)
    killed.close()
    return tmp_path / "events.jsonl"


def test_next_process_reads_what_is_not_done_in_its_order(left: Path) -> None:
    assert spool(left.parent).load() == [(0, "a"), (2, "c")]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (b'{"put": 3, "rec', "ac"),
        (b'{"put": 3, "record": "d"}', "acd"),  # complete but for the end of its line
        (b'{"done": 0', "ac"),
        (b"\x00\x00\x00\x00", "ac"),
        (b'{"put": 3, "record": 4}\n', "ac"),  # no record of this version
        (b"null\n[]\n", "ac"),
    ],
)
def test_line_that_cannot_be_read_costs_nothing_but_itself(left: Path, end: bytes, expected: str) -> None:
    with left.open("ab") as file:
        file.write(end)
    second = spool(left.parent)
    assert "".join(record for _, record in second.load()) == expected
    number = second.append("e")
    second.close()
    third = spool(left.parent).load()
    assert "".join(record for _, record in third) == f"{expected}e"
    assert third[-1] == (number, "e")


def test_line_that_cannot_be_read_is_named(left: Path, caplog: pytest.LogCaptureFixture) -> None:
    with left.open("ab") as file:
        file.write(b'{"put": 3, "rec')
    spool(left.parent).load()
    assert f"{left}:5 cannot be read and is skipped" in caplog.text


def test_file_and_folder_go_when_everything_is_done(left: Path) -> None:
    last = spool(left.parent)
    for number, _ in last.load():
        last.done(number)
    last.clear()
    last.close()
    assert not left.parent.exists()


def test_file_of_a_living_process_is_refused_to_others(tmp_path: Path) -> None:
    living, other = spool(tmp_path), spool(tmp_path)
    living.append("a")
    with pytest.raises(BlockingIOError):
        other.load()
    living.close()
    assert other.load() == [(0, "a")]
