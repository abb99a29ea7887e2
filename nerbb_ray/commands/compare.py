"""`nerbb compare`: which run is better, as far as the seeds can tell."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from nerbb_ray.commands.choices import add_metric_options
from nerbb_ray.commands.command import Command, add_name, completed
from nerbb_ray.console import shown_width, tell
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.paths import StorePaths
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray.mlflow_store import overview
    from nerbb_ray.results import metric_names, trial_result
    from nerbb_ray.verdict import sentences, table, words
    from nerbb_ray.verdict import verdict as verdict_of


if TYPE_CHECKING:
    from nerbb_ray.verdict.outcome import Verdict
    from nerbb_ray.verdict.sentences import SentenceTest

METRIC = {"metric": "f1", "level": "entity", "label": "micro", "phase": "val"}


def compare(args: Namespace) -> int:
    store = current_store(args.store)
    result = overview.results_of(store, args.name)
    if args.other is not None:
        result = overview.joined(result, overview.results_of(store, args.other), args.phase)
    asked = {key: getattr(args, key) for key in METRIC}
    name = metric_names.metric_name(**asked)
    metric_names.require_metric(name, {known for run in result.runs for known in run.metric_names}, asked)
    found = verdict_of.verdict(result, name)
    experiments = [args.name] if args.other is None else [args.name, args.other]
    tests, note = _over_sentences(store, experiments, found) if name == trial_result.TEST_METRIC else ({}, None)
    if args.json:
        more = {"over_test_sentences": {run: asdict(test) for run, test in tests.items()}, "note": note}
        print(table.finite_json({"experiment": result.name, **table.verdict_values(found), **more}))
        return OK
    print(words.verdict_text(found, result.name, shown_width(pipe=100)), end="")
    for run, test in tests.items():
        tell(words.sentence_test_words(found.best or "", run, test))
    if note:
        tell(f"note: the comparison over test sentences is not complete: {note}", sys.stderr)
    return OK


def _over_sentences(
    store: StorePaths, experiments: Sequence[str], found: "Verdict"
) -> "tuple[dict[str, SentenceTest], str | None]":
    """The best run against the others over the test sentences, and what is missing for it."""
    trials = [(run, seed) for run, seeds in found.seeds_of.items() for seed in seeds]
    counts, note = overview.counts_of_sentences(store, experiments, trials)
    tests, problems = sentences.against_the_best(found, counts)
    return tests, note or next((f"{run}: {problem}" for run, problem in problems.items()), None)


def _arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb compare NAME [NAME2] [options]"
    add_name(parser)
    other = parser.add_argument(
        "other", metavar="NAME2", nargs="?", help="its runs, on the same data, are compared, too"
    )
    completed(other, lambda store: store.configs())
    parser.add_argument("--json", action="store_true", help="print JSON")
    what = parser.add_argument_group("what is compared (val entity micro F1)")
    add_metric_options(what, METRIC)


COMMANDS = {
    "compare": Command(
        ("compare wnut17", "compare wnut17 wnut17_long --phase test", "compare wnut17 --label person --json"),
        compare,
        _arguments,
    )
}
