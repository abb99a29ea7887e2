"""Layers are found in any architecture: how deep parameters lie, what is frozen, new, and learns how fast."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from nerbb_ray.config.hparams import HParams
from nerbb_ray.training.knobs import adapt, dropouts_of, unfit
from nerbb_ray.training.layers import stack_of
from nerbb_ray.training.lora import merge_adapters
from nerbb_ray.training.optimizer import make_optimizer, set_rate

LAYERS = 3
SIZES = {
    "hidden_size": 32, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": 40,
    "vocab_size": 60, "max_position_embeddings": 40, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "cls_token_id": 1, "sep_token_id": 2,
}  # fmt: skip
RELATIVE = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
XLNET = {"d_model": 32, "n_layer": LAYERS, "n_head": 2, "d_inner": 40, "vocab_size": 60}
T5 = {"d_model": 32, "d_kv": 16, "d_ff": 40, "num_layers": LAYERS, "num_heads": 2, "vocab_size": 60}
# architecture -> configuration, path of its layers, parameters that lie below them although they are elsewhere
ARCHITECTURES: dict[str, tuple[dict[str, Any], str, set[str]]] = {
    "bert": (SIZES, "bert.encoder.layer", set()),
    "roberta": (SIZES, "roberta.encoder.layer", set()),
    "distilbert": (SIZES, "distilbert.transformer.layer", set()),
    "electra": (SIZES | {"embedding_size": 16}, "electra.encoder.layer", {"electra.embeddings_project.weight"}),
    "mpnet": (SIZES, "mpnet.encoder.layer", {"mpnet.encoder.relative_attention_bias.weight"}),
    "modernbert": (SIZES, "model.layers", set()),
    "deberta": (SIZES | RELATIVE, "deberta.encoder.layer", {"deberta.encoder.rel_embeddings.weight"}),
    "deberta-v2": (
        SIZES | RELATIVE | {"norm_rel_ebd": "layer_norm"},
        "deberta.encoder.layer",
        {"deberta.encoder.rel_embeddings.weight", "deberta.encoder.LayerNorm.weight"},
    ),
    "xlnet": (XLNET, "transformer.layer", set()),
    "gpt2": (SIZES, "transformer.h", set()),
    "t5": (T5, "transformer.encoder.block", set()),
}
ABOVE = {"model.final_norm.weight", "transformer.ln_f.weight", "transformer.encoder.final_layer_norm.weight"}
every_architecture = pytest.mark.parametrize("kind", ARCHITECTURES)


def build(kind: str, **changes: Any) -> Any:
    from transformers import AutoConfig, AutoModelForTokenClassification

    sizes = ARCHITECTURES[kind][0] if kind in ARCHITECTURES else SIZES
    torch.manual_seed(0)
    return AutoModelForTokenClassification.from_config(AutoConfig.for_model(kind, **(sizes | changes), num_labels=5))


def logits(model: Any) -> torch.Tensor:
    found: torch.Tensor = model(input_ids=torch.arange(3, 20)[None], attention_mask=torch.ones(1, 17).long()).logits
    return found


def step(model: Any, optimizer: torch.optim.Optimizer, rate: float = 0.01) -> None:
    set_rate(optimizer, rate)
    optimizer.zero_grad()
    logits(model.train()).square().sum().backward()
    optimizer.step()


def expected_depth(kind: str, name: str) -> int | None:
    """Of a parameter by its name; None: of the head."""
    _, path, below = ARCHITECTURES[kind]
    if name.startswith(f"{path}."):
        return int(name[len(path) + 1 :].split(".")[0]) + 1
    if name in below or "embed" in name or name in {"transformer.wte.weight", "transformer.wpe.weight"}:
        return 0
    if name == "transformer.shared.weight":
        return 0
    return LAYERS if name in ABOVE else None


@every_architecture
def test_depth_of_every_parameter_is_that_of_its_layer(kind) -> None:
    model = build(kind)
    depth = stack_of(model, kind).depth
    expected = {name: expected_depth(kind, name) for name, _ in model.named_parameters()}
    known = {name: deep for name, deep in expected.items() if deep is not None}
    assert {name: depth[name] for name in known} == known
    assert set(known.values()) == set(range(LAYERS + 1))
    assert not {name for name in depth if name.startswith(("classifier", "score"))}


@every_architecture
@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_learning_rate_of_a_layer_follows_the_formula(kind, decay) -> None:
    model, hparams = build(kind), HParams(lr_layer_decay=decay, lr_head=10)
    depth = adapt(model, hparams, kind)
    optimizer = make_optimizer(model, hparams, depth)
    set_rate(optimizer, 2e-4)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        deep = expected_depth(kind, name)
        if deep is not None:
            assert rates[id(parameter)] == pytest.approx(2e-4 * decay ** (LAYERS - deep)), name
        elif not name.startswith(f"{model.base_model_prefix}."):
            assert rates[id(parameter)] == pytest.approx(2e-3), name


@every_architecture
@pytest.mark.parametrize("frozen", [1, LAYERS])
def test_frozen_layers_stay_bit_for_bit_and_need_no_backward_pass(kind, frozen) -> None:
    model, hparams = build(kind), HParams(freeze_layers=frozen, weight_decay=0.5)
    depth = adapt(model, hparams, kind)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    reached = []
    for layer in model.get_submodule(ARCHITECTURES[kind][1])[:frozen]:
        layer.register_forward_hook(lambda _m, _i, out: reached.append(out[0] if isinstance(out, tuple) else out))
    optimizer = make_optimizer(model, hparams, depth)
    for _ in range(2):
        step(model, optimizer)
    assert len(reached) == 2 * frozen
    assert not any(output.requires_grad for output in reached)
    same = {name for name, p in model.named_parameters() if torch.equal(p, before[name])}
    expected = {name for name in before if (deep := expected_depth(kind, name)) is not None and deep <= frozen}
    trained = {name for name in before if (expected_depth(kind, name) or 0) > frozen}
    assert expected <= same
    # a bias of keys has no gradient, whatever is trained
    assert len(same & trained) <= len(trained) / 5


@every_architecture
def test_new_layers_are_the_highest_and_follow_the_seed(kind) -> None:
    def begun_anew(seed: int) -> Any:
        model = build(kind)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(1)
        torch.manual_seed(seed)
        adapt(model, HParams(reinit_layers=2), kind)
        return model

    old, new, again, other = build(kind), begun_anew(1), begun_anew(1), begun_anew(2)
    for name, parameter in new.named_parameters():
        deep = expected_depth(kind, name)
        kept = torch.equal(parameter, old.get_parameter(name) + 1)
        in_new = name.startswith(ARCHITECTURES[kind][1]) and (deep or 0) > LAYERS - 2
        assert kept != in_new, name
        assert torch.equal(parameter, again.get_parameter(name)), name
    names = [name for name, p in new.named_parameters() if not torch.equal(p, other.get_parameter(name))]
    assert {expected_depth(kind, name) for name in names} == {LAYERS - 1, LAYERS}
    assert logits(new).isfinite().all()


@every_architecture
@pytest.mark.parametrize("targets", ["auto", "all"])
def test_merged_adapters_give_the_logits_of_unmerged_ones(kind, targets) -> None:
    if (kind, targets) == ("xlnet", "auto"):
        pytest.skip("its attention is made of parameters, not of linear layers")
    model, hparams = build(kind), HParams(lora_rank=4, lora_alpha=16, lora_targets=targets)
    names, before = set(model.state_dict()), {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = make_optimizer(model, hparams, adapt(model, hparams, kind))
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert all(".lora_" in name or not name.startswith(f"{model.base_model_prefix}.") for name in trained)
    assert any(".lora_" in name for name in trained)
    for _ in range(3):
        step(model, optimizer)
    with torch.no_grad():
        unmerged = logits(model.eval())
        merge_adapters(model)
        assert (logits(model) - unmerged).abs().max() <= 1e-5 * max(1.0, unmerged.abs().max().item())
    assert set(model.state_dict()) == names
    assert not hasattr(model, "peft_config")
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert any(name.startswith(f"{model.base_model_prefix}.") for name in changed)


def test_only_the_named_layers_get_adapters() -> None:
    model = build("bert")
    adapt(model, HParams(lora_rank=2, lora_targets="key dense"), "bert")
    adapted = {name.split(".lora_")[0].split(".")[-1] for name, _ in model.named_parameters() if ".lora_" in name}
    assert adapted == {"key", "dense"}


def test_an_adapter_learns_as_fast_as_its_layer() -> None:
    model, hparams = build("bert"), HParams(lora_rank=2, lr_layer_decay=0.5)
    optimizer = make_optimizer(model, hparams, adapt(model, hparams, "bert"))
    factors = {id(p): group["factor"] for group in optimizer.param_groups for p in group["params"]}
    found = {n: factors[id(p)] for n, p in model.named_parameters() if ".lora_A" in n and ".query." in n}
    assert [found[name] for name in sorted(found)] == [0.25, 0.5, 1.0]


def shared_layers() -> Any:
    return build("albert", embedding_size=16)


@pytest.mark.parametrize(
    ("make", "hparams", "said"),
    [
        (shared_layers, {"lr_layer_decay": 0.9}, "its layers cannot be told apart"),
        (shared_layers, {"freeze_layers": 1}, "its layers cannot be told apart"),
        (lambda: build("bert"), {"freeze_layers": 4}, "freeze_layers must be <= 3, the layers of 'it'; got 4"),
        (lambda: build("bert"), {"reinit_layers": 4}, "reinit_layers must be <= 3, the layers of 'it'; got 4"),
        (lambda: build("bert"), {"freeze_layers": 2, "reinit_layers": 2}, "<= 1 with reinit_layers = 2, .* got 2"),
        (lambda: build("bert"), {"lora_rank": 2, "lora_targets": "query q_lin"}, "all; got q_lin"),
        (lambda: build("xlnet"), {"lora_rank": 2}, r"\(layer_1 layer_2\), or all: auto finds none that it knows"),
        (lambda: build("xlnet"), {"attention_dropout": 0.1}, "attention_dropout must be auto"),
        (lambda: build("xlnet"), {"classifier_dropout": 0.1}, "classifier_dropout must be auto"),
    ],
)  # fmt: skip
def test_what_a_model_is_not_made_for_is_refused(make: Callable[[], Any], hparams, said) -> None:
    model = make()
    (error,) = unfit(model, model.config, HParams(**hparams), "it", lambda _: True)
    assert re.search(said, str(error))


@pytest.mark.parametrize(
    ("kind", "hidden", "attention"),
    [
        ("bert", {"hidden_dropout_prob"}, {"attention_probs_dropout_prob"}),
        ("distilbert", {"dropout"}, {"attention_dropout"}),
        ("modernbert", {"embedding_dropout", "mlp_dropout"}, {"attention_dropout"}),
        ("gpt2", {"resid_pdrop", "embd_pdrop"}, {"attn_pdrop"}),
        ("t5", {"dropout_rate"}, set()),
    ],
)
def test_dropout_is_set_in_the_words_of_the_configuration(kind, hidden, attention) -> None:
    config = build(kind).config
    assert dropouts_of(config, HParams(hidden_dropout=0.3), kind) == dict.fromkeys(hidden, 0.3)
    if attention:
        assert dropouts_of(config, HParams(attention_dropout=0.0), kind) == dict.fromkeys(attention, 0.0)


def test_dropout_of_the_head_is_its_own() -> None:
    model = build("bert")
    adapt(model, HParams(classifier_dropout=0.75), "bert")
    rates = {name: m.p for name, m in model.named_modules() if isinstance(m, torch.nn.Dropout)}
    assert rates.pop("dropout") == 0.75
    assert set(rates.values()) == {0.1}
