"""`predict_on_file` tells how far it is after every batch, on a terminal only."""

import io
import json
import sys
from pathlib import Path

import pytest

from nerbb_ray import Model


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_told_after_every_batch(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    from nerbb_ray.inference import files

    told: list[tuple[float, int]] = []
    line = files.progress_line
    monkeypatch.setattr(files, "progress_line", lambda *state: told.append(state[:2]) or line(*state))
    monkeypatch.setattr(sys, "stderr", Tty() if terminal else io.StringIO())
    source = tmp_path / "texts.txt"
    source.write_text("".join("Anna lives in Paris. " * (1 + n % 9) + "\n" for n in range(400)))
    assert model.predict_on_file(source, tmp_path / "out.jsonl") == 400
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 400
    assert all("tags" in json.loads(row) for row in (tmp_path / "out.jsonl").read_text().splitlines())
    if terminal:
        assert {total for _, total in told} == {400}
        assert max(done for done, _ in told) == pytest.approx(400)
    else:
        assert told == []


def test_the_shares_of_the_batches_add_up(model: Model) -> None:
    shares: list[float] = []
    model._tagger.find([["Anna"] * (1 + n % 30) for n in range(500)], shares.append)
    assert len(shares) > 3
    assert sum(shares) == pytest.approx(1)
