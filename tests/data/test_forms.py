"""Forms of data, a row for each: what is read from them."""

import json
from pathlib import Path
from typing import Any

import pytest
from fixtures.data_files import corpus_of, lines, of_json, shown

UNER = "# sent_id = 1\n" + lines("1/Anna/B-PER/O/mk 2/sings/O/O/mk | 1/It/O/O/mk 2/rains/O/O/mk")
WEBANNO = """#FORMAT=WebAnno TSV 3.2
#T_SP=type.pos.POS|PosValue
#T_SP=ner.type.NamedEntity|identifier|value
#T_RL=type.Dependency|DependencyType|BT_type.pos.POS


#Text=Anna saw New York
1-1\t0-4\tAnna\tNNP\t*\tPER\t_\t_\t
1-2\t5-8\tsaw\tVBZ\t_\t_\tx\t1-1\t
1-3\t9-12\tNew\\|x\tNNP\t*[2]\tLOC[2]\t_\t_\t
1-4\t13-17\tYork\tNNP\t*[2]{}\tLOC[2]{}\t_\t_\t
"""
CONLLU = """1-2\tzum\t_\t_\t_\t_\t_\t_\t_\t_
1\tzu\tzu\tADP\t_\t_\t0\tr\t_\tNE=O
2\tdem\tder\tDET\t_\t_\t1\td\t_\tNE=O
3\tTor\tTor\tNOUN\t_\t_\t1\to\t_\tNE=B-LOC
"""
CARD = """---
dataset_info:
  features:
  - name: ner_tags
    sequence: {class_label: {names: {'0': O, '1': B-PER}}}
---
"""
CSV_OF_LABEL_STUDIO = """id,label,text,annotator
1,"[{""start"":0,""end"":4,""labels"":[""PER""]}]",Anna sings,1
2,,It rains,1
"""
LS_REGION = {"start": 0, "end": 4, "text": "Anna", "labels": ["PER"]}
RASA = {"text": "Anna sings", "entities": [{"start": 0, "end": 4, "value": "anna b", "entity": "PER"}]}
TAXONOMY = {"type": "taxonomy", "value": {"start": 0, "end": 4, "text": "Anna", "taxonomy": [["Being", "Person"]]}}
FINE = {"tokens": ["Anna", "hi"], "ner_tags": ["person", "O"], "fine_ner_tags": ["person-singer", "O"]}
KAGGLE_LISTS = """Sentence #,Sentence,POS,Tag
Sentence: 1,Anna sings,"['NNP', 'VBZ']","['B-per', 'O']"
Sentence: 2,It rains,"['PRP', 'VBZ']","['O', 'O']"
"""
HIPE_2020 = "TOKEN\tNE-COARSE-LIT\tMISC\n" + "".join(
    f"{word}\t{tag}\t_\n.\tO\tPySBDSegment|EndOfLine\n" for word, tag in (("Anna", "B-pers"), ("It", "O"))
)
DOC_ENTITY = {"start": 0, "end": 4, "label": "PER"}
ANNA, IT = {"text": "Anna sings"}, {"text": "It rains"}
READ: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "another layer": ({"train.iob2": UNER}, {}, "Anna/B-PER sings/O | It/O rains/O"),
    "tags before words": (
        {"a.tsv": lines("B-PER/Anna O/sings | O/It O/rains")},
        {},
        "Anna/B-PER sings/O | It/O rains/O",
    ),
    "offsets": (
        {"a.tsv": lines("0/4/Anna/B-PER 5/9/sings/O | 0/2/It/O 3/8/rains/O")},
        {},
        "Anna/B-PER sings/O | It/O rains/O",
    ),
    "words, lemmas": (
        {"a.tsv": lines("Anna/anna/NNP/B-PER sang/sing/VBD/O | It/it/PRP/O rains/rain/VBZ/O")},
        {},
        "Anna/B-PER sang/O | It/O rains/O",
    ),
    "CoNLL-2003": (
        {"a.txt": "-DOCSTART- -X- -X- O\n\nEU NNP I-NP I-ORG\nsays VBZ I-VP O\n\nBob NNP I-NP I-PER\nran VBD I-VP O\n"},
        {},
        "EU/B-ORG says/O | Bob/B-PER ran/O",
    ),
    "numbers of words": (
        {"a.tsv": "1\tAnna\tB-PER\n2\tsings\tO\n1\tIt\tO\n2\trains\tO\n"},
        {},
        "Anna/B-PER sings/O | It/O rains/O",
    ),
    "a drawn rule": ({"a.txt": "Anna B-PER\nsings O\n-----\nIt O\nrains O\n"}, {}, "Anna/B-PER sings/O | It/O rains/O"),
    "an own header": (
        {"a.tsv": "Palabra\tEtiqueta\nAna\tB-PER\nB.\tI-PER\n\nLlueve\tO\n"},
        {},
        "Ana/B-PER B./I-PER | Llueve/O",
    ),
    "comma csv": (
        {"a.csv": "sentence_id,words,labels\n0,Anna,B-PER\n0,sings,O\n1,It,O\n"},
        {},
        "Anna/B-PER sings/O | It/O",
    ),
    "semicolons": ({"a.csv": "Word;POS;Tag\nAnna;NNP;B-PER\nsings;VBZ;O\n"}, {}, "Anna/B-PER sings/O"),
    "csv without a header": ({"a.csv": 'Anna,B-PER\n",",O\n\nIt,O\n'}, {}, "Anna/B-PER ,/O | It/O"),
    "csv of sentences": ({"a.csv": 'text,labels\n"Anna , hi",B-PER O O\nIt,O\n'}, {}, "Anna/B-PER ,/O hi/O | It/O"),
    "csv of lists": ({"a.csv": KAGGLE_LISTS}, {}, "Anna/B-per sings/O | It/O rains/O"),
    "csv of numpy": (
        {"a.csv": ",tokens,ner_tags\n0,\"['Anna' 'hi']\",\"['B-PER' 'O']\"\n1,['It'],['O']\n"},
        {},
        "Anna/B-PER hi/O | It/O",
    ),
    "csv of words with blanks and quotes inside": (
        {"a.csv": "tokens,ner_tags\n\"['Ring', '08 123 45', \"\"it's\"\", ' ']\",\"['O', 'B-TEL', 'O', 'O']\"\n"},
        {},
        "Ring/O 08 123 45/B-TEL it's/O  /O",
    ),
    "csv of numpy, words with blanks and quotes inside": (
        {"a.csv": "tokens,ner_tags\n\"['Ring' '08 123 45' \"\"it's\"\"\n 'nu']\",\"['O' 'B-TEL' 'O'\n 'O']\"\n"},
        {},
        "Ring/O 08 123 45/B-TEL it's/O nu/O",
    ),
    "csv of numbers": (
        {"a.csv": "id,tokens,ner_tags\n0,\"['Anna', 'hi']\",\"[1, 0]\"\n1,['It'],[0]\n"},
        {"labels": "O,B-PER"},
        "Anna/B-PER hi/O | It/O",
    ),
    "csv of Label Studio": (
        {"a.csv": CSV_OF_LABEL_STUDIO},
        {},
        "Anna/B-PER sings/O | It/O rains/O",
    ),
    "U+0002": (
        {"a.tsv": "text_a\tlabel\n王\x02明\x02。\tB-PER\x02I-PER\x02O\n下\x02雨\tO\x02O\n"},
        {},
        "王/B-PER 明/I-PER 。/O | 下/O 雨/O",
    ),
    "CoNLL-U": (
        {"a.conllu": CONLLU},
        {},
        "zu/O dem/O Tor/B-LOC",
    ),
    "WebAnno": ({"a.tsv": WEBANNO.replace("{}", "")}, {}, "Anna/B-PER saw/O New|x/B-LOC York/I-LOC"),
    "WebAnno, another layer": (
        {"a.tsv": WEBANNO.replace("{}", "")},
        {"tag_column": "PosValue"},
        "Anna/B-NNP saw/B-VBZ New|x/B-NNP York/B-NNP",
    ),
    "WebAnno, stacked": (
        {"a.tsv": WEBANNO.replace("{}", "|ORG[3]")},
        {"overlaps": "first"},
        "Anna/B-PER saw/O New|x/B-LOC York/I-LOC",
    ),
    "numbers of tags": (
        {"a.tsv": lines("Anna/1 Berg/2 sings/0 | It/0")},
        {"labels": "O,B-PER,I-PER"},
        "Anna/B-PER Berg/I-PER sings/O | It/O",
    ),
    "another O": ({"a.tsv": lines("Anna/B-PER sings/x | It/x")}, {"outside": "x"}, "Anna/B-PER sings/O | It/O"),
    "layers that agree": ({"a.tsv": lines("Anna/B-PER#O sings/O#O | It/O#B-X")}, {}, "Anna/B-PER sings/O | It/B-X"),
    "the same tag twice": ({"a.tsv": lines("Anna/B-PER;B-PER sings/O | It/O")}, {}, "Anna/B-PER sings/O | It/O"),
    "an entity inside": (
        {"a.tsv": lines("Bank/B-ORG of/I-ORG China/I-ORG+B-LOC ran/O | It/O")},
        {"overlaps": "longest"},
        "Bank/B-ORG of/I-ORG China/I-ORG ran/O | It/O",
    ),
    "objects of start and end": (
        {"a.jsonl": of_json({**ANNA, "spans": [{"start": 0, "end": 4, "label": "PER"}]}, {**IT, "spans": []})},
        {},
        "Anna/B-PER sings/O | It/O rains/O",
    ),
    "Rasa": (
        {"a.json": json.dumps({"rasa_nlu_data": {"common_examples": [RASA, {**IT, "intent": "x"}]}})},
        {},
        "Anna/B-PER sings/O | It/O rains/O",
    ),
    "the last character included": (
        {
            "a.jsonl": of_json(
                {**ANNA, "entities": [{"start": 0, "end": 3, "label": "PER", "text": "Anna"}]}, {**IT, "entities": []}
            )
        },
        {},
        "Anna/B-PER sings/O | It/O rains/O",
    ),
    "rows in an object": (
        {"a.json": json.dumps({"version": 1, "data": [{**ANNA, "label": [[0, 4, "PER"]]}, {**IT, "label": []}]})},
        {},
        "Anna/B-PER sings/O | It/O rains/O",
    ),
    "columns of pandas": (
        {
            "a.json": json.dumps(
                {"tokens": {"0": ["Anna", "hi"], "1": ["It"]}, "tags": {"0": ["B-PER", "O"], "1": ["O"]}}
            )
        },
        {},
        "Anna/B-PER hi/O | It/O",
    ),
    "NER Annotator": (
        {"a.json": json.dumps({"classes": ["PER"], "annotations": [["Anna hi", {"entities": [[0, 4, "PER"]]}], None]})},
        {},
        "Anna/B-PER hi/O",
    ),
    "TRAIN_DATA of Python": (
        {"a.py": "TRAIN_DATA = [\n    ('Anna hi', {'entities': [(0, 4, 'PER')]}),\n]\n"},
        {},
        "Anna/B-PER hi/O",
    ),
    "label.json": (
        {"train.json": of_json({"tokens": ["Anna", "hi"], "tags": [1, 0]}), "label.json": '{"O": 0, "B-PER": 1}'},
        {},
        "Anna/B-PER hi/O",
    ),
    "id2label": (
        {
            "train.json": of_json({"tokens": ["Anna", "hi"], "tags": [1, 0]}),
            "config.json": '{"id2label": {"0": "O", "1": "B-PER"}}',
        },
        {},
        "Anna/B-PER hi/O",
    ),
    "a card": (
        {
            "train.jsonl": of_json({"tokens": ["Anna", "hi"], "ner_tags": [1, 0]}),
            "README.md": CARD,
        },
        {},
        "Anna/B-PER hi/O",
    ),
    "subsets of tags": ({"a.jsonl": of_json(FINE)}, {}, "Anna/person hi/O"),
    "the other subset": (
        {"a.jsonl": of_json(FINE)},
        {"tag_column": "fine_ner_tags"},
        "Anna/person-singer hi/O",
    ),
    "own names of columns": (
        {"a.jsonl": of_json({"sent": ["Anna", "hi"], "annot": ["B-PER", "O"]})},
        {},
        "Anna/B-PER hi/O",
    ),
    "Taxonomy": (
        {"a.json": json.dumps([{"data": ANNA, "annotations": [{"result": [TAXONOMY]}]}])},
        {},
        "Anna/B-Being/Person sings/O",
    ),
    "JSON_MIN with two keys": (
        {"a.json": json.dumps([{**ANNA, "ner": [LS_REGION], "mood": [LS_REGION], "annotator": 1}])},
        {"tag_column": "ner"},
        "Anna/B-PER sings/O",
    ),
    "one of two annotators": (
        {
            "a.json": json.dumps(
                [
                    {
                        "data": ANNA,
                        "annotations": [
                            {"completed_by": {"email": f"{x}@y"}, "result": [{"value": {**LS_REGION, "labels": [x]}}]}
                            for x in "AB"
                        ],
                    }
                ]
            )
        },
        {"annotator": "B@y"},
        "Anna/B-B sings/O",
    ),
    "one of Prodigy's annotators": (
        {
            "a.jsonl": of_json(
                *(
                    {**ANNA, "_input_hash": 1, "_annotator_id": x, "spans": [{"start": 0, "end": 4, "label": x}]}
                    for x in "AB"
                )
            )
        },
        {"annotator": "B"},
        "Anna/B-B sings/O",
    ),
    "two layers, the inner": (
        {"a.tsv": "#\thttp://x\n" + lines("1/Anna/B-PER/O 2/Oslo/B-ORG/B-LOC 3/hi/O/O")},
        {"tag_column": "inner"},
        "Anna/O Oslo/B-LOC hi/O",
    ),
    "short rows where nobody has annotated": (
        {
            "a.iob2": "# sent_id = 1\n" + lines("1/The/O 2/AP/B-ORG/-/st | 1/It/B-O/-/st 2/rains/O"),
        },
        {"outside": "B-O"},
        "The/O AP/B-ORG | It/O rains/O",
    ),
    "the other layer of Universal NER": (
        {"a.iob2": UNER.replace("1\tAnna\tB-PER\tO", "1\tAnna\tB-PER\tB-OTH")},
        {"tag_column": "4"},
        "Anna/B-OTH sings/O | It/O rains/O",
    ),
    "parts of speech and tags between comments": (
        {"a.tsv": "# text = x\n" + lines("1/Anna/PROPN/B-PER/x 2/sings/VERB/O/x")},
        {},
        "Anna/B-PER sings/O",
    ),
    "few suffixes of BMES": (
        {"a.txt": "张 PER_B\n三 PER_E\n在 O\n北 LOC_B\n京 LOC_M\n市 LOC_E\n美 LOC_S\n\n他 O\n"},
        {},
        "张/B-PER 三/L-PER 在/O 北/B-LOC 京/I-LOC 市/L-LOC 美/U-LOC | 他/O",
    ),
    "a dot behind the letter": (
        {"a.tsv": lines("Anna/B.PER Berg/I.PER in/O Oslo/B.LOC | It/O")},
        {},
        "Anna/B-PER Berg/I-PER in/O Oslo/B-LOC | It/O",
    ),
    "letters glued to classes": (
        {"a.tsv": lines("Anna/BPER Berg/IPER in/O Oslo/BLOC | It/O")},
        {"scheme": "bio"},
        "Anna/B-PER Berg/I-PER in/O Oslo/B-LOC | It/O",
    ),
    "WebAnno, a layer without features": (
        {
            "a.tsv": "#FORMAT=WebAnno TSV 3.2\n#T_SP=webanno.custom.Drug\n\n#Text=x\n"
            "1-1\t0-4\tDrug\t*[1]\n1-2\t5-6\tA\t*[1]\n1-3\t7-8\tx\t_\n"
        },
        {},
        "Drug/B-Drug A/I-Drug x/O",
    ),
    "spaCy's Doc.to_json": (
        {
            "a.jsonl": of_json(
                {
                    **ANNA,
                    "ents": [{"start": 0, "end": 4, "label": "PER"}],
                    "tokens": [{"id": 0, "start": 0, "end": 4, "tag": "NNP"}],
                }
            )
        },
        {},
        "Anna/B-PER sings/O",
    ),
    "numbers of classes in entities": (
        {"a.jsonl": of_json({**ANNA, "annotations": [{"label": 4, "start_offset": 0, "end_offset": 4, "user": 1}]})},
        {"labels": "label.json"},
        "Anna/B-PER sings/O",
    ),
    "one of doccano's users": (
        {
            "a.jsonl": of_json(
                {
                    **ANNA,
                    "annotations": [
                        {"label": x, "start_offset": 0, "end_offset": 4, "user": n} for n, x in enumerate("AB")
                    ],
                },
                {**IT, "annotations": []},
            )
        },
        {"annotator": "1"},
        "Anna/B-B sings/O | It/O rains/O",
    ),
    "records of several annotators": (
        {
            "a.jsonl": of_json(
                {**ANNA, "label": [[0, 4, "PER"]], "annotator": "a"}, {**ANNA, "label": [], "annotator": "b"}
            )
        },
        {"annotator": "a"},
        "Anna/B-PER sings/O",
    ),
    "names beside the data in a folder of them": (
        {
            "dataset/train.json": of_json({"tokens": ["Anna", "hi"], "tags": [1, 0]}),
            "dataset/label.json": '{"O": 0, "B-PER": 1}',
            "README.md": "x",
        },
        {},
        "Anna/B-PER hi/O",
    ),
    "HIPE whose sentences a program has found": (
        {"a.tsv": HIPE_2020},
        {},
        "Anna/B-pers ./O | It/O ./O",
    ),
    "spaCy's Doc.to_json with sentences": (
        {"a.jsonl": of_json(ANNA | {"ents": [DOC_ENTITY], "sents": [{"start": 0, "end": 10}]})},
        {},
        "Anna/B-PER sings/O",
    ),
    "a class named O": (
        {"a.tsv": lines("Anna/PER hi/OTHER | It/OTHER")},
        {"scheme": "plain"},
        "Anna/PER hi/OTHER | It/OTHER",
    ),
}


@pytest.mark.parametrize("form", READ)
def test_form_is_read(tmp_path: Path, form: str) -> None:
    files, options, expected = READ[form]
    if options.get("labels") == "label.json":
        (tmp_path / "label.json").write_text('{"PER": 4}')
        options = {"labels": str(tmp_path / "label.json")}
    assert shown(corpus_of(tmp_path, files, **options)) == expected


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ("Anna/B-PER sings/0", "O is written '0': 1 of 2 words"),
        ("Anna/B-PER sings/o | It/O", "O is written 'o': 1 of 3 words"),
        ("Anna/B-PER Bell/I-PER | Rome/B-LOC", "no word is O"),
    ],
)
def test_how_the_outside_is_written_is_said(tmp_path: Path, rows: str, note: str) -> None:
    assert any(said.startswith(note) for said in corpus_of(tmp_path, {"train.tsv": lines(rows)}).notes)


def test_usual_outside_needs_no_word(tmp_path: Path) -> None:
    notes = corpus_of(tmp_path, {"train.tsv": lines("Anna/B-PER sings/O")}).notes
    assert not any("O" in note.split() for note in notes)
