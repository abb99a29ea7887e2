"""Events survive a way through a file as they were."""

import json
from dataclasses import asdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.mlflow_store.events import Ended, Ensembled, Epoch, Event, Files, RunClosed, Started, from_dict, to_dict
from nerbb_ray.results.identity import Identity
from nerbb_ray.results.reports import TrackedTrial
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.results.trial_result import TrialResult

# lone surrogates as well: paths that are no valid UTF-8 have them
TEXT = st.text(st.characters(), max_size=10)
NAME = st.text("aZäß漢😀/-_.9", min_size=1, max_size=10)
NUMBER = st.floats() | st.integers(-(10**18), 10**18).map(float)
METRICS = st.dictionaries(TEXT, NUMBER, max_size=4)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


TRIALS = st.builds(
    TrialSpec,
    run=TEXT,
    seed=st.integers(1, 2**40),
    dataset=st.builds(
        DatasetParams, dataset_name=NAME, dataset_subset_name=maybe(NAME), prune_ratio_val=st.floats(0.01, 1)
    ),
    model=st.builds(ModelParams, pretrained_model_name=NAME),
    hparams=st.builds(HParams, lr_max=st.floats(1e-300, 1.0), monitor=st.sampled_from(["val_loss", "val_f1"])),
    settings=st.builds(Settings, multiple_runs=st.integers(1, 9), uncased=maybe(st.booleans())),
)
IDENTITIES = st.builds(
    Identity,
    params=st.dictionaries(TEXT, TEXT, max_size=4),
    **dict.fromkeys(("data", "model", "precision", "device"), maybe(TEXT)),
    numerics=maybe(st.integers(0, 99)),
)
PARAMS = st.dictionaries(TEXT, st.none() | st.booleans() | st.integers() | NUMBER | TEXT, max_size=4)
TRACKED = st.builds(TrackedTrial, TEXT, st.integers(1, 2**40), PARAMS, st.integers(0, 9), maybe(IDENTITIES))
RESULTS = st.builds(
    TrialResult,
    run=TEXT,
    seed=st.integers(1, 99),
    status=st.sampled_from(["ok", "failed", "diverged", "interrupted", "running"]),
    metrics=METRICS,
    params=PARAMS,
    epochs=maybe(st.integers(0, 9)),
    error=maybe(TEXT),
    checkpoint=maybe(TEXT),
    duration_s=maybe(NUMBER),
    log=maybe(TEXT),
    best_epoch=maybe(st.integers(0, 9)),
    kept_epoch=maybe(st.integers(0, 9)),
    reason=maybe(TEXT),
    identity=maybe(IDENTITIES),
)
WHEN = (st.integers(0, 2**43), st.tuples(st.integers(0, 2**53), st.integers(0, 2**40)))
ENSEMBLES = st.builds(RunEnsemble, st.lists(st.integers(1, 99)).map(tuple), TEXT, METRICS, maybe(TEXT))
EVENTS = st.one_of(
    st.builds(Started, TRACKED, *WHEN),
    st.builds(Epoch, TRACKED, *WHEN, st.integers(0, 10**6), METRICS),
    st.builds(Files, TRACKED, *WHEN, st.dictionaries(TEXT, TEXT, max_size=3), st.lists(TEXT, max_size=3).map(tuple)),
    st.builds(Ended, TRACKED, *WHEN, RESULTS),
    st.builds(RunClosed, TRACKED, *WHEN),
    st.builds(Ensembled, TRACKED, *WHEN, ENSEMBLES),
)


@settings(deadline=None, max_examples=200)
@given(EVENTS)
def test_event_is_the_same_after_a_way_through_json(event: Event) -> None:
    again = from_dict(json.loads(json.dumps(to_dict(event)).encode("ascii")))
    # by representation: NaN equals nothing, not even itself, and -0.0 equals 0.0
    assert repr(again) == repr(event)
    assert type(again) is type(event)


@settings(deadline=None, max_examples=20)
@given(TRIALS)
def test_events_that_version_0_3_has_left_are_understood(trial: TrialSpec) -> None:
    """Its trials were whole specifications, its order was the time, and of identity it knew the data alone."""
    result = {**asdict(TrialResult(trial.run, trial.seed, "ok", {}, trial.params())), "data": "ab"}
    del result["identity"]
    written = {"event": "Ended", "trial": trial.to_dict(), "time_ms": 17, "result": result}
    event = from_dict(json.loads(json.dumps(written)))
    assert isinstance(event, Ended)
    assert (event.trial.name, event.trial.params) == (trial.name, trial.params())
    assert (event.trial.n_seeds, event.order) == (trial.settings.multiple_runs, (0, 17))
    assert event.result.data == "ab"
