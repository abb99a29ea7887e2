"""What a model card is made of."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nerbb_ray.inference.parity import Parity
from nerbb_ray.results.experiment_result import ExperimentResult, RunResult, TrialResult

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+|[\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """
    Args:
        folder: name of the exported folder.
        by_run, by_seed: the user named it.
        environment: of the trial; empty if it was not recorded.
        scheme, classes, max_seq_length, decoding, word_splitting: of the model.
        language: code, such as en, if the user said it.
        parity: of an export in ONNX: how it compares with the model in torch.
    """

    folder: str
    result: ExperimentResult
    trial: TrialResult
    environment: Mapping[str, str]
    scheme: str
    classes: Sequence[str]
    max_seq_length: int
    decoding: str
    word_splitting: str
    by_run: bool = False
    by_seed: bool = False
    language: str | None = None
    parity: Parity | None = None

    @property
    def own_f1(self) -> float | None:
        """Test F1 of the form that was exported, where that is not the one that its trial has tested."""
        return self.parity.form(self.parity.exported).f1 if self.parity and self.parity.split == "test" else None

    @property
    def run(self) -> RunResult:
        return next(run for run in self.result.runs if run.run == self.trial.run)

    @property
    def base_model(self) -> str:
        """A hub id as it is; of a path, which says nothing elsewhere, the folder's name."""
        name = str(self.trial.params.get("pretrained_model_name", ""))
        return name if HUB_ID.fullmatch(name) and not name.startswith(".") else Path(name).name

    @property
    def dataset_name(self) -> str:
        """Of a path, the folder's name."""
        name = str(self.trial.params.get("dataset_name", ""))
        return Path(name).name if name.startswith(("/", ".", "~")) else name

    @property
    def dataset(self) -> str:
        """With its subset."""
        subset = self.trial.params.get("dataset_subset_name")
        return self.dataset_name if subset in (None, "", "None") else f"{self.dataset_name}/{subset}"


def markdown_table(header: Sequence[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """A table of markdown."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"


def shown_number(value: float) -> str:
    """A dash if it is undefined."""
    return f"{value:.4f}" if math.isfinite(value) else "-"
