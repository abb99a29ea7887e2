"""Borders of entities that running text does not have: said at set-up, counted with their places."""

import json
from pathlib import Path

import pytest

from nerbb_ray.data.corpus import find_corpus
from nerbb_ray.data.origin import FILE
from nerbb_ray.data.reachable import inside_words, missed
from nerbb_ray.data.running_text import Typography
from nerbb_ray.data.sentences import Sentence
from nerbb_ray.data.set_up import Wanted, bring_in
from nerbb_ray.data.split import HoldOut
from nerbb_ray.data.words_of_text import FORMER, WordSplitting
from nerbb_ray.paths import StorePaths

CASES = Path(__file__).with_name("cases")
INPUTS = {name: CASES / name / "input/train.jsonl" for name in ("35-doccano-chinese", "37-offset-off-by-one")}


def set_up(source: Path, folder: Path):
    return bring_in(StorePaths(folder / "store"), Wanted("case", source=str(source)), rule=HoldOut(0, 0))


def words_only(words: str, tags: str) -> Sentence:
    return Sentence(tuple(words.split()), tuple(tags.split()))


def test_borders_inside_of_words_are_said_with_their_places(tmp_path: Path) -> None:
    notes = set_up(INPUTS["37-offset-off-by-one"], tmp_path).notes
    [note] = [note for note in notes if "inside of a word" in note]
    assert note.startswith(
        "train: 4 borders of entities lie inside of a word: Indi|a (train.jsonl:1), Ann|a (train.jsonl:2), "
        "Norwa|y (train.jsonl:2), Sus|an (train.jsonl:4): see whether the places are off by one"
    )


def test_chinese_is_cut_into_characters_like_text_without_annotation(tmp_path: Path) -> None:
    outcome = set_up(INPUTS["35-doccano-chinese"], tmp_path)
    assert sum(len(sentence.tokens) for sentence in outcome.corpus.train) == 32
    splitting = outcome.corpus.word_splitting()
    for sentence in outcome.corpus.train:
        assert tuple(splitting.words(sentence.text or "")) == sentence.spans
    assert not [note for note in outcome.notes if "inside of a word" in note]


def test_the_way_to_cut_is_kept_beside_the_data_and_used(tmp_path: Path) -> None:
    source = tmp_path / "train.jsonl"
    rows = [{"tokens": ["the", "U.S.", "is", "n't", "St.", "Paul"], "tags": ["O", "B-L", "O", "O", "B-L", "I-L"]}]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    outcome = set_up(source, tmp_path)
    kept = json.loads((outcome.path / FILE).read_text())["words"]
    assert kept == {"name": "treebank", "joints": ["St."]}
    assert any("running text is cut by: treebank" in line for line in outcome.lines())
    found = find_corpus("case", None, tmp_path / "store/datasets")
    assert found.splitting == WordSplitting("treebank", ("St.",))


def test_data_of_0_3_0_keep_their_words_and_it_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    mark = {"token": "北京", "tag": "LOC", "char_start": 2, "char_end": 4}
    (folder / "train.jsonl").write_text(json.dumps({"text": "我在北京。", "tags": [mark]}) + "\n")
    corpus = find_corpus("old", None, tmp_path)
    assert corpus.train[0].tokens == ("我在", "北京", "。")
    assert any("as 0.3.0 did" in note and "set the data up anew" in note for note in corpus.notes)
    (folder / FILE).write_text(json.dumps({"words": WordSplitting().to_dict()}))
    assert find_corpus("old", None, tmp_path).train[0].tokens == tuple("我在北京。")


@pytest.mark.parametrize(
    ("sentence", "splitting", "shown"),
    [
        (words_only("the U . S . army", "O B-L I-L I-L I-L O"), WordSplitting(), []),
        (words_only("Porus ' kingdom", "B-P O O"), WordSplitting("inner"), []),
        (words_only("New York-based", "B-L O"), WordSplitting("inner"), []),
        (words_only("Bob 's", "B-P O"), WordSplitting("inner"), [("Bob|'s",)]),
        (words_only("Bob 's", "B-P O"), WordSplitting("treebank"), []),
        (words_only("王 小 明 去", "B-P I-P I-P O"), WordSplitting(), []),
        (words_only("王 小 明 去", "B-P I-P I-P O"), WordSplitting(FORMER), [("王小明|去",)]),
    ],
)
def test_entities_without_borders_in_running_text_are_missed(
    sentence: Sentence, splitting: WordSplitting, shown: list[tuple[str, ...]]
) -> None:
    assert [found.shown for found in missed([sentence], "bio", splitting)] == shown


def test_typography_is_that_of_the_data() -> None:
    row = words_only("@ Anna", "O B-P")
    tweets = WordSplitting("tweets")
    assert [found.shown for found in missed([row], "bio", tweets)] == [("@|Anna",)]
    assert not list(missed([row], "bio", tweets, Typography.of([["@me", "@"]])))


def test_blank_words_keep_the_places_of_the_others() -> None:
    row = Sentence(("", "Anna", " ", "Berg's"), ("O", "B-P", "I-P", "I-P"))
    assert not list(missed([row], "bio", WordSplitting("inner")))


def test_words_without_text_have_nothing_inside() -> None:
    assert not list(inside_words([words_only("Bob 's", "B-P O")], "bio"))
