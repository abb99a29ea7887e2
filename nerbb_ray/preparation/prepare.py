"""Everything that is done once per experiment and before any trial: data, tokenisation, models, checks."""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nerbb_ray.config.hparams import OF_THE_MODEL
from nerbb_ray.config.keys import keys_of
from nerbb_ray.config.spec import DatasetParams, ExperimentSpec, ModelParams, RunSpec, Settings
from nerbb_ray.config.trials import run_near
from nerbb_ray.data.corpus import Corpus, find_corpus
from nerbb_ray.data.split import HoldOut, rule_of_training
from nerbb_ray.errors import ConfigError, DataError, NerbbError, UnfitError
from nerbb_ray.ner.scores import ALL, MACRO, MICRO
from nerbb_ray.ner.tags import OUTSIDE
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.run_notes import fold_note, run_notes
from nerbb_ray.preparation.unfit import as_config_error, noted, one_by_one
from nerbb_ray.results.metric_names import split_name
from nerbb_ray.training.encoded_corpus import EncodedCorpus, check_trainable, encode_once, load_encoded
from nerbb_ray.training.model_check import ModelCheck, model_check
from nerbb_ray.training.sources import ModelSource, find_model, on_this_machine
from nerbb_ray.training.tag_weights import tag_weights

NEED_PREPARATION = {
    *keys_of(DatasetParams),
    *keys_of(ModelParams),
    *("max_seq_length", "batch_size", "loss_weights"),
    *OF_THE_MODEL,
}
LAYERS = ("freeze_layers", "reinit_layers")  # of which a model must have as many as both say

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that can be trained.

    Args:
        data: file of the tokenised data set, before pruning.
        fingerprint: of the data set.
        steps_per_epoch: optimizer steps.
        precision: the number format of the trials: as the settings have it, or fp32 where their `auto` must not become
            bf16 because the model cannot be trained in it.
        notes: what a user should know of the model, and of the folds.
        first_position: of a sentence in a row without padding; None: the model needs padding.
        layout: what the folds depend on beside data and parameters; None without folds.
    """

    data: Path
    fingerprint: str
    source: ModelSource
    steps_per_epoch: int
    precision: str
    first_position: int | None
    notes: tuple[str, ...] = ()
    layout: str | None = None


class Preparation:
    """Prepares runs; what several runs share is read and tokenised once.

    Args:
        cache: folder of the tokenised data.
        ask_hub: whether data and models may be fetched; if not, only what this machine has is found.
    """

    def __init__(self, store: StorePaths, base_dir: Path, cache: Path, *, ask_hub: bool = True) -> None:
        self.store, self.base_dir, self.cache, self.ask_hub = store, base_dir, cache, ask_hub
        self._corpora: dict[tuple[str, str | None, str, HoldOut], Corpus] = {}
        self._sources: dict[str, ModelSource] = {}

    def run(self, spec: ExperimentSpec, run: RunSpec) -> Prepared:
        """Find, check and tokenise what a run needs.

        Raises:
            DataError, ModelError: something is missing.
            ConfigError: values of the run do not fit its data or its model: all of them.
        """
        unfit: list[UnfitError] = []
        with noted(unfit):
            prepared = self._run(spec, run, unfit)
        if unfit:
            raise as_config_error(unfit, run.written)
        return prepared

    def _run(self, spec: ExperimentSpec, run: RunSpec, unfit: list[UnfitError]) -> Prepared:
        """
        Args:
            unfit: takes what does not fit, as long as the rest can be checked without it.
        """
        corpus, source, length = self._corpus(run), self._source(run), run.hparams.max_seq_length
        check = self._check(source, spec.settings)
        model = check.check(corpus.tags, length)
        unfit += check.unfit_knobs(run.hparams)
        path = encode_once(corpus, model.tokenizer, length, self.cache)
        whole = replace(load_encoded(path), name=corpus.name)  # another one of the same content has the same file
        parts = [whole.used(run.dataset, fold) for fold in run.dataset.fold_numbers]
        for data in parts:
            with noted(unfit):
                check_trainable(data, run.hparams)
            with noted(unfit):
                tag_weights(data, run.hparams.loss_weights)  # refuses those of classes that there are not
            if not unfit:  # to mend that may change this
                _check_comparable(spec, data)
        check_search_metric(spec.search.metric, corpus, run.written.origin)
        steps = max(data.steps_per_epoch(run.hparams.batch_size) for data in parts)
        notes = (*model.notes, *run_notes(run, steps))
        layout = whole.layout if run.dataset.folds else None
        if run.dataset.folds:
            notes = (*notes, fold_note(whole, run.dataset))
        return Prepared(path, whole.fingerprint, source, steps, model.precision, model.first_position, notes, layout)

    def missing(self, run: RunSpec) -> list[NerbbError]:
        """Why data or model of a run cannot be had: both, if it is both."""
        problems = []
        for find in (self._corpus, self._source):
            try:
                find(run)
            except NerbbError as error:
                problems.append(error)
        return problems

    def _corpus(self, run: RunSpec) -> Corpus:
        params = run.dataset
        rule = rule_of_training(folds=params.folds > 0)
        key = (params.dataset_name, params.dataset_subset_name, params.annotation_scheme, rule)
        if key not in self._corpora:
            corpus = find_corpus(
                params.dataset_name,
                params.dataset_subset_name,
                self.store.datasets,
                scheme=params.annotation_scheme,
                ask_hub=self.ask_hub,
                rule=rule,
            )
            for note in corpus.notes:
                log.warning("data set %s: %s", corpus.name, note)
            self._corpora[key] = corpus
        return self._corpora[key]

    def _source(self, run: RunSpec) -> ModelSource:
        name = run.model.pretrained_model_name
        if name not in self._sources:
            self._sources[name] = find_model(name, self.store.pretrained_models, self.base_dir, ask_hub=self.ask_hub)
        return self._sources[name]

    def _check(self, source: ModelSource, settings: Settings) -> ModelCheck:
        # of a model of the hub that must not be asked, the files in its local cache
        folder = None if self.ask_hub else on_this_machine(source)
        here = source if folder is None else replace(source, location=str(folder))
        return model_check(here, settings.uncased, settings.precision)


@contextmanager
def preparation_here(store: StorePaths, cache: Path | None = None) -> Iterator[Preparation]:
    """A preparation that asks no server and leaves nothing behind, so that the store may be read-only.

    Args:
        cache: keep the tokenised data there.
    """
    with tempfile.TemporaryDirectory() as scratch:
        yield Preparation(store, Path.cwd(), cache or Path(scratch), ask_hub=False)


def _check_comparable(spec: ExperimentSpec, data: EncodedCorpus) -> None:
    """
    Raises:
        DataError: a split is empty by which trials or runs are to be compared.
    """
    several_runs = len(spec.runs) > 1 or any(run.space for run in spec.runs)
    mend = "split the data anew (nerbb set_up_dataset: --val-fraction, --test-fraction), or add the sentences"
    if several_runs and data.test.num_labelled == 0:
        raise DataError(f"data set {data.name!r}: runs are compared on test, but test is empty; {mend}")
    if (several_runs or len(spec.settings.seeds) > 1) and data.val.num_labelled == 0:
        raise DataError(f"data set {data.name!r}: the best trial is chosen on val, but val is empty; {mend}")


def check_search_metric(metric: str, corpus: Corpus, origin: str = "") -> None:
    """
    Raises:
        ConfigError: it is of a class that the data do not have: every trial would count as the worst.
    """
    _, level, label, _ = split_name(metric)
    averages = [MICRO, MACRO] + [ALL, OUTSIDE] * (level == "token")
    if label and label not in (*corpus.classes, *averages):
        known = ", ".join([*averages[:2], *corpus.classes])
        rule = f"must be of an average or a class of data set {corpus.name!r} ({known})"
        raise ConfigError([f"{origin} [search] metric: {rule}; got {metric}".lstrip()])


def extremes(run: RunSpec) -> Iterator[RunSpec]:
    """Points of a pattern that have every data set, model and length that it can have, or the ends of an interval.

    Values that go together with no others are left out: no search proposes them.
    """
    fixed = [{key: value} for key, domain in run.space if key in NEED_PREPARATION for value in domain.ends()]
    most = {key: max(domain.ends()) for key, domain in run.space if key in LAYERS}
    if len(most) > 1:
        fixed.append(most)
    found = (run_near(run, values) for values in (*fixed, {}))
    yield from (point for point in found if point is not None)


def _points(run: RunSpec) -> Iterator[RunSpec]:
    """A run, or the extremes of a pattern."""
    return extremes(run) if run.space else iter((run,))


def notes_on(prepared: Mapping[str, Prepared]) -> list[str]:
    """What a user should know of the models of some runs, each thing once."""
    return list(dict.fromkeys(note for one in prepared.values() for note in one.notes))


def prepare(spec: ExperimentSpec, preparation: Preparation) -> dict[str, Prepared]:
    """Prepare all runs of an experiment, by name, and of a pattern those of its points that say whether all can run.

    Raises:
        NerbbError: what is wrong; if several things are, one error that names them all.
    """
    prepared, problems = try_to_prepare(spec, preparation)
    if of_file := [line for problem in problems if isinstance(problem, ConfigError) for line in problem.problems]:
        others = [str(problem) for problem in problems if not isinstance(problem, ConfigError)]
        raise ConfigError([*of_file, *others])
    if len(problems) > 1:
        raise NerbbError("\n".join(map(str, problems)))
    if problems:
        raise problems[0]
    return prepared


def lacking(spec: ExperimentSpec, preparation: Preparation) -> bool:
    """Whether data or a model cannot be found."""
    return any(preparation.missing(point) for run in spec.runs for point in _points(run))


def try_to_prepare(spec: ExperimentSpec, preparation: Preparation) -> tuple[dict[str, Prepared], list[NerbbError]]:
    """As `prepare`: what can run, and everything that is wrong with the rest, each thing once."""
    prepared: dict[str, Prepared] = {}
    problems: dict[str, NerbbError] = {}
    for run in spec.runs:
        for point in _points(run):
            missing = preparation.missing(point)
            try:
                if not missing:
                    prepared[point.name] = preparation.run(spec, point)
            except NerbbError as error:
                missing = one_by_one(error)
            for problem in missing:
                problems.setdefault(str(problem), problem)
    return prepared, list(problems.values())
