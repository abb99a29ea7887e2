"""What more data would bring, where an experiment has trained with several fractions of them."""

from collections.abc import Sequence
from pathlib import Path

from nerbb_ray.config.ini import read_ini
from nerbb_ray.errors import NerbbError
from nerbb_ray.html.document import heading, paragraph, table
from nerbb_ray.html.figures import figure
from nerbb_ray.learning_curve.curve import Curve, curves_of, stored_corpus
from nerbb_ray.learning_curve.plan import has_curve
from nerbb_ray.learning_curve.text import ABOUT, HEADER, curve_figure, rows, sentences
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import TEST_METRIC

Curves = Sequence[Curve] | str


def learning_curves(store: StorePaths, result: ExperimentResult, config: Path | None) -> Curves:
    """Of everything in the experiment's file that has several fractions; or why there are none."""
    if config is None:
        return []
    try:
        spec = read_ini(config)
        return curves_of(spec, result, TEST_METRIC, stored_corpus(store)) if has_curve(spec) else []
    except NerbbError as error:
        return str(error)


def learning_curve_section(found: Curves) -> str:
    if isinstance(found, str):
        return paragraph(f"There is nothing to show: {found}")
    return paragraph(ABOUT) + "".join(map(_one, found))


def _one(curve: Curve) -> str:
    """Heading, what is to be expected, picture, numbers."""
    known = curve.expected is not None and curve.expected.gain is not None
    said = paragraph(" ".join(sentences(curve)), "good" if known else "warn")
    notes = "".join(paragraph(note, "warn") for note in curve.missing)
    numbers = table(HEADER, rows(curve), numeric=(0, 1, 2))
    return heading(curve.title) + said + figure(curve_figure(curve)) + numbers + notes
