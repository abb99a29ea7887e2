"""Every mistake in an experiment file is an error that says where, which rule, which value; all of them at once."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nerbb_ray.config.ini import read_ini
from nerbb_ray.errors import ConfigError

ProblemsOf = Callable[..., list[str]]

HYBRID = (
    "must be False with lr_schedule = hybrid, which has a fixed number of epochs (preset = hybrid sets both); got True"
)
MISSING = "is mandatory; got nothing"
MODEL = "[model]\npretrained_model_name = m\n"
SHARED = "runs are compared seed by seed, so it is the same for all of them"

TABLE = {
    "unknown section": ("[modle]\n", "[modle]: unknown section; did you mean [model]?; got modle"),
    "section of another case": (
        "[Hparams]\nlr_max=1\n",
        "[Hparams]: unknown section; did you mean [hparams]?; got Hparams",
    ),
    "run of another case": ("[RunA]\nlr_max=1\n", "[RunA]: unknown section; did you mean [runA]?; got RunA"),
    "default section": (
        "[DEFAULT]\nlr_max=1\n",
        "[DEFAULT]: unknown section; there are [dataset], [model], [settings], [hparams], [resources], [search] "
        "and [run...]; got DEFAULT",
    ),
    "unsafe run": (
        "[run/../A]\n",
        "[run/../A]: names a folder and must consist of letters, digits, blanks and . _ - + = ( ) ,; got run/../A",
    ),
    "unknown key": (
        "[hparams]\nbatchsize = 3\n",
        "[hparams] batchsize: unknown key; did you mean 'batch_size'?; got 3",
    ),
    "unknown key in a run": ("[runA]\nlrmax = 3\n", "[runA] lrmax: unknown key; did you mean 'lr_max'?; got 3"),
    "shortened key": ("[hparams]\nepochs = 3\n", "[hparams] epochs: unknown key; did you mean 'max_epochs'?; got 3"),
    "shortened key of several sections": (
        "name = 3\n",
        "[model] name: unknown key; did you mean 'pretrained_model_name'?; got 3",
    ),
    "typo of a key of another section": (
        "[hparams]\nmultiple_run = 3\n",
        "[hparams] multiple_run: unknown key; did you mean 'multiple_runs' in [settings]?; got 3",
    ),
    "unknown key like no other": (
        "xyz = 3\n",
        "[model] xyz: unknown key; [model] has pretrained_model_name; got 3",
    ),
    "keys of the search": (
        "[search]\nxyz = 3\n",
        "[search] xyz: unknown key; [search] has algorithm, num_samples, metric, racing, scheduler, "
        "grace_epochs, warm_start, min_seeds, confidence, time_budget, max_hours, max_cost, price_per_hour; got 3",
    ),
    "search on test data": (
        "[search]\nmetric = test/entity/micro/f1\n",
        "[search] metric: must be a metric of the val data, such as val/entity/micro/f1 or val/loss (test data choose "
        "nothing); got test/entity/micro/f1",
    ),
    "cost without a price": (
        "[search]\nmax_cost = 3\n",
        "[search] max_cost: must come with price_per_hour > 0; got 3.0",
    ),
    "grace of a misspelt scheduler": (
        "[search]\ngrace_epochs = 5\nscheduler = pbt\n",
        "[search] scheduler: must be one of none, asha, median; got pbt",
    ),
    "cost at a price that is none": (
        "[search]\nmax_cost = 5\nprice_per_hour = cheap\n",
        "[search] price_per_hour: must be auto or a number >= 0; got cheap",
    ),
    "warm start of a misspelt search": (
        "[search]\nalgorithm = optun\nwarm_start = True\nnum_samples = 3\n[hparams]\nlr_max = uniform(1e-5, 1e-4)\n",
        "[search] algorithm: must be one of grid, random, optuna; got optun",
    ),
    "scheduler without values": (
        "[search]\nscheduler = asha\n[hparams]\nearly_stopping = False\nlr_max = 1e-5, 2e-5\n[settings]\n"
        "skip_validation = True\nevaluate_checkpoint = last\n",
        "[settings] skip_validation: must be False with [search] scheduler = asha, which compares the epochs of runs; "
        "got True",
    ),
    "domain without a search": (
        "[hparams]\nlr_max = loguniform(1e-5, 1e-3)\n",
        "[hparams] lr_max: must be a value or a list of values with [search] algorithm = grid (random and optuna "
        "draw); got loguniform(1e-05, 0.001)",
    ),
    "domain upside down": (
        "[hparams]\nlr_max = uniform(1e-3, 1e-5)\n",
        "[hparams] lr_max: must be uniform(low, high) with low < high; got uniform(1e-3, 1e-5)",
    ),
    "domain with one end": (
        "[hparams]\nlr_max = uniform(1e-3)\n",
        "[hparams] lr_max: must be uniform(low, high); got uniform(1e-3)",
    ),
    "domain outside of the rule": (
        "[hparams]\nlr_max = loguniform(0, 1e-3)\n",
        "[hparams] lr_max: must have values that are a number > 0, and 0 is not; got loguniform(0, 1e-3)",
    ),
    "numbers where integers are meant": (
        "[hparams]\nbatch_size = uniform(8, 32)\n",
        "[hparams] batch_size: must be randint(low, high) or choice(a, b, ...): the key is an integer >= 1; "
        "got uniform(8, 32)",
    ),
    "interval of words": (
        "[hparams]\nmonitor = uniform(1, 2)\n",
        "[hparams] monitor: must be choice(a, b, ...): the key is one of val_loss, val_acc, val_f1; got uniform(1, 2)",
    ),
    "choice of the same": (
        "[hparams]\nbatch_size = choice(8, 8)\n",
        "[hparams] batch_size: must be a choice of different values, but 8 is there twice; got choice(8, 8)",
    ),
    "domain that nobody knows": (
        "[hparams]\nlr_max = logunifrom(1e-5, 1e-3)\n",
        "[hparams] lr_max: must be a number > 0, a list of such values, or alone uniform(low, high), "
        "loguniform(low, high), randint(low, high) or choice(a, b, ...); got logunifrom(1e-5, 1e-3)",
    ),
    "domain in a list": (
        "[hparams]\nlr_max = loguniform(1e-5, 1e-4), 1e-3\n",
        "[hparams] lr_max: must be a number > 0, a list of such values, or alone uniform(low, high), "
        "loguniform(low, high), randint(low, high) or choice(a, b, ...); got loguniform(1e-5, 1e-4), 1e-3",
    ),
    "domain of a setting": (
        "[settings]\nseed = randint(1, 5)\n",
        "[settings] seed: must be one value: [settings] is the same for the whole grid; got randint(1, 5)",
    ),
    "wrong section": ("batch_size = 3\n", "[model] batch_size: belongs in [hparams]; got 3"),
    "settings in a run": ("[runA]\nseed = 3\n", f"[runA] seed: belongs in [settings]: {SHARED}; got 3"),
    "resources in a run": (
        "[runA]\nnum_workers = 3\n",
        "[runA] num_workers: belongs in [resources]: what a trial gets is the same for all runs; got 3",
    ),
    "key twice": (
        "[hparams]\nlr_max = 1\nLR_max = 2\n",
        "[hparams] lr_max: must be given once; got it again in line 7",
    ),
    "section twice": ("[runA]\n[runA]\nlr_max = 1\n", "[runA]: must be given once; got it again in line 6"),
    "empty": ("[hparams]\nlr_max =\n", "[hparams] lr_max: must be a number > 0; got nothing"),
    "empty name": (
        "[runA]\npretrained_model_name =\n",
        "[runA] pretrained_model_name: must be a name (printable, without commas, "
        "without # or ; at the start of a word); got nothing",
    ),
    "comment only": ("[hparams]\nlr_max = # soon\n", "[hparams] lr_max: must be a number > 0; got nothing"),
    "out of range": ("[hparams]\nmax_epochs = 0\n", "[hparams] max_epochs: must be an integer >= 1; got 0"),
    "wrong type": ("[hparams]\nlr_max = fast\n", "[hparams] lr_max: must be a number > 0; got fast"),
    "no integer": ("[runA]\nbatch_size = 1.5\n", "[runA] batch_size: must be an integer >= 1; got 1.5"),
    "nan": ("[hparams]\nmin_delta = nan\n", "[hparams] min_delta: must be a number >= 0; got nan"),
    "inf": ("[hparams]\nlr_max = inf\n", "[hparams] lr_max: must be a number > 0; got inf"),
    "no boolean": (
        "[hparams]\nearly_stopping = y\n",
        "[hparams] early_stopping: must be one of true, false, yes, no, on, off, 1, 0; got y",
    ),
    "unknown word": (
        "[hparams]\nmonitor = f1\n",
        "[hparams] monitor: must be one of val_loss, val_acc, val_f1; got f1",
    ),
    "indented continuation": (
        "[hparams]\nbatch_size = 16\n  lr_max = 1\n",
        "[hparams] batch_size: must be an integer >= 1; got 16 lr_max = 1",
    ),
    "hybrid with early stopping": (
        "[hparams]\nlr_schedule = hybrid\nearly_stopping = True\n",
        f"[hparams] early_stopping: {HYBRID}",
    ),
    "hybrid with early stopping by default": (
        "[hparams]\nlr_schedule = hybrid\n",
        f"[hparams] early_stopping: {HYBRID} (the default)",
    ),
    "hybrid with early stopping of a preset": (
        "[settings]\npreset = adaptive\n[runB]\nlr_schedule = hybrid\n",
        f"[runB] early_stopping: {HYBRID} (from preset = adaptive)",
    ),
    "hybrid in one point of a grid": (
        "[runB]\nlr_schedule = constant, hybrid\n",
        f"[runB(lr_schedule=hybrid)] early_stopping: {HYBRID} (the default)",
    ),
    "hybrid cools down longer than it trains": (
        "[settings]\npreset = hybrid\n[hparams]\nmax_epochs = 5\n",
        "[hparams] lr_cooldown_epochs: must be <= max_epochs = 5 with lr_schedule = hybrid; got 7 (the default)",
    ),
    "hybrid preset without epochs": (
        "[settings]\npreset = hybrid\n",
        "[hparams] max_epochs: is mandatory with preset = hybrid; got nothing",
    ),
    "hybrid preset without epochs in one run": (
        "[settings]\npreset = hybrid\n[runA]\nmax_epochs = 9\n[runB]\n",
        "[runB] max_epochs: is mandatory with preset = hybrid; got nothing",
    ),
    "mode contradicts monitor": (
        "[hparams]\nmonitor = val_acc\nmode = min\n",
        "[hparams] mode: must be max for monitor = val_acc (or left out: it follows from monitor); got min",
    ),
    "mode contradicts the monitor of a run": (
        "[hparams]\nmode = min\n[runA]\n[runB]\nmonitor = val_f1\n",
        "[runB] mode: must be max for monitor = val_f1 (or left out: it follows from monitor); got min",
    ),
    "list in settings": (
        "[settings]\nseed = 1, 2\n",
        "[settings] seed: must be one value: [settings] is the same for the whole grid; got 1, 2",
    ),
    "list in resources": (
        "[resources]\nnum_workers = 1, 2\n",
        "[resources] num_workers: must be one value: [resources] is the same for the whole grid; got 1, 2",
    ),
    "same value twice": (
        "[hparams]\nlr_max = 2e-5, 0.00002\n",
        "[hparams] lr_max: the values of a grid must differ; got 2e-05 twice",
    ),
    "same point by a link": (
        "[hparams]\nlr_head = 0.5\nlr_layer_decay = 0.5, lr_head\n",
        "[runA(lr_layer_decay=lr_head)]: the points of a grid must differ; got the same parameters as "
        "runA(lr_layer_decay=0.5)",
    ),
    "link to auto": (
        "[hparams]\nlr_max = hidden_dropout\n",
        "[hparams] lr_max: must be a number > 0; got auto (from hidden_dropout)",
    ),
    "comma at the end": (
        "[hparams]\nlr_max = 2e-5,\n",
        "[hparams] lr_max: must not have an empty element (a comma too many?); got 2e-5,",
    ),
    "two commas": (
        "[hparams]\nlr_max = 2e-5,,1\n",
        "[hparams] lr_max: must not have an empty element (a comma too many?); got 2e-5,,1",
    ),
    "one wrong value in a list": (
        "[hparams]\nbatch_size = 16, 0\n",
        "[hparams] batch_size: must be an integer >= 1; got 0",
    ),
    "run called like a point of another": (
        "[runA]\nbatch_size = 8, 16\n[runA(batch_size=8)]\n",
        "[runA(batch_size=8)]: must be the name of one run; got two (write them as [run...] sections of their own)",
    ),
    "grid beyond all measure": (
        "[hparams]\n" + "".join(f"{key} = {','.join(map(str, range(1, 12)))}\n" for key in
                                ("batch_size", "max_epochs", "patience", "lr_max")),
        "[runA]: must have a grid of at most 10000 points; got 14641",
    ),
    "grid of too many seeds": (
        "[settings]\nmultiple_runs = 20000\n[runA]\nbatch_size = 1, 2, 3\n[runB]\nbatch_size = 4, 5, 6\n",
        "[settings] multiple_runs: must make at most 100000 trials (points of the grid x multiple_runs); got 6 x 20000",
    ),
    "two workers in one process": (
        "[resources]\ntrainer = inprocess\nnum_workers = 2\n",
        "[resources] trainer: must be auto or torch_trainer with num_workers = 2: inprocess has one worker per trial; "
        "got inprocess",
    ),
    "unknown preset": (
        "[settings]\npreset = fast\n",
        "[settings] preset: must be one of none, adaptive, original, stable, hybrid; got fast",
    ),
    "no key": ("[hparams]\nlr_max\n", "line 6: must be a [section], `key = value` or a comment; got lr_max"),
    "text behind a header": (
        "[hparams] lr_max = 1\n",
        "[hparams]: must stand alone in its line; got lr_max = 1 behind it",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), TABLE.values(), ids=TABLE)
def test_a_mistake_is_one_error_with_section_key_rule_and_value(
    problems_of: ProblemsOf, text: str, problem: str
) -> None:
    assert problems_of(text) == [problem]


def test_every_line_ends_with_the_value(problems_of: ProblemsOf) -> None:
    lines = [line for text, _ in TABLE.values() for line in problems_of(text)]
    assert [line for line in lines if not re.fullmatch(r"(\[.+\]( \w+)?|line \d+): .+; got .+", line)] == []


def test_workers_that_contradict_the_trainer_are_told_with_everything_else(problems_of: ProblemsOf) -> None:
    text = "[hparams]\nlr_max = fast\nmode = max\n[resources]\nnum_workers = 2\ntrainer = inprocess\n"
    assert [line.split(":")[0] for line in problems_of(text)] == [
        "[hparams] lr_max", "[hparams] mode", "[resources] trainer",
    ]  # fmt: skip


def test_a_grid_beyond_all_measure_is_refused_before_it_is_expanded(problems_of: ProblemsOf) -> None:
    grid = "".join(f"{key} = {','.join(map(str, range(1, 101)))}\n" for key in ("batch_size", "max_epochs"))
    text = "".join(f"[run{letter}]\n{grid}" for letter in "ABCDEFGHIJK")
    begin = time.process_time()
    assert problems_of(text) == [
        "[settings] multiple_runs: must make at most 100000 trials (points of the grid x multiple_runs); got 110000 x 1"
    ]
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [f"[dataset] dataset_name: {MISSING}", f"[model] pretrained_model_name: {MISSING}"]),
        (f"{MODEL}[datset]\ndataset_name = d\n", ["[datset]: unknown section; did you mean [dataset]?; got datset"]),
        (f"{MODEL}dataset_name = d\n", ["[model] dataset_name: belongs in [dataset]; got d"]),
        (f"{MODEL}[dataset]\nname = d\n", ["[dataset] name: unknown key; did you mean 'dataset_name'?; got d"]),
        (f"{MODEL}[runA]\ndataset_name = d\n[runB]\n", [f"[runB] dataset_name: {MISSING}"]),
        (f"x\n\ny = 1\n{MODEL}[dataset]\ndataset_name = d\n",
         ["line 1: must be below a section such as [dataset]; got x"]),
    ],
)  # fmt: skip
def test_what_is_mandatory_is_missed_unless_a_slip_explains_it(
    problems_of: ProblemsOf, text: str, problems: list[str]
) -> None:
    assert problems_of(text, base="") == problems


def test_ten_different_mistakes_give_ten_errors(problems_of: ProblemsOf) -> None:
    text = """\
dataset_name = early
[dataset]
dataset_name = d
prune_ratio_train = 1.5
[modle]
pretrained_model_name = m
[settings]
multiple_runs = 1, 2
[hparams]
batchsize = 16
lr_max = fast
lr_max = 2e-5
monitor = val_acc
mode = min
[runA]
seed = 7
lr_schedule = hybrid
"""
    found = [line.split(": ")[0] for line in problems_of(text, base="")]
    assert len(found) == 10
    assert sorted(found) == sorted([
        "line 1", "[dataset] prune_ratio_train", "[modle]", "[settings] multiple_runs",
        "[hparams] batchsize", "[hparams] lr_max", "[hparams] lr_max", "[hparams] mode", "[runA] seed",
        "[runA] early_stopping",
    ])  # fmt: skip


def test_a_value_that_cannot_be_read_causes_no_second_error(problems_of: ProblemsOf) -> None:
    assert len(problems_of("[hparams]\nlr_schedule = hybrid\nearly_stopping = maybe\n")) == 1
    assert len(problems_of("[hparams]\nmode = max\nmonitor = val_fi\n")) == 1


def test_a_value_that_a_run_replaces_hides_no_error_of_that_run(problems_of: ProblemsOf) -> None:
    assert problems_of("[hparams]\nlr_schedule = hybird\n[runA]\nlr_schedule = hybrid\n") == [
        "[hparams] lr_schedule: must be one of constant, linear, cosine, cosine_with_hard_restarts, hybrid; got hybird",
        f"[runA] early_stopping: {HYBRID} (the default)",
    ]


def test_both_values_of_a_key_given_twice_are_checked(problems_of: ProblemsOf) -> None:
    problems = problems_of("[hparams]\nlr_max = a\n[hparams]\nlr_max = b\nlr_max = c\n")
    assert [line.rsplit("got ")[1] for line in problems] == ["it again in line 7", "it again in line 9", "a", "b", "c"]


def test_long_values_are_quoted_shortened(problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(f"[hparams]\nlr_max = {'x' * 10_000}\n")
    assert problem.endswith("x...")
    assert len(problem) < 200


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[dataset]\ndataset_name = \xff\n", "exp.ini line 2: must be UTF-8 text; got the byte 0xff"),
        ("[dataset]\n".encode("utf-16-le"), "exp.ini line 1: must be UTF-8 text; got a NUL character"),
    ],
)
def test_a_file_that_is_no_text_is_one_error(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "exp.ini"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_ini(path)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(("name", "found"), [("nowhere.ini", "no such file"), ("", "a directory"), ("\0.ini", "null")])
def test_what_is_no_file_is_one_error_with_its_whole_path(tmp_path: Path, name: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_ini(tmp_path / name)
    (problem,) = caught.value.problems
    assert problem.startswith(str(tmp_path))
    assert found in problem


def test_a_file_name_that_is_no_name_of_a_folder_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a:b.ini"
    path.write_text("[dataset]\ndataset_name = d\n[model]\npretrained_model_name = m\n")
    with pytest.raises(ConfigError, match=r"^a:b\.ini: the name of the experiment names a folder .*; got 'a:b'$"):
        read_ini(path)
