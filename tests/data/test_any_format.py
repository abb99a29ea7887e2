"""Random sentences, written in every format, scheme and spelling, are read as they were, or refused.

What is refused because it is not certain (random data may look like anything) is read right with the options that say
what was written.
"""

import csv
import io
import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerbb_ray.data.corpus import Found
from nerbb_ray.data.folders import read_path
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import TARGET_OF, SourceScheme, convert, entities

Row = tuple[list[str], list[str]]  # words and their tags, in bio
Written = dict[str, Any]  # the options that say what was written
LABELS = ("PER", "LOC", "work-of-art")
# enough that nobody could mistake what is what; the random ones come behind
USUAL_LINES = """
Anna/B-PER Berg/I-PER met/O Bob/B-PER in/O Oslo/B-LOC ./O
It/O rains/O on/O Mount/B-LOC Paulina/I-LOC Rose/I-LOC today/O ,/O they/O say/O ./O
The/B-work-of-art Big/I-work-of-art Sleep/I-work-of-art is/O old/O ./O
Nobody/O here/O knows/O Eva/B-PER ./O
"""
USUAL: list[Row] = [
    ([pair.split("/")[0] for pair in line.split()], [pair.split("/")[1] for pair in line.split()])
    for line in USUAL_LINES.strip().split("\n")
]
ODD_WORDS = [
    *"#_-.,;|:'\"()[]{}*/12O0ü王😀\\",
    *("#tag", "1999", "B-PER", "--", "a/b", "3-4", "name=x", "token", "tag", "-X-"),
]
words = st.one_of(
    st.sampled_from(ODD_WORDS),
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=5),
)


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """The usual sentences and some of any words."""
    found = list(USUAL)
    for _ in range(draw(st.integers(0, 4))):
        tokens = draw(st.lists(words, min_size=1, max_size=7))
        tags = [draw(st.sampled_from(["O", "O", *(f"{p}-{label}" for label in LABELS for p in "BI")])) for _ in tokens]
        found.append((tokens, convert(tags, "bio", "bio")))
    return found


def in_scheme(given: list[Row], scheme: SourceScheme, spell: Callable[[str], str] = str) -> list[Row]:
    return [(tokens, [spell(tag) for tag in convert(tags, "bio", scheme)]) for tokens, tags in given]


def lines(given: list[Row], line: Callable[[int, str, str], str]) -> str:
    blocks = ("\n".join(line(i, w, t) for i, (w, t) in enumerate(zip(*row, strict=True), 1)) for row in given)
    return "\n\n".join(blocks) + "\n"


def as_columns(given: list[Row], folder: Path) -> Written:
    (folder / "train.tsv").write_text(lines(given, lambda _, w, t: f"{w}\t{t}"), encoding="utf-8")
    return {"word_column": "1", "tag_column": "2"}


def as_blanks(given: list[Row], folder: Path) -> Written:
    (folder / "train.conll").write_text(lines(given, lambda _, w, t: f"{w} X NN {t}"), encoding="utf-8")
    return {"word_column": "1", "tag_column": "4"}


def as_tags_first(given: list[Row], folder: Path) -> Written:
    (folder / "train.txt").write_text(lines(given, lambda i, w, t: f"{i}\t{t}\t{w}\t_"), encoding="utf-8")
    return {"word_column": "3", "tag_column": "2"}


def as_numbered(given: list[Row], folder: Path) -> Written:
    """Sentences by their number, without empty lines."""
    text = "".join(f"{n}\t{w}\t{t}\n" for n, row in enumerate(given) for w, t in zip(*row, strict=True))
    (folder / "train.tsv").write_text(text, encoding="utf-8")
    return {"word_column": "2", "tag_column": "3"}


def as_kaggle(given: list[Row], folder: Path) -> Written:
    with (folder / "ner_dataset.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Sentence #", "Word", "POS", "Tag"])
        for number, row in enumerate(given, 1):
            for i, (word, tag) in enumerate(zip(*row, strict=True)):
                writer.writerow([f"Sentence: {number}" if i == 0 else "", word, "NN", tag])
    return {"word_column": "Word", "tag_column": "Tag"}


def as_rows(given: list[Row], folder: Path) -> Written:
    text = "".join(f"{' '.join(tags)}\t{' '.join(tokens)}\n" for tokens, tags in given)
    (folder / "train.csv").write_text(text, encoding="utf-8")
    return {"word_column": "2", "tag_column": "1"}


def as_text_and_label(given: list[Row], folder: Path) -> Written:
    text = "".join(f"{chr(2).join(tokens)}\t{chr(2).join(tags)}\n" for tokens, tags in given)
    (folder / "train.tsv").write_text(f"text_a\tlabel\n{text}", encoding="utf-8")
    return {"word_column": "text_a", "tag_column": "label"}


def as_csv_of_lists(given: list[Row], folder: Path) -> Written:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([["id", "tokens", "ner_tags"], *([i, *map(repr, row)] for i, row in enumerate(given))])
    (folder / "train.csv").write_text(buffer.getvalue(), encoding="utf-8")
    return {"word_column": "tokens", "tag_column": "ner_tags"}


def as_tokens(given: list[Row], folder: Path) -> Written:
    text = "\n".join(json.dumps({"id": "x", "words": w, "labels": t, "pos": ["X"] * len(w)}) for w, t in given)
    (folder / "train.jsonl").write_text(text)
    return {"word_column": "words", "tag_column": "labels"}


def as_numbers(given: list[Row], folder: Path) -> Written:
    names = ["O", *sorted({tag for _, tags in given for tag in tags} - {"O"})]
    text = json.dumps([{"tokens": w, "ner_tags": [names.index(tag) for tag in t]} for w, t in given])
    (folder / "train.json").write_text(text)
    (folder / "label.json").write_text(json.dumps({name: number for number, name in enumerate(names)}))
    return {}


def as_parquet(given: list[Row], folder: Path) -> Written:
    import pyarrow
    import pyarrow.parquet

    names = ["O", *sorted({tag for _, tags in given for tag in tags} - {"O"})]
    label = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "List"}
    table = pyarrow.table(
        {"tokens": [w for w, _ in given], "ner_tags": [[names.index(x) for x in t] for _, t in given]}
    )
    described = json.dumps({"info": {"features": {"ner_tags": label}}})
    pyarrow.parquet.write_table(table.replace_schema_metadata({"huggingface": described}), folder / "train.parquet")
    return {}


def as_conllu(given: list[Row], folder: Path) -> Written:
    def line(number: int, word: str, tag: str) -> str:
        return f"{number}\t{word}\t{word.lower()}\tX\t_\t_\t0\troot\t_\tSpaceAfter=No|name={tag}"

    (folder / "xx-ud-train.conllu").write_text(lines(given, line), encoding="utf-8")
    return {"word_column": "FORM", "tag_column": "name"}


def as_conllu_plus(given: list[Row], folder: Path) -> Written:
    text = lines(given, lambda i, w, t: f"{i}\t{w}\tX\t{t}\t_")
    (folder / "train.conllup").write_text(f"# global.columns = ID FORM UPOS NE:TYPE MISC\n{text}", encoding="utf-8")
    return {"word_column": "FORM", "tag_column": "NE:TYPE"}


def as_germeval(given: list[Row], folder: Path) -> Written:
    text = lines(given, lambda i, w, t: f"{i}\t{w}\t{t}\tO").replace("\n\n", "\n\n#\thttp://x.org [2010-01-01]\n")
    (folder / "train.tsv").write_text(f"#\thttp://x.org [2010-01-01]\n{text}", encoding="utf-8")
    return {}


def as_hipe(given: list[Row], folder: Path) -> Written:
    names = "TOKEN\tNE-COARSE-LIT\tNE-COARSE-METO\tNE-FINE-LIT\tNEL-LIT\tMISC"
    rows = []
    for tokens, tags in given:
        own = [f"{w}\t{t}\tO\t{t}\t_\t_" for w, t in zip(tokens, tags, strict=True)]
        rows += [*own[:-1], own[-1][:-1] + "EndOfSentence"]
    (folder / "train.tsv").write_text("\n".join([names, "# hipe2022:document_id = x", *rows]) + "\n", encoding="utf-8")
    return {}


def as_label_studio_conll(given: list[Row], folder: Path) -> Written:
    text = lines(given, lambda _, w, t: f"{w} -X- _ {t.replace('work-of-art', 'work of art')}")
    (folder / "train.conll").write_text(f"-DOCSTART- -X- O\n{text}", encoding="utf-8")
    return {}


def spans_of(tags: list[str]) -> list[tuple[int, int, str]]:
    return [(start, end, label) for label, start, end in entities(tags, "bio")]


def as_conll2012(given: list[Row], folder: Path) -> Written:
    blocks = []
    for tokens, tags in given:
        brackets = ["*"] * len(tokens)
        for start, end, label in spans_of(tags):
            brackets[end - 1] = f"{brackets[end - 1]})"
            brackets[start] = f"({label}{brackets[start]}".replace("*)", ")" if start == end - 1 else "*)")
        own = zip(tokens, brackets, strict=True)
        blocks.append("\n".join(f"x/y 0 {i} {w} NN * - - - s1 {b} * -" for i, (w, b) in enumerate(own)))
    text = "\n\n".join(blocks)
    (folder / "train.conll").write_text(f"#begin document (x/y); part 000\n{text}\n\n#end document\n", encoding="utf-8")
    return {}


def as_webanno(given: list[Row], folder: Path) -> Written:
    blocks = []
    number = 0
    for sentence, (tokens, tags) in enumerate(given, 1):
        marks = ["_"] * len(tokens)
        for start, end, label in spans_of(tags):
            number += 1
            marks[start:end] = [f"{label}[{number}]" if end - start > 1 else label] * (end - start)
        own = [(w.replace("\\", "\\\\"), mark) for w, mark in zip(tokens, marks, strict=True)]
        blocks.append("\n".join(f"{sentence}-{i}\t0-1\t{w}\t{m}\t" for i, (w, m) in enumerate(own, 1)))
    head = "#FORMAT=WebAnno TSV 3.3\n#T_SP=webanno.custom.NamedEntity|value\n\n\n"
    (folder / "train.tsv").write_text(head + "\n\n".join(f"#Text=x\n{block}" for block in blocks), encoding="utf-8")
    return {}


def as_gliner(given: list[Row], folder: Path) -> Written:
    found = [{"tokenized_text": w, "ner": [[s, e - 1, label] for s, e, label in spans_of(t)]} for w, t in given]
    (folder / "train.json").write_text(json.dumps(found))
    return {}


def as_spacy_json(given: list[Row], folder: Path) -> Written:
    sentences = [
        {"tokens": [{"orth": w, "ner": t} for w, t in zip(tokens, convert(tags, "bio", "bilou"), strict=True)]}
        for tokens, tags in given
    ]
    (folder / "train.json").write_text(json.dumps([{"id": 0, "paragraphs": [{"sentences": sentences}]}]))
    return {}


FORMATS: dict[str, Callable[[list[Row], Path], Written]] = {
    name.removeprefix("as_"): value for name, value in list(globals().items()) if name.startswith("as_")
}
quick = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def read(folder: Path, **options: Any) -> list[Row]:
    """Words and tags in bio."""
    said = ReadingOptions(**options)
    corpus = Found.of("any", {"train": read_path(folder, said)["train"]}, said).corpus("bio")
    parts = chain.from_iterable(corpus.split(split) for split in ("train", "val", "test"))
    return [(list(s.tokens), list(s.tags)) for s in parts]


def check(given: list[Row], folder: Path, written: Written, scheme: SourceScheme = "bio", **more: Any) -> None:
    def in_order(rows: list[Row]) -> list[Row]:
        return sorted(rows)  # val and test are held out from train

    try:
        found = read(folder)
    except DataError as error:
        refused = str(error)
    else:
        assert in_order(found) == in_order(given)
        return
    assert "--" in refused
    assert in_order(read(folder, **written, scheme=scheme, **more)) == in_order(given)


@pytest.mark.parametrize("name", FORMATS)
@quick
@given(given=rows())
def test_sentences_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, name: str, given: list[Row]
) -> None:
    folder = tmp_path_factory.mktemp("format")
    if name == "label_studio_conll":
        given = [(words, [tag.replace("work-of-art", "work of art") for tag in tags]) for words, tags in given]
    check(given, folder, FORMATS[name](given, folder))


class Spelling(NamedTuple):
    spell: Callable[[str], str]
    outside: str | None = None


def joined(template: str) -> Callable[[str], str]:
    return lambda tag: tag if tag == "O" else template.format(letter=tag[0], label=tag[2:])


SPELLINGS = {
    "B-PER": Spelling(str),
    "B_PER": Spelling(joined("{letter}_{label}")),
    "B:PER": Spelling(joined("{letter}:{label}")),
    "B/PER": Spelling(joined("{letter}/{label}")),
    "PER-B": Spelling(joined("{label}-{letter}")),
    "PER_B": Spelling(joined("{label}_{letter}")),
    "lower": Spelling(lambda tag: tag if tag == "O" else tag[0].lower() + tag[1:]),
    **{
        repr(o): Spelling(lambda tag, o=o: o if tag == "O" else tag, o or None)
        for o in ("o", "0", "_", "-", "OTHER", "NONE", "")
    },
}
SCHEMES: list[SourceScheme] = [scheme for scheme in TARGET_OF if scheme != "plain"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(quick, max_examples=8)
@given(given=rows())
def test_schemes_and_spellings_are_recognised(
    tmp_path_factory: pytest.TempPathFactory, scheme: SourceScheme, spelling: str, given: list[Row]
) -> None:
    folder = tmp_path_factory.mktemp("scheme")
    written = as_columns(in_scheme(given, scheme, SPELLINGS[spelling].spell), folder)
    if scheme in ("iob1", "ioe1"):
        given = [(tokens, convert(convert(tags, "bio", scheme), scheme, "bio")) for tokens, tags in given]
    check(given, folder, written, scheme, outside=SPELLINGS[spelling].outside)
