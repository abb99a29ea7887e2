"""Pictures of confusion matrices, and what the room loads."""

import csv
import io
import subprocess
import sys

import pytest

from nerbb_ray.mlflow_store.confusion_picture import confusion_png


def table(n: int, count: int) -> str:
    text = io.StringIO()
    labels = [f"class${k}_{{long name}}" for k in range(n)]
    writer = csv.writer(text)
    writer.writerow(["true\\predicted", *labels])
    writer.writerows([label, *[count * (k == j) for j in range(n)]] for k, label in enumerate(labels))
    return text.getvalue()


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


@pytest.mark.parametrize("n", [1, 4, 18])
def test_every_class_has_room(n: int) -> None:
    assert min(size(confusion_png(table(n, 12345), "$title"))) >= 55 * n


def test_counts_are_drawn() -> None:
    assert confusion_png(table(3, 7), "") != confusion_png(table(3, 8), "")


def test_matrix_without_a_word_can_be_drawn() -> None:
    size(confusion_png(table(2, 0), "nothing"))


def test_results_and_reader_are_there_without_heavy_imports() -> None:
    code = (
        "import sys, nerbb_ray.results.experiment_result, nerbb_ray.mlflow_store.reader;"
        "import nerbb_ray.mlflow_store.confusion_picture;"
        "print(sorted({'mlflow', 'ray', 'torch', 'pandas', 'matplotlib', 'scipy', 'rich'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
