"""A format that the user names for a file of another one: an error of ours, or the same sentences."""

from pathlib import Path

import pytest

from nerbb_ray.data.detect import FORMATS, read_file
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.errors import DataError

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
