"""Trials that are asked to end."""

from nerbb_ray.training.stop_request import ask_to_end, asked_to_end


def test_nobody_asked(tmp_path) -> None:
    assert asked_to_end(None) == ""
    assert asked_to_end(tmp_path) == ""
    assert asked_to_end(tmp_path / "not yet there") == ""


def test_the_reason_arrives(tmp_path) -> None:
    ask_to_end(tmp_path / "states", "cannot catch up: é")
    ask_to_end(tmp_path / "states", "again")
    assert asked_to_end(tmp_path / "states") == "again"
    assert [file.name for file in (tmp_path / "states").iterdir()] == ["cut"]
