"""The keys of the training knobs in experiment files: ranges, grids, domains, runs, and what does not go together."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nerbb_ray.config.class_weights import RULE, weights_of
from nerbb_ray.config.hparams import HParams
from nerbb_ray.config.ini import build_spec, format_ini, read_ini
from nerbb_ray.config.keys import keys_of
from nerbb_ray.config.spec import ExperimentSpec
from nerbb_ray.config.trials import draw, expand, proposed_run
from nerbb_ray.errors import ConfigError
from nerbb_ray.results.identity import Identity

Read = Callable[..., ExperimentSpec]
ProblemsOf = Callable[..., list[str]]
BELOW_ONE = "and < 1"


@pytest.mark.parametrize(
    ("key", "allowed", "refused"),
    [
        ("weight_decay", ["0", "0.1", "2"], ["-0.1", "none", "auto"]),
        ("adam_beta2", ["0", "0.98", "0.9999"], ["1", "-0.1"]),
        ("max_grad_norm", ["0", "1", "1e9"], ["-1", "none"]),
        ("label_smoothing", ["0", "0.1", "0.99"], ["1", "-0.1"]),
        ("focal_gamma", ["0", "0.5", "5"], ["-1"]),
        ("hidden_dropout", ["auto", "0", "0.99"], ["1", "-0.1", "none"]),
        ("attention_dropout", ["auto", "0", "0.99"], ["1"]),
        ("classifier_dropout", ["AUTO", "0", "0.99"], ["1"]),
        ("lr_head", ["0.1", "10"], ["0", "-1", "auto"]),
        ("lr_layer_decay", ["0.5", "1"], ["0", "1.1"]),
        ("freeze_layers", ["0", "12"], ["-1", "1.5", "all"]),
        ("reinit_layers", ["0", "12"], ["-1", "0.5"]),
        ("lora_rank", ["0", "8"], ["-1", "auto"]),
        ("loss_weights", ["none", "Inverse", "LOC:2 O:0.5"], ["inverse square", "LOC:0", "LOC:-1", "LOC:nan", ":1"]),
    ],
)
def test_range_of_a_knob(read: Read, problems_of: ProblemsOf, key: str, allowed: list[str], refused: list[str]) -> None:
    for text in allowed:
        assert read(f"[hparams]\n{key} = {text}\n").runs[0].hparams is not None
    for text in refused:
        (problem,) = problems_of(f"[hparams]\n{key} = {text}\n")
        assert problem.startswith(f"[hparams] {key}: must be {keys_of(HParams)[key].rule}")
        assert problem.endswith(f"; got {text}")


def test_knobs_are_axes_are_drawn_and_differ_between_runs(read: Read) -> None:
    spec = read(
        "[search]\nalgorithm = random\nnum_samples = 3\n"
        "[hparams]\nlr_layer_decay = 0.8, 1\nloss_weights = none, inverse\n"
        "[runA]\nfreeze_layers = 2\n[runB]\nlora_rank = choice(4, 8)\nlora_alpha = uniform(1, 16)\nlora_targets = all\n"
    )
    assert [run.name for run in spec.runs if run.name.startswith("runA")] == [
        f"runA(lr_layer_decay={decay},loss_weights={weights})"
        for decay in (0.8, 1.0)
        for weights in ("none", "inverse")
    ]
    drawn = [run.hparams for run in spec.runs if run.name.startswith("runB")]
    assert len(drawn) == 4 * 3
    assert {h.lora_rank for h in drawn} <= {4, 8}
    assert {h.freeze_layers for h in drawn} == {0}


@pytest.mark.parametrize("key", [key for key, rule in keys_of(HParams).items() if rule.kind in (int, float)])
def test_every_knob_that_is_a_number_can_be_drawn(read: Read, key: str) -> None:
    integer = keys_of(HParams)[key].kind is int
    more = {"lora_alpha": "lora_rank = 8\n"}.get(key, "")
    domain = (
        "randint(1, 9)" if integer and key != "max_seq_length" else "randint(8, 64)" if integer else "uniform(0.1, 0.9)"
    )
    spec = read(f"[search]\nalgorithm = optuna\n[hparams]\n{more}{key} = {domain}\n")
    ((name, found),) = spec.runs[0].space
    (point, *_) = draw({name: found}, 1, 42, "runA")
    assert keys_of(HParams)[key].check(point[key])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "focal_gamma = 2\nlabel_smoothing = 0.1",
            "label_smoothing: must be 0 with focal_gamma = 2.0: the focal loss is defined for one true label; got 0.1",
        ),
        (
            "lora_rank = 8\nfreeze_layers = 2",
            "freeze_layers: must be 0 with lora_rank = 8: with adapters, the weights of all layers stay as they were; "
            "got 2",
        ),
        (
            "lora_rank = 8\nreinit_layers = 1",
            "reinit_layers: must be 0 with lora_rank = 8: with adapters, the weights of all layers stay as they were, "
            "and new ones would never be trained; got 1",
        ),
        ("lora_alpha = 8", "lora_alpha: must come with lora_rank > 0; got 8.0"),
        ("lora_targets = all", "lora_targets: must come with lora_rank > 0; got all"),
    ],
)
def test_knobs_that_do_not_go_together_are_refused(problems_of: ProblemsOf, text: str, problem: str) -> None:
    assert problems_of(f"[hparams]\n{text}\n") == [f"[hparams] {problem}"]


@pytest.mark.parametrize(
    ("content", "weights"),
    [
        ("O 0.5\nPER\t2\n", {"O": 0.5, "PER": 2.0}),
        ("# rare ones\n\nB-PER: 2\nI-PER = 3.5\nO:1\n", {"B-PER": 2.0, "I-PER": 3.5, "O": 1.0}),
        ('{"O": 0.5, "PER": 2}', {"O": 0.5, "PER": 2.0}),
        ("\ufeffO 1e-3\r\n", {"O": 0.001}),
    ],
)
def test_weights_are_read_from_a_file_and_kept_as_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Read, content: str, weights: dict[str, float]
) -> None:
    (tmp_path / "weights.txt").write_text(content, encoding="utf-8", newline="")
    monkeypatch.chdir(tmp_path)
    for given in ("weights.txt", str(tmp_path / "weights.txt")):
        spec = read(f"[hparams]\nloss_weights = {given}\n")
        assert weights_of(spec.runs[0].hparams.loss_weights) == weights
    built = build_spec("exp", params={"dataset_name": "d", "pretrained_model_name": "m", "loss_weights": Path(given)})
    assert built.runs[0].hparams == spec.runs[0].hparams
    (tmp_path / "exp.ini").write_text(format_ini(spec))
    (tmp_path / "weights.txt").unlink()
    assert read_ini(tmp_path / "exp.ini") == spec


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, f"must be {RULE}, but there is no file of this name; got weights.txt"),
        ("", "weights.txt: it has no class"),
        ("# of O\n\nO one\n", "weights.txt:3: the weight of O must be a number from 1e-06 to 1e+06; got one"),
        ("O 0\n", "weights.txt:1: the weight of O must be a number from 1e-06 to 1e+06; got 0"),
        ("O 1\nO 2\n", "weights.txt:2: O must have one weight; got another one, 2"),
        ("PER LOC 2\n", "weights.txt:1: a class must have a name without blanks and commas; got PER LOC"),
        ("PER\n", "weights.txt:1: a class must have a name and a weight, such as LOC 2.0; got PER"),
        ('{"O": 1,\n', "weights.txt:2: must be a JSON object of classes and weights: Expecting property name"),
        ('{"O": 1, "O": 2}', "weights.txt: O must have one weight; got another one, 2"),
        ('{"O": {"LOC": 2}}', "weights.txt: the weight of O must be a number from 1e-06 to 1e+06; got "),
    ],
)
def test_a_file_that_has_no_weights_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problems_of: ProblemsOf, content: str | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "weights.txt").write_text(content)
    (problem,) = problems_of("[hparams]\nloss_weights = weights.txt\n")
    assert problem.startswith(f"[hparams] loss_weights: {said}")


def test_every_fault_of_a_file_with_weights_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problems_of: ProblemsOf
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.txt").write_text("LOC -2\nPER 1\nORG x\n")
    assert problems_of("[hparams]\nloss_weights = none, weights.txt\n") == [
        "[hparams] loss_weights: weights.txt:1: the weight of LOC must be a number from 1e-06 to 1e+06; got -2",
        "[hparams] loss_weights: weights.txt:3: the weight of ORG must be a number from 1e-06 to 1e+06; got x",
    ]
    (problem, _) = problems_of("[hparams]\nloss_weights = choice(none, weights.txt)\n[search]\nalgorithm = random\n")
    assert problem.startswith("[hparams] loss_weights: weights.txt:1: the weight of LOC must be")
    (tmp_path / "weights.txt").write_text("LOC -2\n" * 1000)
    found = problems_of("[hparams]\nloss_weights = weights.txt\n")
    assert (len(found), found[-1]) == (21, "[hparams] loss_weights: and 980 more faults like these")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("O:0.5 LOC:0", "but the weight of LOC must be a number from 1e-06 to 1e+06; got 0"),
        ("O:1e300", "got 1e300"),  # infinite in fp32
        ("O:1e-300 PER:1e-300", "got 1e-300"),  # 0 in fp32: nothing would be trained
        ("O:1_0", "got 1_0"),
        ("O:1 O:2", "but O must have one weight; got another one, 2"),
        (
            "O:0 LOC:x",
            "but the weight of O must be a number from 1e-06 to 1e+06; got 0; the weight of LOC must be a number "
            "from 1e-06 to 1e+06; got x",
        ),
        ("~nobody-of-this-name/weights.txt", "there is no file of this name"),
        ("-1", "there is no file of this name"),
    ],
)
def test_weights_that_are_written_out_wrongly_are_told(problems_of: ProblemsOf, value: str, said: str) -> None:
    (problem,) = problems_of(f"[hparams]\nloss_weights = {value}\n")
    assert problem.startswith(f"[hparams] loss_weights: must be {RULE}")
    assert problem.endswith(f"{said}; got {value}")


@pytest.mark.parametrize(("text", "value"), [("ALL", "all"), ("Auto", "auto"), ("Wqkv", "Wqkv")])
def test_words_of_a_key_are_known_in_any_case_and_names_are_kept(read: Read, text: str, value: str) -> None:
    assert read(f"[hparams]\nlora_rank = 2\nlora_targets = {text}\n").runs[0].hparams.lora_targets == value


def test_another_content_of_the_same_file_is_another_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Read
) -> None:
    monkeypatch.chdir(tmp_path)

    def identity(content: str) -> Identity:
        (tmp_path / "weights.txt").write_text(content)
        return Identity.of(expand(read("[hparams]\nloss_weights = weights.txt\n"))[0])

    assert identity("O 1\n").differences(identity("O 2\n")) == ["loss_weights was O:1.0, now O:2.0"]
    assert identity("O 1\n").differences(identity("# now with a comment\nO 1.0\n")) == []


def test_trials_of_before_had_the_defaults(read: Read) -> None:
    now = Identity.of(expand(read(""))[0])
    first = list(HParams.__dataclass_fields__).index("lr_head")
    knobs = list(HParams.__dataclass_fields__)[first:]
    before = Identity.from_dict(
        now.to_dict() | {"params": {key: value for key, value in now.params.items() if key not in knobs}}
    )
    assert before.differences(now) == []
    changed = Identity.of(expand(read("[hparams]\nweight_decay = 0.1\nhidden_dropout = 0.2\n"))[0])
    assert set(before.differences(changed)) == {
        "weight_decay was 0.01, now 0.1",
        "hidden_dropout was auto, now 0.2",
    }


def test_a_drawn_auto_is_known_again(read: Read) -> None:
    spec = read("[search]\nalgorithm = optuna\n[hparams]\nhidden_dropout = choice(auto, 0.2)\n")
    assert proposed_run(spec, "runA(hidden_dropout=auto)", {"hidden_dropout": "None"}) is not None
    assert proposed_run(spec, "runA(hidden_dropout=0.2)", {"hidden_dropout": "0.2"}) is not None


@pytest.mark.parametrize("domain", ["uniform(0, 0.3)", "choice(0.1, 0.2)"])
def test_a_run_that_leaves_a_searched_knob_to_the_model_is_no_point(read: Read, domain: str) -> None:
    """Its parameter is recorded as None, which is before or after no number."""
    spec = read(
        f"[search]\nalgorithm = optuna\n[hparams]\nhidden_dropout = {domain}\n"
        "[runA]\nlr_max = 1e-4\n[runB]\nhidden_dropout = auto\n"
    )
    for none in ("None", None):
        assert proposed_run(spec, "runB", {"hidden_dropout": none}) is None
    assert proposed_run(spec, "runA(hidden_dropout=0.2)", {"hidden_dropout": "0.2"}) is not None


@pytest.mark.parametrize("algorithm", ["grid", "random"])
def test_only_optuna_can_start_warm(problems_of: ProblemsOf, algorithm: str) -> None:
    (problem,) = problems_of(f"[search]\nalgorithm = {algorithm}\nwarm_start = True\n")
    assert (
        problem
        == "[search] warm_start: must be False without algorithm = optuna, which alone learns from points; got True"
    )


FOUR = "[hparams]\nlr_max = 1e-5, 2e-5, 3e-5, 4e-5\n"


def test_scheduler_is_one_of_rays(read: Read, problems_of: ProblemsOf) -> None:
    found = {
        name: read(f"[search]\nscheduler = {name}\n{FOUR}").search.scheduler for name in ("none", "asha", "Median")
    }
    assert found == {"none": None, "asha": "asha", "Median": "median"}
    (problem,) = problems_of("[search]\nscheduler = pbt\ngrace_epochs = 4\n")
    assert problem == "[search] scheduler: must be one of none, asha, median; got pbt"
    with pytest.raises(ConfigError):
        build_spec("e", params={"dataset_name": "d", "pretrained_model_name": "m", "grace_epochs": 0})
