"""The benchmark: its arithmetic against known answers, its meter against processes of known cost, and a tiny run."""

import json
import math
import os
import statistics
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture
def bench(root: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of benchmarks/, which is a folder of scripts and no package."""
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import bench_trial
    import comparison
    import process_tree
    import sides

    return SimpleNamespace(bench_trial=bench_trial, comparison=comparison, process_tree=process_tree, sides=sides)


@pytest.mark.parametrize(
    ("intervals", "length"),
    [
        ([], 0),
        ([(1, 3)], 2),
        ([(1, 3), (5, 6)], 3),
        ([(5, 6), (1, 3), (2, 4)], 4),
        ([(1, 9), (2, 3)], 8),
        ([(1, 2), (2, 4)], 3),
    ],
)
def test_time_that_trials_share_counts_once(bench, intervals, length) -> None:
    assert bench.comparison.union_length(intervals) == length


def test_measures_of_two_trials_side_by_side(bench) -> None:
    epoch, trial = bench.comparison.Epoch, bench.comparison.Trial
    trials = [
        trial(43, (epoch(110, 114, 800), epoch(116, 120, 800)), 0.5),
        trial(44, (epoch(112, 117, 800), epoch(118, 122, 800)), 0.7),
    ]
    found = bench.comparison.measures(trials, 100, {"wall_s": 30, "cpu_s": 50, "peak_mb": 900, "sampling_s": 1})
    assert found == {
        "train_words_per_s": 3200 / 12,  # 110 to 122 without a gap
        "all_words_per_s": 1600 / 8,  # the first epochs with their validation: 110 to 116 and 112 to 118
        "epoch_s": 4,
        "first_step_s": 10,
        "wall_s": 30,
        "cpu_s": 50,
        "peak_mb": 900,
        "f1": pytest.approx(0.6),
    }


def test_one_epoch_says_nothing_about_validation(bench) -> None:
    trial = bench.comparison.Trial(43, (bench.comparison.Epoch(1, 3, 10),), 0.5)
    found = bench.comparison.measures([trial], 0, {"wall_s": 9, "cpu_s": 9, "peak_mb": 9})
    assert found["train_words_per_s"] == 5
    assert math.isnan(found["all_words_per_s"])
    row = bench.comparison.measures_table({"x": [found]}).splitlines()[2]
    assert [cell.strip() for cell in row.split("|")[2:4]] == ["5", "-"]


@pytest.mark.parametrize(
    ("values", "digits", "text"),
    [([1.5], 2, "1.50"), ([3, 1, 2], 1, "2.0 [1.0, 3.0]"), ([1, 2], 1, "1.5 [1.0, 2.0]"), ([math.nan], 1, "-")],
)
def test_repetitions_are_shown_as_median_and_range(bench, values, digits, text) -> None:
    assert bench.comparison.Spread.of(values).text(digits) == text


def test_gains_are_larger_than_one_where_ours_is_better_and_are_taken_per_repetition(bench) -> None:
    keys = bench.comparison.METRICS
    ours = [dict.fromkeys(keys, 4.0), dict.fromkeys(keys, 9.0)]
    theirs = [dict.fromkeys(keys, 2.0), dict.fromkeys(keys, 3.0)]
    found = bench.comparison.gains(ours, theirs)
    more = bench.comparison.Spread(2.5, 2, 3)
    less = bench.comparison.Spread(pytest.approx((1 / 2 + 1 / 3) / 2), pytest.approx(1 / 3), 0.5)
    assert found == {
        "train_words_per_s": more,
        "all_words_per_s": more,
        "epoch_s": less,
        "first_step_s": less,
        "wall_s": less,
        "cpu_s": less,
        "peak_mb": less,
        "f1": bench.comparison.Spread(4, 2, 6),
    }


def test_models_that_find_nothing_are_named(bench) -> None:
    sides = {"a": [{"f1": 0.2}, {"f1": 0.3}], "b": [{"f1": 0.1}, {"f1": 0.0}], "c": [{"f1": bench.comparison.NOTHING}]}
    assert "F1 is 0 of b: nothing was learnt" in bench.comparison.nothing_learnt(sides)
    assert bench.comparison.nothing_learnt({"a": sides["a"]}) == ""


def test_tables_are_aligned_markdown(bench) -> None:
    table = bench.comparison.markdown(["", "s"], [["a long name", "1.5"], ["b", "12.25"]])
    assert table.splitlines() == [
        "|             |     s |",
        "|-------------|------:|",
        "| a long name |   1.5 |",
        "| b           | 12.25 |",
    ]


AUTO = {("nerbb_ray auto", "Trainer default"), ("nerbb_ray auto", "Trainer best")}
FP32 = {
    ("nerbb_ray auto", "Trainer padded"),
    *(("nerbb_ray fp32", f"Trainer {form}") for form in ("default", "padded")),
}


@pytest.mark.parametrize(("section", "expected"), [("one", AUTO | FP32), ("four", AUTO)])
def test_fp32_is_compared_with_fp32_and_auto_with_everything(bench, section, expected) -> None:
    sides = bench.bench_trial.SECTIONS[section](2)
    pairs = bench.bench_trial.pairs(sides)
    assert {(a.split(",")[0], b.split(",")[0]) for a, b in pairs} == expected
    assert all(side.threads * side.at_once == 2 for side in sides)


LOG = """\
2026-01-02 03:04:05,500 INFO nerbb_ray.training.loop: device cpu, 2 threads, torch.bfloat16
2026-01-02 03:04:10,000 INFO nerbb_ray.training.loop: epoch 0 trained: 120 words in 4.250 s
2026-01-02 03:04:10,900 INFO nerbb_ray.training.loop: epoch 0 WARMUP_OR_CONSTANT lr 0.0005: train/loss 1.0000
2026-01-02 03:04:15,000 INFO nerbb_ray.training.loop: epoch 1 trained: 120 words in 4.000 s
"""


def test_epochs_are_read_from_the_log_of_a_trial(bench) -> None:
    first, second = bench.sides.logged_epochs(LOG)
    assert (first.words, second.words) == (120, 120)
    assert first.end - first.begin == pytest.approx(4.25)
    assert second.begin - first.end == pytest.approx(1)
    assert bench.sides.logged_precision(LOG) == "bfloat16"
    with pytest.raises(bench.sides.NoTimesError, match="epoch 0 trained"):
        bench.sides.logged_epochs(LOG.splitlines()[0])


def test_only_bio_tags_are_compared(bench, tiny_dataset, tmp_path) -> None:
    bench.sides.write_data(tiny_dataset, tmp_path / "good", 5)
    copied = (tmp_path / "good" / "datasets" / "data" / "train.jsonl").read_text().splitlines()
    assert copied == (tiny_dataset / "train.jsonl").read_text().splitlines()[:5]
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.jsonl").write_text(json.dumps({"tokens": ["Anna"], "tags": ["PER"]}) + "\n")
    with pytest.raises(ValueError, match=r"tags must be BIO; got PER"):
        bench.sides.write_data(tmp_path, tmp_path / "bad", None)


def measured(bench: SimpleNamespace, tmp_path: Path, *programs: str, at_once: int = 1):
    """Costs of small Python programs."""
    if sys.platform != "linux":
        pytest.skip("benchmarks measure by /proc")
    prelude = "import os, signal, sys, time\ndef burn(s):\n    while time.process_time() < s: pass\n"
    logs = [tmp_path / f"{i}.log" for i in range(len(programs))]
    return bench.process_tree.run_measured(
        [[sys.executable, "-I", "-S", "-c", prelude + textwrap.dedent(program)] for program in programs],
        at_once=at_once,
        env=dict(os.environ),
        cpus=sorted(os.sched_getaffinity(0)),
        logs=logs,
    )


FAMILIES = {
    "itself": "burn(.8)",
    "a child that it waits for": "if os.fork(): os.wait()\nelse: burn(.8)",
    "an orphan in a session of its own": "if not os.fork(): os.setsid(); burn(.8)",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_cpu_time_of_every_kind_of_process_counts_once(bench, tmp_path, family) -> None:
    usage = measured(bench, tmp_path, FAMILIES[family])
    assert 0.8 <= usage.cpu_s < 1.2


def test_cpu_time_of_children_that_nobody_waits_for_is_sampled(bench, tmp_path) -> None:
    program = """
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        child = os.fork()
        if not child:
            burn(.8)
            time.sleep(1)
            os._exit(0)
        while os.path.exists(f"/proc/{child}"):
            time.sleep(.05)
    """
    usage = measured(bench, tmp_path, program)
    assert 0.8 <= usage.cpu_s < 1.2


def test_commands_run_as_many_at_once_as_asked_for(bench, tmp_path) -> None:
    stamps = [
        f"path = {str(tmp_path / str(i))!r}\nopen(path, 'a').write(str(time.time()))\ntime.sleep(.6)\n"
        "open(path, 'a').write(' ' + str(time.time()))"
        for i in range(3)
    ]
    usage = measured(bench, tmp_path, *stamps, at_once=2)
    times = sorted(tuple(map(float, (tmp_path / str(i)).read_text().split())) for i in range(3))
    assert times[2][0] >= min(times[0][1], times[1][1])
    assert usage.started <= times[0][0]
    assert usage.wall_s >= 1.2


def test_memory_that_processes_share_counts_once(bench, tmp_path) -> None:
    usage = measured(bench, tmp_path, "block = b'x' * 200_000_000\nfor _ in range(2): os.fork()\ntime.sleep(3)")
    assert 200 <= usage.peak_mb < 260


def test_a_command_that_fails_is_an_error_with_its_last_words(bench, tmp_path) -> None:
    with pytest.raises(bench.process_tree.CommandError, match=r"exit status 3\n.*no such model"):
        measured(bench, tmp_path, "print('no such model', file=sys.stderr); sys.exit(3)")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_tiny_run_measures_both_sides(root, tiny_model, tiny_dataset, tmp_path) -> None:
    pytest.importorskip("accelerate", reason="transformers.Trainer needs accelerate")
    out = tmp_path / "out.json"
    options = {"--model": tiny_model, "--dataset": tiny_dataset, "--epochs": 2, "--repeats": 1, "--json": out}
    command = [
        sys.executable,
        "benchmarks/bench_trial.py",
        *(str(part) for option in options.items() for part in option),
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert [len(found["measures"][section]) for section in ("one", "four")] == [5, 4]
    for section, sides in found["measures"].items():
        for (measure,) in sides.values():
            assert 0 < measure["first_step_s"] < measure["wall_s"]
            assert min(measure["all_words_per_s"], measure["train_words_per_s"]) > 0
            assert measure["cpu_s"] > 1
            assert measure["peak_mb"] > 100
            assert 0 <= measure["f1"] <= 1
        for ratios in found["gains"][section].values():
            assert all(math.isfinite(spread["middle"]) for spread in ratios.values())
    words = {epoch["words"] for one in found["details"] for trial in one["trials"] for epoch in trial["epochs"]}
    rows = [json.loads(line) for line in (tiny_dataset / "train.jsonl").read_text().splitlines()]
    assert words == {sum(len(row["tokens"]) for row in rows)}
    assert {len(one["trials"]) for one in found["details"]} == {1, 4}
    assert "### One trial" in done.stdout
    assert "| nerbb_ray auto, 2 at a time against Trainer best, 1 at a time" in done.stdout


# what the machine with a GPU has: see benchmarks/gpu/run.sh
WITHOUT = ("ray", "mlflow", "conllu", "rich", "optuna", "pooch", "pandas", "accelerate", "seqeval")


@pytest.mark.slow
def test_what_is_measured_on_a_gpu_works_on_the_cpu_with_little_more_than_torch(root: Path, tmp_path: Path) -> None:
    blocked = f"import sys\nfor name in {WITHOUT!r}:\n    sys.modules[name] = None\n"
    (tmp_path / "sitecustomize.py").write_text(blocked)
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(tmp_path)}
    script = root / "benchmarks/gpu/run.sh"
    done = subprocess.run([script, "--smoke"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines() if "|" in line]
    found = {what: said for what, _, said in rows}
    assert [what for what in found if what.startswith("**")] == [
        "**a. correctness**",
        "**b. words per second**",
        "**c. CUDA graphs**",
        "**d. processes on one device**",
        "**e. several devices**",
    ]
    assert [said for said in found.values() if said in ("ok", "FAILED")] == ["ok"] * 5
    assert found["smoke, varlen"] == "torch.nn.attention.varlen needs a GPU"


@pytest.fixture
def on_gpu(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(root / "benchmarks/gpu"))
    import measure

    monkeypatch.setattr(measure, "HERE", tmp_path / "process.py")
    return measure


def test_mps_is_there_while_processes_are_measured_with_it(on_gpu, tmp_path, monkeypatch) -> None:
    control, running = tmp_path / on_gpu.MPS, tmp_path / "running"
    control.write_text(f"#!/bin/sh\nif [ $# = 1 ]; then touch {running}; else rm {running}; fi\n")
    control.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    bench, seen = on_gpu.Bench(on_gpu.torch.device("cuda"), tmp_path / "train.jsonl", smoke=True), []

    def together(number: int, environment: dict[str, str]) -> float:
        places = [Path(place).is_dir() for place in environment.values()]
        seen.append((number, running.exists(), places))
        return 1.0

    monkeypatch.setattr(bench, "together", together)
    assert [what for what, _, _ in bench.sharing()] == [
        *("1 processes", "2 processes"),
        *("1 processes with MPS", "2 processes with MPS"),
    ]
    assert seen == [(1, False, []), (2, False, []), (1, True, [True, True]), (2, True, [True, True])]
    assert not running.exists()


def test_processes_that_share_a_gpu_are_measured_at_the_same_time(on_gpu, tmp_path) -> None:
    (tmp_path / "process.py").write_text(
        "import os, pathlib, sys, time\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "(here / f'warm-{os.getpid()}').touch()\n"
        "print('warm', flush=True)\n"
        "sys.stdin.readline()\n"
        "print(len(list(here.glob('warm-*'))))\n"
    )
    bench = on_gpu.Bench(on_gpu.torch.device("cpu"), tmp_path / "train.jsonl", smoke=True)
    assert bench.together(3, {}) == 3 + 3 + 3


def test_a_process_that_fails_on_a_gpu_is_a_row_with_its_reason(on_gpu, tmp_path) -> None:
    (tmp_path / "process.py").write_text("raise SystemExit('CUDA error: MPS client failed to connect')")
    bench = on_gpu.Bench(on_gpu.torch.device("cpu"), tmp_path / "train.jsonl", smoke=True)
    assert list(bench.sharing())[:2] == [
        (f"{number} processes", "-", "CUDA error: MPS client failed to connect") for number in (1, 2)
    ]


@pytest.fixture
def raw_text(root: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import bench_raw_text

    return bench_raw_text


@pytest.mark.parametrize(
    ("gold", "found", "f1"),
    [
        ([{(0, 4, "A")}], [{(0, 4, "A")}], 1.0),
        ([{(0, 4, "A")}, set()], [{(0, 4, "B")}, {(0, 1, "A")}], 0.0),
        ([{(0, 4, "A"), (5, 6, "B")}], [{(0, 4, "A"), (7, 8, "B")}], 0.5),
    ],
)
def test_f1_of_places(raw_text, gold, found, f1) -> None:
    assert raw_text.f1(gold, found) == f1


def test_chinese_sentences_have_their_entities_in_place(raw_text) -> None:
    rows = list(raw_text.chinese_rows())
    assert len(rows) == 120
    assert {row["text"][a:b] for row in rows for a, b, label in row["label"] if label == "LOC"} >= {"北京", "大山子"}
    assert all("{" not in row["text"] for row in rows)


def test_words_stand_at_their_places_in_the_text_of_moses(raw_text) -> None:
    sacremoses = pytest.importorskip("sacremoses")
    words = ["Anna", "'s", "(", "old", ")", "dog", ",", "U.S."]
    text, places = raw_text.moses_text(words, sacremoses.MosesDetokenizer(lang="en"))
    assert text == "Anna's (old) dog, U.S."
    assert [text[a:b] for a, b in places] == words


def test_gains_of_decoding_are_means_over_seeds_with_an_interval_over_sentences(root, monkeypatch, tmp_path) -> None:
    import numpy as np

    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import bench_decoding

    setting = bench_decoding.SETTINGS[0]
    random = np.random.default_rng(0)
    for seed in (43, 44):
        worse = random.integers(0, 3, (300, 3))
        better = worse + [1, 0, -1] * (worse[:, 2:] > 0)  # where one was missed, one of them is found
        counts = {
            f"{rule}.{decoding}": better if decoding == "auto" else worse
            for rule in bench_decoding.RULES
            for decoding in bench_decoding.DECODINGS
        }
        about = {"epochs": 9, "kept": dict.fromkeys(bench_decoding.RULES, 8), "auto": {"last": "constrained"}}
        np.savez(tmp_path / f"{setting.name}-{seed}.npz", about=json.dumps(about), **counts)
    trained = bench_decoding.read(tmp_path, setting)

    def f1(one, decoding: str) -> float:
        tp, fp, fn = one.counts["last", decoding].sum(axis=0)
        return 100 * 2 * tp / (2 * tp + fp + fn)

    gain = statistics.fmean(f1(one, "auto") - f1(one, "argmax") for one in trained)
    middle, low, high = map(
        float,
        bench_decoding.difference(trained, ("last", "auto"), ("last", "argmax"))
        .replace("[", "")
        .replace("]", "")
        .replace(",", "")
        .split(),
    )
    assert middle == pytest.approx(gain, abs=0.06)
    assert low < middle < high < 3 * middle
    assert bench_decoding.difference(trained, ("last", "auto"), ("best", "auto")) == "+0.0 [+0.0, +0.0]"
    first, second = bench_decoding.tables(tmp_path).split("\n\n")
    assert [cell.strip() for cell in first.splitlines()[2].split("|")[1:5]] == [
        setting.data,
        setting.schedule,
        "2",
        "9, 9",
    ]
    assert second.count("(8, 8)") == 3


def test_soft_labels_that_are_sure_cost_what_gold_costs(bench) -> None:
    import torch
    from bench_distillation import soft_loss

    del bench  # has put the folder on the path
    logits = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    gold = torch.tensor([0, 1, 2, 1, 0, 2, 2])
    expected = torch.nn.functional.cross_entropy(logits, gold, reduction="sum")
    assert torch.allclose(soft_loss(logits, torch.eye(3)[gold]), expected)
    # of its own distribution, a model has the loss of nothing but entropy
    own = logits.softmax(-1)
    assert torch.allclose(soft_loss(logits, own), torch.distributions.Categorical(probs=own).entropy().sum())


def test_verdict_on_a_knob_says_what_seeds_could_not_have_made(root, monkeypatch, tmp_path) -> None:
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import bench_knobs

    data = bench_knobs.SETTINGS[0].data
    values = {
        bench_knobs.PLAIN: (0.50, 0.52, 0.51),
        "lr_head = 5": (0.60, 0.61, 0.62),
        "focal_gamma = 2": (0.51, 0.5, 0.53),
    }
    for number, (knob, scores) in enumerate(values.items()):
        for seed, f1 in zip((43, 44, 45), scores, strict=True):
            one = {"data": data, "knob": knob, "seed": seed, "f1": f1, "cpu_s": 10 * (number + 1), "sentences": 9}
            (tmp_path / f"{data}-{number}-{seed}.json").write_text(json.dumps(one))
    (table,) = bench_knobs.tables(tmp_path)
    rows = {
        row[0]: row[1:]
        for line in table.splitlines()[2:]
        for row in [[cell.strip() for cell in line.strip("|").split("|")]]
    }
    assert rows[bench_knobs.PLAIN] == ["3", "51.0", "", "", "10"]
    assert rows["lr_head = 5"][2].startswith("+10.0 [+")
    assert rows["lr_head = 5"][3].startswith("better (p 0.0")
    assert rows["focal_gamma = 2"][2].startswith("+0.3 [-")
    assert rows["focal_gamma = 2"][3].startswith("cannot be told (p ")
    assert set(rows) == set(values)


def test_every_knob_is_measured(root, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import bench_knobs

    from nerbb_ray.config.hparams import HParams

    names = list(HParams.__dataclass_fields__)
    knobs = set(names[names.index("lr_head") :]) - {"lora_alpha"}
    assert {key for changed in bench_knobs.KNOBS.values() for key in changed} == knobs
    assert all(HParams(**changed) for changed in bench_knobs.KNOBS.values())
