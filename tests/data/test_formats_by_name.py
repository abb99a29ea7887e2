"""A format that the user names for a file of another one: an error of ours, or sentences; and the page lists all."""

import re
from pathlib import Path

import pytest

from nerbb_ray.commands.data import READING
from nerbb_ray.data.detect import FORMATS, read_file
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.split_names import SPLIT_NAMES
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import GRAMMARS

FILES = [path for path in sorted(Path(__file__).with_name("cases").rglob("input/**/*")) if path.is_file()]


@pytest.mark.parametrize("name", FORMATS)
def test_format_of_another_file_is_an_error_or_read(name: str) -> None:
    for path in FILES:
        for given in ({}, {"tag_column": "2"}, {"word_column": "x"}, {"separator": "|"}, {"annotator": "a"}):
            try:
                reading = read_file(path, ReadingOptions(format=name, **given))
            except DataError:
                continue
            assert reading.format == name
            assert all(len(s.tokens) == len(s.tags) for s in reading.sentences)


@pytest.mark.parametrize("name", [*FORMATS, *GRAMMARS, *(f"--{name.replace('_', '-')}" for name in READING)])
def test_docs_list_every_format_scheme_and_option(root: Path, name: str) -> None:
    page = (root / "docs/data.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    assert any(re.search(rf"(?<![\w-]){re.escape(name)}(?!\w)", row) for row in rows)


@pytest.mark.parametrize("name", [name for names in SPLIT_NAMES.values() for name in names])
def test_docs_list_every_name_of_a_split(root: Path, name: str) -> None:
    assert f"`{name}`" in (root / "docs/data.md").read_text()
