"""The mistakes of the best run, to look at."""

from nerbb_ray.errors import NerbbError
from nerbb_ray.html.document import paragraph
from nerbb_ray.html.without_paths import without_paths
from nerbb_ray.mistakes.collect import collect
from nerbb_ray.mistakes.found import Mistakes
from nerbb_ray.mistakes.text import mistakes_html
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult

SHOWN = 50


def best_runs_mistakes(store: StorePaths, result: ExperimentResult) -> Mistakes | str:
    """Of the test data, or why there are none to show."""
    try:
        return collect(store, result)
    except NerbbError as error:
        return str(error)


def mistakes_section(result: ExperimentResult, found: Mistakes | str) -> str:
    if isinstance(found, str):
        return paragraph(f"There is nothing to show: {without_paths(found)}")
    return mistakes_html(found, SHOWN) + paragraph(f"All of them: nerbb errors {result.name}")
