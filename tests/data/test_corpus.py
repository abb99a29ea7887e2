"""Corpora: which files, which scheme, which classes, what is held out and what is kept."""

import json
import pickle
import re
from itertools import chain

import pytest

from nerbb_ray.data.build_corpus import assemble
from nerbb_ray.data.corpus import SPLITS, Corpus, Sentence, find_corpus, find_folder, load_corpus
from nerbb_ray.data.options import ReadingOptions
from nerbb_ray.data.sentences import Reading
from nerbb_ray.errors import DataError
from nerbb_ray.ner.tags import TARGET_OF


def conll(*sentences):
    """Column text of sentences whose words are w0, w1, ...; a sentence is its tags."""
    return "\n\n".join("\n".join(f"w{i}\t{tag}" for i, tag in enumerate(s.split())) for s in sentences) + "\n"


@pytest.fixture
def folder(tmp_path):
    """Make a folder of files from their texts."""

    def _folder(name="data", **files):
        directory = tmp_path / name
        directory.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (directory / file.replace("_", ".")).write_text(text, newline="")
        return directory

    return _folder


def tags_of(sentences):
    return [" ".join(sentence.tags) for sentence in sentences]


@pytest.mark.parametrize("val", ["val", "valid", "validation", "dev", "Dev"])
@pytest.mark.parametrize("suffix", ["conll", "txt", "iob", "iob2", "bio", "tsv", "TXT"])
def test_split_files_go_by_several_names(folder, val, suffix):
    files = {f"train_{suffix}": conll("O B-X"), f"{val}_{suffix}": conll("B-Y"), f"test_{suffix}": conll("O", "O")}
    corpus = load_corpus(folder(**files))
    assert [len(corpus.split(split)) for split in SPLITS] == [1, 1, 2]
    assert corpus.name == "data"
    assert corpus.notes == ()


def test_all_formats_give_the_same_corpus(folder):
    tokens, tags = ["Ann", "is", "in", "New", "York"], ["B-PER", "O", "O", "B-LOC", "I-LOC"]
    row = json.dumps({"tokens": tokens, "tags": tags})
    marks = [("Ann", "PER", 0), ("New York", "LOC", 10)]
    marks = [{"token": t, "tag": c, "char_start": s, "char_end": s + len(t)} for t, c, s in marks]
    columns = "\n".join(f"{token} \t{tag}" for token, tag in zip(tokens, tags, strict=True))
    texts = {
        "csv": f"{' '.join(tags)}\t{' '.join(tokens)}",
        "jsonl": row,
        "standard.jsonl": json.dumps({"text": " ".join(tokens), "tags": marks}),
        "conll": columns,
    }
    corpora = []
    for kind, text in texts.items():
        suffix = kind.rsplit(".", maxsplit=1)[-1]
        corpora.append(load_corpus(folder(kind, **{f"{split}_{suffix}": text for split in SPLITS})))
    words = {(corpus.train[0].tokens, corpus.train[0].tags, corpus.scheme, corpus.classes) for corpus in corpora}
    assert words == {(tuple(tokens), tuple(tags), "bio", ("LOC", "PER"))}


@pytest.mark.parametrize(
    ("wanted", "own", "scheme", "expected", "classes"),
    [
        ("auto", "B-PER I-PER O B-LOC", "bio", "B-PER I-PER O B-LOC", "LOC PER"),
        ("auto", "PER PER 0 LOC", "plain", "PER PER O LOC", "LOC PER"),
        ("auto", "I-PER I-PER O I-LOC", "bio", "B-PER I-PER O B-LOC", "LOC PER"),
        ("auto", "B-PER E-PER O S-LOC", "bilou", "B-PER L-PER O U-LOC", "LOC PER"),
        ("auto", "B-U-boat I-U-boat O B-L-dopa", "bio", "B-U-boat I-U-boat O B-L-dopa", "L-dopa U-boat"),
        ("plain", "B-PER B-PER I-PER O", "plain", "PER PER PER O", "PER"),
        ("plain", "B-U-boat I-U-boat O", "plain", "U-boat U-boat O", "U-boat"),
        ("bio", "PER PER 0 LOC", "bio", "B-PER I-PER O B-LOC", "LOC PER"),
        ("bio", "B-PER E-PER S-PER O", "bio", "B-PER I-PER B-PER O", "PER"),
        ("bilou", "B-PER I-PER O B-LOC", "bilou", "B-PER L-PER O U-LOC", "LOC PER"),
        ("bilou", "I-PER I-PER O I-LOC", "bilou", "B-PER L-PER O U-LOC", "LOC PER"),
        ("bilou", "U-PER O U-PER U-PER", "bilou", "U-PER O U-PER U-PER", "PER"),
        ("bilou", "S-PER O S-PER S-PER", "bilou", "U-PER O U-PER U-PER", "PER"),
        ("bio", "B-PER B-PER O", "bio", "B-PER B-PER O", "PER"),
        ("plain", "B-PER B-PER O", "plain", "B-PER B-PER O", "B-PER"),
        ("bilou", "B-PER I-PER I-PER", "bilou", "B-PER I-PER L-PER", "PER"),
    ],
)
def test_tags_are_brought_into_the_wanted_scheme(folder, wanted, own, scheme, expected, classes):
    text = conll(own)
    corpus = load_corpus(folder(train_txt=text, val_txt=text, test_txt=conll("O O")), scheme=wanted)
    assert (corpus.scheme, corpus.classes) == (scheme, tuple(classes.split()))
    assert tags_of(corpus.train) == tags_of(corpus.val) == [expected]
    assert {tag for split in SPLITS for s in corpus.split(split) for tag in s.tags} <= set(corpus.tags)


@pytest.mark.parametrize(
    ("tags", "scheme", "note"),
    [
        ("U-PER O U-LOC", "bilou", "tags read as bilou because annotation_scheme = bilou; they could be plain classes"),
        ("S-PER O S-LOC", "bilou", "tags read as bioes because annotation_scheme = bilou; they could be plain classes"),
    ],
)
def test_doubt_about_the_scheme_is_noted(folder, tags, scheme, note):
    corpus = load_corpus(folder(train_txt=conll(tags), val_txt="", test_txt=""), scheme=scheme)
    assert corpus.notes[0].endswith(note)


@pytest.mark.parametrize("tags", ["B-PER I-PER O", "PER PER O", "I-PER", "O"])
def test_scheme_without_doubt_is_not_noted(folder, tags):
    corpus = load_corpus(folder(train_txt=conll(tags), val_txt="", test_txt=""))
    assert not [note for note in corpus.notes if "annotation_scheme" in note]


@pytest.mark.parametrize(
    ("tags", "tag", "scheme"),
    [
        ("U-PER O U-LOC", "U-PER", "bilou"),
        ("S-PER O S-LOC", "S-PER", "bioes"),
        ("S-PER O S-LOC", "S-PER", "bmes"),
        ("E-PER O E-LOC", "E-PER", "ioe2"),
        ("B-PER B-PER O", "B-PER", "bio"),
        ("B-NAME M-NAME O", "B-NAME", "bmes"),
        ("cell O B-cell", "B-cell", None),
        ("PER O PER U-boat", "U-boat", None),
        ("PER O B- PER", "B-", None),
        ("B-B-PER B-I-PER O", "B-PER", "bio"),
        ("B_PER O B_LOC", "B_PER", "bio"),
        ("PER-S O LOC-S", "PER-S", "bioes"),
        ("O B O I PER", "B", None),
    ],
)
def test_class_that_looks_like_a_tag_is_refused_and_the_scheme_settles_it(folder, tags, tag, scheme):
    data = folder(train_txt=conll(tags), val_txt="", test_txt="")
    with pytest.raises(
        DataError, match=rf"train\.txt:\d+: the class '{tag}' of 'w\d' looks like a tag.* --scheme plain"
    ):
        load_corpus(data)
    plain = find_folder(data, None, "data", ReadingOptions(scheme="plain")).corpus()
    assert plain.classes == tuple(sorted(set(tags.split()) - {"O"}))
    if scheme is not None:
        corpus = find_folder(data, None, "data", ReadingOptions(scheme=scheme)).corpus()
        assert tag not in corpus.classes or tag == "B-PER"
        assert corpus.scheme == TARGET_OF[scheme]


def test_scheme_is_recognised_from_all_splits_together(folder):
    corpus = load_corpus(folder(train_txt=conll("U-X O"), val_txt=conll("B-X L-X"), test_txt=conll("O")))
    assert (corpus.scheme, corpus.classes) == ("bilou", ("X",))


def test_inside_without_begin_is_mended_and_counted(folder):
    train = conll("B-PER I-PER O", "B-LOC O I-PER", "O B-LOC I-PER I-PER", "B-PER O")
    corpus = load_corpus(folder(train_txt=train, val_txt=conll("B-PER"), test_txt=conll("O")))
    assert tags_of(corpus.train)[1:3] == ["B-LOC O B-PER", "O B-LOC B-PER I-PER"]
    assert [note for note in corpus.notes if "mended" in note] == [
        "train: 2 tags were not well-formed bio (such as I- without B-) and were mended: "
        "train.txt:7 I-PER, train.txt:11 I-PER"
    ]


def test_iob1_is_converted_and_not_called_broken(folder):
    text = conll("I-PER B-PER O I-LOC")
    corpus = load_corpus(folder(train_txt=text, val_txt=text, test_txt=text))
    assert tags_of(corpus.test) == ["B-PER B-PER O B-LOC"]
    assert corpus.notes == tuple(f"{split}: tags converted from iob1 to bio" for split in SPLITS)


@pytest.mark.parametrize("scheme", ["auto", "bio"])
@pytest.mark.parametrize(
    ("tags", "line", "stray", "expected"),
    [
        ("B-PER I-PER O PER", 4, "PER", "B-<class>, I-<class>,"),
        ("B-PER I-PER O B_LOC", 4, "B_LOC", "B-<class>, I-<class>,"),
        ("B-PER I-PER X-PER O", 3, "X-PER", "B-<class>, I-<class>,"),
        ("O B-PER I-PER B- O", 4, "B-", "B-<class>, I-<class>,"),
        ("B-PER L-PER O B-LOC I-LOC L-LOC PER", 7, "PER", "B-<class>, I-<class>, L-<class>, U-<class>,"),
        ("B-PER E-PER O B-LOC I-LOC E-LOC S_PER S_PER", 7, "S_PER", "B-<class>, I-<class>, E-<class>, S-<class>,"),
    ],
)
def test_a_tag_that_breaks_the_scheme_of_the_others_is_refused_by_line(folder, scheme, tags, line, stray, expected):
    data = folder(train_txt=conll("B-PER O"), val_txt=conll(tags), test_txt=conll(tags))
    with pytest.raises(DataError) as error:
        load_corpus(data, scheme=scheme)
    assert str(error.value).startswith(f"{data / 'val.txt'}:{line}: a tag must be O, {expected}")
    assert f"got {stray!r}" in str(error.value)
    assert "annotation_scheme = plain" in str(error.value)


def test_a_stray_tag_of_rows_without_lines_is_named_by_sentence():
    rows = [Sentence(("a", "b"), ("B-PER", "I-PER")), Sentence(("c",), ("PER",))]
    with pytest.raises(DataError, match=r"^hub\[train\]: train, sentence 2: a tag must be .* got 'PER' for 'c'"):
        assemble("d", {"train": Reading(rows, source="hub[train]")}, "auto")


def test_tags_that_look_like_damaged_bio_are_plain_classes_only_if_they_are_called_so(folder):
    corpus = load_corpus(folder(train_txt=conll("B-PER I-PER O PER"), val_txt="", test_txt=""), scheme="plain")
    assert (corpus.scheme, corpus.classes) == ("plain", ("B-PER", "I-PER", "PER"))


def test_classes_come_from_all_splits(folder):
    data = folder(train_txt=conll("B-Z"), val_txt=conll("O", "B-A"), test_txt=conll("O", "B-M"))
    corpus = load_corpus(data)
    assert corpus.classes == ("A", "M", "Z")
    assert corpus.tags == ("O", "B-A", "I-A", "B-M", "I-M", "B-Z", "I-Z")


@pytest.mark.parametrize(("train", "size"), [(1, 0), (2, 0), (3, 1), (10, 1), (40, 4)])
def test_missing_splits_are_held_out_from_train(folder, train, size):
    text = conll(*(f"{'O ' * i}B-X" for i in range(train)))
    first, again = (load_corpus(folder(train_conll=text)) for _ in range(2))
    assert first == again
    assert [len(first.split(split)) for split in SPLITS] == [train - 2 * size, size, size]
    lengths = [[len(s.tokens) for s in first.split(split)] for split in SPLITS]
    assert sorted(chain.from_iterable(lengths)) == list(range(1, train + 1))
    assert all(split == sorted(split) for split in lengths)
    assert sum("held out" in note for note in first.notes) == 2


def test_only_the_missing_split_is_held_out(folder):
    corpus = load_corpus(folder(train_txt=conll(*["O B-X"] * 10), val_txt=conll("O")))
    assert [len(corpus.split(split)) for split in SPLITS] == [9, 1, 1]
    assert len(corpus.notes) == 1
    assert corpus.notes[0].startswith("no test data: 1 of 10")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "conll"])
def test_empty_val_and_test_files_are_empty_splits(folder, suffix):
    train = {"csv": "B-X O\ta b", "jsonl": '{"tokens": ["a", "b"], "tags": ["B-X", "O"]}', "conll": "a\tB-X\nb\tO"}[
        suffix
    ]
    data = folder(**{f"train_{suffix}": train, f"val_{suffix}": "", f"test_{suffix}": "\n"})
    corpus = load_corpus(data)
    assert (len(corpus.train), corpus.val, corpus.test, corpus.notes) == (1, (), (), ())


def test_data_without_any_entity_have_no_classes(folder):
    corpus = load_corpus(folder(train_txt=conll("O 0 o"), val_txt=conll("O"), test_txt=conll("O")))
    assert (corpus.classes, corpus.tags) == ((), ("O",))
    assert tags_of(corpus.train) == ["O O O"]
    assert corpus.notes == (
        "O is written '0' and 'o': 2 of 5 words",
        "no sentence has an entity: a model can only learn O",
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "data: expected a file train with one of .csv, .jsonl, .conll"),
        ({"val_txt": "a\tO"}, "got val.txt"),
        ({"train_txt": ""}, "train.txt: train has no sentences"),
        ({"train_txt": "a\tO", "train_csv": "O\ta"}, "one file for train; got train.csv, train.txt"),
        ({"train_txt": "a\tO", "dev_txt": "", "val_txt": ""}, "one file for val; got dev.txt, val.txt"),
        ({"train_txt": "a\tB-micro"}, "a class must not be called micro"),
        ({"train_txt": "a\tmacro\nb\tall\nc\tO\nd\tO"}, "a class must not be called all, macro"),
        ({"train_txt": "a\tB-O"}, "a class must not be called O: metrics and O use these names; rename the class in"),
        ({"train_jsonl": '{"tokens": [], "tags": []}'}, "train has no sentences"),
    ],
)
def test_unusable_folder_is_an_error(folder, files, message):
    with pytest.raises(DataError, match=re.escape(message)):
        load_corpus(folder(**files))


def test_unknown_scheme_is_an_error(folder):
    with pytest.raises(DataError, match="must be one of auto, plain, bio, bilou; got 'iob'"):
        load_corpus(folder(train_txt="a\tO"), scheme="iob")


def test_empty_and_invisible_tokens_keep_their_place(folder):
    tokens = ["", " ", "\ufe0f", "\u200e", "\u00ad", "\ue000", "Ann"]
    row = json.dumps({"tokens": tokens, "tags": ["O"] * 6 + ["B-PER"]}) + '\n{"tokens": [], "tags": []}'
    corpus = load_corpus(folder(train_jsonl=row, val_jsonl="", test_jsonl=""))
    assert corpus.train == (Sentence(tuple(tokens), ("O",) * 6 + ("B-PER",)),)
    assert corpus.notes == ("train: 1 sentences without any word left out",)


def test_blanks_around_tags_are_no_part_of_them(folder):
    row = json.dumps({"tokens": ["Ann", "B", "is"], "tags": ["B-PER ", " I-PER", "O "]})
    corpus = load_corpus(folder(train_jsonl=row, val_jsonl="", test_jsonl=""))
    assert (corpus.scheme, tags_of(corpus.train)) == ("bio", ["B-PER I-PER O"])


def test_long_sentences_and_many_classes_are_kept(folder):
    tags = " ".join(f"B-class{i % 17} I-class{i % 17}" for i in range(300))
    corpus = load_corpus(folder(train_txt=conll(tags), val_txt="", test_txt=""))
    assert tags_of(corpus.train) == [tags]
    assert len(corpus.tags) == 35


def test_fingerprint_depends_on_content_and_on_nothing_else(folder):
    text = conll("B-PER I-PER O", "O")
    one = load_corpus(folder("one", train_txt=text, val_txt=text, test_txt=""))
    two = load_corpus(folder("two", train_conll=text.replace("\t", "  "), dev_conll=text, test_conll=""))
    assert one.fingerprint == two.fingerprint
    assert one.fingerprint == pickle.loads(pickle.dumps(one)).fingerprint
    assert re.fullmatch("[0-9a-f]{64}", one.fingerprint)
    others = [
        load_corpus(folder("3", train_txt=text.replace("w0", "W0"), val_txt=text, test_txt="")),
        load_corpus(folder("4", train_txt=text.replace("PER", "ORG"), val_txt=text, test_txt="")),
        load_corpus(folder("5", train_txt=text, val_txt="", test_txt=text)),
        load_corpus(folder("6", train_txt=text, val_txt=text, test_txt=""), scheme="bilou"),
    ]
    assert len({one.fingerprint, *(corpus.fingerprint for corpus in others)}) == 1 + len(others)


def test_fingerprint_is_the_same_in_every_process():
    rows = (Sentence(("Åsa", "\u2028"), ("B-PER", "O")),)
    fingerprint = Corpus("a", "bio", ("PER",), rows, (), ()).fingerprint
    assert fingerprint.startswith("0a779b05156d4746")


def test_unknown_split_is_an_error():
    with pytest.raises(ValueError, match="train, val, test; got 'dev'"):
        Corpus("a", "bio", (), (), (), ()).split("dev")


@pytest.mark.parametrize(
    ("name", "scheme", "sizes", "n_classes"),
    [
        ("wnut17", "bio", [(3394, 62730), (1009, 15733), (1287, 23394)], 6),
        ("swedish_ner_corpus", "plain", [(5852, 95661), (1033, 17463), (2453, 42208)], 4),
        ("crossner_politics", "bio", [(200, 8384), (541, 24624), (651, 27585)], 9),
    ],
)
def test_real_corpora_have_their_published_sizes(shared, name, scheme, sizes, n_classes):
    corpus = find_corpus(name, None, shared / "datasets")
    splits = [corpus.split(split) for split in SPLITS]
    assert [(len(rows), sum(len(s.tokens) for s in rows)) for rows in splits] == sizes
    assert (corpus.name, corpus.scheme, len(corpus.classes), corpus.notes) == (name, scheme, n_classes, ())
