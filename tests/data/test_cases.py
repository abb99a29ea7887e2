"""Data as people really have them: small files in the structure of public bug reports and format descriptions.

Each folder of `cases` has its `input` and says in `source.txt` where the form is from; the words are ours. Each row
here says what is right: the sentences, the words, the entities by class. A case that leaves open what is meant has to
be refused with the option that settles it, and then read with this option.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nerbb_ray.data.corpus import SPLITS, Corpus
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.set_up import Wanted, bring_in
from nerbb_ray.data.split import HoldOut
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import entities
from nerbb_ray.paths import StorePaths

CASES = Path(__file__).with_name("cases")


class Right(NamedTuple):
    """What a case must end in.

    Args:
        entities: number by class.
        said: what one of the notes must say; empty if there is nothing to say.
        words: that must be there.
        options: that have to be given.
        refused: what the error without these options says.
    """

    sentences: int
    words_count: int
    entities: Mapping[str, int]
    said: str = ""
    words: tuple[str, ...] = ()
    options: Mapping[str, Any] = {}
    refused: str = ""


RIGHT = {
    "01-uner-iob2": Right(4, 19, {"PER": 2, "LOC": 3, "ORG": 1}, words=("Mette", "Aarhus")),
    "03-conllu-misc-name": Right(4, 15, {"PER": 1, "GPE_LOC": 2, "ORG": 1}),
    "05-conllu-plus-global-columns": Right(3, 9, {"PER": 1, "LOC": 1}),
    "07-webanno-tsv3": Right(3, 13, {"PER": 2, "LOC": 1, "ORG": 1}, words=("Anna",)),
    "09-bmes-resume": Right(
        4, 24, {"NAME": 2, "TITLE": 1, "ORG": 1, "RACE": 1, "LOC": 1}, "converted from bmes to bilou"
    ),
    "11-biobert-bare-bi": Right(4, 18, {"ENTITY": 5}, "tags are spelled <letter>, such as B, read as B-ENTITY"),
    "12-biobert-folder-devel": Right(7, 15, {"Disease": 6}, "train_dev.tsv is not used"),
    "14-outside-underscore": Right(4, 9, {"PER": 2, "LOC": 1}, "O is written '_': 5 of 9 words"),
    "15-outside-OTHER-plain": Right(4, 17, {"PER": 2, "LOC": 2}, "O is written 'OTHER': 12 of 17 words"),
    "16-sentence-number-column": Right(
        4, 13, {"PROC": 1, "CHEM": 1, "DISO": 1}, "sentences begin where column 1 says", words=("Los", "gripe")
    ),
    "17-wikiann-language-prefix": Right(4, 11, {"PER": 1, "LOC": 2, "ORG": 1}, "begin with 'en:'", words=("Anna", ":")),
    "18-weibo-segmentation-digit": Right(4, 12, {"PER.NAM": 1, "GPE.NAM": 1, "PER.NOM": 1}),
    "19-multiconer": Right(3, 8, {"PER": 1, "LOC": 1}, "3 lines that begin with # are read as comments"),
    "21-labelstudio-conll2003-export": Right(3, 9, {"PER": 1, "LOC": 1}),
    "22-labelstudio-conll2003-label-with-space": Right(3, 8, {"Title 1": 1, "Title 2": 1}),
    "23-labelstudio-conll-label-space-majority": Right(3, 7, {"Title 1": 2, "Title 2": 1}),
    "24-nested-tags-joined": Right(
        4,
        10,
        {"ORG": 1, "LOC": 2, "PER": 1},
        "2 entities that share words with others are left out",
        options={"overlaps": "longest"},
        refused="a word has one tag; 'China' has 2: 'I-ORG|B-LOC' (2 words are like it). "
        "Say which is kept with --overlaps",
    ),
    "26-conll2012": Right(3, 8, {"PERSON": 2, "GPE": 1}, words=("Anna", "Berg")),
    "27-no-sentence-borders": Right(1, 300, {"PER": 60, "LOC": 60}, "300 words and no empty line between sentences"),
    "28-vietnamese-words-with-spaces": Right(4, 11, {"PER": 2, "LOC": 2, "ORG": 1}, words=("Nam Cao", "xây dựng")),
    "29-swapped-csv": Right(4, 9, {"PER": 2, "LOC": 1}, "names the columns: left out", words=("Anna",)),
    "31-kaggle-ner-dataset-csv": Right(3, 10, {"geo": 1, "tim": 1, "per": 1}, "names the columns", words=(",",)),
    "32-trailing-ctrl-z-and-sep-lines": Right(3, 6, {"PER": 1, "LOC": 1}, "nothing but Ctrl-Z"),
    "33-concatenated-bom": Right(3, 6, {"PER": 1, "LOC": 1}, "byte order marks", words=("Oslo",)),
    "34-class-spellings-with-blank": Right(4, 8, {"PER": 3, "Per": 1}, "differ in case or blanks only: PER = Per"),
    "38-spans-with-blanks-punctuation": Right(4, 15, {"PER": 2, "LOC": 1}),
    "40-brat-newline-fragments": Right(4, 18, {"ORG": 1, "PER": 2, "LOC": 1}),
    "41-brat-discontinuous-coordination": Right(
        3,
        13,
        {"CHEM": 2},
        "1 entities of 1 pairs of entities that overlap are left out",
        options={"overlaps": "longest"},
        refused="entities must not overlap, but CHEM 5-34",
    ),
    "42-brat-annotator-notes-attributes": Right(2, 9, {"ORG": 2, "Buy": 1}),
    "43-labelstudio-two-control-tags-json": Right(
        4,
        9,
        {"PER": 2, "LOC": 1},
        options={"tag_column": "ner"},
        refused="the texts have 2 sets of labels: mood (POSITIVE 1, NEGATIVE 1); ner (PER 2, LOC 1). "
        "Say which counts with --tag-column",
    ),
    "45-labelstudio-ground-truth": Right(3, 7, {"PER": 2, "LOC": 1}, "the ground truth counts"),
    "48-labelstudio-multilabel-span": Right(
        2,
        4,
        {"PER": 1},
        "1 entities of 1 pairs",
        options={"overlaps": "first"},
        refused="PER 0-4 'Anna' and STAR 0-4 'Anna' do. Say which is kept with --overlaps",
    ),
    "50-doccano-zip-several-users": Right(
        2,
        4,
        {"PER": 1},
        options={"annotator": "admin"},
        refused="got admin.jsonl, bob.jsonl. Name one of them instead of the folder",
    ),
    "51-prodigy-jsonl": Right(2, 5, {"PER": 1, "LOC": 1}, "not accepted are left out: 1 reject"),
    "53-spacy-train-data-json": Right(3, 14, {"PERSON": 1, "LOC": 2}),
    "55-spacy-json-v2": Right(1, 3, {"PER": 1, "LOC": 1}),
    "56-hf-ner-tags-ints-jsonl": Right(
        2,
        4,
        {"PER": 1},
        "tags are numbers, with the names 0 O, 1 B-PER",
        options={"labels": "O,B-PER"},
        refused="tags are numbers (0, 1), and nothing says what they mean: give their names with --labels",
    ),
    "58-hf-tokens-labels-jsonl": Right(2, 4, {"PER": 1}),
    "59-gliner-json": Right(2, 6, {"PER": 1, "LOC": 1}),
    "61-pubtator": Right(4, 12, {"Chemical": 1, "Disease": 3}, words=("Aspirin",)),
    "64-latin1-conll2002": Right(2, 5, {"PER": 1, "LOC": 1}, "read as cp1252, such as España", words=("España",)),
    "66-doccano-unapproved": Right(3, 6, {"PER": 1}),
    "67-klue-char-level": Right(3, 20, {"PS": 1, "LC": 1}, "3 words are empty or a blank"),
    "69-ioe-scheme": Right(4, 10, {"PER": 2, "LOC": 2}, "converted from ioe2 to bio"),
    "70-label-names-odd": Right(
        30,
        216,
        dict.fromkeys(
            ["Job Title (current)", "geo/political", "Date & Time", "人名", "a:b", "C++", "50%", "Ü.x", "@at", "#hash"],
            3,
        ),
    ),
}
# words of running text: what is said and cut there is not a matter of reading
OF_WORDS = {"35-doccano-chinese", "37-offset-off-by-one"}


def set_up(name: str, folder: Path, **options: Any) -> tuple[Corpus, tuple[str, ...]]:
    """The corpus with nothing held out, and the notes."""
    [source] = (CASES / name / "input").iterdir()
    wanted = Wanted("case", source=str(source), options=ReadingOptions(**options))
    outcome = bring_in(StorePaths(folder / "store"), wanted, rule=HoldOut(0, 0))
    return outcome.corpus, outcome.notes


def test_every_case_is_judged() -> None:
    assert {path.name for path in CASES.iterdir()} == RIGHT.keys() | OF_WORDS


@pytest.mark.parametrize("name", RIGHT)
def test_case_is_read_right(tmp_path: Path, name: str) -> None:
    right = RIGHT[name]
    corpus, notes = set_up(name, tmp_path, **right.options)
    sentences = [sentence for split in SPLITS for sentence in corpus.split(split)]
    words = [word for sentence in sentences for word in sentence.tokens]
    found = Counter(entity.label for s in sentences for entity in entities(s.tags, corpus.scheme))
    assert (len(sentences), len(words), dict(found)) == (right.sentences, right.words_count, dict(right.entities))
    assert set(right.words) <= set(words)
    assert right.said in "\n".join(notes)
    assert corpus.files[0].sentences == len(corpus.train)


@pytest.mark.parametrize("name", [name for name, right in RIGHT.items() if right.refused])
def test_case_that_leaves_it_open_is_refused_with_the_option(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as caught:
        set_up(name, tmp_path)
    assert RIGHT[name].refused in str(caught.value)
    assert all(f"--{option.replace('_', '-')}" in str(caught.value) for option in RIGHT[name].options)
    assert not (tmp_path / "store").exists()
