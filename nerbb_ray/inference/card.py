"""The model card of an export: what the model is, how good it and its siblings are, how it was made, how to use it."""

import math
from collections.abc import Iterator

from nerbb_ray.inference.card_facts import CardFacts, code, markdown_table, shown_number
from nerbb_ray.inference.card_use import form_tags, size_and_speed, use
from nerbb_ray.inference.front_matter import METRICS, front_matter
from nerbb_ray.ner.scores import MACRO, MICRO
from nerbb_ray.results.metric_names import split_name
from nerbb_ray.results.seed_mean import SeedMean
from nerbb_ray.results.trial_result import SELECTION_METRIC, TEST_METRIC, RunResult, TrialResult

COLUMNS = {
    "val F1": SELECTION_METRIC,
    "test F1": TEST_METRIC,
    "test precision": "test/entity/micro/precision",
    "test recall": "test/entity/micro/recall",
}


def model_card(facts: CardFacts) -> str:
    """README.md of an exported folder."""
    sections = {
        "Results": _results(facts),
        **size_and_speed(facts),
        "Use": use(facts),
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
    mean, n_total = facts.run.mean_if_any(TEST_METRIC), facts.run.n_total
    trial = facts.trial.metrics
    values = [(kind, f"entity micro {kind}", trial.get(f"test/entity/micro/{kind}", math.nan)) for kind in METRICS]
    own = [] if facts.own_f1 is None else [("f1", "entity micro f1", facts.own_f1)]
    values = [] if own else values
    if n_total > 1:
        values.append(("f1", f"entity micro f1, mean of {mean.n} of {n_total} {facts.run.member}s", mean.mean))
    about = {
        "library_name": "nerbb_ray" if facts.parity else "transformers",
        "base_model": facts.hub_model,
        "tags": ["named-entity-recognition", "ner", "token-classification", "nerbb_ray", *form_tags(facts)],
        "widget": None if facts.parity else [{"text": facts.declared.example}],
    }
    return front_matter(facts.folder, facts.declared, facts.scored(values, own), about)


def _results(facts: CardFacts) -> Iterator[str]:
    run, trial = facts.run, facts.trial
    yield f"Entity micro scores (strict: class and both borders) of all {run.member}s of the run {code(run.run)}:"
    yield ""
    yield from markdown_table(["", "status", "epochs", *COLUMNS], seed_rows(run, trial))
    yield ""
    yield f"This model, {trial.title}, {_why_chosen(facts)}."
    if run.mean_if_any(TEST_METRIC).n > 1:
        yield (
            f"The best of several {run.member}s is lucky to some extent: what to expect of a model that is made "
            "like this is the mean."
        )
    else:
        yield f"There is one {run.member} only: how much its numbers owe to chance is not known."
    yield ""
    if facts.part:
        yield f"The test scores are of {facts.part} only (`prune_ratio_test`): do not compare them with others."
        yield ""
    yield f"Test scores of this model by class (undefined: {shown_number(math.nan)}):"
    yield ""
    yield from markdown_table(["class", "precision", "recall", "F1", "support"], _class_rows(trial))


def _why_chosen(facts: CardFacts) -> str:
    if facts.by_seed:
        return "was chosen by its name" if facts.trial.fold else "was chosen by its number"
    candidates = facts.run.n_ok if facts.by_run else sum(run.n_ok for run in facts.result.runs)
    of_what = "this run" if facts.by_run else "the experiment"
    if candidates == 1:
        return f"is the only one of {of_what} that ended well"
    why = f"was chosen because its val F1 is the highest of the {candidates} trials of {of_what} that ended well"
    if facts.trial.fold is None:
        return why
    return (
        f"{why}. The val F1 of two folds are of different sentences, so that the choice is partly "
        "that of an easy fold; the ensemble of all fold models (nerbb export with --ensemble) does without it"
    )


def seed_rows(run: RunResult, chosen: TrialResult | None) -> Iterator[list[str]]:
    for trial in run.trials:
        title = trial.title + (" (this model)" if chosen is not None and trial.member == chosen.member else "")
        values = [shown_number(trial.metrics.get(metric, math.nan)) if trial.ok else "-" for metric in COLUMNS.values()]
        yield [title, trial.status, "-" if trial.epochs is None else str(trial.epochs), *values]
    if run.n_total == 1:
        return
    means = [run.mean_if_any(metric) for metric in COLUMNS.values()]
    kind = "mean (both values)" if run.n_ok == 2 else "mean ± standard error"
    yield [f"{kind} ({run.n_ok} of {run.n_total} {run.member}s)", "", "", *map(_mean, means)]
    if any(mean.ci95 for mean in means):
        intervals = (f"{mean.ci95[0]:.4f} to {mean.ci95[1]:.4f}" if mean.ci95 else "-" for mean in means)
        yield ["95 % interval of the mean", "", "", *intervals]
    if any(mean.failures for mean in means):
        yield [f"{run.member}s that failed or stayed near 0", "", "", *(mean.failures or "-" for mean in means)]


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
    yield f"- The numbers above are for {facts.tested_on} of these data; other texts can be much harder."
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


def _mean(mean: SeedMean) -> str:
    return mean.brief().replace("+-", "±")


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
