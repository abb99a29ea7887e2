"""The global batch is what counts: 1 x 16, 2 x 8 and 4 x 4 sentences give the same losses and metrics.

The model of these tests has no dropout: its masks are drawn by each worker for itself.
"""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.training.encoded_corpus import EncodedCorpus, encode_once, load_encoded
from nerbb_ray.training.loop import train_trial
from nerbb_ray.training.sources import ModelSource, find_model
from nerbb_ray.training.stop_request import ask_to_end
from nerbb_ray.training.tokenizer import load_tokenizer
from nerbb_ray.training.worker import TrialContext

WORKER = Path(__file__).with_name("parallel_worker.py")
NOT_COMPARED = ("elapsed_s", "ends_itself", "micro_batch", "sentences")
# means of a batch are summed in another order
CLOSE = {"rel": 1e-5, "abs": 1e-7, "nan_ok": True}


@pytest.fixture(scope="module")
def source(tiny_model: Path, tmp_path_factory) -> ModelSource:
    """The tiny model without dropout."""
    folder = tmp_path_factory.mktemp("models") / "no-dropout"
    folder.mkdir()
    for file in tiny_model.iterdir():
        (folder / file.name).symlink_to(file)
    config = json.loads((tiny_model / "config.json").read_text())
    (folder / "config.json").unlink()
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config | still))
    return find_model(str(folder), Path("/nowhere"), Path("/nowhere"))


@pytest.fixture(scope="module")
def data(tiny_dataset: Path, source: ModelSource, tmp_path_factory) -> EncodedCorpus:
    """41 sentences, the last batch is smaller; 2 of val, fewer than workers; none of test."""
    path = encode_once(load_corpus(tiny_dataset), load_tokenizer(source), 8, tmp_path_factory.mktemp("cache"))
    encoded = load_encoded(path)
    train = encoded.train + encoded.test.head(1)
    return replace(encoded, train=train, val=encoded.val.head(2), test=encoded.test.head(0))


@pytest.fixture(scope="module")
def spec() -> TrialSpec:
    values = {"lr_max": 3e-3, "max_epochs": 4, "lr_warmup_epochs": 1, "batch_size": 16, "max_seq_length": 8}
    return TrialSpec(
        run="runA",
        seed=43,
        dataset=DatasetParams(dataset_name="tiny"),
        model=ModelParams(pretrained_model_name="tiny-bert"),
        hparams=HParams(**values),
        settings=Settings(precision="fp32"),
    )


def one_worker(spec, data, source, **context) -> list[dict]:
    reports: list[dict] = []
    train_trial(
        spec, data, source, TrialContext(report=reports.append, device=torch.device("cpu"), threads=1, **context)
    )
    return [
        {k: v for k, v in report.items() if isinstance(v, float | int)}
        | report.get("chosen", {})
        | {"sentences": report.get("artifacts", {}).get("test_sentences.csv", "")}
        for report in reports
    ]


JOBS = (
    ("two", 2, "states of two", None, None),
    ("three", 3, None, None, None),
    ("interrupted", 2, "states of the interrupted", 1, None),
    ("continued", 2, "states of the interrupted", None, None),
    ("tested", 3, None, None, None),
    ("cut", 2, "states of the cut", None, None),
    # 3 steps and one question after the epoch: in the second step of the second epoch
    ("terminated", 2, "states of the terminated", None, 5),
    ("begun again", 2, "states of the terminated", None, None),
    ("weighted", 3, None, None, None),
)
WITH_KNOBS = (
    ("adapters", 2, None, None, None),
    ("adapters interrupted", 2, "states of the adapters", 1, None),
    ("adapters continued", 2, "states of the adapters", None, None),
    ("frozen", 2, None, None, None),
    ("frozen terminated", 2, "states of the frozen", None, 5),
    ("frozen begun again", 2, "states of the frozen", None, None),
)
# the loss is normalised by weights of the whole batch, and its gradient is clipped after it is whole
WEIGHTED = {"loss_weights": "inverse", "label_smoothing": 0.1, "max_grad_norm": 0.3, "lr_layer_decay": 0.8}
KNOBS = {
    "adapters": {"lora_rank": 2, "lora_targets": "all", "lr_head": 3.0, "lr_layer_decay": 0.8},
    "frozen": {"freeze_layers": 1, "reinit_layers": 1, "focal_gamma": 2.0, "loss_weights": "inverse"},
}


def with_hparams(spec: TrialSpec, **hparams) -> TrialSpec:
    return replace(spec, hparams=replace(spec.hparams, **hparams))


@pytest.fixture(scope="module")
def weighted(spec: TrialSpec) -> TrialSpec:
    return with_hparams(spec, **WEIGHTED)


@pytest.fixture(scope="module")
def tested(data: EncodedCorpus) -> EncodedCorpus:
    """With sentences to test on that are not all alike."""
    return replace(data, test=data.train.head(17))


@pytest.fixture(scope="module")
def of_workers(spec, weighted, data, tested, source, tmp_path_factory) -> dict[str, list[list[dict]]]:
    """The reports of every worker, by the name of the job."""
    return reports_of_workers(JOBS, {"weighted": weighted}, {"tested": tested}, spec, data, source, tmp_path_factory)


@pytest.fixture(scope="module")
def with_knobs(spec, data, source, tmp_path_factory) -> dict[str, list[list[dict]]]:
    """The same of trials with adapters or frozen layers."""
    trials = {kind: with_hparams(spec, **knobs) for kind, knobs in KNOBS.items()}
    return reports_of_workers(WITH_KNOBS, trials, {}, spec, data, source, tmp_path_factory)


def reports_of_workers(chosen, trials, corpora, spec, data, source, tmp_path_factory) -> dict[str, list[list[dict]]]:
    folder = tmp_path_factory.mktemp("workers")
    jobs = [
        (
            name,
            trials.get(name.partition(" ")[0], spec),
            corpora.get(name, data),
            number,
            states and folder / states,
            epoch,
            steps,
        )
        for name, number, states, epoch, steps in chosen
    ]
    ask_to_end(folder / "states of the cut", "asked to")
    (folder / "jobs").write_bytes(pickle.dumps((source, jobs)))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    running = [
        subprocess.Popen([sys.executable, WORKER, folder, str(rank)], env=environment)
        for rank in range(max(job[1] for job in chosen))
    ]
    assert [process.wait(timeout=240) for process in running] == [0] * len(running)
    return {
        name: [json.loads((folder / f"{name}.{rank}").read_text()) for rank in range(number)]
        for name, number, *_ in chosen
    }


def comparable(reports: list[dict]) -> list[dict]:
    return [{name: value for name, value in report.items() if name not in NOT_COMPARED} for report in reports]


def assert_close(reports: list[dict], expected: list[dict]) -> None:
    assert len(reports) == len(expected)
    for report, wanted in zip(comparable(reports), comparable(expected), strict=True):
        assert report == pytest.approx(wanted, **CLOSE)


@pytest.fixture(scope="module")
def alone(spec, data, source) -> list[dict]:
    return one_worker(spec, data, source)


@pytest.mark.slow
@pytest.mark.parametrize("job", ["two", "three"])
def test_several_workers_give_what_one_gives(job, alone, of_workers) -> None:
    first, *others = of_workers[job]
    assert_close(first, alone)
    for other in others:
        assert repr(comparable(other)) == repr(comparable(first)), "the workers decide on the same numbers"


def test_several_workers_share_a_weighted_loss_and_a_clipped_gradient(
    alone, weighted, data, source, of_workers
) -> None:
    expected = one_worker(weighted, data, source)
    assert_close(of_workers["weighted"][0], expected)
    assert expected[0]["train/loss"] != pytest.approx(alone[0]["train/loss"], rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KNOBS)
def test_several_workers_train_adapters_and_few_layers_as_one_does(kind, spec, data, source, with_knobs) -> None:
    first, second = with_knobs[kind]
    assert_close(first, one_worker(with_hparams(spec, **KNOBS[kind]), data, source))
    assert repr(comparable(first)) == repr(comparable(second))


@pytest.mark.slow
@pytest.mark.parametrize("job", ["adapters continued", "frozen begun again"])
def test_workers_with_adapters_or_few_layers_go_on_and_end_the_same(job, with_knobs) -> None:
    whole = with_knobs[job.partition(" ")[0]][0]
    assert repr(comparable(with_knobs[job][0])) == repr(comparable(whole[1:]))


@pytest.mark.parametrize(
    "knobs", [WEIGHTED, {"focal_gamma": 2.0, "loss_weights": "LOC:3.0"}], ids=["smoothed", "focal"]
)
def test_micro_batches_share_a_weighted_loss(knobs, spec, data, source) -> None:
    changed = replace(spec, hparams=replace(spec.hparams, **knobs))
    assert_close(one_worker(changed, data, source, micro_batch=5), one_worker(changed, data, source))


def test_entities_of_test_sentences_are_in_their_order_whoever_predicted_them(spec, tested, source, of_workers) -> None:
    expected = one_worker(spec, tested, source)[-1]["sentences"]
    assert len(expected.splitlines()) == 1 + 17
    assert {line.partition(",")[2] for line in expected.splitlines()[1:]} >= {"0,0,0", "2,0,0"}
    assert {reports[-1]["sentences"] for reports in of_workers["tested"]} == {expected}


@pytest.mark.parametrize("size", [1, 5, 8])
def test_micro_batches_give_what_whole_batches_give(size, alone, spec, data, source) -> None:
    assert_close(one_worker(spec, data, source, micro_batch=size), alone)


def test_workers_that_were_interrupted_go_on_and_end_the_same(of_workers) -> None:
    assert [report["epoch"] for report in of_workers["interrupted"][0]] == [0, 1]
    # what was interrupted while it was reported had not been stored
    assert repr(comparable(of_workers["continued"][0])) == repr(comparable(of_workers["two"][0][1:]))


def test_workers_one_of_which_is_to_end_save_within_the_epoch_and_end_the_same(of_workers) -> None:
    assert [[report["epoch"] for report in reports] for reports in of_workers["terminated"]] == [[0], [0]]
    assert repr(comparable(of_workers["begun again"][0])) == repr(comparable(of_workers["two"][0][1:]))


def test_workers_that_are_asked_to_end_do_so_together(of_workers) -> None:
    assert [[report["epoch"] for report in reports] for reports in of_workers["cut"]] == [[0], [0]]
    assert all(reports[-1]["cut"] for reports in of_workers["cut"])
