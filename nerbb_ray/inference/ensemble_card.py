"""The model card of an exported ensemble."""

import math
from collections.abc import Iterator

from nerbb_ray.inference.card import COLUMNS as SCORES
from nerbb_ray.inference.card import limits, making, seed_rows
from nerbb_ray.inference.card_facts import CardFacts, code, markdown_table, shown_number
from nerbb_ray.inference.card_use import form_tags, onnx_words, size_and_speed, with_nerbb_ray
from nerbb_ray.inference.front_matter import front_matter
from nerbb_ray.inference.members import FoundEnsemble
from nerbb_ray.results.run_ensemble import F1, RunEnsemble
from nerbb_ray.verdict.ensemble_words import SPLITS, calibration_words, gain_words, score_cell


def ensemble_card(facts: CardFacts, found: FoundEnsemble) -> str:
    """README.md of the folder; what is true of all members is told of the first."""
    sections = {
        "Results": _results(facts, found),
        **size_and_speed(facts),
        "Use": _use(facts),
        "How it reads texts, and its limits": limits(facts),
        "How it was made": making(facts),
    }
    members = ", ".join(str(trial.member) for trial in found.trials)
    classes = ", ".join(map(code, facts.classes))
    intro = (
        f"An ensemble of {len(found.trials)} models: {code(facts.base_model)} fine-tuned on {code(facts.dataset)} with "
        f"{_repeated(facts)} {members} to recognise named entities of {len(facts.classes)} classes: {classes}.\nThe "
        f"probabilities of the members are averaged. They are the run {code(facts.trial.run)} of the experiment "
        f"{code(facts.result.name)}, made with nerbb_ray."
    )
    parts = [_front_matter(facts, found.scores), f"# {facts.folder}\n\n{intro}"]
    parts += [f"## {title}\n\n" + "\n".join(lines) for title, lines in sections.items()]
    return "\n\n".join(parts) + "\n"


def _repeated(facts: CardFacts) -> str:
    """What the members differ in: seeds alone, or seeds and the part of the data that was held out."""
    return "the seeds and folds" if facts.run.folds else "the seeds"


def _front_matter(facts: CardFacts, scores: RunEnsemble | None) -> str:
    of_members = math.nan if scores is None else scores.value("test", F1)
    own = [("f1", "entity micro f1", facts.own_f1)] if facts.own_f1 is not None else []
    values = [] if own else [("f1", "entity micro f1", of_members)]
    about = {
        "library_name": "nerbb_ray",
        "base_model": facts.hub_model,
        "tags": ["named-entity-recognition", "ner", "token-classification", "ensemble", "nerbb_ray", *form_tags(facts)],
    }
    return front_matter(facts.folder, facts.declared, facts.scored(values, own), about)


def _results(facts: CardFacts, found: FoundEnsemble) -> Iterator[str]:
    if found.scores is None or not found.scores.seeds:
        yield "How good the ensemble is was not measured: the predictions of its members were not kept."
    else:
        yield f"Entity micro F1 (strict: class and both borders) of the ensemble, decoding: {found.scores.decoding}."
        yield ""
        header = ["", "F1 [95 % interval]", "gain over the mean member", "calibration error, members -> ensemble"]
        yield from markdown_table(header, (_row(split, found.scores) for split in SPLITS))
    yield ""
    yield f"Its members are among the {facts.run.member}s of the run {code(facts.run.run)}, each of which by itself:"
    yield ""
    yield from markdown_table(["", "status", "epochs", *SCORES], seed_rows(facts.run, None))
    yield ""
    if facts.part:
        yield f"The test scores are of {facts.part} only (`prune_ratio_test`): do not compare them with others."
    yield f"Undefined: {shown_number(math.nan)}."


def _row(split: str, scores: RunEnsemble) -> list[str]:
    return [split, score_cell(scores, split), gain_words(scores, split), calibration_words(scores, split)]


def _use(facts: CardFacts) -> Iterator[str]:
    yield with_nerbb_ray(facts)
    yield ""
    if facts.parity:
        yield onnx_words(facts)
        yield "Each folder in `members/` is a model; the probabilities are averaged."
    else:
        yield "`transformers` alone does not average models; each folder in `members/` is a model that it loads."
