"""Data sets that go by a short name, and where they come from. One more is one line."""

from typing import NamedTuple

PARQUET = "refs/convert/parquet"


class Source(NamedTuple):
    """Where a data set is kept.

    Args:
        hub: its id on the Hugging Face hub; None if it has to be fetched by hand from `page`.
        subset: the one that is meant if the user names none.
        revision: the branch of the hub repository; PARQUET for those whose main branch needs a loading script.
    """

    hub: str | None
    page: str
    subset: str | None = None
    revision: str | None = None


BUILTIN: dict[str, Source] = {
    "conll2003": Source("eriktks/conll2003", "https://www.clips.uantwerpen.be/conll2003/ner/", revision=PARQUET),
    "sic": Source(None, "https://www.ling.su.se/english/nlp/corpora-and-resources/sic"),
    "suc": Source(None, "https://spraakbanken.gu.se/en/resources/suc3"),
    "sucx3_ner": Source("KBLab/sucx3_ner", "https://github.com/kb-labb/sucx3_ner", "original_cased", PARQUET),
    "swe_nerc": Source("vesteinn/swe-nerc", "https://spraakbanken.gu.se/en/resources/swe-nerc", revision=PARQUET),
    "swedish_ner_corpus": Source(
        "klintan/swedish_ner_corpus", "https://github.com/klintan/swedish-ner-corpus", revision=PARQUET
    ),
    "wnut_17": Source("leondz/wnut_17", "https://github.com/leondz/emerging_entities_17", revision=PARQUET),
}
