"""`nerbb predict`: less probable entities left out, pages with marked texts, JSON with the characters of the text."""

import json
import re
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from nerbb_ray.cli import main
from nerbb_ray.commands import models
from nerbb_ray.inference.files import progress_line
from nerbb_ray.inference.marked import marked_page
from nerbb_ray.inference.predictions import Entities, Entity, Predictions

TEXT = "Åsa <b>bor</b> i Malmö & Anna"
FOUND = [
    {"char_start": 0, "char_end": 3, "token": "Åsa", "tag": "PER", "proba": 0.9},
    {"char_start": 17, "char_end": 22, "token": "Malmö", "tag": "<i>LOC", "proba": 0.5},
    {"char_start": 25, "char_end": 29, "token": "Anna", "tag": "PER", "proba": 0.3},
]


class Known:
    """A model whose predictions are known."""

    def predict(self, texts: list[str], level: str, threshold: float) -> Predictions:
        assert level == "entity"
        found = [Entities([Entity(**one) for one in FOUND] if text == TEXT else [], text) for text in texts]
        return Predictions([one.at_least(threshold) for one in found])


@pytest.fixture
def nerbb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple]:
    monkeypatch.setattr(models, "_model", lambda _: Known())
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        return main(["predict", "m", *words]), *capsys.readouterr()

    return call


@pytest.mark.parametrize(
    ("threshold", "left"),
    [("0", ["Åsa", "Malmö", "Anna"]), ("0.5", ["Åsa", "Malmö"]), ("0.500001", ["Åsa"]), ("1", [])],
)
def test_what_is_less_probable_is_left_out(nerbb, threshold: str, left: list[str]) -> None:
    status, out, _ = nerbb(TEXT, "--threshold", threshold, "--json")
    assert status == 0
    assert [tag["token"] for tag in json.loads(out)[0]["tags"]] == left
    assert "Åsa" in out
    assert "\\u" not in out


@pytest.mark.parametrize("threshold", ["-0.1", "1.1", "nan", "x"])
def test_a_threshold_is_a_probability(nerbb, threshold: str) -> None:
    status, _, err = nerbb(TEXT, f"--threshold={threshold}")
    assert status == 2
    assert "must be a number from 0 to 1" in err


def test_json_is_ascii_where_the_output_takes_nothing_else(nerbb, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ascii:
        encoding = "ascii"

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

    real = sys.stdout
    monkeypatch.setattr(sys, "stdout", Ascii())
    _, out, _ = nerbb(TEXT, "--json")
    assert out.isascii()
    assert json.loads(out)[0]["text"] == TEXT


@pytest.mark.parametrize("target", ["page.html", "-"])
def test_a_page_has_the_texts_with_their_entities_marked_and_nothing_of_them_runs(
    nerbb, tmp_path: Path, target: str
) -> None:
    status, out, _ = nerbb(TEXT, "none here", "--html", target)
    page = out if target == "-" else (tmp_path / target).read_text(encoding="utf-8")
    assert status == 0
    assert page.startswith("<!DOCTYPE html>")
    bodies = re.findall(r'<div style="white-space:pre-wrap[^>]*>(.*?)</div>', page, re.DOTALL)
    assert [unescape(re.sub(r"<span.*?</span>|<[^>]+>", "", body)) for body in bodies] == [TEXT, "none here"]
    marked = re.findall(r"<mark[^>]*>(.*?)<span[^>]*>(.*?)</span></mark>", bodies[0])
    assert [(unescape(text), unescape(tag)) for text, tag in marked] == [(f["token"], f["tag"]) for f in FOUND]
    assert "<b>" not in page
    assert "<i>" not in page
    assert "default-src 'none'" in unescape(page)


def test_words_outside_of_entities_are_not_marked() -> None:
    word = {"char_start": 0, "char_end": 1, "token": "a", "tag": "O", "proba": 1.0}
    assert "<mark" not in marked_page("t", ["a"], [[word]])


def test_a_page_that_cannot_be_written_is_an_error(nerbb) -> None:
    status, _, err = nerbb(TEXT, "--html", "/dev/null/x.html")
    assert status == 2
    assert "/dev/null/x.html" in err


@pytest.mark.parametrize(
    ("done", "total", "elapsed", "line"),
    [
        (0, 100, 0.0, "[                    ] 0/100 texts, 0:00 elapsed"),
        (25, 100, 30.0, "[#####               ] 25/100 texts, 0:30 elapsed, about 2 min left"),
        (100, 100, 120.0, "[####################] 100/100 texts, 2:00 elapsed"),
        (0, 0, 1.0, "[####################] 0/0 texts, 0:01 elapsed"),
    ],
)
def test_progress_says_how_long_it_will_take(done: float, total: int, elapsed: float, line: str) -> None:
    expected = line if "left" not in line else line.replace("2 min", "90 s")
    assert progress_line(done, total, elapsed) in (line, expected)


def test_what_is_left_gets_shorter_between_two_batches() -> None:
    lines = [progress_line(25, 100, elapsed, 30.0) for elapsed in (30.0, 60.0, 110.0, 130.0)]
    left = [line.partition("about ")[2] for line in lines]
    assert left == ["2 min left", "60 s left", "10 s left", ""] or left == ["90 s left", "60 s left", "10 s left", ""]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\U0001f469\u200d\U0001f692 می\u200cروم", "\U0001f469\u200d\U0001f692 می\u200cروم"),
        ("a\x1b[31mb\u202ec\u2066d\u200e", "a\\x1b[31mb\\u202ec\\u2066d\\u200e"),
        ("a\r\n\u200bb", "a\\r\\n\\u200bb"),
    ],
)
def test_joiners_are_printed_and_what_moves_or_turns_the_line_is_not(nerbb, text: str, shown: str) -> None:
    assert nerbb(text)[1].splitlines()[0] == shown
