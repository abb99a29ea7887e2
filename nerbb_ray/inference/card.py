"""The model card of an export: what the model is, how good it and its siblings are, how it was made, how to use it."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerbb_ray.ner.scores import MACRO, MICRO
from nerbb_ray.results.experiment_result import (
    SELECTION_METRIC,
    TEST_METRIC,
    ExperimentResult,
    RunResult,
    TrialResult,
    split_name,
)
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.verdict.parts import part_of

COLUMNS = {
    "val F1": SELECTION_METRIC,
    "test F1": TEST_METRIC,
    "test precision": "test/entity/micro/precision",
    "test recall": "test/entity/micro/recall",
}
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+|[\w.-]+")
ARGMAX, ARGMAX_METRIC = "argmax", "test/entity/micro/f1_argmax"
EXAMPLE = "Angela Merkel met the mayor of Paris in Berlin."


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """
    Args:
        folder: name of the exported folder.
        by_run, by_seed: the user named it.
        environment: of the trial; empty if it was not recorded.
        scheme, classes, max_seq_length, decoding, word_splitting: of the model.
        language: code, such as en, if the user said it.
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

    @property
    def run(self) -> RunResult:
        return next(run for run in self.result.runs if run.run == self.trial.run)

    @property
    def part(self) -> str:
        """`the first 20 % of the test split`, which the test scores are of; empty if they are of all of it."""
        part = part_of(self.trial.params, "test")
        return f"the first {part}" if part else ""

    @property
    def tested(self) -> dict[str, str]:
        """What the hub is told of the test data; a part of a split has no name there."""
        data = {"name": self.dataset, "type": self.dataset}
        return data if self.part else data | {"split": "test"}

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


def model_card(facts: CardFacts) -> str:
    """README.md of an exported folder."""
    sections = {
        "Results": _results(facts),
        "Use": _use(facts),
        "How it reads texts, and its limits": limits(facts),
        "How it was made": making(facts),
    }
    base, name = facts.base_model, facts.result.name
    classes = ", ".join(f"`{label}`" for label in facts.classes)
    intro = (
        f"`{base}` fine-tuned on `{facts.dataset}` to recognise named entities of {len(facts.classes)} classes: "
        f"{classes}.\nIt is trial `{facts.trial.name}` of the experiment `{name}`, made with nerbb_ray."
    )
    parts = [_front_matter(facts), f"# {facts.folder}\n\n{intro}"]
    parts += [f"## {title}\n\n" + "\n".join(lines) for title, lines in sections.items()]
    return "\n\n".join(parts) + "\n"


def _front_matter(facts: CardFacts) -> str:
    import yaml

    mean, n_total = facts.run.mean(TEST_METRIC), facts.run.n_total
    of = f" ({facts.part})" if facts.part else ""
    names = {"precision": "test precision", "recall": "test recall", "f1": "test F1"}
    metrics = [
        {"type": kind, "value": facts.trial.metrics.get(COLUMNS[column], math.nan), "name": f"entity micro {kind}{of}"}
        for kind, column in names.items()
    ]
    if n_total > 1:
        name = f"entity micro f1, mean of {mean.n} of {n_total} seeds{of}"
        metrics.append({"type": "f1", "value": mean.mean, "name": name})
    task = {"type": "token-classification", "name": "Named Entity Recognition"}
    defined = [metric for metric in metrics if math.isfinite(float(str(metric["value"])))]
    front: dict[str, Any] = {"language": facts.language} if facts.language else {}
    front |= {
        "library_name": "transformers",
        "pipeline_tag": "token-classification",
        "base_model": facts.base_model,
        "tags": ["named-entity-recognition", "ner", "token-classification", "nerbb_ray"],
    }
    if defined:
        front["model-index"] = [
            {"name": facts.folder, "results": [{"task": task, "dataset": facts.tested, "metrics": defined}]}
        ]
    return f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---"


def _results(facts: CardFacts) -> Iterator[str]:
    run, trial = facts.run, facts.trial
    yield f"Entity micro scores (strict: class and both borders) of all seeds of the run `{run.run}`:"
    yield ""
    yield from markdown_table(["", "status", "epochs", *COLUMNS], seed_rows(run, trial))
    yield ""
    if facts.part:
        yield f"The test scores are of {facts.part} only (`prune_ratio_test`): do not compare them with others."
    yield f"This model, seed {trial.seed}, {_why_chosen(facts)}."
    if run.mean(TEST_METRIC).n > 1:
        yield (
            "The best of several seeds is lucky to some extent: what to expect of a model that is made like this "
            "is the mean."
        )
    else:
        yield "There is one seed only: how much its numbers owe to chance is not known."
    yield ""
    yield f"Test scores of this model by class (undefined: {shown_number(math.nan)}):"
    yield ""
    yield from markdown_table(["class", "precision", "recall", "F1", "support"], _class_rows(trial))


def _why_chosen(facts: CardFacts) -> str:
    if facts.by_seed:
        return "was chosen by its number"
    candidates = facts.run.n_ok if facts.by_run else sum(run.n_ok for run in facts.result.runs)
    of_what = "this run" if facts.by_run else "the experiment"
    if candidates == 1:
        return f"is the only one of {of_what} that ended well"
    return f"was chosen because its val F1 is the highest of the {candidates} trials of {of_what} that ended well"


def seed_rows(run: RunResult, chosen: TrialResult | None) -> Iterator[list[str]]:
    for trial in run.trials:
        title = f"seed {trial.seed}" + (" (this model)" if chosen is not None and trial.seed == chosen.seed else "")
        values = [shown_number(trial.metrics.get(metric, math.nan)) if trial.ok else "-" for metric in COLUMNS.values()]
        yield [title, trial.status, "-" if trial.epochs is None else str(trial.epochs), *values]
    if run.n_total == 1:
        return
    means = [run.mean(metric) for metric in COLUMNS.values()]
    yield [f"mean ± standard error ({run.n_ok} of {run.n_total} seeds)", "", "", *map(_mean, means)]
    if any(mean.ci95 for mean in means):
        intervals = (f"{mean.ci95[0]:.4f} to {mean.ci95[1]:.4f}" if mean.ci95 else "-" for mean in means)
        yield ["95 % interval of the mean", "", "", *intervals]
    if any(mean.failures for mean in means):
        yield ["seeds that failed or stayed near 0", "", "", *(mean.failures or "-" for mean in means)]


def _class_rows(trial: TrialResult) -> Iterator[list[str]]:
    labels = dict.fromkeys(
        label for split, level, label, _ in map(split_name, trial.metrics) if (split, level) == ("test", "entity")
    )
    averages = [label for label in (MICRO, MACRO) if label in labels]
    for label in [*(label for label in labels if label not in averages), *averages]:
        name = f"test/entity/{label}"
        values = [shown_number(trial.metrics.get(f"{name}/{kind}", math.nan)) for kind in ("precision", "recall", "f1")]
        support = trial.metrics.get(f"{name}/support", math.nan)
        yield [label, *values, f"{support:.0f}" if math.isfinite(support) else "-"]


def _use(facts: CardFacts) -> Iterator[str]:
    yield f"""```python
from transformers import pipeline

recognise = pipeline("token-classification", model={facts.folder!r}, aggregation_strategy="first")
print(recognise({EXAMPLE!r}))
```

With nerbb_ray, texts can have any length:

```python
from nerbb_ray.model import Model

model = Model.from_checkpoint({facts.folder!r})
print(model.predict({EXAMPLE!r}))
```"""
    if facts.decoding != ARGMAX:
        yield ""
        yield f"{_decoding(facts)}. The pipeline of transformers alone decodes by argmax; the second snippet does not."


def _decoding(facts: CardFacts) -> str:
    """How the tags of this model are found, and what they would be worth by argmax."""
    where = f"`decoding.json` has the scores of tags that follow each other ({facts.decoding})"
    f1, by_argmax = (facts.trial.metrics.get(name, math.nan) for name in (TEST_METRIC, ARGMAX_METRIC))
    told = f": test F1 {shown_number(f1)}, by argmax {shown_number(by_argmax)}" if math.isfinite(by_argmax) else ""
    return f"The numbers above are those of the best sequence of tags, not of the best tag of each word; {where}{told}"


def limits(facts: CardFacts) -> Iterator[str]:
    yield (
        f'- A word\'s tag is that of its first sub-token, as in training: use `aggregation_strategy="first"`. '
        f"The tags are written in the scheme {facts.scheme}."
    )
    if facts.scheme == "bilou":
        yield "- The pipeline of transformers does not know this scheme and gives pieces of entities; nerbb_ray does."
    yield (
        f"- It was trained on pieces of at most {facts.max_seq_length} sub-tokens. The pipeline of transformers cuts "
        "off what is longer; nerbb_ray reads longer texts in overlapping windows."
    )
    yield (
        f"- nerbb_ray cuts text into words like those of its training data: {facts.word_splitting}. The pipeline of "
        "transformers cuts as the tokenizer does."
    )
    yield "- It knows the classes above and no others, and texts like those of its training data best."
    tested = facts.part or "the test split"
    yield f"- The numbers above are for {tested} of these data; other texts can be much harder."
    yield "- Biases of the pretrained model and of the data are likely to be in its predictions."


def making(facts: CardFacts) -> Iterator[str]:
    trial = facts.trial
    yield f"- Data: `{facts.dataset}`, fingerprint (sha256) `{trial.data or 'not recorded'}`"
    yield (
        f"- Epochs: {trial.epochs if trial.epochs is not None else '-'}, best (from 0): {_or_dash(trial.best_epoch)}, "
        f"kept: {_or_dash(trial.kept_epoch)}"
    )
    yield f"- End of the training: {trial.reason or '-'}"
    yield ""
    yield "All parameters of the trial:"
    yield ""
    shown = {"pretrained_model_name": facts.base_model, "dataset_name": facts.dataset_name}
    yield from markdown_table(
        ["parameter", "value"], ([key, str(shown.get(key, value))] for key, value in trial.params.items())
    )
    yield ""
    environment = {**facts.environment, **({"model": facts.base_model} if "model" in facts.environment else {})}
    if environment:
        yield "Environment:"
        yield ""
        yield from markdown_table(["", ""], ([key, value or "-"] for key, value in environment.items()))
    else:
        yield "The environment (versions of packages) was not recorded."


def markdown_table(header: Sequence[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """A table of markdown."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"


def _mean(mean: SeedMean) -> str:
    return str(mean).replace("+-", "±")


def shown_number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "-"


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
