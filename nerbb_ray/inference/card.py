"""The model card of an export: what the model is, how good it and its siblings are, how it was made, how to use it."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nerbb_ray.inference.front_matter import METRICS, Declared, Scored, front_matter, hub_id
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

COLUMNS = {
    "val F1": SELECTION_METRIC,
    "test F1": TEST_METRIC,
    "test precision": "test/entity/micro/precision",
    "test recall": "test/entity/micro/recall",
}
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+|[\w.-]+")
ARGMAX, ARGMAX_METRIC = "argmax", "test/entity/micro/f1_argmax"
MARKS = re.compile(r"([\\`*<~$&]|(?<!\w)_|_(?!\w)|(?<=\])\()")  # what markdown would read as its own


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """
    Args:
        folder: name of the exported folder.
        by_run, by_seed: the user named it.
        environment: of the trial; empty if it was not recorded.
        scheme, classes, max_seq_length, decoding, word_splitting: of the model.
        declared: what the user has said of it.
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
    def subset(self) -> str | None:
        subset = str(self.trial.params.get("dataset_subset_name") or "None")
        return None if subset == "None" else subset

    @property
    def dataset(self) -> str:
        """With its subset."""
        return self.dataset_name if self.subset is None else f"{self.dataset_name}/{self.subset}"

    @property
    def test_share(self) -> float:
        """The part of the test split, from its beginning, that the scores come from."""
        return float(str(self.trial.params.get("prune_ratio_test", 1.0)))

    def scored(self, values: Sequence[tuple[str, str, float]]) -> Scored:
        """Scores on its test data, for the front matter."""
        split = "test" if self.test_share >= 1 else f"test[:{100 * self.test_share:.4g}%]"
        dataset_id = hub_id(self.dataset_name)
        return Scored(dataset=self.dataset, dataset_id=dataset_id, subset=self.subset, split=split, values=values)


def model_card(facts: CardFacts) -> str:
    """README.md of an exported folder."""
    sections = {
        "Results": _results(facts),
        "Use": _use(facts),
        "How it reads texts, and its limits": limits(facts),
        "How it was made": making(facts),
    }
    base, name = facts.base_model, facts.result.name
    classes = ", ".join(map(code, facts.classes))
    intro = (
        f"{code(base)} fine-tuned on {code(facts.dataset)} to recognise named entities of {len(facts.classes)} "
        f"classes: {classes}.\nIt is trial {code(facts.trial.name)} of the experiment {code(name)}, "
        "made with nerbb_ray."
    )
    parts = [_front_matter(facts), f"# {facts.folder}\n\n{intro}"]
    parts += [f"## {title}\n\n" + "\n".join(lines) for title, lines in sections.items()]
    return "\n\n".join(parts) + "\n"


def _front_matter(facts: CardFacts) -> str:
    mean, n_total = facts.run.mean(TEST_METRIC), facts.run.n_total
    trial = facts.trial.metrics
    values = [(kind, f"entity micro {kind}", trial.get(f"test/entity/micro/{kind}", math.nan)) for kind in METRICS]
    if n_total > 1:
        values.append(("f1", f"entity micro f1, mean of {mean.n} of {n_total} seeds", mean.mean))
    about = {
        "library_name": "transformers",
        "base_model": facts.base_model,
        "tags": ["named-entity-recognition", "ner", "token-classification", "nerbb_ray"],
        "widget": [{"text": facts.declared.example}],
    }
    return front_matter(facts.folder, facts.declared, facts.scored(values), about)


def _results(facts: CardFacts) -> Iterator[str]:
    run, trial = facts.run, facts.trial
    yield f"Entity micro scores (strict: class and both borders) of all seeds of the run {code(run.run)}:"
    yield ""
    yield from markdown_table(["", "status", "epochs", *COLUMNS], seed_rows(run, trial))
    yield ""
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

# the folder, or on the hub <user>/{facts.folder}
recognise = pipeline("token-classification", model={facts.folder!r}, aggregation_strategy="first")
print(recognise({facts.declared.example!r}))
```

With nerbb_ray, texts can have any length:

```python
from nerbb_ray.model import Model

model = Model.from_checkpoint({facts.folder!r})
print(model.predict({facts.declared.example!r}))
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
    part = "" if facts.test_share >= 1 else f"the first {100 * facts.test_share:.4g} % of "
    yield f"- The numbers above are for {part}the test split of these data; other texts can be much harder."
    if str(facts.trial.params.get("train_on_test")) == "True":
        yield "- **The test split was part of its training data**: its numbers say little about other texts."
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
        yield "| " + " | ".join(map(_cell, row)) + " |"


def _cell(text: str) -> str:
    """Plain text in a table: what stands there is what is read, on the hub as anywhere."""
    return MARKS.sub(r"\\\1", " ".join(text.split())).replace("|", "\\|")


def code(text: str) -> str:
    """Plain text as a code span, whatever backquotes it has."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    room = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{room}{text}{room}{fence}"


def _mean(mean: SeedMean) -> str:
    return str(mean).replace("+-", "±")


def shown_number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "-"


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
