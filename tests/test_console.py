"""Sentences on a terminal break between words, at its real width; elsewhere they stay as they are."""

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from nerbb_ray.console import Sentence, defined, in_lines_of, plain_text, shown_width, tell


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", ["30", "80"])
def test_a_terminal_gets_lines_of_its_width(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = "error: the experiment cannot run as it is described\n  exp.ini [hparams] lr_max: must be a number > 0"
    terminal, pipe = Terminal(), io.StringIO()
    tell(text, terminal)
    tell(text, pipe)
    lines = terminal.getvalue().splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert " ".join(terminal.getvalue().split()) == " ".join(text.split())
    assert lines[-1].startswith("  "), "what goes on is indented as its first line"
    assert pipe.getvalue() == f"{text}\n"
    assert (shown_width(terminal), shown_width(pipe), shown_width(pipe, 100)) == (int(columns), 120, 100)


@given(st.text("ab 漢/", max_size=80), st.integers(5, 60))
def test_no_word_is_broken_and_no_line_is_longer_than_need_be(text: str, width: int) -> None:
    lines = in_lines_of(text, width)
    assert [word for line in lines for word in line.split()] == text.split()
    assert all(cell_len(line) <= width or len(line.split()) <= 1 for line in lines)


def test_a_long_path_stays_whole() -> None:
    path = "/a" * 60
    assert plain_text([Sentence(f"the model is in {path} now")], 40) == f"the model is in\n{path}\nnow\n"


def test_what_is_not_finite_is_none() -> None:
    assert defined({"a": [math.nan, 1.0], "b": (math.inf, "x")}) == {"a": [None, 1.0], "b": [None, "x"]}
