"""The front matter of a model card: what the hub reads to list a model, link its data and show its scores."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from nerbb_ray.arguments import optional_text
from nerbb_ray.errors import StoreError
from nerbb_ray.spelling import nearest

# https://huggingface.co/docs/hub/repositories-licenses
KNOWN_LICENSES = """
    apache-2.0 mit openrail openrail++ bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
    bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0
    cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0
    cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0
    cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl
    gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0
    odc-by odbl openmdw-1.0 osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license
    fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 grok2-community gemma unknown
    other
"""
LICENSES = frozenset(KNOWN_LICENSES.split())
LANGUAGE = re.compile(r"[a-z]{2,3}|[a-z]{2,3}-[A-Za-z]{4}|multilingual")
EXAMPLES = {
    "en": "Angela Merkel met the mayor of Paris in Berlin.",
    "de": "Angela Merkel traf die Bürgermeisterin von Paris in Berlin.",
    "es": "Angela Merkel se reunió con la alcaldesa de París en Berlín.",
    "fr": "Angela Merkel a rencontré la maire de Paris à Berlin.",
    "it": "Angela Merkel ha incontrato la sindaca di Parigi a Berlino.",
    "nl": "Angela Merkel ontmoette de burgemeester van Parijs in Berlijn.",
    "pt": "Angela Merkel encontrou a prefeita de Paris em Berlim.",
    "sv": "Angela Merkel träffade borgmästaren från Paris i Berlin.",
}
# what the hub takes as the name of data or a model: an upload with another one in its card is refused
HUB_NAME = re.compile(r"(?:[\w-]+/)?[\w.-]+", re.ASCII)
METRICS = ("precision", "recall", "f1")
TASK, TASK_NAME = "token-classification", "Named Entity Recognition"


@dataclass(frozen=True, slots=True)
class Declared:
    """What only the user can say of a model.

    Args:
        language: codes, such as en, or en, sv.
        license: as the hub names it; None: nobody has said one, and none is shown.
    Raises:
        StoreError: the hub knows no such code or licence.
    """

    language: tuple[str, ...] = ()
    license: str | None = None

    @classmethod
    def of(cls, language: str | None, license: str | None) -> "Declared":
        optional_text("the language", language, StoreError)
        optional_text("the license", license, StoreError)
        codes = tuple(code.strip() for code in (language or "").split(",") if code.strip())
        if wrong := [code for code in codes if not LANGUAGE.fullmatch(code)]:
            raise StoreError(f"a language must be a code of ISO 639 such as en, several as en, sv; got {wrong[0]!r}")
        name = license.strip().lower() if license else None
        if name is not None and name not in LICENSES:
            meant = nearest(name, sorted(LICENSES))
            hint = f"did you mean {meant!r}? " if meant else ""
            ways = "see huggingface.co/docs/hub/repositories-licenses; take 'other' for one that is not listed"
            raise StoreError(f"the hub knows no license {license!r}; {hint}{ways}")
        return cls(codes, name)

    @property
    def example(self) -> str:
        """A sentence to try the model with."""
        return next((EXAMPLES[code] for code in self.language if code in EXAMPLES), EXAMPLES["en"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Scores on data that the hub may know.

    Args:
        dataset: as it is called here, with its subset.
        dataset_id: of the hub; None for data that are not from there.
        subset: None for a data set without.
        values: (kind, name, value, split); undefined ones are left out. The split is None for a part, and for what
            is none of the data set's own.
    """

    dataset: str
    dataset_id: str | None
    subset: str | None
    values: Sequence[tuple[str, str, float, str | None]]


def word_of_hub(name: str) -> str:
    """As the hub takes a name: of letters, digits and single `_`, `.`, `-`, which do not begin or end it."""
    word = re.sub(r"[^A-Za-z0-9_.]+", "-", name)
    return re.sub(r"([-.])[-.]+", r"\1", word).strip("-.") or "model"


def front_matter(name: str, declared: Declared, scored: Scored, about: Mapping[str, Any]) -> str:
    """The block of YAML that begins a card.

    Args:
        name: of the model.
        about: base_model (None if the hub does not have it), library_name, tags, and what else the hub knows.
    """
    known = scored.dataset_id is not None and HUB_NAME.fullmatch(scored.dataset_id) is not None
    if not HUB_NAME.fullmatch(str(about.get("base_model"))):
        about = {key: value for key, value in about.items() if key != "base_model"}
    results = [
        EvalResult(
            task_type=TASK,
            task_name=TASK_NAME,
            dataset_type=str(scored.dataset_id) if known else f"local-{word_of_hub(scored.dataset)}",
            dataset_name=scored.dataset,
            dataset_config=scored.subset,
            dataset_split=split,
            metric_type=kind,
            metric_name=title,
            metric_value=value,
        )
        for kind, title, value, split in scored.values
        if math.isfinite(value)
    ]
    kinds = {result.metric_type for result in results}
    data = ModelCardData(
        language=list(declared.language) if len(declared.language) > 1 else next(iter(declared.language), None),
        license=declared.license,
        datasets=[str(scored.dataset_id)] if known else None,
        metrics=[kind for kind in METRICS if kind in kinds] or None,
        pipeline_tag=TASK,
        eval_results=results or None,
        model_name=word_of_hub(name) if results else None,
        **about,
    )
    return f"---\n{data.to_yaml(line_break=chr(10)).strip()}\n---"
