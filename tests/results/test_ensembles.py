"""Ensembles are made of what trials have kept; what is missing is said."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.predictions import SENTENCES, TAGS, ok_trial, predictions, split_of

from nerbb_ray.errors import ResultError
from nerbb_ray.inference.selection import choose_members
from nerbb_ray.ner.metrics import count
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.ensembles import decoder_of, places_of, read_members, run_ensembles
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.log_probs import FILE, LogProbs
from nerbb_ray.results.run_ensemble import RunEnsemble
from nerbb_ray.verdict.ensemble_words import gain_sentences
from nerbb_ray.verdict.table import results_text, to_json

SEEDS = (43, 44, 45)


def beside_the_model(trial) -> list[Path]:
    return [Path(trial.checkpoint) / FILE]


def test_file_gives_back_what_was_kept(tmp_path: Path) -> None:
    predictions(43).save(tmp_path / FILE)
    found, kept = LogProbs.load(tmp_path / FILE), predictions(43)
    assert (found.tags, found.scheme, found.data) == (kept.tags, kept.scheme, kept.data)
    assert (str(found.decoder), found.decoders.wanted) == ("argmax", "auto")
    assert np.array_equal(found.decoders.gold, kept.decoders.gold)
    assert list(found.splits) == ["val", "test"]
    assert np.array_equal(found.splits["test"].log_probs, kept.splits["test"].log_probs)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"nonsense"])
def test_damaged_file_is_a_value_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises((ValueError, OSError)):
        LogProbs.load(tmp_path / FILE)


def test_torn_file_is_a_value_error(tmp_path: Path) -> None:
    predictions(43).save(tmp_path / FILE)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2] + whole[len(whole) // 2 + 99 :])
    with pytest.raises((ValueError, OSError)):
        LogProbs.load(tmp_path / FILE)


def test_ensemble_of_a_run_is_the_mean_of_its_seeds(tmp_path: Path) -> None:
    found = run_ensembles([ok_trial(tmp_path, seed) for seed in SEEDS], beside_the_model)["runA"]
    assert (found.seeds, found.note) == (SEEDS, None)
    said = [predictions(seed) for seed in SEEDS]
    decoder = decoder_of(said)
    assert found.decoding == str(decoder)
    for split in ("val", "test"):
        first = said[0].splits[split]
        mean = np.log(np.mean([np.exp(one.splits[split].log_probs.astype(float)) for one in said], axis=0))
        by_hand = count(first.gold, decoder.decode(mean, first.starts), first.starts, TAGS, "bio")
        singles = [count(first.gold, one.splits[split].log_probs.argmax(1), first.starts, TAGS, "bio") for one in said]
        f1 = by_hand.scores("entity")["micro"].f1
        mean_f1 = np.mean([one.scores("entity")["micro"].f1 for one in singles])
        assert found.value(split, "f1") == pytest.approx(f1)
        assert found.value(split, "gain") == pytest.approx(f1 - mean_f1)
        assert found.interval(split, "gain")[0] < found.value(split, "gain") < found.interval(split, "gain")[1]
    assert found.value("test", "gain") > 0


def test_ensemble_takes_a_decoder_that_none_of_its_members_has() -> None:
    """Each of them was decoded by argmax; the mean has its own choice on val."""
    said = [predictions(seed) for seed in SEEDS]
    val = said[0].splits["val"]
    only = replace(said[0].decoders, wanted="constrained")
    assert decoder_of([replace(one, decoders=only) for one in said]).kind == "constrained"
    mean = np.log(np.mean([np.exp(one.splits["val"].log_probs.astype(float)) for one in said], axis=0))
    assert str(decoder_of(said)) == str(said[0].decoders.choose(mean.astype(np.float32), val.gold, val.starts)[0])


def test_a_seed_that_has_not_learnt_is_left_out_and_named(tmp_path: Path) -> None:
    f1 = {43: 0.6, 44: 0.05, 45: 0.5}
    trials = [replace(ok_trial(tmp_path, seed), metrics={"val/entity/micro/f1": f1[seed]}) for seed in SEEDS]
    found = run_ensembles(trials, beside_the_model)["runA"]
    assert (found.seeds, found.note) == ((43, 45), "without seed 44: its val F1 is near 0 (below a tenth of the best)")
    result = ExperimentResult.of("exp", trials, 3)
    assert [trial.seed for trial in choose_members(result)] == [43, 45]
    with pytest.raises(ResultError, match=r"runA of experiment exp has 2 \(without 1 whose val F1 is near 0\)"):
        choose_members(result, number=3)


@pytest.mark.parametrize(
    "f1", [(0.0, 0.0, 0.0), (math.nan, math.nan, math.nan), (0.5, math.nan, 0.5), (0.01, 0.02, 0.03)]
)
def test_where_no_seed_is_far_better_all_are_members(tmp_path: Path, f1: tuple[float, ...]) -> None:
    values = zip(SEEDS, f1, strict=True)
    trials = [replace(ok_trial(tmp_path, seed), metrics={"val/entity/micro/f1": value}) for seed, value in values]
    assert run_ensembles(trials, beside_the_model)["runA"].seeds == SEEDS


def test_one_finished_seed_is_no_ensemble(tmp_path: Path) -> None:
    trials = [ok_trial(tmp_path, 43), replace(ok_trial(tmp_path, 44), status="failed"), ok_trial(tmp_path, 43, "runB")]
    assert run_ensembles(trials, beside_the_model) == {}


@pytest.mark.parametrize(
    ("kept", "seeds", "note"),
    [
        ((True, True, False), (43, 44), "without seed 45: its file log_probs.npz is not on this computer"),
        ((True, False, False), (), "without seed 44, 45: its file log_probs.npz is not on this computer"),
        ((False, False, False), (), "without seed 43, 44, 45: its file log_probs.npz is not on this computer"),
    ],
)
def test_missing_files_are_said(tmp_path: Path, kept: tuple[bool, ...], seeds: tuple[int, ...], note: str) -> None:
    trials = [ok_trial(tmp_path, seed, kept=there) for seed, there in zip(SEEDS, kept, strict=True)]
    found = run_ensembles(trials, beside_the_model)["runA"]
    assert (found.seeds, found.note) == (seeds, note)
    assert bool(found.metrics) == bool(seeds)


def test_checkpoints_off_is_said_as_such(tmp_path: Path) -> None:
    trials = [replace(ok_trial(tmp_path, s, kept=False), checkpoint=None, params={"checkpoints": False}) for s in SEEDS]
    found = run_ensembles(trials, lambda _: [])["runA"]
    assert found == RunEnsemble((), note="without seed 43, 44, 45: checkpoints = False keeps no predictions")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tags": ("O", "B-ORG", "B-PER", "I-ORG", "I-PER")}, "not the same tags"),
        ({"data": "other"}, "not the same data"),
        ({"splits": {"val": split_of(1), "test": split_of(2, sentences=SENTENCES - 1)}}, "not the same sentences"),
    ],
)
def test_predictions_of_other_things_are_not_put_together(tmp_path: Path, change: dict, reason: str) -> None:
    trials = [ok_trial(tmp_path, 43), ok_trial(tmp_path, 44), ok_trial(tmp_path, 45, **change)]
    found = read_members(trials, beside_the_model)
    assert tuple(found.said) == (43, 44)
    assert found.note == f"without seed 45: {reason} as for seed 43"


def test_predictions_are_found_in_a_store_that_was_moved(tmp_path: Path) -> None:
    store = StorePaths(tmp_path / "store")
    trials = [replace(ok_trial(store.checkpoints("exp"), seed), checkpoint=f"/old/place/runA/{seed}") for seed in SEEDS]
    assert run_ensembles(trials, places_of(store, "exp"))["runA"].seeds == SEEDS


def result_of(folder: Path, *, kept: bool = True) -> ExperimentResult:
    trials = [ok_trial(folder, seed, kept=kept) for seed in SEEDS]
    return ExperimentResult.of("exp", trials, 3, ensembles=run_ensembles(trials, beside_the_model))


@pytest.mark.parametrize("width", [70, 100, 160])
def test_table_has_a_line_for_the_ensemble(tmp_path: Path, width: int) -> None:
    result = result_of(tmp_path)
    text, found = results_text(result, width), result.runs[0].ensemble
    (line,) = [line for line in text.splitlines() if line.lstrip().startswith("ensemble  ")]
    assert line.split()[:3] == ["ensemble", "3", f"{found.value('val', 'f1'):.4f}"]
    assert f"{found.value('test', 'f1'):.4f}" in line
    words = " ".join(text.split())
    assert "ensemble of the 3 seeds of runA" in words
    assert f"{100 * found.value('test', 'gain'):+.1f} points [" in words
    assert f"calibration error {found.value('test', 'mean_ece'):.3f} -> {found.value('test', 'ece'):.3f}" in words
    assert max(map(len, text.partition("best model")[0].splitlines())) <= width
    assert text.isascii()


@pytest.mark.parametrize(
    ("gain", "said"), [(0.02, "Use it with --ensemble"), (0.0, "It is no better"), (-0.016, "It is no better")]
)
def test_only_an_ensemble_that_gains_is_recommended(tmp_path: Path, gain: float, said: str) -> None:
    result = result_of(tmp_path)
    (run,) = result.runs
    values = {"test/ensemble/f1": 0.5, "test/ensemble/gain": gain}
    changed = replace(result, runs=(replace(run, ensemble=replace(run.ensemble, metrics=values)),))
    (sentence,) = gain_sentences(changed, "runA")
    assert said in sentence


def test_table_says_why_there_is_none(tmp_path: Path) -> None:
    text = " ".join(results_text(result_of(tmp_path, kept=False)).split())
    assert "runA: no ensemble: without seed 43, 44, 45: its file log_probs.npz is not on this computer" in text


def test_json_has_the_ensemble(tmp_path: Path) -> None:
    (run,) = json.loads(to_json(result_of(tmp_path)))["runs"]
    assert run["ensemble"]["seeds"] == list(SEEDS)
    assert 0 < run["ensemble"]["metrics"]["test/ensemble/f1"] <= 1
