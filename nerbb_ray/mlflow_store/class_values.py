"""The final values of single classes: hundreds of numbers that MLflow would draw as a page of single bars each.

They lie in a table that MLflow's page shows (an artifact), and once more in tags of their run, from where results are
read without a request per trial. Metrics of MLflow are what moves, and what people compare.
"""

import base64
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from nerbb_ray.results.metric_names import split_name

TABLE, MEANS_TABLE = "values_by_class.json", "means_over_seeds.json"
TAG = re.compile(r"nerbb\.values\.(\d+)")
TAG_NAME = "nerbb.values.{}"
TAG_LENGTH = 4000  # MLflow takes 8,000 characters, earlier versions 5,000
TABLES_TAG = "mlflow.loggedArtifacts"  # by which MLflow's page knows that a file is a table
LEVELS, AVERAGES = ("entity", "token"), ("micro", "macro", "all")
COLUMNS = ("precision", "recall", "f1", "support")


def is_detail(metric: str) -> bool:
    """Whether a metric is of a class, or a support, and not what people compare runs by."""
    split, level, label, name = split_name(metric)
    if split not in ("val", "test") or level not in LEVELS:
        return False
    return label not in AVERAGES or name == "support"


def write_tags(metrics: Mapping[str, float]) -> dict[str, str]:
    """The details as tags; empty without any. `read_tags` is the exact inverse."""
    details = {name: value for name, value in metrics.items() if is_detail(name)}
    if not details:
        return {}
    text = base64.b85encode(zlib.compress(json.dumps(details).encode(), 9)).decode()
    parts = [text[first : first + TAG_LENGTH] for first in range(0, len(text), TAG_LENGTH)]
    return {TAG_NAME.format(number): part for number, part in enumerate([f"{len(parts)} {parts[0]}", *parts[1:]])}


def read_tags(tags: Mapping[str, str]) -> dict[str, float]:
    """The details; empty where there are none, also in results of 0.6 and before, which have them as metrics."""
    count, _, first = tags.get(TAG_NAME.format(0), "").partition(" ")
    if not first:
        return {}
    # tags of an earlier, longer text stay in MLflow
    rest = (tags.get(TAG_NAME.format(number), "") for number in range(1, int(count)))
    found: dict[str, float] = json.loads(zlib.decompress(base64.b85decode("".join([first, *rest]))))
    return found


def table_tag(*files: str) -> dict[str, str]:
    """Lets MLflow's page show files as tables."""
    return {TABLES_TAG: json.dumps([{"path": file, "type": "table"} for file in files])}


def values_table(metrics: Mapping[str, float]) -> str | None:
    """All values of split, level and class, as MLflow's page shows a table; None without a class."""
    rows: dict[tuple[str, str, str], dict[str, float]] = {}
    for name, value in metrics.items():
        split, level, label, metric = split_name(name)
        if level in LEVELS and metric in COLUMNS:
            rows.setdefault((split, level, label), {})[metric] = value
    if not any(label not in AVERAGES for _, _, label in rows):
        return None
    header = ["split", "level", "class", *COLUMNS]
    ordered = sorted(rows, key=lambda key: (key[0] != "test", key[1], key[2] not in AVERAGES, key[2]))
    return table_text(header, [[*key, *(rows[key].get(name) for name in COLUMNS)] for key in ordered])


def table_text(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """JSON as `mlflow.log_table` writes it; what is not a number is null."""
    data = [[None if isinstance(cell, float) and cell != cell else cell for cell in row] for row in rows]
    return json.dumps({"columns": list(header), "data": data})
