"""What is said of a model by trying a tiny copy is what the model itself does, for every architecture."""

import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from nerbb_ray.config.hparams import HParams
from nerbb_ray.errors import ModelError
from nerbb_ray.training.forward import first_position
from nerbb_ray.training.knobs import DROPOUTS, unfit
from nerbb_ray.training.model import load_config
from nerbb_ray.training.sources import ModelSource
from nerbb_ray.training.tiny_copy import NOISE, TinyCopy, stated_length

WIDTH = {"vocab_size": 60, "hidden_size": 48, "num_attention_heads": 4, "intermediate_size": 64}
SMALL = WIDTH | {"num_hidden_layers": 3}
# model type -> (configuration, sub-tokens of the longest sequence; None: no limit)
FAMILIES: dict[str, tuple[dict[str, Any], int | None]] = {
    # positions from 0
    "bert": ({"max_position_embeddings": 40}, 40),
    "distilbert": ({"max_position_embeddings": 40, "dim": 48, "n_heads": 4, "n_layers": 3, "hidden_dim": 64}, 40),
    "electra": ({"max_position_embeddings": 40, "embedding_size": 24}, 40),
    "albert": ({"max_position_embeddings": 40, "embedding_size": 24}, 40),
    "deberta": ({"max_position_embeddings": 40, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}, 40),
    "deberta-v2": ({"max_position_embeddings": 40}, 40),
    "convbert": ({"max_position_embeddings": 40, "embedding_size": 48}, 40),
    "mobilebert": ({"max_position_embeddings": 40, "embedding_size": 24, "intra_bottleneck_size": 24}, 40),
    "squeezebert": ({"max_position_embeddings": 40, "embedding_size": 48}, 40),
    "megatron-bert": ({"max_position_embeddings": 40}, 40),
    "fnet": ({"max_position_embeddings": 40}, 40),
    "gpt2": ({"max_position_embeddings": 40}, 40),
    # positions from padding_idx + 1, here 2
    "roberta": ({"max_position_embeddings": 42, "pad_token_id": 1}, 40),
    "camembert": ({"max_position_embeddings": 42, "pad_token_id": 1}, 40),
    "xlm-roberta": ({"max_position_embeddings": 42, "pad_token_id": 1}, 40),
    "xlm-roberta-xl": ({"max_position_embeddings": 42, "pad_token_id": 1}, 40),
    "roberta-prelayernorm": ({"max_position_embeddings": 42, "pad_token_id": 1}, 40),
    "data2vec-text": ({"max_position_embeddings": 42, "pad_token_id": 1}, 40),
    "mpnet": ({"max_position_embeddings": 42, "pad_token_id": 1}, 40),
    "ibert": ({"max_position_embeddings": 42, "pad_token_id": 1}, 40),
    "esm": ({"max_position_embeddings": 42, "pad_token_id": 1, "position_embedding_type": "absolute"}, 40),
    "lilt": ({"max_position_embeddings": 42, "pad_token_id": 1}, 40),
    "luke": ({"max_position_embeddings": 42, "pad_token_id": 1, "entity_vocab_size": 9, "entity_emb_size": 24}, 40),
    "xmod": ({"max_position_embeddings": 42, "pad_token_id": 1, "default_language": "en_XX"}, 40),
    "longformer": ({"max_position_embeddings": 66, "pad_token_id": 1, "attention_window": 16}, 64),
    # from another padding_idx
    "roberta with padding 0": ({"max_position_embeddings": 42, "pad_token_id": 0}, 41),
    # pads what it gets to whole blocks
    "big_bird": ({"max_position_embeddings": 100, "block_size": 8, "num_random_blocks": 1}, 96),
    # rotated, relative or no positions: what the configuration says, or no limit
    "modernbert": ({"max_position_embeddings": 40, "pad_token_id": 0, "cls_token_id": 1, "sep_token_id": 2}, 40),
    "roformer": ({"max_position_embeddings": 40, "embedding_size": 48}, 40),
    "qwen2": ({"max_position_embeddings": 40, "num_key_value_heads": 2}, 40),
    "xlnet": ({"d_model": 48, "n_head": 4, "d_inner": 64, "n_layer": 3}, None),
    "t5": ({"d_model": 48, "num_heads": 4, "d_ff": 64, "num_layers": 3}, None),
    "bloom": ({"n_head": 4, "n_layer": 3}, None),
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def config_of(family: str) -> Any:
    from transformers import AutoConfig

    values, _ = FAMILIES[family]
    given = {key: value for key, value in SMALL.items() if not {"d_model", "dim"} & set(values) or key == "vocab_size"}
    return AutoConfig.for_model(family.split()[0], **given | values)


def real(config: Any) -> Any:
    """The model itself, with random weights."""
    from transformers import AutoModelForTokenClassification

    torch.manual_seed(1)
    return AutoModelForTokenClassification.from_config(config).eval()


def runs(model: Any, length: int) -> bool:
    ids = torch.full((1, length), 7)
    try:
        with torch.inference_mode():
            model(input_ids=ids, attention_mask=torch.ones_like(ids))
    except (IndexError, RuntimeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("family", FAMILIES)
def test_longest_sequence_is_the_longest_that_the_model_itself_takes(family: str) -> None:
    config, (_, limit) = config_of(family), FAMILIES[family]
    tiny = TinyCopy(config, family)
    assert tiny.longest(12) == 12
    if limit is None:
        assert tiny.longest(300) == 300
        assert runs(real(config), 300)
        return
    assert tiny.longest(limit) == limit
    assert tiny.longest(limit + 1) == tiny.longest(10_000) == limit
    assert runs(real(config), limit)
    # a limit of the configuration that the model would not feel holds, too
    assert not runs(real(config), limit + 1) or stated_length(config) == limit


# padding changes what they predict: FNet mixes all places, ConvBERT's spans reach into it
PADDING_COUNTS = ("fnet", "convbert")


@pytest.mark.parametrize("family", [*PADDING_COUNTS, "bert", "roberta", "xlnet", "modernbert", "longformer", "qwen2"])
def test_padding_is_left_out_of_account_or_it_is_said_that_it_is_not(family: str) -> None:
    config = config_of(family)
    tiny, model = TinyCopy(config, family), real(config)
    assert tiny.keeps_to_mask() is (family not in PADDING_COUNTS)
    pad = tiny.pad
    ids = torch.tensor([[7, 8, 9, 10, 11, pad, pad, pad], [12, 13, 7, 8, 9, 10, 11, 12]])
    with torch.inference_mode():
        alone = model(input_ids=ids[:1, :5], attention_mask=torch.ones(1, 5, dtype=torch.long)).logits
        mask = (torch.arange(8) < torch.tensor([[5], [8]])).long()
        beside = model(input_ids=ids, attention_mask=mask).logits[:1, :5]
    changed = bool((alone - beside).abs().max() > NOISE * alone.std())
    assert changed is (family in PADDING_COUNTS)


FAILS_IN_BF16 = ("deberta", "xmod")


@pytest.mark.parametrize("family", [*FAILS_IN_BF16, "bert", "deberta-v2", "xlnet", "modernbert", "squeezebert"])
def test_number_formats_that_a_model_cannot_be_trained_in_are_known(family: str) -> None:
    config = config_of(family)
    tiny, model = TinyCopy(config, family), real(config).train()
    assert tiny.failure_in("fp32") is None
    assert (tiny.failure_in("bf16") is None) is (family not in FAILS_IN_BF16)
    ids = torch.tensor([[7, 8, 9, 10, 11, tiny.pad, tiny.pad], [12, 13, 7, 8, 9, 10, 11]])
    mask = (torch.arange(7) < torch.tensor([[5], [7]])).long()
    try:
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=ids, attention_mask=mask).logits.float().sum()
        loss.backward()
        works = True
    except RuntimeError:
        works = False
    assert works is (family not in FAILS_IN_BF16)


def test_reason_why_deberta_cannot_be_trained_in_bf16_is_the_librarys() -> None:
    failure = TinyCopy(config_of("deberta"), "deberta").failure_in("bf16")
    assert failure is not None
    assert "cannot be converted to type c10::BFloat16" in failure
    assert "\n" not in failure


def test_a_copy_that_gives_no_numbers_fails() -> None:
    tiny = TinyCopy(config_of("bert"), "bert")
    with torch.no_grad():
        tiny.model.classifier.bias[0] = float("nan")
    assert tiny.failure_in("fp32") == "it gives no finite numbers"


def test_model_that_needs_more_than_text_is_refused() -> None:
    from transformers import AutoConfig

    with pytest.raises(ModelError, match=r"'bros' cannot predict .* specify bbox\. Choose another model"):
        TinyCopy(AutoConfig.for_model("bros", **SMALL), "bros")


def documented(root: Path) -> dict[str, bool]:
    """model type -> whether it goes without padding, as docs/models.md says."""
    rows = (root / "docs/models.md").read_text().partition("| without padding | with padding |")[2].splitlines()[2:]
    cells = [line.strip("|").split("|") for line in rows[: rows.index("")]]
    return {name: column == 0 for row in cells for column in (0, 1) for name in row[column].replace(" ", "").split(",")}


def test_models_that_go_without_padding_are_those_of_the_docs(root: Path) -> None:
    found = {family: first_position(config_of(family), family) is not None for family in FAMILIES if " " not in family}
    assert found == documented(root)


def test_trying_leaves_random_state_and_threads_alone() -> None:
    torch.set_num_threads(2)
    before = torch.get_rng_state()
    tiny = TinyCopy(config_of("bert"), "bert")
    tiny.longest(100)
    tiny.failure_in("bf16")
    tiny.keeps_to_mask()
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == 2


def test_trying_an_ordinary_bert_costs_less_than_a_second(tmp_path: Path) -> None:
    """bert-base-cased by its configuration; what the import of the library costs comes on top, once."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "vocab_size": 28996}))
    source = ModelSource("bert-base-cased", str(tmp_path), "")
    TinyCopy(load_config(source), "warm")
    begun = time.process_time()
    tiny = TinyCopy(load_config(source), "bert-base-cased")
    assert tiny.longest(513) == 512
    assert tiny.failure_in("bf16") is None
    assert tiny.keeps_to_mask()
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in ("gpt2", "t5")])
def test_dropouts_of_a_configuration_are_heeded(family: str) -> None:
    config = config_of(family)
    tiny = TinyCopy(config, family)
    for names in DROPOUTS.values():
        if there := [name for name in names if isinstance(getattr(config, name, None), int | float)]:
            assert tiny.heeds_dropout(there), there


def test_dropouts_that_an_architecture_never_reads_are_refused() -> None:
    from transformers import AutoConfig

    config = AutoConfig.for_model("mpt", d_model=48, n_heads=2, n_layers=2, vocab_size=60)
    tiny = TinyCopy(config, "mpt")
    assert not tiny.heeds_dropout(["resid_pdrop", "emb_pdrop"])
    (error,) = unfit(copy.deepcopy(tiny.model), config, HParams(hidden_dropout=0.3), "mpt", tiny.heeds_dropout)
    assert error.key == "hidden_dropout"
    assert "must be auto: 'mpt' makes no use of resid_pdrop and emb_pdrop in its configuration" in str(error)
