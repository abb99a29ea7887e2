"""What a model card is made of."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nerbb_ray.data.origin_of_test import TestOrigin
from nerbb_ray.inference.front_matter import Declared, Scored
from nerbb_ray.inference.parity import Parity
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import RunResult, TrialResult, subset_of
from nerbb_ray.training.sources import OFFLINE_PACKAGES
from nerbb_ray.verdict.parts import part_of, share_of

MARKS = re.compile(r"([\\`*<~$&]|(?<![^\W_])_|_(?![^\W_])|(?<=\])\()")  # what markdown would read as its own
COMMIT = re.compile(r"[0-9a-f]{40}")
PACKAGED = frozenset(package.sha256 for package in OFFLINE_PACKAGES.values())  # of the hub, in a Python package
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+|[\w.-]+")


TESTED_ON = {
    "held out of train": "sentences that were held out of train",
    "out of fold": "the sentences of train and val that were held out as the test part of each fold",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """
    Args:
        folder: name of the exported folder.
        by_run, by_seed: the user named it.
        environment: of the trial; empty if it was not recorded.
        scheme, classes, max_seq_length, decoding, word_splitting: of the model.
        declared: what the user has said of it.
        hub_dataset: id of its data on the hub; None if they are not from there.
        test_origin: what its test data were.
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
    declared: Declared = field(default_factory=Declared)
    hub_dataset: str | None = None
    test_origin: TestOrigin = "own"
    parity: Parity | None = None

    @property
    def own_f1(self) -> float | None:
        """Test F1 of the form that was exported, where that is not the one that its trial has tested."""
        return self.parity.test_f1 if self.parity else None

    @property
    def run(self) -> RunResult:
        return next(run for run in self.result.runs if run.run == self.trial.run)

    @property
    def base_model(self) -> str:
        """A hub id as it is; of a path, which says nothing elsewhere, the folder's name."""
        name = str(self.trial.params.get("pretrained_model_name", ""))
        return name if HUB_ID.fullmatch(name) and not name.startswith(".") else Path(name).name

    @property
    def hub_model(self) -> str | None:
        """The base model's id on the hub; None for one of this machine, whose revision is a hash of its files."""
        name, revision = str(self.trial.params.get("pretrained_model_name", "")), self.trial.known_identity().model
        is_local = revision is not None and not COMMIT.fullmatch(revision) and revision not in PACKAGED
        return None if is_local or name != self.base_model else name

    @property
    def dataset_name(self) -> str:
        """Of a path, the folder's name."""
        name = str(self.trial.params.get("dataset_name", ""))
        return Path(name).name if name.startswith(("/", ".", "~")) else name

    @property
    def subset(self) -> str | None:
        return subset_of(self.trial.params)

    @property
    def dataset(self) -> str:
        """With its subset."""
        return self.dataset_name if self.subset is None else f"{self.dataset_name}/{self.subset}"

    @property
    def part(self) -> str:
        """`the first 20 % of the test split`, which the test scores are of; empty if they are of all of it."""
        part = part_of(self.trial.params, "test")
        return f"the first {part}" if part else ""

    @property
    def tested_on(self) -> str:
        """What the numbers of the trial are for, in words."""
        whole = TESTED_ON.get(self.test_origin, "the test split")
        if not self.part or self.test_origin not in TESTED_ON:
            return self.part or whole
        return f"the first {100 * share_of(self.trial.params, 'test'):.4g} % of {whole}"

    def scored(self, values: Sequence[tuple[str, str, float]], own: Sequence[tuple[str, str, float]] = ()) -> Scored:
        """Scores on its test data, for the front matter; only a whole test split of the data has a name on the hub.

        Args:
            own: those of the exported form, which is measured on all test data, whatever part the trial was tested on.
        """
        origin = self.test_origin if self.test_origin in TESTED_ON else ""
        split = "test" if self.test_origin == "own" else None
        parts = [(own, "", split), (values, self.part, None if self.part else split)]
        return Scored(
            dataset=self.dataset,
            dataset_id=self.hub_dataset,
            subset=self.subset,
            values=[
                (kind, f"{name} ({about})" if (about := ", ".join(filter(None, (part, origin)))) else name, value, of)
                for some, part, of in parts
                for kind, name, value in some
            ],
        )


def markdown_table(header: Sequence[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """A table of markdown."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield "| " + " | ".join(map(_cell, row)) + " |"


def _cell(text: str) -> str:
    """Plain text in a table: what stands there is what is read, on the hub as anywhere."""
    return MARKS.sub(r"\\\1", " ".join(text.split())).replace("|", "\\|")


def code(text: str) -> str:
    """Plain text as a code span, whatever backquotes it has."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    room = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{room}{text}{room}{fence}"


def shown_number(value: float) -> str:
    """A dash if it is undefined."""
    return f"{value:.4f}" if math.isfinite(value) else "-"
