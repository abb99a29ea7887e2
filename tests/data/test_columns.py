"""Columns: which is which, what is a word, a comment, a border; and the published files of three real corpora."""

import json

import pytest
from fixtures.data_files import corpus_of, shown

from nerbb_ray.data.detect import read_file
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.errors import DataError


@pytest.fixture
def read(tmp_path):
    """Write lines to a file and read its sentences as (words, tags), and its notes."""

    def _read(text, **options):
        path = tmp_path / "train.conll"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        reading = read_file(path, ReadingOptions(**options))
        return [(list(s.tokens), list(s.tags)) for s in reading.sentences], reading.notes

    return _read


INVISIBLE = ["\ufe0f", "\u200e", "\u00ad", "\ue000", "\u00a0", "\u3000", "a\u0085b", "a\u2028b", "\x0c", '"']


@pytest.mark.parametrize("word", INVISIBLE)
@pytest.mark.parametrize("separator", ["\t", "   "])
def test_any_word_without_ascii_blanks_is_a_word(read, word, separator):
    assert read(f"a{separator}O\n{word}{separator}B-X\nb{separator}O\n")[0] == [(["a", word, "b"], ["O", "B-X", "O"])]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("Paris\tB-LOC", "Paris"),
        ("Paris    B-LOC", "Paris"),
        ("Paris \tB-LOC", "Paris"),
        ("Paris\t B-LOC ", "Paris"),
        ("Paris\t\tB-LOC", "Paris"),
        ("  Paris B-LOC", "Paris"),
        ("New York\tB-LOC", "New York"),
        ("\tB-LOC", ""),
        (" \tB-LOC", ""),
    ],
)
def test_tabs_and_blanks_separate_columns(read, line, word):
    assert read(f"in\tO\n{line}\nnow   O\n.\tO\n")[0] == [(["in", word, "now", "."], ["O", "B-LOC", "O", "O"])]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("border", ["", " ", "\t", " \t ", "-DOCSTART-\tO", "-DOCSTART- -X- -X- O", "-DOCSTART-"])
def test_blank_lines_and_document_starts_end_a_sentence(read, border, ending):
    text = ending.join([border, "a\tO", border, "", "b\tX", "c\tX"])
    assert read(text)[0] == [(["a"], ["O"]), (["b", "c"], ["X", "X"])]


def test_byte_order_mark_is_no_part_of_the_first_word(read):
    assert read(b"\xef\xbb\xbfParis\tB-LOC\n")[0] == [(["Paris"], ["B-LOC"])]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["# sent_id = 1", "a\tO", "b\tB-X"], ["a", "b"]),
        (["# comment", "a\tO", "b\tB-X"], ["a", "b"]),
        (["#\tO", "a\tO", "b\tB-X"], ["#", "a", "b"]),
        (["# O", "a O", "b B-X"], ["#", "a", "b"]),
        (["a\tO", "#nlp\tB-X", "b\tB-X"], ["a", "#nlp", "b"]),
        (["a\tO", "#nlp\tI-X", "b\tB-X"], ["a", "#nlp", "b"]),
        (["#a\tO", "#b\tO"], ["#a", "#b"]),
        (["a\tO", "#nlp\tB-Y", "b\tB-X"], ["a", "#nlp", "b"]),
        (["a\tO", "#nlp\tB-Y", "b\tO"], ["a", "#nlp", "b"]),
        (["#", "a\tNN\tO", "b\tNN\tB-X", "# sent_id = 2\tO"], ["a", "b"]),
    ],
)
def test_hash_is_a_word_only_with_the_columns_and_a_tag_of_the_file(read, lines, words):
    [(tokens, _)], notes = read("\n".join(lines))
    assert tokens == words
    assert notes == []


def test_comment_with_the_columns_of_the_data_is_noted(read):
    assert "1 line that begins with # is read as comments, though of 2 columns" in read("# comment\na O\nb B-X\n")[1][0]


@pytest.mark.parametrize("first", [0, 1])
def test_column_that_counts_words_is_not_the_word(read, first):
    text = f"{first}\tParis\tB-LOC\n{first + 1}\t7\tO\n\n{first}\t1\tO\n"
    assert read(text)[0] == [(["Paris", "7"], ["B-LOC", "O"]), (["1"], ["O"])]


def test_forms_of_conllu_that_are_no_words_are_left_out(read):
    text = "1-2\tzum\t_\t_\n1\tzu\tADP\tO\n2\tdem\tDET\tO\n2.1\tx\t_\t_\n3\tTor\tNOUN\tB-LOC\n\n1\tJa\tX\tO\n"
    assert read(text)[0] == [(["zu", "dem", "Tor"], ["O", "O", "B-LOC"]), (["Ja"], ["O"])]


def test_numbers_as_words_are_words(read):
    assert read("1\tCD\tO\n2\tCD\tO\n\nof\tIN\tO\n")[0] == [(["1", "2"], ["O", "O"]), (["of"], ["O"])]
    with pytest.raises(DataError, match=r"no column looks like words. If one is, say it with --word-column"):
        read("1\tO\n2\tO\n")
    assert read("1\tO\n2\tO\n", word_column="1")[0] == [(["1", "2"], ["O", "O"])]


def test_words_are_numbered_even_where_one_has_no_tag(read):
    sentences, notes = read("1\ta\tO\n2\n3\tb\tO\n")
    assert sentences == [(["a", "b"], ["O", "O"])]
    assert len(notes) == 1


def test_line_with_one_column_is_left_out_and_noted(read):
    sentences, notes = read("a\tO\nbn\nb\tX\nc\t\n\nd\tO\n")
    assert sentences == [(["a", "b"], ["O", "X"]), (["d"], ["O"])]
    assert [note.split(": ", 1)[0].rsplit(":", 1)[1] for note in notes] == ["2", "4"]


def test_many_lines_with_one_column_give_few_notes(read):
    _, notes = read("a\tO\n" * 30 + "b\n" * 20)
    assert len(notes) == 6
    assert notes[-1] == "15 more such lines left out"


@pytest.mark.parametrize("line", ["token\ttag", "Word\tNER", "# x\n\nid\tform\tner_tags"])
def test_line_that_names_the_columns_is_left_out_and_noted(read, line):
    rows = "1\ta\tB-X\n2\tb\tO\n" if "id" in line else "a\tB-X\nb\tO\n"
    sentences, notes = read(f"{line}\n{rows}")
    assert sentences == [(["a", "b"], ["B-X", "O"])]
    assert notes[0].endswith("names the columns: left out")


@pytest.mark.parametrize("text", ["a\tO\n\ntoken\ttag\n", "word\tO\ntag\ttag\n"])
def test_other_lines_with_such_words_are_kept(read, text):
    assert sum(len(words) for words, _ in read(text)[0]) == 2


@pytest.mark.parametrize("text", ["a\nb\nc\tO\n", "a,O\nb,,O\n"])
def test_file_of_one_column_is_an_error(read, text):
    with pytest.raises(DataError, match=r"train\.conll:1: expected a word and its tag, separated by TAB or blanks"):
        read(text)


def test_lines_may_end_with_cr_alone(read):
    assert read("Anna B-PER\rsings O\r\rBob B-PER\r")[0] == [(["Anna", "sings"], ["B-PER", "O"]), (["Bob"], ["B-PER"])]


def test_other_number_of_columns_is_an_error(read):
    with pytest.raises(DataError, match=r"train\.conll:2: expected 2 columns .* got 3"):
        read("a\tO\nb\tNN\tO\nc\tO\n")


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "-DOCSTART- O\n"])
def test_file_without_data_has_no_sentence(read, text):
    assert read(text) == ([], [])


def _jsonl(*paths):
    rows = [json.loads(line) for path in paths for line in path.read_text().split("\n") if line]
    return [(tuple(row["tokens"]), tuple(row["tags"])) for row in rows]


def _original(path):
    return [(s.tokens, tuple("O" if t == "0" else t for t in s.tags)) for s in read_file(path).sentences]


@pytest.mark.parametrize(
    ("original", "converted"),
    [
        ("wnut17/original/wnut17train.conll", "wnut17/train.jsonl"),
        ("wnut17/original/emerging.dev.conll", "wnut17/val.jsonl"),
        ("wnut17/original/emerging.test.annotated", "wnut17/test.jsonl"),
        ("crossner_politics/original/train.txt", "crossner_politics/train.jsonl"),
        ("crossner_politics/original/dev.txt", "crossner_politics/val.jsonl"),
        ("crossner_politics/original/test.txt", "crossner_politics/test.jsonl"),
        ("swedish_ner_corpus/original/test_corpus.txt", "swedish_ner_corpus/test.jsonl"),
    ],
)
def test_published_files_read_like_their_conversion(shared, original, converted):
    assert _original(shared / "datasets" / original) == _jsonl(shared / "datasets" / converted)


def test_swedish_training_file_is_train_and_val_and_one_line_without_tag(shared):
    folder = shared / "datasets" / "swedish_ner_corpus"
    path = folder / "original" / "train_corpus.txt"
    # val.jsonl is a random 15 % of this file
    assert sorted(_original(path)) == sorted(_jsonl(folder / "train.jsonl", folder / "val.jsonl"))
    assert read_file(path).notes == [f"{path}:90310: 'bn' has no tag: left out"]


SAID = "Jan/B-per zag/O de/O kat/O van/O Piet/B-per | Hij/O zag/O de/O hond/O van/O Ans/B-per".replace(
    " | ", " "
).split()


@pytest.mark.parametrize(
    "row",
    [
        "WR-P-E-A-0001.p.1.s.{s}.w.{w}\t{word}\t{tag}",
        "s{s}_w{w}\t{word}\t{tag}",
        "{word}\t{tag}\tT746{s}{w}",
        "{word}\t{tag}\tdoc{s}:{w}-{w}9",
    ],
)
@pytest.mark.parametrize("header", [False, True])
def test_numbers_of_tokens_and_their_places_are_not_the_words(tmp_path, row: str, header: bool) -> None:
    pairs = [pair.split("/") for pair in SAID]
    found = [row.format(s=i // 6, w=i % 6, word=word, tag=tag) for i, (word, tag) in enumerate(pairs)]
    names = ["mot\tner\tid" if row.startswith("{") else "id\tmot\tner"] if header else []
    text = "\n".join([*names, *found[:6], "", *found[6:], ""])
    assert shown(corpus_of(tmp_path, {"a.tsv": text})).replace(" | ", " ").split() == SAID


def test_codes_are_words_where_nothing_else_could_be(tmp_path) -> None:
    rows = [f"BRCA{i}\t{'xyz'[i % 3]}\t{'OB'[i % 2]}{'' if i % 2 == 0 else '-GEN'}" for i in range(40)]
    [sentence] = corpus_of(tmp_path, {"a.tsv": "\n".join(rows) + "\n"}).train
    assert sentence.tokens[:2] == ("BRCA0", "BRCA1")


QUOTED = '"Jan"\t"B-per"\n"zag"\t"O"\n"Piet"\t"B-per"\n\n"Hij"\t"O"\n"komt"\t"O"\n'


@pytest.mark.parametrize("header", ["", '"token"\t"tag"\n'])
def test_quotes_around_all_fields_are_no_part_of_them(tmp_path, header: str) -> None:
    corpus = corpus_of(tmp_path, {"a.tsv": header + QUOTED})
    assert shown(corpus) == "Jan/B-per zag/O Piet/B-per | Hij/O komt/O"
    assert any("fields in quotes" in note for note in corpus.notes)


def test_quotes_around_all_tags_and_some_words_are_no_part_of_them(tmp_path) -> None:
    corpus = corpus_of(tmp_path, {"a.tsv": QUOTED.replace('"zag"', "zag")})
    assert shown(corpus) == "Jan/B-per zag/O Piet/B-per | Hij/O komt/O"


def test_words_in_quotes_beside_tags_without_stay_as_they_are(tmp_path) -> None:
    corpus = corpus_of(tmp_path, {"a.tsv": QUOTED.replace('"B-per"', "B-per").replace('"O"', "O")})
    assert shown(corpus).startswith('"Jan"/B-per "zag"/O')
