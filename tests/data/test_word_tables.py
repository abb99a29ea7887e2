"""Tables of words as programs write them: numbers of sentences, quotes, marks between sentences, one record a word."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerbb_ray.data.corpus import load_corpus
from nerbb_ray.data.detect import read_file
from nerbb_ray.data.folders import read_path
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.errors import DataError

SENTENCES = [
    [("Anna", "B-PER"), ("Berg", "I-PER"), ("sings", "O"), (".", "O")],
    [("It", "O"), ("rains", "O"), ("in", "O"), ("Rome", "B-LOC"), (".", "O")],
    [("Bob", "B-PER"), ("ran", "O"), (".", "O")],
]
ROWS = [(number, word, tag) for number, rows in enumerate(SENTENCES, start=1) for word, tag in rows]


def found(path: Path, text: str, **options: str) -> list[list[tuple[str, str]]]:
    path.write_text(text)
    reading = read_file(path, ReadingOptions(**options))
    return [list(zip(s.tokens, s.tags, strict=True)) for s in reading.sentences]


def records(*names: str) -> list[dict[str, object]]:
    return [dict(zip(names, row, strict=True)) for row in ROWS]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, records("sid", "token", "ner"))),
        json.dumps(records("sentence_id", "word", "tag")),
        json.dumps([row | {"n": 7} for row in records("sentence_id", "word", "tag")], indent=1),
    ],
)
def test_a_record_may_be_a_word(text: str, tmp_path: Path) -> None:
    assert found(tmp_path / "train.json", text) == SENTENCES


def test_records_of_words_in_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    pa = pytest.importorskip("pyarrow")
    parquet.write_table(pa.Table.from_pylist(records("sentence_id", "token", "tag")), tmp_path / "train.parquet")
    reading = read_file(tmp_path / "train.parquet")
    assert [list(zip(s.tokens, s.tags, strict=True)) for s in reading.sentences] == SENTENCES


def test_records_of_words_without_borders_are_refused_with_the_way_out(tmp_path: Path) -> None:
    text = "\n".join(json.dumps({"token": word, "tag": tag}) for _, word, tag in ROWS)
    with pytest.raises(DataError, match=r"every record has one word, and no key says .* sentence_id.*--format tokens"):
        found(tmp_path / "train.jsonl", text)
    assert len(found(tmp_path / "train.jsonl", text, format="tokens")) == len(ROWS)


def test_sentences_of_several_words_are_no_table(tmp_path: Path) -> None:
    text = '{"text": "Anna sings", "tags": "B-PER O"}\n{"text": "Bob", "tags": "B-PER"}\n'
    assert found(tmp_path / "train.jsonl", text) == [[("Anna", "B-PER"), ("sings", "O")], [("Bob", "B-PER")]]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt"])
@pytest.mark.parametrize("header", ["sentence_id\tword\ttag\n", "phrase\tmot\tetiquette\n", ""])
def test_numbers_of_sentences_between_tabs(header: str, suffix: str, tmp_path: Path) -> None:
    text = header + "".join(f"{number}\t{word}\t{tag}\n" for number, word, tag in ROWS)
    assert found(tmp_path / f"train{suffix}", text) == SENTENCES


@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_no_header_and_numbers_of_sentences(separator: str, tmp_path: Path) -> None:
    text = "".join(f"{separator.join(map(str, row))}\n" for row in ROWS)
    assert found(tmp_path / "train.csv", text) == SENTENCES


def test_a_word_that_begins_with_a_hash_does_not_hide_the_numbers(tmp_path: Path) -> None:
    rows = [(word if word != "rains" else "#rain", tag, number) for number, word, tag in ROWS]
    text = "token,label,sentence_id\n" + "".join(f"{word},{tag},{number}\n" for word, tag, number in rows)
    sentences = found(tmp_path / "train.csv", text)
    assert list(map(len, sentences)) == [4, 5, 3]
    assert sentences[1][1] == ("#rain", "O")


@pytest.mark.parametrize("header", ["doc_id,sent_id,token,label\n", "file,sent,token,label\n"])
def test_numbers_of_sentences_that_begin_anew_in_every_document(header: str, tmp_path: Path) -> None:
    texts = [SENTENCES[:2], SENTENCES[1:], SENTENCES]
    rows = [
        f"{d},{s},{w},{t}\n" for d, text in enumerate(texts) for s, sentence in enumerate(text) for w, t in sentence
    ]
    whole = [sentence for text in texts for sentence in text]
    assert found(tmp_path / "train.csv", header + "".join(rows)) == whole
    alone = "".join(row.partition(",")[2] for row in rows)  # and without the column of the documents
    assert found(tmp_path / "train.csv", "sent_id,token,label\n" + alone) == whole


def test_a_feature_of_yes_and_no_is_no_number_of_sentences(tmp_path: Path) -> None:
    text = "".join(f"{int(word.istitle())}\t{word}\t{tag}\n" for _, word, tag in ROWS)
    assert len(found(tmp_path / "train.tsv", text)) == 1


@pytest.mark.parametrize("separator", ["|", ";", ","])
def test_a_quote_may_be_a_word(separator: str, tmp_path: Path) -> None:
    rows = [[('"', "O"), ("We", "O"), ("like", "O"), ("Oslo", "B-LOC"), ('"', "O"), ("said", "O")], SENTENCES[2]]
    text = "\n\n".join("\n".join(f"{word}{separator}{tag}" for word, tag in sentence) for sentence in rows)
    assert found(tmp_path / "train.txt", text) == rows
    one = text.replace('"', "'", 1)  # a quote that nothing closes
    assert found(tmp_path / "train.txt", one)[0][3:5] == [("Oslo", "B-LOC"), ('"', "O")]


def test_a_quoted_field_over_lines_is_refused_with_its_line(tmp_path: Path) -> None:
    text = 'word,tag\n"Rome, Italy",B-LOC\n",O\nAnna,B-PER\n",O\n'
    with pytest.raises(DataError, match=r"train\.csv:3: a quote begins here a word that goes over several lines"):
        found(tmp_path / "train.csv", text)


WORDS = st.text(st.sampled_from("ab\",|;'"), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(WORDS, st.sampled_from(["O", "B-PER"])), min_size=1, max_size=4), min_size=2))
def test_tables_of_csv_writer_are_read_as_they_were_written(tmp_path: Path, sentences) -> None:
    sentences = [[('"', "B-PER"), ("it", "O")], *sentences]
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    writer.writerow(["sentence_id", "word", "tag"])
    writer.writerows((n, word, tag) for n, rows in enumerate(sentences) for word, tag in rows)
    assert found(tmp_path / "train.tsv", out.getvalue()) == sentences
    comma = io.StringIO()
    writer = csv.writer(comma, lineterminator="\n")
    writer.writerow(["sentence_id", "word", "tag"])
    writer.writerows((n, word, tag) for n, rows in enumerate(sentences) for word, tag in rows)
    assert found(tmp_path / "train.csv", comma.getvalue()) == sentences


def test_sentences_between_tabs_that_csv_has_quoted(tmp_path: Path) -> None:
    text = 'tokens\ttags\n"""We like Oslo"", said Anna"\tO O B-LOC O B-PER\nBob ran\tB-PER O\n'
    assert [word for word, _ in found(tmp_path / "train.tsv", text)[0]] == ['"We', "like", 'Oslo",', "said", "Anna"]


@pytest.mark.parametrize("mark", ["#", "</s>", "<s>", "[SEP]", "EOS", "|||", "O", "\u200b", "***", "--"])
def test_a_mark_alone_on_lines_is_a_border(mark: str, tmp_path: Path) -> None:
    rows = [*SENTENCES, SENTENCES[0]]
    text = "".join("".join(f"{word}\t{tag}\n" for word, tag in sentence) + f"{mark}\n" for sentence in rows)
    assert found(tmp_path / "train.tsv", text) == rows


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("sentence_id,word_id,token,tag", ["1,0,An,B-PER", "1,0,##na,I-PER", "1,1,si,O", "1,1,##ngs,O", "2,0,It,O"]),
        ("token,tag,sentence_id,word_id", ["An,B-PER,1,0", "##na,I-PER,1,0", "si,O,1,1", "##ngs,O,1,1", "It,O,2,0"]),
        ("sent_id,page,line,token,tag", ["1,1,1,Anna,B-PER", "1,1,1,is,O", "1,1,2,here,O", "1,1,2,.,O", "2,2,1,It,O"]),
        ("", ["1,1,Il,O", "1,2,va,O", "1,3,\u00e0,O", "1,3,le,O", "1,4,Mans,B-LOC", "1,5,.,O", "2,1,Anna,B-PER"]),
    ],
)
def test_numbers_inside_of_sentences_cut_nothing(header: str, rows: list[str], tmp_path: Path) -> None:
    position = header.split(",").index("sentence_id") if "sentence_id" in header else 0
    first = sum(row.split(",")[position] == "1" for row in rows)
    text = "\n".join([header, *rows] if header else rows)
    assert list(map(len, found(tmp_path / "train.csv", text))) == [first, len(rows) - first]


@pytest.mark.parametrize(
    "text",
    [
        "word_id,token,tag\n0,An,B-PER\n0,##na,I-PER\n1,si,O\n1,##ngs,O\n2,.,O\n0,It,O\n0,##s,O\n1,on,O\n",
        "7,Anna,B-PER\n7,sings,O\n8,in,O\n8,Rome,B-LOC\n7,It,O\n7,rains,O\n",
    ],
)
def test_numbers_of_other_things_are_none_of_sentences(text: str, tmp_path: Path) -> None:
    assert len(found(tmp_path / "train.csv", text)) == 1


@pytest.mark.parametrize("alone", [",", "O", "-", "\u200b", "EOS", "#", "--"])
def test_where_empty_lines_are_borders_nothing_else_is(alone: str, tmp_path: Path) -> None:
    text = f"Anna\tB-PER\n{alone}\nBerg\tI-PER\n{alone}\nsings\tO\n\nIt\tO\n{alone}\nrains\tO\n\nBob\tB-PER\n"
    assert list(map(len, found(tmp_path / "train.tsv", text))) == [3, 2, 1]


def test_of_two_marks_the_first_is_the_border(tmp_path: Path) -> None:
    marks = [f"<{letter}>" for letter in ("s", "eos", "sep")]
    rows = ["".join(f"{word}\t{tag}\n" for word, tag in SENTENCES[1]) for _ in range(3)]
    for first, second in zip(marks, marks[1:] + marks[:1], strict=True):
        (tmp_path / "train.tsv").write_text("".join(f"{first}\n{text}{second}\n" for text in rows))
        reading = read_file(tmp_path / "train.tsv")
        assert len(reading.sentences) == 3
        assert any(f"3 lines of nothing but {first!r} read as borders" in note for note in reading.notes)


def test_commas_without_tags_are_no_borders(tmp_path: Path) -> None:
    text = "Anna\tB-PER\n,\nBerg\tI-PER\n,\nsings\tO\n,\nIt\tO\n"
    assert len(found(tmp_path / "train.tsv", text)) == 1


def test_one_odd_quote_leaves_other_quotes_as_they_are(tmp_path: Path) -> None:
    text = '"Anna",B-PER\n"Be"rg,I-PER\nsings,O\n"It",O\n'
    (sentence,) = found(tmp_path / "train.txt", text, separator="comma")
    assert [word for word, _ in sentence] == ["Anna", "Berg", "sings", "It"]


@pytest.mark.parametrize(
    "text",
    [
        'sentence_id,word,tag,remark\n1,Anna,B-PER,"sure?\nyes, it is"\n1,sings,O,\n2,It,O,\n2,rains,O,\n',
        'sentence_id,context,word,tag\n1,"Anna,\nsings",Anna,B-PER\n1,"Anna,\nsings",sings,O\n2,"It\nrains",It,O\n2,x,rains,O\n',
    ],
)
def test_other_columns_may_go_over_lines(text: str, tmp_path: Path) -> None:
    assert [[word for word, _ in rows] for rows in found(tmp_path / "train.csv", text)] == [
        ["Anna", "sings"],
        ["It", "rains"],
    ]


def test_bars_between_features_and_several_tags_make_no_sentences(tmp_path: Path) -> None:
    rows = [f"{n},{word},Case=Nom|Number=Sing,{tag}|O" for n, word, tag in ROWS]
    sentences = found(tmp_path / "train.csv", "\n".join(["sentence_id,token,feats,ner", *rows]), overlaps="longest")
    assert [[word for word, _ in own] for own in sentences] == [[word for word, _ in own] for own in SENTENCES]


@pytest.mark.parametrize(
    "names",
    [
        ("start_date", "end_date", "title"),
        ("Vitamin_B", "Vitamin_E", "Vitamin_C"),
        ("DATE_START", "DATE_END", "PLACE"),
        ("Begin_Date", "End_Date", "Party"),
        ("Event-Start", "Event-End", "Event"),
        ("org:unit", "org:start", "org"),
    ],
)
def test_marks_in_names_of_classes_are_no_tags_without_an_inside(names: tuple[str, ...], tmp_path: Path) -> None:
    rows = [f"{a}\t{name}\n{b}\t{other}\nx{n}\tO\ny{n}\tO\n" for n in range(4) for a, b in [(f"a{n}", f"b{n}")]
            for name, other in zip(names, names[1:] + names[:1], strict=True)]  # fmt: skip
    (tmp_path / "train.tsv").write_text("\n".join(rows))
    assert set(load_corpus(tmp_path).classes) == set(names)
    spans = [{"text": "one two", "spans": [{"start": 0, "end": 3, "label": name}]} for name in names * 4]
    (tmp_path / "train.tsv").rename(tmp_path / "old")
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, spans)))
    assert load_corpus(tmp_path).scheme == "bio"


def test_a_split_of_sentences_of_one_word_is_read_like_train(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "Anna sings", "tags": "B-PER O"}\n' * 3)
    (tmp_path / "val.jsonl").write_text('{"text": "Bob", "tags": "B-PER"}\n{"text": "Hi", "tags": "O"}\n')
    assert len(read_path(tmp_path)["val"].sentences) == 2
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / "train.csv").write_text("tags\ttext\nB-PER O\tAnna sings\nO O\tIt rains\n")
    (tmp_path / "test.csv").write_text("tags\ttext\nB-PER\tBob\nO\thi\n")
    assert len(read_path(tmp_path)["test"].sentences) == 2


@pytest.mark.parametrize("tags", [["B-LOC"], ["I-LOC", "I-LOC"], ["S-PER"]])
def test_a_small_split_of_one_tag_is_no_split_without_tags(tags: list[str], tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"tokens": ["Anna", "sings"], "tags": ["B-PER", "O"]}\n' * 3)
    row = {"tokens": ["Rome"] * len(tags), "tags": tags}
    (tmp_path / "val.jsonl").write_text(json.dumps(row))
    assert len(read_path(tmp_path)["val"].sentences) == 1


def test_classified_texts_without_blanks_are_no_words(tmp_path: Path) -> None:
    row = {"text": "\u5c0f\u660e\u5728", "label": "news", "entities": [{"start": 0, "end": 2, "label": "PER"}]}
    assert found(tmp_path / "train.jsonl", "\n".join([json.dumps(row)] * 3))[0][0] == ("\u5c0f", "B-PER")


@pytest.mark.parametrize("orient", ["columns", "records"])
def test_tables_of_words_as_pandas_writes_them(orient: str, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(records("sentence_id", "token", "tag"))
    assert found(tmp_path / "train.json", frame.to_json(orient=orient)) == SENTENCES


def test_lines_of_commas_may_be_sentences_without_a_header(tmp_path: Path) -> None:
    text = "".join(f"{' '.join(w for w, _ in s)},{' '.join(t for _, t in s)}\n" for s in SENTENCES)
    assert found(tmp_path / "train.csv", text) == SENTENCES


def test_a_broken_line_of_a_split_is_no_reason_to_leave_it_out(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"tokens": ["Anna"], "tags": ["B-PER"]}\n' * 3)
    (tmp_path / "val.jsonl").write_text('{"tokens": ["Anna"], "tags": ["B-PER"]')
    with pytest.raises(DataError) as caught:
        read_path(tmp_path)
    assert "--split-names" not in str(caught.value)


def test_a_word_without_its_tag_is_no_border(tmp_path: Path) -> None:
    text = "".join(f"{word}\t{tag}\n" for _, word, tag in ROWS) + ".\nthe\n.\nthe\n.\nthe\n"
    assert len(found(tmp_path / "train.tsv", text)) == 1


@pytest.mark.parametrize(
    "form",
    ["<{}-{}>", "[{}-{}]", "__label__{}-{}", "NER:{}-{}", "{word}_{}", "{word}-{}", "{}_{word}"],
)
def test_tags_in_a_wrapper_are_no_classes(form: str, tmp_path: Path) -> None:
    def wrapped(tag: str) -> str:
        if tag == "O":
            return tag
        letter, label = tag.split("-")
        word = {"B": "Begin", "I": "Inside"}[letter]
        return form.format(label, word=word) if "word" in form else form.format(letter, label)

    text = "\n\n".join("\n".join(f"{word}\t{wrapped(tag)}" for word, tag in rows) for rows in SENTENCES)
    (tmp_path / "train.tsv").write_text(text)
    for scheme in ("auto", "bio"):
        with pytest.raises(DataError, match=r"looks like a tag|must be O, B-<class>"):
            load_corpus(tmp_path, scheme=scheme)
    assert load_corpus(tmp_path, scheme="plain").scheme == "plain"


def test_classes_may_have_letters_and_words_of_schemes(tmp_path: Path) -> None:
    names = ["vitamin B", "hepatitis B", "I-Beam", "start-up", "The End", "L"]
    text = "\n\n".join(f"a{n}\t{name}\nb{n}\tO\nc{n}\tO" for n, name in enumerate(names * 4))
    (tmp_path / "train.tsv").write_text(text)
    with pytest.raises(DataError, match="'I-Beam'"):  # as before: it begins like a tag
        load_corpus(tmp_path)
    (tmp_path / "train.tsv").write_text(text.replace("I-Beam", "Beam"))
    assert len(load_corpus(tmp_path).classes) == len(names)


def test_japanese_of_seven_bits_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_bytes("\u5c71\tB-PER\n\u7530\tI-PER\n\u306f\tO\n".encode("iso2022_jp"))
    reading = read_file(tmp_path / "train.txt")
    assert reading.sentences[0].tokens == ("\u5c71", "\u7530", "\u306f")
    assert any("read as iso2022_jp" in note for note in reading.notes)


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [
        ("txt", "Anna B-PER\nsings O\n\nBob B-PER\nran O\n", "Eva\nsings\n"),
        ("jsonl", '{"tokens": ["Anna", "ran"], "tags": ["B-PER", "O"]}\n', '{"tokens": ["Eva", "sings"]}\n'),
        ("conll", "Anna B-PER\nsings O\n\nBob B-PER\nran O\n", "Eva _\nsings _\n"),
        ("tsv", "Anna\tB-PER\nsings\tO\n\nBob\tB-PER\nran\tO\n", "Eva\tX\nsings\tX\n"),
    ],
)
def test_a_test_split_without_tags_can_be_left_out(name: str, train: str, test: str, tmp_path: Path) -> None:
    (tmp_path / f"train.{name}").write_text(train)
    (tmp_path / f"test.{name}").write_text(test)
    with pytest.raises(DataError, match="--split-names test=none"):
        read_path(tmp_path)
    assert list(read_path(tmp_path, ReadingOptions(split_names="test=none"))) == ["train"]


def test_words_and_tags_that_are_joined_by_bars(tmp_path: Path) -> None:
    rows = [("|".join(w for w, _ in sentence), "|".join(t for _, t in sentence)) for sentence in SENTENCES]
    text = "tokens,ner_tags\n" + "".join(f"{words},{tags}\n" for words, tags in rows)
    assert found(tmp_path / "train.csv", text) == SENTENCES


def test_three_columns_of_sentences_need_no_header(tmp_path: Path) -> None:
    lines = ("\t".join([str(n), " ".join(w for w, _ in s), " ".join(t for _, t in s)]) for n, s in enumerate(SENTENCES))
    assert found(tmp_path / "train.tsv", "\n".join(lines)) == SENTENCES


def test_a_file_that_the_user_names_may_end_in_anything(tmp_path: Path) -> None:
    text = "\n\n".join("\n".join(f"{word}\t{tag}" for word, tag in rows) for rows in SENTENCES)
    (tmp_path / "mine.words").write_text(text)
    (tmp_path / "other.words").write_text(text)
    found = read_path(tmp_path, ReadingOptions(split_names="train=mine.words,val=other.words"))
    assert {split: len(reading.sentences) for split, reading in found.items()} == {"train": 3, "val": 3}


@pytest.mark.parametrize(
    ("words", "noted"),
    [
        ("Anna lives in Rome . Bob works here . Tea", True),
        ("\u738b \u5c0f \u660e \u3002 \u4ed6 \u4f4f \u3002 \u5979", True),
        ("Anna lives in Rome . Bob", False),
        ("Really ? ! Yes .", False),
        ("the firm . of . Anna", False),
    ],
)
def test_short_text_of_several_sentences_without_borders_is_noted(tmp_path: Path, words: str, noted: bool) -> None:
    file = tmp_path / "train.conll"
    file.write_text("".join(f"{w}\t{'B-PER' if w == 'Anna' else 'O'}\n" for w in words.split()), encoding="utf-8")
    notes = read_file(file).notes
    assert any("no empty line between sentences" in note for note in notes) == noted
