"""Rows that name columns, marks of documents, derived columns: no words and no classes."""

import json
from pathlib import Path

import pytest

from nerbb_ray.data.corpus import Found, load_corpus
from nerbb_ray.data.detect import read_file
from nerbb_ray.data.folders import read_path
from nerbb_ray.data.odd_words import word_notes
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.sentences import Reading
from nerbb_ray.errors import DataError

SENTENCES = [
    [("Anna", "PER"), ("Berg", "PER"), ("sings", "O"), (".", "O")],
    [("It", "O"), ("rains", "O"), ("in", "O"), ("Rome", "LOC"), (".", "O")],
    [("Bob", "PER"), ("ran", "O"), (".", "O")],
]


def table(*, head: str = "", before: str = "", rows=SENTENCES, line="{word}\t{tag}") -> str:
    """A file of the sentences.

    Args:
        head: its first line.
        before: a line before every sentence.
    """
    texts = [
        (before + "\n" if before else "")
        + "".join(line.format(word=w, tag=t, n=n, small=w.lower()) + "\n" for n, (w, t) in enumerate(own, 1))
        for own in rows
    ]
    return (head + "\n" if head else "") + "\n".join(texts)


def read(tmp_path: Path, text: str, name: str = "train.tsv", **options: str) -> Reading:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_file(tmp_path / name, ReadingOptions(**options))


def words(reading: Reading) -> list[list[tuple[str, str]]]:
    return [list(zip(s.tokens, s.tags, strict=True)) for s in reading.sentences]


@pytest.mark.parametrize(
    "head",
    [
        "word\tentity",
        "token\tgold",
        "tweet\tlabel",
        "text\tner_class",
        "words\tiob_label",
        "orth\tNE-tag",
        "mot\tclass",
    ],
)
def test_plain_classes_under_names_of_columns(tmp_path: Path, head: str) -> None:
    reading = read(tmp_path, table(head=head))
    assert words(reading) == SENTENCES
    assert any("name the columns" in note for note in reading.notes)


def test_a_column_of_numbers_shows_that_its_first_row_is_a_name(tmp_path: Path) -> None:
    reading = read(tmp_path, table(head="nr\tord\tetikett", line="{n}\t{word}\t{tag}"))
    assert words(reading) == SENTENCES


def test_names_of_columns_before_every_sentence(tmp_path: Path) -> None:
    reading = read(tmp_path, table(before="word\tentity"))
    assert words(reading) == SENTENCES
    assert any("(3 times)" in note for note in reading.notes)


def test_a_class_of_the_first_row_alone_is_said_with_the_option(tmp_path: Path) -> None:
    reading = read(tmp_path, table(head="ord\tetikett"))
    assert any("say --tag-column etikett" in note for note in reading.notes)
    assert words(read(tmp_path, table(head="ord\tetikett"), tag_column="etikett")) == SENTENCES


@pytest.mark.parametrize("first", [("Gold", "MISC"), ("text", "MISC"), ("Label", "ORG")])
def test_a_first_word_that_could_be_a_name_stays_a_word(tmp_path: Path, first: tuple[str, str]) -> None:
    rows = [[first, *SENTENCES[0]], *SENTENCES[1:]]
    reading = read(tmp_path, table(rows=rows))
    assert words(reading) == rows
    assert not any("name the columns" in note for note in reading.notes)


@pytest.mark.parametrize("mark", ["-DOCSTART-\tO", "O\t-DOCSTART-", "-docstart-\tO", "-DOCEND-\tO", "-DOCSTART-\t-X-"])
def test_marks_of_documents_in_any_column_are_no_words(tmp_path: Path, mark: str) -> None:
    text = f"{mark}\n\n" + table() + f"\n{mark}\n\n" + table()
    assert words(read(tmp_path, text)) == SENTENCES * 2


def test_marks_of_documents_in_lists_of_words(tmp_path: Path) -> None:
    rows = [{"tokens": ["-DOCSTART-"], "tags": ["O"]}] + [
        {"tokens": [w for w, _ in own], "tags": [t for _, t in own]} for own in SENTENCES
    ]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows * 2)))
    found = Found.of("x", read_path(tmp_path / "train.jsonl"))
    assert words(found.readings["train"]) == SENTENCES * 2
    assert found.readings["train"].documents == [1, 1, 1, 2, 2, 2]
    assert any("2 sentences of nothing but a mark" in note for note in found.readings["train"].notes)


def test_a_column_in_small_letters_before_the_words_is_not_the_words(tmp_path: Path) -> None:
    assert words(read(tmp_path, table(line="{small}\t{word}\t{tag}"))) == SENTENCES
    small = [[(w.lower(), t) for w, t in own] for own in SENTENCES]
    assert words(read(tmp_path, table(rows=small, line="{word}\t{tag}"))) == small


def test_words_beside_their_neighbours_are_refused(tmp_path: Path) -> None:
    flat = [pair for own in SENTENCES * 3 for pair in own]
    behind = [word for word, _ in flat[1:]] + ["-"]
    text = "".join(f"{w}\t{after}\t{t}\n" for (w, t), after in zip(flat, behind, strict=True))
    with pytest.raises(DataError, match="one row apart"):
        read(tmp_path, text)
    assert [w for w, _ in words(read(tmp_path, text, word_column="1"))[0]] == [w for w, _ in flat]


@pytest.mark.parametrize("mark", [",", ";"])
def test_blanks_behind_every_mark_belong_to_it(tmp_path: Path, mark: str) -> None:
    text = table(head=f"nr{mark} word{mark} tag", line=f'{{n}}{mark} "{{word}}"{mark} {{tag}}')
    assert words(read(tmp_path, text, "train.csv")) == SENTENCES


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.csv", "split,word,tag\ntrain,Anna,B-PER\ntrain,sings,O\n\nval,Rome,B-LOC\nval,.,O\n\ntest,Bob,B-PER\n"),
        ("train.tsv", "tags\ttext\tsplit\nB-PER O\tAnna sings\ttrain\nB-LOC O\tRome .\tdev\nB-PER O\tBob ran\ttest\n"),
        (
            "train.jsonl",
            "\n".join(
                json.dumps({"tokens": [word, "."], "tags": ["B-PER", "O"], "partition": split})
                for word, split in (("Anna", "train"), ("Rome", "dev"), ("Bob", "test"))
            ),
        ),
    ],
)
def test_a_column_that_says_the_split_is_followed(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    found = read_path(tmp_path / name)
    assert {split: [s.tokens[0] for s in one.sentences] for split, one in found.items()} == {
        "train": ["Anna"],
        "val": ["Rome"],
        "test": ["Bob"],
    }
    assert any("says the split of every sentence: train 1, val 1, test 1" in note for note in found["train"].notes)
    # a file whose name says its split is that split
    notes = read_path(tmp_path)["train"].notes
    assert any("it is not used" in note for note in notes), notes


def test_a_column_that_says_the_split_is_followed_under_a_header_of_other_words(tmp_path: Path) -> None:
    rows = [
        f"{split}\t{w}\t{t}\n" for split, own in zip(("train", "dev", "test"), SENTENCES, strict=True) for w, t in own
    ]
    ends = [len(SENTENCES[0]), len(SENTENCES[0]) + len(SENTENCES[1])]
    text = "".join(("\n" if number in ends else "") + row for number, row in enumerate(rows))
    (tmp_path / "a.tsv").write_text(f"Teil\tmot\tclass\n{text}")
    found = read_path(tmp_path / "a.tsv")
    assert [words(found[split]) for split in ("train", "val", "test")] == [[own] for own in SENTENCES]


def test_words_that_are_names_of_splits_say_nothing(tmp_path: Path) -> None:
    rows = [[("train", "O"), ("Bob", "PER")], [("test", "O"), ("Anna", "PER")], [("dev", "O"), ("Eve", "PER")]]
    assert not read(tmp_path, table(rows=rows)).splits
    spans = [{"text": f"{w} run", "label": [[0, len(w), "PER"]], "split": s} for w, s in (("Al", "train"), ("Bo", "x"))]
    assert not read(tmp_path, "\n".join(map(json.dumps, spans)), "a.jsonl").splits
    # what our own tasks say of where a sentence comes from
    words = [{"tokens": ["Al"], "tags": ["B-PER"], "of_split": split} for split in ("train", "test")]
    assert not read(tmp_path, "\n".join(map(json.dumps, words)), "a.jsonl").splits


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (["Anna", "sing", "##s"], "look like sub-tokens"),
        (["\u2581Anna", "\u2581sing", "s"], "look like sub-tokens"),
        (["[CLS]", "Anna", "sings", "[SEP]"], "[CLS] and [SEP] stands in all sentences"),
        (["BOS", "Anna", "sings", "EOS"], "BOS and EOS stands in all sentences"),
        (["Anna", "sings", "#now"], ""),
    ],
)
def test_what_a_tokenizer_makes_is_said_to_be_no_words(tmp_path: Path, pieces: list[str], said: str) -> None:
    tags = ["B-PER" if "Anna" in piece else "O" for piece in pieces]
    row = json.dumps({"tokens": pieces, "tags": tags})
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.jsonl").write_text("\n".join([row] * 6))
    notes = list(word_notes(load_corpus(tmp_path)))
    assert len(notes) == (3 if said else 0)
    assert all(said in note for note in notes)


def test_lines_of_structure_that_became_classes_are_said(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.txt").write_text(table(before="<doc\tid=1>"))
    assert any("classes with <, > or =" in note for note in load_corpus(tmp_path).notes)


@pytest.mark.parametrize(("name", "mark"), [("train.tsv", "\t"), ("train.csv", ",")])
@pytest.mark.parametrize("head", ["", "text{0}label\n"])
def test_texts_with_a_class_each_are_refused(tmp_path: Path, name: str, mark: str, head: str) -> None:
    rows = [("a film that I liked", "POS"), ("not my kind of film", "NEG"), ("so boring that I slept", "NEG")] * 4
    text = head.format(mark) + "".join(f"{words}{mark}{label}\n" for words, label in rows)
    with pytest.raises(DataError, match=r"a tag for each word|has a text and no entities|no column looks like"):
        read(tmp_path, text, name)


def test_lines_that_number_the_sentences_are_said(tmp_path: Path) -> None:
    rows = [[("ID", f"s{number}"), *own] for number, own in enumerate(SENTENCES * 4)]
    notes = read(tmp_path, table(rows=rows)).notes
    assert any("12 sentences begin with 'ID' and a class that no other row has" in note for note in notes), notes
    assert not any("begin with" in note for note in read(tmp_path, table()).notes)
