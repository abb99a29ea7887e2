"""A trial that is interrupted ends with the same numbers and weights as one that is not, bit for bit."""

import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nerbb_ray.config.spec import DatasetParams, HParams, ModelParams, Settings
from nerbb_ray.config.trials import TrialSpec
from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.training import epoch as epoch_module
from nerbb_ray.training import resume
from nerbb_ray.training.adaptive import replay
from nerbb_ray.training.encoded_corpus import EncodedCorpus, encode_once, load_encoded
from nerbb_ray.training.loop import train_trial
from nerbb_ray.training.resume import Terminated
from nerbb_ray.training.sources import find_model
from nerbb_ray.training.stop_request import ask_to_save
from nerbb_ray.training.tokenizer import load_tokenizer
from nerbb_ray.training.worker import TrialContext

CPU = torch.device("cpu")
# of a report: what an interruption must not change
CLOCK = {"elapsed_s", "checkpoint"}


@pytest.fixture(scope="module")
def source(tiny_model: Path):
    return find_model(str(tiny_model), Path("/nowhere"), Path("/nowhere"))


@pytest.fixture(scope="module")
def data(tiny_dataset: Path, source, tmp_path_factory) -> EncodedCorpus:
    path = encode_once(load_corpus(tiny_dataset), load_tokenizer(source), 32, tmp_path_factory.mktemp("cache"))
    return load_encoded(path)


def trial(settings: Settings | None = None, **hparams) -> TrialSpec:
    values = {"lr_max": 3e-3, "max_epochs": 8, "lr_warmup_epochs": 1, "batch_size": 8, "max_seq_length": 32}
    return TrialSpec(
        run="runA",
        seed=43,
        dataset=DatasetParams(dataset_name="tiny"),
        model=ModelParams(pretrained_model_name="tiny-bert"),
        hparams=HParams(**(values | hparams)),
        settings=settings or Settings(precision="fp32"),
    )


class Killed(BaseException):
    """What a killed process is to the loop: its end, without a chance to tidy up."""


class Life:
    """Trains until its end or until it is killed, again and again, in one folder.

    Args:
        folder: the states are in `states`, the model goes to `model`.
    """

    def __init__(self, spec: TrialSpec, data, source, folder: Path, world: dict | None = None) -> None:
        self.spec, self.data, self.source, self.folder = spec, data, source, folder
        self.context = world or {}
        self.reports: dict[int, dict] = {}

    def go_on(self, kill_in_report: int | None = None) -> bool:
        """Whether it came to its end."""

        def report(values: dict) -> None:
            known = self.reports.setdefault(values["epoch"], values)
            assert steady(known) == steady(values), "an epoch that is repeated is the same"
            if values["epoch"] == kill_in_report:
                raise Killed

        ctx = TrialContext(
            report=report,
            device=CPU,
            threads=1,
            checkpoint_dir=self.folder / "model",
            resume_dir=self.folder / "states",
            **self.context,
        )
        torch.manual_seed(len(self.reports))  # nothing of the process may matter
        try:
            train_trial(self.spec, self.data, self.source, ctx)
        except Killed:
            return False
        return True

    def outcome(self) -> tuple[list[dict], dict[str, torch.Tensor]]:
        weights = load_file(self.folder / "model" / "model.safetensors")
        return [steady(self.reports[epoch]) for epoch in sorted(self.reports)], weights


def steady(report: dict) -> str:
    # NaN is NaN, too
    return repr({key: value for key, value in report.items() if key not in CLOCK})


def assert_same(one: Life, other: Life) -> None:
    reports, weights = one.outcome()
    other_reports, other_weights = other.outcome()
    assert reports == other_reports
    assert weights.keys() == other_weights.keys()
    assert all(torch.equal(weights[name], other_weights[name]) for name in weights)


@pytest.fixture(scope="module")
def spec() -> TrialSpec:
    # improves until it is perfect: the weights to keep are of an earlier epoch, and there is a cool-down
    return trial(lr_max=6e-3, monitor="val_f1", lr_cooldown_epochs=2, max_epochs=12)


@pytest.fixture(scope="module")
def undisturbed(spec, data, source, tmp_path_factory) -> Life:
    life = Life(spec, data, source, tmp_path_factory.mktemp("undisturbed"))
    assert life.go_on()
    return life


def test_the_trial_of_these_tests_has_all_stages(undisturbed: Life, data) -> None:
    last = undisturbed.reports[max(undisturbed.reports)]
    outcome = replay(undisturbed.spec.hparams, last["history"], data.steps_per_epoch(8))
    assert len({stage.value for stage in outcome.stages}) == 2
    assert 0 < last["best_epoch"] < len(undisturbed.reports) - 2


def epochs_of(life: Life) -> int:
    return len(life.reports)


@pytest.mark.parametrize("epoch", [0, 2, 4])
def test_a_trial_killed_while_it_reports_ends_the_same(undisturbed, epoch, spec, data, source, tmp_path) -> None:
    life = Life(spec, data, source, tmp_path)
    assert not life.go_on(kill_in_report=epoch)
    assert life.go_on()
    assert_same(life, undisturbed)


def test_a_trial_killed_in_every_epoch_ends_the_same(undisturbed, spec, data, source, tmp_path) -> None:
    life = Life(spec, data, source, tmp_path)
    lives = 0
    # killed one epoch after the state that it went on from
    while not life.go_on(kill_in_report=lives):
        lives += 1
    assert lives == epochs_of(undisturbed)
    assert_same(life, undisturbed)


@pytest.fixture
def killed_in_step(monkeypatch) -> Iterator[list[int]]:
    """The number of batches until the process is killed, in the middle of an epoch."""
    left: list[int] = []
    real = epoch_module.make_batch

    def make_batch(*args):
        if left:
            left[0] -= 1
            if left[0] == 0:
                left.clear()
                raise Killed
        return real(*args)

    monkeypatch.setattr(epoch_module, "make_batch", make_batch)
    return left


@pytest.mark.parametrize("steps", [1, 2, 7, 13])
def test_a_trial_killed_within_an_epoch_ends_the_same(
    undisturbed, killed_in_step, steps, spec, data, source, tmp_path
) -> None:
    life = Life(spec, data, source, tmp_path)
    killed_in_step.append(steps)
    assert not life.go_on()
    assert life.go_on()
    assert_same(life, undisturbed)


@pytest.mark.parametrize("steps", [2, 7, 9, 13, 23])
def test_a_trial_that_saves_within_epochs_loses_a_step_and_ends_the_same(
    undisturbed, killed_in_step, steps, spec, data, source, tmp_path
) -> None:
    life = Life(spec, data, source, tmp_path, {"save_s": 1e-9})
    killed_in_step.append(steps)
    assert not life.go_on()
    newest = max(tmp_path.glob("states/epoch-*"), key=lambda path: path.stat().st_mtime_ns)
    done = steps - 1
    assert newest.name == (f"epoch-{done // 5}-step-{done % 5}" if done % 5 else f"epoch-{done // 5 - 1}-step-5")
    assert life.go_on()
    assert_same(life, undisturbed)


@pytest.mark.parametrize("kept", ["best", "last"])
def test_a_trial_killed_in_every_step_ends_the_same(killed_in_step, kept, data, source, tmp_path) -> None:
    spec = trial(Settings(precision="fp32", evaluate_checkpoint=kept), max_epochs=3, lr_max=6e-3)
    whole, life = Life(spec, data, source, tmp_path / "whole"), Life(spec, data, source, tmp_path, {"save_s": 1e-9})
    assert whole.go_on()
    lives = 0
    killed_in_step.append(2)
    while not life.go_on():
        killed_in_step.append(2)
        lives += 1
    assert lives >= 10
    assert_same(life, whole)


def test_without_minutes_there_are_states_of_epochs_only(spec, data, source, tmp_path) -> None:
    Life(spec, data, source, tmp_path).go_on(kill_in_report=3)
    assert {path.name for path in tmp_path.glob("states/*")} == {"epoch-2", "epoch-3"}


def test_a_process_that_is_to_end_saves_at_once(undisturbed, spec, data, source, tmp_path) -> None:
    asked = iter([False] * 7 + [True])
    life = Life(spec, data, source, tmp_path, {"terminated": lambda: next(asked)})
    with pytest.raises(Terminated):
        life.go_on()
    # asked after every step, and once after the first epoch
    assert {path.name for path in tmp_path.glob("states/*")} == {"epoch-1", "epoch-1-step-2"}
    life.context = {}
    assert life.go_on()
    assert_same(life, undisturbed)


def test_a_state_that_was_asked_for_is_there_when_the_request_is_gone(
    undisturbed, spec, data, source, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(resume, "LOOK_S", 0.0)
    ask_to_save(tmp_path / "states")
    life = Life(spec, data, source, tmp_path)
    assert not life.go_on(kill_in_report=0)
    assert {path.name for path in tmp_path.glob("states/*")} == {"epoch-0-step-1"}
    assert life.go_on()
    assert_same(life, undisturbed)


@pytest.mark.parametrize(
    ("settings", "hparams"),
    [
        (Settings(precision="fp32", evaluate_checkpoint="last"), {"max_epochs": 4}),
        (Settings(precision="bf16"), {"max_epochs": 4}),
        (Settings(precision="fp32"), {"max_epochs": 4, "early_stopping": False, "lr_schedule": "linear"}),
        (Settings(precision="fp32"), {"max_epochs": 5, "monitor": "val_f1", "lr_cooldown_restarts": False}),
    ],
)
def test_every_kind_of_trial_goes_on(settings, hparams, data, source, tmp_path) -> None:
    spec = trial(settings, **hparams)
    whole, life = (Life(spec, data, source, tmp_path / name) for name in ("whole", "killed"))
    assert whole.go_on()
    for epoch in (1, 2):
        assert not life.go_on(kill_in_report=epoch)
    assert life.go_on()
    assert_same(life, whole)


KNOBS = (
    {"lora_rank": 2, "lora_alpha": 4, "lora_targets": "all", "lr_head": 3, "lr_layer_decay": 0.9},
    {"freeze_layers": 1, "reinit_layers": 1, "focal_gamma": 2.0, "loss_weights": "inverse"},
    {"lr_layer_decay": 0.8, "lr_head": 5, "max_grad_norm": 0.3, "hidden_dropout": 0.3, "classifier_dropout": 0.2},
)


@pytest.mark.parametrize("knobs", KNOBS, ids=lambda knobs: next(iter(knobs)))
def test_a_trial_with_knobs_goes_on_within_an_epoch(knobs, killed_in_step, data, source, tmp_path) -> None:
    spec = trial(max_epochs=4, lr_max=6e-3, monitor="val_f1", **knobs)
    whole, life = Life(spec, data, source, tmp_path / "whole"), Life(spec, data, source, tmp_path, {"save_s": 1e-9})
    assert whole.go_on()
    for steps in (3, 6, 7):
        killed_in_step.append(steps)
        assert not life.go_on()
    assert life.go_on()
    assert_same(life, whole)


def test_two_states_at_most_are_kept(spec, data, source, tmp_path) -> None:
    life = Life(spec, data, source, tmp_path)
    for epoch in range(4):
        life.go_on(kill_in_report=epoch)
        assert len(list((tmp_path / "states").iterdir() if epoch else [])) <= 2


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("damage", [damaged, Path.unlink, lambda path: path.write_text("no weights")])
def test_a_damaged_state_costs_an_epoch(undisturbed, damage, spec, data, source, tmp_path) -> None:
    life = Life(spec, data, source, tmp_path)
    life.go_on(kill_in_report=3)
    damage(tmp_path / "states" / "epoch-3" / "state.pt")
    assert life.go_on()
    assert_same(life, undisturbed)


def test_a_state_of_other_parameters_or_data_is_not_used(spec, data, source, tmp_path) -> None:
    Life(spec, data, source, tmp_path / "a").go_on(kill_in_report=2)
    other = Life(trial(lr_max=1e-3), data, source, tmp_path / "a")
    assert other.go_on()
    assert 0 in other.reports
    assert not list((tmp_path / "a" / "states").glob("epoch-[12]")), "they would be taken for newer ones"
    fewer = Life(spec, replace(data, fingerprint="other"), source, tmp_path / "a")
    assert fewer.go_on()
    assert 0 in fewer.reports


def test_a_state_runs_no_code(spec, data, source, tmp_path) -> None:
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "evil",)

    Life(spec, data, source, tmp_path).go_on(kill_in_report=2)
    for path in (tmp_path / "states").iterdir():
        torch.save({"format": Evil()}, path / "state.pt")
    life = Life(spec, data, source, tmp_path)
    assert life.go_on()
    assert 0 in life.reports
    assert not (tmp_path / "evil").exists()


def test_a_full_disk_costs_the_state_not_the_trial(undisturbed, spec, data, source, tmp_path, caplog) -> None:
    life = Life(spec, data, source, tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))  # a model fits, its whole state does not
    try:
        assert not life.go_on(kill_in_report=3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "was not written" in caplog.text
    assert list((tmp_path / "states").iterdir()) == []
    assert life.go_on()
    assert_same(life, undisturbed)
