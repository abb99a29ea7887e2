"""Of a model card: how the model is used, and what its form costs."""

import math
from collections.abc import Iterable, Iterator

from nerbb_ray.inference.card_facts import CardFacts, markdown_table, shown_number
from nerbb_ray.inference.front_matter import word_of_hub
from nerbb_ray.inference.parity import ONNX_INT8
from nerbb_ray.results.trial_result import TEST_METRIC

ARGMAX, ARGMAX_METRIC = "argmax", "test/entity/micro/f1_argmax"


def size_and_speed(facts: CardFacts) -> dict[str, Iterable[str]]:
    """A section on the forms that an export in ONNX was compared with; none of another export."""
    if facts.parity is None:
        return {}
    table = markdown_table(facts.parity.header(), facts.parity.rows())
    return {"Size and speed": [*table, "", *facts.parity.words()]}


def form_tags(facts: CardFacts) -> list[str]:
    """Words for the hub: `onnx`, `int8`."""
    return facts.parity.exported.lower().replace("onnx fp32", "onnx").split() if facts.parity else []


def use(facts: CardFacts) -> Iterator[str]:
    """Snippets, and what decoding has to do with them."""
    if facts.parity:
        yield with_nerbb_ray(facts)
        yield ""
        yield onnx_words(facts)
        if facts.decoding != ARGMAX:
            yield f"{_decoding(facts)}."
        return
    yield f"""```python
from transformers import pipeline

# the folder, or on the hub <user>/{word_of_hub(facts.folder)}
recognise = pipeline("token-classification", model={facts.folder!r}, aggregation_strategy="first")
print(recognise({facts.declared.example!r}))
```

With nerbb_ray, texts can have any length:

{with_nerbb_ray(facts)}"""
    if facts.decoding != ARGMAX:
        yield ""
        yield f"{_decoding(facts)}. The pipeline of transformers alone decodes by argmax; the second snippet does not."


def with_nerbb_ray(facts: CardFacts) -> str:
    """A snippet that predicts."""
    return f"""```python
from nerbb_ray.model import Model

model = Model.from_checkpoint({facts.folder!r})
print(model.predict({facts.declared.example!r}))
```"""


def onnx_words(facts: CardFacts) -> str:
    """What runs the file, with and without nerbb_ray."""
    int8 = " Its weights are in int8." if facts.parity and facts.parity.exported == ONNX_INT8 else ""
    return (
        "The weights are in ONNX: `pip install 'nerbb_ray[onnx]'`. Any runtime of ONNX turns `input_ids` and "
        "`attention_mask` (int64, sentences x sub-tokens) into `logits` (sentences x sub-tokens x tags, in the order "
        f"of `id2label` in `config.json`).{int8}"
    )


def _decoding(facts: CardFacts) -> str:
    """How the tags of this model are found, and what they would be worth by argmax."""
    where = f"`decoding.json` has the scores of tags that follow each other ({facts.decoding})"
    f1, by_argmax = (facts.trial.metrics.get(name, math.nan) for name in (TEST_METRIC, ARGMAX_METRIC))
    told = f": test F1 {shown_number(f1)}, by argmax {shown_number(by_argmax)}" if math.isfinite(by_argmax) else ""
    return f"The numbers above are those of the best sequence of tags, not of the best tag of each word; {where}{told}"
