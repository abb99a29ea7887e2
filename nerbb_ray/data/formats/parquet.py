"""Parquet, of the `datasets` library or of others: its rows are read like those of JSON."""

import io
import json

from nerbb_ray.data.content import Content
from nerbb_ray.data.label_names import named
from nerbb_ray.data.places import Place
from nerbb_ray.data.records import Record
from nerbb_ray.errors import DataError

SUFFIX, MAGIC = ".parquet", b"PAR1"


def detect(content: Content) -> bool:
    return content.data[:4] == MAGIC


def records_of(content: Content) -> list[Record]:
    """The rows, with the names of classes instead of their numbers.

    Raises:
        DataError: it is no parquet file.
    """
    import pyarrow.lib
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(content.data))
        rows = table.to_pylist()
    except (pyarrow.lib.ArrowException, OSError, ValueError) as error:
        raise DataError(f"is no parquet file that can be read: {error}", content.path) from error
    described = (table.schema.metadata or {}).get(b"huggingface")
    features = json.loads(described).get("info", {}).get("features", {}) if described else {}
    return [
        Record({key: named(value, features.get(key)) for key, value in row.items()}, Place(content.path, record=number))
        for number, row in enumerate(rows, start=1)
    ]
