"""The model card of an exported ensemble."""

import math
from collections.abc import Iterator
from typing import Any

from nerbb_ray.inference.card import COLUMNS as SCORES
from nerbb_ray.inference.card import EXAMPLE, CardFacts, limits, making, markdown_table, seed_rows, shown_number
from nerbb_ray.inference.members import FoundEnsemble
from nerbb_ray.results.run_ensemble import F1, RunEnsemble
from nerbb_ray.verdict.ensemble_words import SPLITS, calibration_words, gain_words, score_cell


def ensemble_card(facts: CardFacts, found: FoundEnsemble) -> str:
    """README.md of the folder; what is true of all members is told of the first."""
    sections = {
        "Results": _results(facts, found),
        "Use": _use(facts),
        "How it reads texts, and its limits": limits(facts),
        "How it was made": making(facts),
    }
    seeds = ", ".join(str(trial.seed) for trial in found.trials)
    classes = ", ".join(f"`{label}`" for label in facts.classes)
    intro = (
        f"An ensemble of {len(found.trials)} models: `{facts.base_model}` fine-tuned on `{facts.dataset}` with the "
        f"seeds {seeds} to recognise named entities of {len(facts.classes)} classes: {classes}.\nThe probabilities of "
        f"the members are averaged. They are the run `{facts.trial.run}` of the experiment `{facts.result.name}`, made "
        "with nerbb_ray."
    )
    parts = [_front_matter(facts, found.scores), f"# {facts.folder}\n\n{intro}"]
    parts += [f"## {title}\n\n" + "\n".join(lines) for title, lines in sections.items()]
    return "\n\n".join(parts) + "\n"


def _front_matter(facts: CardFacts, scores: RunEnsemble | None) -> str:
    import yaml

    front: dict[str, Any] = {"language": facts.language} if facts.language else {}
    front |= {
        "library_name": "nerbb_ray",
        "pipeline_tag": "token-classification",
        "base_model": facts.base_model,
        "tags": ["named-entity-recognition", "ner", "token-classification", "ensemble", "nerbb_ray"],
    }
    f1 = math.nan if scores is None else scores.value("test", F1)
    if math.isfinite(f1):
        task = {"type": "token-classification", "name": "Named Entity Recognition"}
        of = f" ({facts.part})" if facts.part else ""
        metrics = [{"type": "f1", "value": f1, "name": f"entity micro f1{of}"}]
        results = [{"task": task, "dataset": facts.tested, "metrics": metrics}]
        front["model-index"] = [{"name": facts.folder, "results": results}]
    return f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---"


def _results(facts: CardFacts, found: FoundEnsemble) -> Iterator[str]:
    if found.scores is None or not found.scores.seeds:
        yield "How good the ensemble is was not measured: the predictions of its members were not kept."
    else:
        yield f"Entity micro F1 (strict: class and both borders) of the ensemble, decoding: {found.scores.decoding}."
        yield ""
        header = ["", "F1 [95 % interval]", "gain over the mean member", "calibration error, members -> ensemble"]
        yield from markdown_table(header, (_row(split, found.scores) for split in SPLITS))
    yield ""
    yield f"Its members are among the seeds of the run `{facts.run.run}`, each of which by itself:"
    yield ""
    yield from markdown_table(["", "status", "epochs", *SCORES], seed_rows(facts.run, None))
    yield ""
    yield f"Undefined: {shown_number(math.nan)}."
    if facts.part:
        yield f"The test scores are of {facts.part} only (`prune_ratio_test`): do not compare them with others."


def _row(split: str, scores: RunEnsemble) -> list[str]:
    return [split, score_cell(scores, split), gain_words(scores, split), calibration_words(scores, split)]


def _use(facts: CardFacts) -> Iterator[str]:
    yield f"""```python
from nerbb_ray.model import Model

model = Model.from_checkpoint({facts.folder!r})
print(model.predict({EXAMPLE!r}))
```

`transformers` alone does not average models; each folder in `members/` is a model that it loads."""
