"""From the results of an experiment to its learning curves."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from nerbb_ray.config.spec import DatasetParams, ExperimentSpec
from nerbb_ray.data.corpus import Corpus, find_corpus
from nerbb_ray.errors import DataError
from nerbb_ray.learning_curve.extrapolation import Extrapolation, Point, extrapolate, too_few
from nerbb_ray.learning_curve.plan import Family, families
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.trial_result import RunResult

FindCorpus = Callable[[DatasetParams], Corpus]


@dataclass(frozen=True, slots=True)
class Curve:
    """Scores at fractions of the training data, and what they let expect.

    Args:
        title: of the runs, without the fraction.
        fractions: of all training sentences of the data set, one for each point; smallest first.
        points: those with a score.
        missing: what is not in it, for people.
        expected: None without any point.
    """

    title: str
    metric: str
    fractions: tuple[float, ...]
    points: tuple[Point, ...]
    missing: tuple[str, ...]
    expected: Extrapolation | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def curves_of(spec: ExperimentSpec, result: ExperimentResult | None, metric: str, corpus: FindCorpus) -> list[Curve]:
    """The curve of everything that an experiment trains with several fractions.

    Raises:
        DataError: the data are not there, or no more those of the results.
    """
    known = {run.run: run for run in result.runs} if result else {}
    wanted = spec.settings.multiple_runs
    return [_curve(family, known, metric, corpus, wanted) for family in families(spec) if len(family.runs) > 1]


def foreseen(spec: ExperimentSpec) -> list[str]:
    """Why some of the curves of an experiment could tell nothing, whatever comes out."""
    found = []
    for family in families(spec):
        sizes = len(family.runs)
        if sizes > 1 and (reason := too_few(sizes, [spec.settings.multiple_runs] * sizes)):
            found.append(f"{family.title}: what more sentences would bring could not be told: {reason}")
    return found


def stored_corpus(store: StorePaths, *, ask_hub: bool = False) -> FindCorpus:
    """Finds the data of runs, each once."""
    found: dict[tuple[object, ...], Corpus] = {}

    def find(params: DatasetParams) -> Corpus:
        key = params.dataset_name, params.dataset_subset_name, params.annotation_scheme
        if key not in found:
            found[key] = find_corpus(*key[:2], store.datasets, scheme=key[2], ask_hub=ask_hub)
        return found[key]

    return find


def train_sentences(params: DatasetParams, corpus: Corpus) -> int:
    """How many a run trains on."""
    parts = {"train": True, "val": params.train_on_val, "test": params.train_on_test}
    return sum(_part(corpus, split, getattr(params, f"prune_ratio_{split}")) for split, used in parts.items() if used)


def _part(corpus: Corpus, split: str, ratio: float) -> int:
    """As `EncodedCorpus.pruned` has it."""
    number = len(corpus.split(split))
    return min(number, max(1, int(ratio * number + 1e-9)))


def _curve(family: Family, known: dict[str, RunResult], metric: str, find: FindCorpus, seeds: int) -> Curve:
    fractions, points, missing = [], [], []
    for ratio, run in family.runs.items():
        result, corpus = known.get(run.name, RunResult(run.name, ())), find(run.dataset)
        _check_same(result, corpus)
        values = [trial.metrics.get(metric, math.nan) for trial in result.ok_trials]
        scores = tuple(value for value in values if math.isfinite(value))
        if len(scores) < max(seeds, result.n_seeds):
            missing.append(f"{run.name}: {len(scores)} of {max(seeds, result.n_seeds)} seeds have a score")
        if scores:
            fractions.append(ratio)
            points.append(Point(train_sentences(run.dataset, corpus), scores))
    expected = extrapolate(points) if points else None
    return Curve(family.title, metric, tuple(fractions), tuple(points), tuple(missing), expected)


def _check_same(run: RunResult, corpus: Corpus) -> None:
    trained = {trial.data for trial in run.ok_trials if trial.data is not None}
    if trained - {corpus.fingerprint}:
        raise DataError(
            f"data set {corpus.name!r} is not the one that run {run.run} was trained with: how many sentences that "
            "were is not known any more; run the experiment again with --overwrite"
        )
