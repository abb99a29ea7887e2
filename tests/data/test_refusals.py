"""Data that could be read in more than one way, or in none: refused, with the option that settles it."""

import json
from pathlib import Path
from typing import Any

import pytest
from fixtures.data_files import corpus_of, lines, of_json

from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.errors import DataError

ANNA = {"text": "Anna sings"}
LS_REGION = {"start": 0, "end": 4, "text": "Anna", "labels": ["PER"]}
CONLLU = """1\tIt\tit\tPRON\t_\t_\t0\tr\t_\t_
2\trains\train\tVERB\t_\t_\t1\td\t_\tSpaceAfter=No
"""
REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "two columns of tags": (
        {"a.tsv": lines("Anna/B-PER/B-singer hi/O/O | Bob/B-PER/B-king it/O/O")},
        [
            "which column has the tags is not certain, column 2 or column 3: say it with --tag-column\n",
            "'Anna', 'hi', 'Bob'",
        ],
    ),
    "parts of speech only": (
        {"a.tsv": lines("Anna/PROPN hi/INTJ | It/PRON rains/VERB")},
        ["no column looks like tags of entities", "(parts of speech)"],
    ),
    "chunks only": (
        {"a.txt": "He PRP B-NP\nruns VBZ B-VP\nfast RB I-VP\n"},
        ["no column looks like tags", "(phrases (chunks))", "--tag-column"],
    ),
    "word segmentation": (
        {"a.txt": "今 B\n天 E\n下 B\n雨 E\n\n我 S\n们 S\n"},
        ["no column looks like tags of entities", "(no O)"],
    ),
    "CoNLL-U without entities": (
        {"a.conllu": CONLLU},
        ["no column looks like tags", "column 10 (MISC)"],
    ),
    "words only": ({"a.txt": "Anna\nsings\n\nIt\n"}, [":1: expected a word and its tag", "--separator"]),
    "brackets of CorefUD": (
        {"a.conllu": CONLLU.replace("SpaceAfter=No", "Entity=(e1-person-1-)")},
        ["no column looks like tags", "MISC Entity", "brackets of entities"],
    ),
    "another O among few tags": (
        {"a.tsv": lines("Anna/B-PER Berg/I-PER hi/X Oslo/B-LOC it/X | It/X")},
        ["no O; if 'X' is O, say --outside"],
    ),
    "letters glued to classes": (
        {"a.tsv": lines("Anna/BPER Berg/IPER in/O Oslo/BLOC | It/O")},
        ["the class 'BPER' of 'Anna' looks like a tag", "--scheme bio", "--scheme plain"],
    ),
    "a text that nobody has annotated": (
        {"train.jsonl": of_json({**ANNA, "label": []}), "test.jsonl": of_json(ANNA)},
        ["test.jsonl:1: has a text and no entities", "--split-names test=none"],
    ),
    "records of several annotators": (
        {"a.jsonl": of_json(*({**ANNA, "label": [], "annotator": x} for x in "ab"))},
        ["1 texts are annotated by several people, a (1), b (1)", "--annotator"],
    ),
    "entities of several annotators": (
        {
            "a.jsonl": of_json(
                {**ANNA, "annotations": [{"label": "A", "start_offset": 0, "end_offset": 4, "user": n} for n in (1, 2)]}
            )
        },
        ["annotated by several people, 1 (1), 2 (1)", "--annotator"],
    ),
    "numbers of classes in entities": (
        {"a.jsonl": of_json({**ANNA, "label": [[0, 4, 7]]})},
        ["only its number 7", "--labels FILE"],
    ),
    "spaCy 2 without entities": (
        {"a.json": '[{"id": 0, "paragraphs": [{"sentences": [{"tokens": [{"orth": "Anna"}]}]}]}]'},
        ['no token has "ner"'],
    ),
    "XML": ({"a.xml": "<?xml version='1.0'?><a>x</a>"}, ["is XML, which is not read"]),
    "WebAnno without layers": (
        {"a.tsv": "#FORMAT=WebAnno TSV 3.2\n\n#Text=x\n1-1\t0-4\tAnna\n"},
        ["has no layer of spans"],
    ),
    "another O": ({"a.tsv": lines("Anna/B-PER hi/nix it/nix | It/nix")}, ["no O; if 'nix' is O, say --outside"]),
    "no O": (
        {"a.jsonl": of_json({"tokens": ["Anna", "hi"], "tags": ["PER", "X"]})},
        ["no word is O", "'PER' 1, 'X' 1", "--outside", "--scheme plain"],
    ),
    "numbers of tags": (
        {"a.tsv": lines("Anna/1 Berg/2 hi/0 | It/0")},
        ["(numbers (if they are tags, name them with --labels))"],
    ),
    "too few names": (
        {"a.jsonl": of_json({"tokens": ["Anna", "hi"], "tags": [3, 0]}), "label.json": '["O", "B-PER"]'},
        ["tag 3 has no name; got 2 names", "--labels"],
    ),
    "numbers of labels that nobody gave": (
        {"a.jsonl": of_json({"tokens": ["Anna"], "ner_tags": [-1]})},
        ["1 words have a negative number instead of a tag"],
    ),
    "entities in two lists": (
        {"a.jsonl": of_json({**ANNA, "ner": [[0, 4, "PER"]], "mood": [[5, 10, "GOOD"]]})},
        ["entities are in several lists, ner (PER), mood (GOOD): say which with --tag-column"],
    ),
    "tags as classes": (
        {"a.jsonl": of_json({"text": "Anna Berg", "label": [[0, 4, "B-PER"], [5, 9, "I-PER"]]})},
        ["the class 'B-PER' of 'Anna' looks like a tag", "mend the export"],
    ),
    "overlaps, blanks": (
        {
            "a.jsonl": of_json(
                {"text": "Anna Berg", "label": [[0, 4, "A"], [0, 9, "B"], [4, 5, "C"]]},
                {"text": "It is", "label": [[0, 2, "A"], [0, 5, "B"], [0, 5, "B"]]},
            )
        },
        [
            "A 0-4 'Anna' and B 0-9 'Anna Berg' do (and 1 more such pair); and 1 of blanks only, such as at",
            "; and 1 entity is there twice (each is read once). Say which is kept with ",
            "--overlaps longest, first or drop",
        ],
    ),
    "out of the text, overlaps, blanks": (
        {
            "a.jsonl": of_json(
                {"text": "Anna Berg", "label": [[0, 4, "A"], [0, 9, "B"], [4, 5, "C"]]},
                {"text": "It is", "label": [[0, 2, "A"], [0, 6, "B"]]},
            )
        },
        [
            "a.jsonl:2: 0 <= start < end <= 5 (length of text) must hold; got B 0, 6; and entities must not overlap, "
            "but A 0-4 'Anna' and B 0-9 'Anna Berg' do (",
            "a.jsonl:1); and 1 of blanks only, such as at ",
        ],
    ),
    "text by its address": (
        {"a.json": json.dumps([{"data": {"text": "s3://bucket/a.txt"}, "annotations": [{"result": []}]}])},
        ["the text is not in the export, only its address"],
    ),
    "several annotators of Prodigy": (
        {"a.jsonl": of_json(*({**ANNA, "_input_hash": 1, "_session_id": x, "spans": []} for x in "AB"))},
        ["1 texts are annotated by several people, A (1), B (1)", "--annotator"],
    ),
    "a label set that is not there": ({"a.json": json.dumps([{**ANNA, "ner": [LS_REGION], "annotator": 1}])}, []),
    "a blank in a class": (
        {"a.txt": "One B-Title 1\ntwo I-Title 1\nthree O\nfour O\nfive O\n"},
        [":1: expected 2 columns as in most lines (separator blank); got 3", "needs TABs"],
    ),
    "two formats": (
        {"a.jsonl": of_json({"tokens": ["a"], "tags": ["O"]}, {**ANNA, "label": []})},
        ["one file has one format; got spans, but line 1 is of tokens", "--format"],
    ),
    "nothing known": (
        {"a.json": '[{"title": "x", "score": 1}]'},
        ["got the keys title, score", "(gliner, tokens, label_studio"],
    ),
    "annotators and no splits": (
        {"admin.jsonl": of_json({**ANNA, "label": []}), "bob.jsonl": of_json({**ANNA, "label": []})},
        ["got admin.jsonl, bob.jsonl. Name one of them", "--split-names", "--annotator"],
    ),
    "two files for a split": (
        {"train.tsv": lines("a/B-X b/O"), "dev.tsv": lines("a/B-X b/O"), "valid.tsv": lines("a/B-X b/O")},
        ["expected one file for val; got dev.tsv, valid.tsv", "--split-names val=NAME"],
    ),
    "other columns than train": (
        {"train.tsv": lines("Anna/NNP/B-PER hi/UH/O"), "dev.tsv": lines("Anna/B-PER/NNP hi/O/UH")},
        [
            "dev.tsv: val has words column 1, tags column 2, but train has words column 1, tags column 3",
            "--word-column and --tag-column",
        ],
    ),
}


@pytest.mark.parametrize("form", REFUSED)
def test_form_is_refused_with_the_way_out(tmp_path: Path, form: str) -> None:
    files, parts = REFUSED[form]
    options = {"tag_column": "mood"} if form == "a label set that is not there" else {}
    with pytest.raises(DataError) as caught:
        corpus_of(tmp_path, files, **options)
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message
    assert str(tmp_path / "data") in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"annotator": "x"}, "--annotator means nothing for a file of the format columns"),
        ({"tag_column": "3"}, "--tag-column 3: there is no such column\n  column 1  'Anna', 'hi', 'It'"),
        ({"word_column": "2", "tag_column": "2"}, "words and tags must be two columns; got column 2 for both"),
        ({"labels": "O,B-PER"}, "--labels gives names to tags that are numbers; got 'B-PER'"),
        ({"outside": "x"}, "--outside: no tag is 'x'; the most frequent are 'O', 'B-PER'"),
        ({"format": "nothing"}, "--format: there is no format 'nothing'; "),
        ({"format": "prodigy"}, "--format prodigy is one of JSON; this is none"),
        ({"format": "conllu"}, "expected 10 columns, as CoNLL-U has; got 2"),
        ({"format": "germeval"}, "expected 4 columns, as GermEval has"),
        ({"format": "uner"}, "expected 3 or 5 columns, as Universal NER has; got 2"),
        ({"split_names": "val=b"}, "expected one file 'b' for val"),
    ],
)
def test_option_that_cannot_be_meant_is_refused(tmp_path: Path, options: dict[str, str], message: str) -> None:
    files = {"a.tsv": lines("Anna/B-PER hi/O | It/O")}
    if "split_names" in options:
        files = {"train.tsv": files["a.tsv"], "c.tsv": files["a.tsv"]}
    with pytest.raises(DataError) as caught:
        corpus_of(tmp_path, files, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheme": "iob"}, "scheme must be one of plain, bio,"),
        ({"overlaps": "all"}, "overlaps must be one of longest, first, drop, error; got 'all'"),
        ({"separator": "::"}, "separator must be one of tab, blank,"),
        ({"encoding": "latin-7000"}, "encoding must be one that Python knows"),
        ({"encoding": "base64"}, "encoding must be one that Python knows"),
        ({"split_names": "dev=x"}, "split_names must be like train=a,val=b,test=c; got 'dev=x'"),
        ({"split_names": "val=x,val=y"}, "split_names must be like"),
        ({"outside": ""}, "outside must be a text that is not empty; got ''"),
    ],
)
def test_option_that_is_none_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        ReadingOptions(**options)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_class_named_o_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"a class must not be called O: .* or say --outside with its tags, such as B-O"
    ):
        corpus_of(tmp_path, {"a.tsv": lines("Anna/B-PER it/B-O in/O | It/O")})
